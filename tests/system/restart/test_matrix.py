"""Restarted equals uninterrupted, bit for bit: for all quantities, at any moment, on any number of ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
from inputs import FILM
from journeys import ON_FOUR, rashba, write
from kubo_runs import possible
from places import REPOSITORY
from program import SAVE, differences, meetings, on_some, restart, run, stopped

from hpcalo.errors import Interrupted
from hpcalo.hamiltonian import builtin
from hpcalo.io import checkpoint

BLOCKS = 4  # of 128 points, where side is 20
QUANTITIES = possible(builtin.rashba())


def turns(ranks: int) -> int:
    """Blocks of the rank that has most."""
    return -(-BLOCKS // ranks)


def same(comm, folder: Path, name: str = "a.h5") -> None:
    found = comm.bcast(differences(folder / "whole.h5", folder / name) if comm.rank == 0 else None, root=0)
    assert found == []
    assert not checkpoint.exists(folder / name)


def continued(comm, ranks: int, folder: Path) -> None:
    """The stopped run goes on to the same bits, and makes room for the next one."""
    restart(comm, ranks, folder / "a.h5")
    same(comm, folder)
    comm.Barrier()
    if comm.rank == 0:
        (folder / "a.h5").unlink()
    comm.Barrier()


@pytest.mark.mpi
@pytest.mark.ranks(4)
def test_all_quantities(comm, mpi_tmp_path):
    """Each of 1, 2, 3 and 4 ranks stops or goes on; those that do both: `test_every_moment`."""
    source = rashba(comm, mpi_tmp_path, *QUANTITIES)
    assert run(comm, 1, source, mpi_tmp_path / "whole.h5") in {None, f"result: {mpi_tmp_path / 'whole.h5'}"}
    for before, after in ((4, 1), (2, 3)):
        output = mpi_tmp_path / f"{before}.h5"
        stopped(comm, before, source, output, turns(before))
        restart(comm, after, output)
        same(comm, mpi_tmp_path, output.name)


@pytest.mark.mpi
@pytest.mark.ranks(2)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity(comm, mpi_tmp_path, quantity):
    """Each on its own: what it needs is in the checkpoint without the sums of another one. Every second one from two
    ranks to one, the others from one to two.
    """
    source = rashba(comm, mpi_tmp_path, quantity)
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    before = 1 + QUANTITIES.index(quantity) % 2
    stopped(comm, before, source, mpi_tmp_path / "a.h5", 1 + QUANTITIES.index(quantity) // 2 % 2)
    restart(comm, 3 - before, mpi_tmp_path / "a.h5")
    same(comm, mpi_tmp_path)


@pytest.mark.mpi
@pytest.mark.ranks(4)
def test_every_moment(comm, mpi_tmp_path):
    """In the middle of the first and the second direction, and at the ends of both."""
    source = rashba(comm, mpi_tmp_path, "torkance", "conductivity")
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    for before, after in ON_FOUR:
        for moment in range(1, 2 * turns(before) + 1):
            stopped(comm, before, source, mpi_tmp_path / "a.h5", moment)
            assert checkpoint.exists(mpi_tmp_path / "a.h5")
            continued(comm, after, mpi_tmp_path)


@pytest.mark.mpi
@pytest.mark.ranks(3)
def test_stopped_again_and_again(comm, mpi_tmp_path):
    """As jobs with too short a limit do: one block each, on other ranks each time."""
    source = rashba(comm, mpi_tmp_path, "torkance")
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    output, pieces = mpi_tmp_path / "a.h5", 0
    stopped(comm, comm.size, source, output, 1)
    while True:
        ranks = 1 + pieces % comm.size
        with meetings((True, True)):
            answer = comm.bcast(restart(comm, ranks, output), root=0)
        if not isinstance(answer, Interrupted):
            break
        pieces += 1
        assert pieces <= 2 * BLOCKS
    assert pieces >= 2 * BLOCKS // comm.size - 2
    same(comm, mpi_tmp_path)


@pytest.mark.mpi
@pytest.mark.ranks(4)
def test_electrons(comm, mpi_tmp_path):
    """The pass that finds the Fermi energy is saved like the others, and not repeated."""
    source = rashba(comm, mpi_tmp_path, "torkance", "orbital_magnetization", energies="from_electrons = true")
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    for before, after in ON_FOUR:
        for moment in (1, turns(before) + 1, 2 * turns(before) + 1):
            stopped(comm, before, source, mpi_tmp_path / "a.h5", moment)
            found = on_some(comm, 1, lambda _: checkpoint.read(mpi_tmp_path / "a.h5"))
            if comm.rank == 0:
                assert sum(name.startswith("finished_") for name in found.arrays) == (moment - 1) // turns(before)
            continued(comm, after, mpi_tmp_path)


@pytest.mark.mpi
@pytest.mark.ranks(3, 4)
def test_more_ranks_than_blocks(comm, mpi_tmp_path):
    """Two blocks: the ranks beyond the second share the energies."""
    source = rashba(comm, mpi_tmp_path, "torkance", "onsager", "density_of_states", side=15)
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    for number, (before, after) in enumerate([(1, comm.size), (comm.size, 1)]):
        stopped(comm, before, source, mpi_tmp_path / f"{number}.h5", 2)
        restart(comm, after, mpi_tmp_path / f"{number}.h5")
        same(comm, mpi_tmp_path, f"{number}.h5")


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_film_from_a_file(comm, mpi_tmp_path):
    source = write(comm, mpi_tmp_path / "film.toml", FILM.format(folder=REPOSITORY))
    run(comm, comm.size, source, mpi_tmp_path / "whole.h5")
    stopped(comm, 1, source, mpi_tmp_path / "a.h5", 1)
    restart(comm, comm.size, mpi_tmp_path / "a.h5")
    same(comm, mpi_tmp_path)


@pytest.mark.mpi
@pytest.mark.ranks(1, 3)
def test_checkpoints_on_the_way_change_nothing(comm, mpi_tmp_path):
    source = rashba(comm, mpi_tmp_path, "torkance", "damping")
    run(comm, 1, source, mpi_tmp_path / "whole.h5")
    with meetings(*[SAVE] * 100):
        run(comm, comm.size, source, mpi_tmp_path / "a.h5")
    same(comm, mpi_tmp_path)
