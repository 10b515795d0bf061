"""Pieces of work shared out in rounds, to each rank as many as it has proved able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

LATE = 1.5
"""A rank gives back the pieces it has not begun once its round has taken this many times the intended time."""


class LoadBalancer:
    """Shares out pieces that may be done in any order by any rank.

    In a round each rank has a run of pieces: one piece at first, then as many as its speed allows in a given time. The
    ranks meet after each round and exchange how many of their pieces are done and how long they took; the rest is
    shared out again. Ranks that are slower than others (a busy node, an older processor) thus get less, and no rank
    waits for another longer than about one piece a round. All ranks compute the same shares from the same numbers.
    """

    def __init__(self, comm: Intracomm, pieces: Sequence[int]) -> None:
        self._comm = comm
        self._pool: NDArray[np.int64] = np.array(pieces, dtype=np.int64)
        self._speed = np.ones(comm.size)  # pieces a second, relative until the first round is over
        self._deal(comm.size)

    @property
    def left(self) -> int:
        """Number of pieces that are not done yet; the same on all ranks."""
        return len(self._pool)

    @property
    def mine(self) -> list[int]:
        """This rank's pieces of the round, in the order in which to do them."""
        start = int(self._starts[self._comm.rank])
        return self._pool[start : start + int(self._counts[self._comm.rank])].tolist()

    def settle(self, done: int, seconds: float, next_round: float) -> list[int]:
        """Ends a round in which this rank did the first `done` of its pieces in `seconds`; returns what all ranks did.

        next_round: seconds that the next round should take, if that is more than one piece; 0 for one piece a rank.
        Collective: one Allgather of two numbers a rank.
        """
        every = np.empty((self._comm.size, 2))
        self._comm.Allgather(np.array([done, seconds]), every)
        counts = every[:, 0].astype(np.int64)
        worked = counts > 0
        if worked.any():
            shown = counts[worked] / np.maximum(every[worked, 1], 1e-6)
            self._speed[worked] = shown
            self._speed[~worked] = shown.mean()  # had nothing to do
        edges = np.zeros(len(self._pool) + 1, dtype=np.int64)
        np.add.at(edges, self._starts, worked)
        np.add.at(edges, self._starts + counts, -1 * worked)
        finished = np.cumsum(edges[:-1]) > 0
        pieces = self._pool[finished].tolist()
        self._pool = self._pool[~finished]
        if next_round <= 0.0:
            self._speed[:] = 1.0
        self._deal(max(self._comm.size, float(self._speed.sum()) * next_round))
        return pieces

    def _deal(self, capacity: float) -> None:
        """Shares out about `capacity` pieces: so many that equal rounds come out even at the end."""
        rounds = max(1, round(len(self._pool) / capacity))
        # Each rank's share is rounded by itself, so that equal ranks get equal shares; the last round takes the rest.
        counts = np.rint(self._speed * (len(self._pool) / rounds / self._speed.sum())).astype(np.int64)
        if rounds == 1 or not 0 < counts.sum() <= len(self._pool):
            counts = shares(-(-len(self._pool) // rounds), self._speed)
        self._counts, self._starts = counts, np.cumsum(counts) - counts


def shares(total: int, speed: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that add up to `total`, proportional to `speed` (size,) as nearly as gives the earliest end."""
    counts = np.floor(total * speed / speed.sum()).astype(np.int64)
    first = np.argsort((counts + 1) / speed, kind="stable")[: total - int(counts.sum())]
    counts[first] += 1
    return counts
