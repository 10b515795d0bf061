"""Scans that are stopped: finished points are kept, the others go on, with any number of ranks and groups."""

from __future__ import annotations

import time

import numpy as np
import pytest
from inputs import CURRENT_AND_HEAT
from journeys import ON_THREE, completed, write
from limits import HANG
from mpi4py import MPI
from program import differences, restart, run

from hpcalo.coupling.engine import WallEngine
from hpcalo.errors import Interrupted
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.keeper import Keeper
from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.signals import StopRequest

TEXT = CURRENT_AND_HEAT.format(mode="quasi-static", integrator="rk", end="0.001", every="0.0005", first="20 fs")
SCAN = '[scan]\nkey = "solver.iterations"\nvalues = [100, 90, 80, 70, 1]\ngroups = {groups}\n'


class Counted:
    """How often each point has been computed, and the request to stop within a point after some finished ones."""

    def __init__(self, monkeypatch, finished=None):
        self.points, self.finished = 0, finished
        compute, ask = WallEngine.scan_point, Keeper.check

        def computed(*arguments):
            self.points += 1
            self.steps = 0
            return compute(*arguments)

        def asked(keeper):
            self.steps = getattr(self, "steps", 0) + 1
            if self.finished is not None and self.points == self.finished + 1 and self.steps == 3:
                keeper.stop.requested = True
            ask(keeper)

        monkeypatch.setattr(WallEngine, "scan_point", computed)
        monkeypatch.setattr(Keeper, "check", asked)


@pytest.mark.mpi
@pytest.mark.ranks(3)
def test_stopped_and_continued(comm, mpi_tmp_path, monkeypatch):
    """One point is finished, the next one under way; continued with other ranks and groups to the same bits."""
    source = write(comm, mpi_tmp_path / "a.toml", TEXT + SCAN.format(groups=2))
    whole = mpi_tmp_path / "whole.h5"
    completed(comm, run(comm, 1, source, whole))
    for number, (before, after) in enumerate(ON_THREE):
        output = mpi_tmp_path / f"{number}.h5"
        with monkeypatch.context() as patch:
            Counted(patch, finished=1)
            answer = run(comm, before, source, output)
        if comm.rank < before:
            assert isinstance(answer, Interrupted), answer
            assert " of 5 points finished; 'hpcalo restart " in str(answer)
        kept = comm.bcast(len(list(output.parent.glob(f"{output.name}.point-*"))), root=0)
        assert kept >= 2
        with monkeypatch.context() as patch:
            again = Counted(patch)
            completed(comm, restart(comm, after, output))
        if after == 1 and comm.rank == 0:
            assert 0 < again.points < 5
        if comm.rank == 0:
            assert differences(whole, output) == []
            errors = [str(e) for e in read_dataset(output)["error"]]
            assert [bool(e) for e in errors] == [False, False, False, False, True]
            assert not list(output.parent.glob(f"{output.name}.*"))
        comm.Barrier()


def test_damaged_point_is_computed_again_and_told(tmp_path, monkeypatch, capsys):
    comm = MPI.COMM_SELF
    source, whole, output = tmp_path / "a.toml", tmp_path / "whole.h5", tmp_path / "a.h5"
    source.write_text(TEXT + SCAN.format(groups=1))
    completed(comm, run(comm, 1, source, whole))
    with monkeypatch.context() as patch:
        Counted(patch, finished=2)
        assert isinstance(run(comm, 1, source, output), Interrupted)
    for path in checkpoint.generations(checkpoint.point_path(output, 0)):
        if path.exists():
            path.write_bytes(path.read_bytes()[:-300])
    capsys.readouterr()
    again = Counted(monkeypatch)
    completed(comm, restart(comm, 1, output))
    assert "point-0000.checkpoint" in capsys.readouterr().err
    assert again.points == 4  # the damaged one, the one under way, and the two that had not begun
    assert differences(whole, output) == []


def test_forced_run_forgets_the_points(tmp_path, monkeypatch):
    comm = MPI.COMM_SELF
    source, output = tmp_path / "a.toml", tmp_path / "a.h5"
    source.write_text(TEXT + SCAN.format(groups=1))
    with monkeypatch.context() as patch:
        Counted(patch, finished=2)
        assert isinstance(run(comm, 1, source, output), Interrupted)
    again = Counted(monkeypatch)
    completed(comm, run(comm, 1, source, output, force=True))
    assert again.points == 5


@pytest.mark.mpi
def test_one_request_reaches_all_groups(comm):
    """A request on the last rank alone, while the groups do not wait for each other; none comes where none was made."""
    for asks in (True, False):
        group = comm.Split(comm.rank % 3, comm.rank)
        stop = StopRequest()
        with StopRelay(comm, group, stop) as relay:
            if asks and comm.rank == comm.size - 1:
                stop.requested = True
            stop.requested = bool(np.max(group.allgather(stop.requested)))
            end = time.monotonic() + (HANG if asks else 0.1)
            while time.monotonic() < end and not (stop.requested or group.rank):
                relay.poll()
                time.sleep(0.001)
            relay.wait()
        if group.rank == 0:
            assert stop.requested == asks
        group.Free()
