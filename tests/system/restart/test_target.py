"""A run to a target that is stopped at any level goes on there, to the same bits, on any number of ranks."""

from __future__ import annotations

import pytest
from inputs import BULK
from journeys import ON_FOUR, write
from program import differences, on_some, restart, run, stopped

from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

INPUT = """
[model]
builtin = "rashba"
fermi_energy = -2.0
electrons = 0.5
[kubo]
quantities = ["torkance"]
gamma = [0.3]
n_hat = [[0, 0, 1], [1, 0, 1]]
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 5
from_electrons = true
[kubo.k]
grid = [24, 24, 1]
target = { torkance_even = "1 %", torkance_odd = "1 %" }
"""

MOMENTS = [(1, 4), (7, 11), (1, 10), (4, 11)]  # of the journeys; meetings, of which a level has a few


@pytest.mark.mpi
@pytest.mark.ranks(4)
def test_stopped_at_any_level(comm, mpi_tmp_path):
    """The levels, their errors and the values are those of the run that was not stopped."""
    source = write(comm, mpi_tmp_path / "t.toml", INPUT.replace("from_electrons = true\n", ""))
    whole = mpi_tmp_path / "whole.h5"
    run(comm, 1, source, whole)
    count = comm.bcast(len(read_dataset(whole).texts["levels"].splitlines()) if comm.rank == 0 else 0, root=0)
    assert count > 3
    for (before, after), moments in zip(ON_FOUR, MOMENTS, strict=True):
        for moment in moments:
            output = mpi_tmp_path / f"{before}-{moment}.h5"
            stopped(comm, before, source, output, moment)
            found = on_some(comm, 1, lambda _, output=output: checkpoint.read(output))
            if comm.rank == 0:
                assert moment == 1 or any(name.startswith("finished_") for name in found.arrays)
            restart(comm, after, output)
            same = comm.bcast(differences(whole, output) if comm.rank == 0 else None, root=0)
            assert same == []
            if comm.rank == 0:
                a, b = (read_dataset(path) for path in (whole, output))
                assert a.texts["levels"] == b.texts["levels"]
                for name in ("torkance_even", "torkance_odd"):
                    assert a[f"{name}_error"].tobytes() == b[f"{name}_error"].tobytes()


@pytest.mark.mpi
@pytest.mark.ranks(4)
def test_stopped_while_cells_are_refined(comm, mpi_tmp_path):
    """Half-way in the first cells, and in the parts of those that were cut."""
    source = write(comm, mpi_tmp_path / "bulk.toml", BULK)
    whole = mpi_tmp_path / "whole.h5"
    run(comm, 1, source, whole)
    if comm.rank == 0:
        assert "refined cells" in read_dataset(whole).texts["levels"].splitlines()[-1]
    for (before, after), blocks in zip(ON_FOUR, (36, 58, 36, 58), strict=True):
        output = mpi_tmp_path / f"{before}.h5"
        stopped(comm, before, source, output, blocks // before)
        restart(comm, after, output)
        same = comm.bcast(differences(whole, output) if comm.rank == 0 else None, root=0)
        assert same == []
        if comm.rank == 0:
            a, b = (read_dataset(path) for path in (whole, output))
            assert a.texts["levels"] == b.texts["levels"]
            name = "anomalous_hall_finite_temperature_error"
            assert a[name].tobytes() == b[name].tobytes()
