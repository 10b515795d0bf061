"""A small parallel program that fails in the way its argument names; started under mpirun by test_guard.py."""

import sys
import time

from hpcalo.errors import InputError, OutputError
from hpcalo.parallel.guard import collective_guard, on_root, together
from hpcalo.parallel.world import defer_start, world


def refuse():
    raise OutputError("cannot go there")


def fail(case, comm):
    last = comm.size - 1
    shared = {
        "together": InputError("found by one"),
        "together-internal": ZeroDivisionError("a bug"),
        "together-memory": MemoryError("8 GiB"),
    }
    if case in shared:
        with together(comm):
            if comm.rank == last:
                raise shared[case]
    failures = {
        "before-collective": (comm.rank == last, InputError("only\nhere")),
        "inside-computation": (comm.rank == last, InputError("others are busy")),
        "everywhere": (True, InputError("the same everywhere")),
        "two-ranks": (comm.rank > 0, ValueError("two of them")),
        "at-the-end": (comm.rank == last, RuntimeError("late")),
        "memory": (comm.rank == 0, MemoryError()),
        "exit-zero": (True, SystemExit(0)),
    }
    mine, error = failures.get(case, (False, None))
    if mine:
        raise error
    if case == "inside-computation":
        time.sleep(600)
    if case in {"before-collective", "two-ranks"}:
        comm.Barrier()
    if case == "root":
        on_root(comm, refuse)


def main(case):
    defer_start()
    comm = world()
    with collective_guard(comm):
        fail(case, comm)
        if case == "nothing" and on_root(comm, lambda: 42) == 42 and comm.rank == 0:
            sys.stdout.write("done\n")


main(sys.argv[1])
