"""Interrupts runs at chosen moments and continues them, on parts of one communicator; what they say and leave."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np

from hpcalo import app
from hpcalo.errors import HpcaloError, Interrupted
from hpcalo.io import environment
from hpcalo.io.hdf5 import read_dataset
from hpcalo.parallel.rounds import Rounds


def on_some(comm: Any, ranks: int, task: Callable[[Any], Any]) -> Any:
    """What the first `ranks` ranks get from task(communicator of them), or the HpcaloError they end with; the others
    wait and get None.
    """
    if comm.size > 1:
        import_module("hpcalo.wall.petsc")  # PETSc starts on all ranks of the job together
    part = comm.Split(0 if comm.rank < ranks else 1, comm.rank)
    answer, check = None, environment.check_environment
    environment.check_environment = lambda comm: None  # it would miss the ranks that wait
    if comm.rank < ranks:
        try:
            answer = task(part)
        except HpcaloError as problem:
            answer = problem
    environment.check_environment = check
    comm.Barrier()
    part.Free()
    return answer


def alone(comm: Any, task: Callable[[Any], Any]) -> Any:
    """What task(communicator of one rank) gives on rank 0, told to all; the others leave it the cores. Collective."""
    return comm.bcast(on_some(comm, 1, task), root=0)


@contextmanager
def meetings(*answers: tuple[bool, bool]):
    """The ranks' meetings in this block give these answers (save, stop), then (no, no), whatever the clock says."""
    plan, original = iter(answers), Rounds.meeting
    Rounds.meeting = lambda self: next(plan, (False, False))
    try:
        yield
    finally:
        Rounds.meeting = original


NOTHING, SAVE, STOP = (False, False), (True, False), (True, True)


def run(comm: Any, ranks: int, source: Path, output: Path, **options: Any) -> Any:
    return on_some(comm, ranks, lambda part: app.run(part, source, output=output, quiet=True, **options))


def restart(comm: Any, ranks: int, output: Path, **options: Any) -> Any:
    return on_some(comm, ranks, lambda part: app.restart(part, output, **{"quiet": True, **options}))


def stopped(comm: Any, ranks: int, source: Path, output: Path, after: int) -> None:
    """A run that is stopped at its meeting number `after`, with a checkpoint."""
    with meetings(*[NOTHING] * (after - 1), STOP):
        answer = run(comm, ranks, source, output)
    if comm.rank < ranks:
        assert isinstance(answer, Interrupted), answer
        assert str(output) in str(answer)


def one_complaint(result: CompletedProcess[str], code: int, *words: str, warned: bool = False) -> str:
    """The process ended with this code and one line with these words, without a traceback. Returns the line.

    warned: there may be warnings, which do not count.
    """
    assert result.returncode == code, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("hpcalo: ")]
    if warned:
        lines = [line for line in lines if not line.startswith("hpcalo: warning")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in result.stderr + result.stdout
    return lines[0]


def differences(one: Path, other: Path) -> list[str]:
    """Names of what is not the same, bit for bit, in two results."""
    a, b = read_dataset(one), read_dataset(other)
    names = {**a.variables, **a.coordinates}
    if set(names) != {**b.variables, **b.coordinates}.keys():
        return ["the names"]
    wrong = [n for n in names if _bits(a[n]) != _bits(b[n])]
    wrong += [n for n in ("reference_energy_eV", "k_points_full", "title") if a.attrs.get(n) != b.attrs.get(n)]
    return wrong + [n for n in ("resolved_input", "notes", "model_sha256") if a.texts.get(n) != b.texts.get(n)]


def _bits(array: np.ndarray) -> tuple[object, ...]:
    return array.dtype, array.shape, tuple(array.flat) if array.dtype.kind in "OU" else array.tobytes()
