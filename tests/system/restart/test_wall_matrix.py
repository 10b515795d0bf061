"""Wall runs: restarted equals uninterrupted, bit for bit, for every stepper, in both modes, on any number of ranks."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from inputs import CURRENT_AND_HEAT
from journeys import ON_THREE, completed, write
from program import differences, restart, run

from hpcalo.errors import Interrupted
from hpcalo.io import checkpoint
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.wall.dynamics import timestepper

pytestmark = [pytest.mark.mpi, pytest.mark.ranks(3)]

PUBLISHED = """
[wall]
model = "paper"
[paper]
steps = 12
"""
PRINTED = """
cells = 21
points = 9
"""
WHOLE_FIELD = """
cells = 6
points = 3
convention = "moment"
equilibrium = "+gM"
force = true
collision = "bgk3d"
effective_field = "full"
step = 0.0001
"""
WITH_DOMAIN = """
cells = 5
points = 4
left_domain = 3
window = ["upper band edge", 2]
convention = "moment"
equilibrium = "+gM"
"""
STEPPERS = {
    "quasi-static": ("rk", "bdf", "arkimex", "rosw", "cn"),
    "time-dependent": ("arkimex", "bdf", "rosw", "cn"),
}
CASES = [(mode, integrator) for mode, integrators in STEPPERS.items() for integrator in integrators]


@contextmanager
def asked_in_step(number: int):
    """The run inside is asked to stop after its step of this number, and does not save with frames."""
    steps, original = [], (Keeper.check, Keeper.is_due)

    def ask(self):
        steps.append(1)
        if len(steps) == number:
            raise StopRequested("stopped by SIGTERM")

    Keeper.check, Keeper.is_due = ask, lambda self, *, frame: False
    try:
        yield steps
    finally:
        Keeper.check, Keeper.is_due = original


def stop(comm, ranks: int, source: Path, output: Path, step: int) -> None:
    with asked_in_step(step):
        answer = run(comm, ranks, source, output)
    if comm.rank < ranks:
        assert isinstance(answer, Interrupted), answer
        assert checkpoint.exists(output)


def same(comm, whole: Path, output: Path) -> None:
    found = comm.bcast(differences(whole, output) if comm.rank == 0 else None, root=0)
    assert found == []
    assert not checkpoint.exists(output)


@pytest.mark.parametrize(("mode", "integrator"), CASES)
def test_every_stepper(comm, mpi_tmp_path, monkeypatch, mode, integrator):
    """Stopped in the second piece (of three steps here; BDF, which starts small, of ten), and just before the end."""
    piece = 10 if integrator == "bdf" else 3
    monkeypatch.setitem(timestepper.STEPS_PER_PIECE, integrator, piece)
    fast = mode == "time-dependent"
    text = CURRENT_AND_HEAT.format(
        mode=mode, integrator=integrator, end="0.00002" if fast else "0.0008", every="0.00001" if fast else "0.0004",
        first="1 fs" if fast else "40 fs",
    )  # fmt: skip
    if integrator not in ("rk", "arkimex"):  # the error of the steps takes longer than these runs
        text += "[output]\nstep_error = false\n"
    if integrator == "rk":  # of fifth order: few steps at the tolerance of the others
        text = text.replace("tolerance = 1e-5", "tolerance = 1e-8")
    if fast:  # more than one piece between two frames
        text = text.replace("tolerance = 1e-5", "tolerance = 1e-6" if integrator == "cn" else "tolerance = 1e-7")
    source, whole = write(comm, mpi_tmp_path / "a.toml", text), mpi_tmp_path / "whole.h5"
    with asked_in_step(0) as steps:
        completed(comm, run(comm, 1, source, whole))
    count = comm.bcast(len(steps), root=0)
    assert count > piece + 2, count
    for number, (before, after) in enumerate(ON_THREE):
        output = mpi_tmp_path / f"{number}.h5"
        stop(comm, before, source, output, count - 1 if number == 1 else piece + 2)
        completed(comm, restart(comm, after, output))
        same(comm, whole, output)


@pytest.mark.parametrize(
    ("choices", "step"), [(PRINTED, 5), (WHOLE_FIELD, 5), (WITH_DOMAIN, 17), (WITH_DOMAIN, 31)],
    ids=["printed", "whole field", "coarser in x", "coarser in p"],
)  # fmt: skip
def test_published_model(comm, mpi_tmp_path, choices, step):
    """Stopped in the run itself (12 steps) and in those on coarser meshes that tell its errors."""
    source, whole = write(comm, mpi_tmp_path / "a.toml", PUBLISHED + choices), mpi_tmp_path / "whole.h5"
    completed(comm, run(comm, 1, source, whole))
    for number, (before, after) in enumerate(ON_THREE):
        output = mpi_tmp_path / f"{number}.h5"
        stop(comm, before, source, output, step if comm.rank == 0 else 10**9)  # one rank computes
        completed(comm, restart(comm, after, output))
        same(comm, whole, output)
