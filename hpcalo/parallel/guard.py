"""One rank's exception becomes every rank's end: one message, one exit code, never a hang.

Three instruments, from the outside in:

* `collective_guard(comm)` surrounds the whole program. It needs no cooperation from the code inside: a rank that fails
  while the others sit in a collective call waits a moment for them, then says what happened and aborts the job.
* `together(comm)` and `raise_together(comm, error)` are points where all ranks meet: if one has failed, all raise.
* `on_root(comm, function)` lets rank 0 do something (read a file) and gives its result, or its error, to all ranks.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np

from hpcalo.errors import HpcaloError, Interrupted, OutOfMemory, one_line
from hpcalo.parallel.failure import INTERNAL_EXIT_CODE, exit_code, message, show

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

T = TypeVar("T")

GRACE = 2.0  # seconds a failed rank waits for the others to fail with it before it ends the job

# What a rank reports when it leaves. A cause speaks before its consequences, whatever the rank.
_DONE, _CAUSE, _INTERRUPTED, _ECHO = 0, 1, 2, 3


class RemoteFailure(HpcaloError):
    """Raised on the ranks that did not fail themselves when another one failed with an unexpected exception."""

    exit_code = INTERNAL_EXIT_CODE


class RemoteShortage(RemoteFailure):
    """The same where the other rank had not enough memory."""

    exit_code = OutOfMemory.exit_code


@contextmanager
def collective_guard(comm: Intracomm, grace: float = GRACE) -> Iterator[None]:
    """Surrounds a parallel program: leaves normally only if every rank did.

    If a rank fails, the message of the failure is printed once on stderr and every rank ends with the error's exit
    code: by SystemExit where all ranks arrive here, else by MPI_Abort within `grace` seconds and a little.

    Raises SystemExit with the exit code.
    """
    control = comm.Dup()  # never shared with the program's traffic: a rank may fail in the middle of a collective
    failure: BaseException | None = None
    try:
        yield
    except BaseException as problem:  # every way out of the program passes here
        if not (isinstance(problem, SystemExit) and not problem.code):
            failure = problem
    reports = _exchange(control, _report(failure), None if failure is None else grace + _stagger(control))
    if reports is None:
        _end_the_job(control, failure or RemoteFailure("another rank is gone"))
    failed = np.flatnonzero(reports[:, 0] != _DONE)
    if failed.size == 0:
        control.Free()
        return
    # Lowest kind first (a cause before its echoes), then lowest rank.
    speaker = int(failed[np.argmin(reports[failed, 0])])
    if control.rank == speaker and failure is not None:
        everywhere = failed.size == control.size and bool(np.all(reports[:, 2] == reports[speaker, 2]))
        show(failure, None if everywhere else speaker)
    raise SystemExit(int(reports[speaker, 1]))


def raise_together(comm: Intracomm, error: Exception | None) -> None:
    """All ranks meet; if any of them brings an error, all raise it (that of the lowest rank). Collective.

    HpcaloErrors keep their class and text on every rank; other exceptions reach the other ranks as RemoteFailure.
    """
    from mpi4py import MPI  # noqa: PLC0415  (importing this module alone must not load MPI)

    mine = np.array([comm.size if error is None else comm.rank], dtype=np.int64)
    lowest = np.empty_like(mine)
    comm.Allreduce(mine, lowest, op=MPI.MIN)
    origin = int(lowest[0])
    if origin == comm.size:
        return
    name, text = comm.bcast(None if error is None else _as_text(error, origin), root=origin)
    if error is not None and comm.rank == origin:
        raise error
    raise _from_text(name, text)


@contextmanager
def together(comm: Intracomm) -> Iterator[None]:
    """The block, free of collective calls, may fail on some ranks only; afterwards all ranks raise. Collective."""
    error: Exception | None = None
    try:
        yield
    except Exception as problem:  # raised again by raise_together
        error = problem
    raise_together(comm, error)


def on_root(comm: Intracomm, function: Callable[[], T]) -> T:
    """Calls the function on rank 0 and returns its result, or raises its error, on all ranks. Collective.

    For what is read or decided once: the result travels as a Python object and should be small (megabytes at most).
    """
    result: T | None = None
    error: Exception | None = None
    if comm.rank == 0:
        try:
            result = function()
        except Exception as problem:  # raised again below
            error = problem
    failure, result = comm.bcast((None if error is None else _as_text(error, 0), result), root=0)
    if error is not None:
        raise error
    if failure is not None:
        raise _from_text(*failure)
    return result


def _report(failure: BaseException | None) -> np.ndarray:
    if failure is None:
        return np.array([_DONE, 0, 0], dtype=np.int64)
    kind = _CAUSE
    if isinstance(failure, RemoteFailure):
        kind = _ECHO
    elif isinstance(failure, Interrupted | KeyboardInterrupt):
        kind = _INTERRUPTED
    return np.array([kind, exit_code(failure), zlib.crc32(message(failure).encode())], dtype=np.int64)


def _exchange(control: Intracomm, report: np.ndarray, patience: float | None) -> np.ndarray | None:
    """All ranks' reports, or None if they did not all arrive in time (patience None: wait for as long as it takes)."""
    reports = np.empty((control.size, report.size), dtype=np.int64)
    request = control.Iallgather(report, reports)
    deadline = None if patience is None else time.monotonic() + patience
    pause = 1e-4
    while not request.Test():
        if deadline is not None and time.monotonic() > deadline:
            return None
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return reports


def _stagger(control: Intracomm) -> float:
    """Ranks that failed in the same moment speak one after the other: the first to abort is the only one heard."""
    return min(0.3 * control.rank, 3.0 * control.rank / control.size)


def _end_the_job(control: Intracomm, failure: BaseException) -> NoReturn:
    show(failure, control.rank)
    control.Abort(exit_code(failure))
    os._exit(exit_code(failure))  # MPI_Abort does not return; some launchers take their time


def _as_text(error: Exception, rank: int) -> tuple[str, str]:
    if isinstance(error, HpcaloError):
        return type(error).__name__, str(error)
    kind = RemoteShortage if isinstance(error, MemoryError) else RemoteFailure
    return kind.__name__, f"[rank {rank}] {type(error).__name__}: {one_line(error)}"


def _from_text(name: str, text: str) -> HpcaloError:
    classes = [HpcaloError]
    for known in classes:  # grows while it is walked: all subclasses, depth by depth
        if known.__name__ == name:
            return known(text)
        classes.extend(known.__subclasses__())
    return HpcaloError(text)
