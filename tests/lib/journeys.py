"""Runs that are stopped on some ranks and go on with others: inputs written once, ranks before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inputs import RASHBA

# Ranks of the run that is stopped and of the one that goes on; the uninterrupted one has one rank. Parts of one
# communicator: a test that makes them all runs on the largest number, once.
ON_FOUR = [(4, 1), (1, 3), (3, 2), (2, 4)]
ON_THREE = [(1, 2), (2, 3), (3, 1)]


def write(comm: Any, path: Path, text: str) -> Path:
    """The text in a file that all ranks see. Collective."""
    if comm.rank == 0:
        path.write_text(text)
    comm.Barrier()
    return path


def rashba(comm: Any, folder: Path, *quantities: str, energies: str = "", side: int = 20) -> Path:
    """The input of a Kubo run of these quantities. Collective."""
    listed = ", ".join(f'"{q}"' for q in quantities)
    return write(comm, folder / "r.toml", RASHBA.format(quantities=listed, energies=energies, side=side))


def completed(comm: Any, answer: object) -> None:
    """The run says on rank 0 where its result is. Collective."""
    answer = comm.bcast(answer, root=0)
    assert str(answer).startswith("result: "), answer
