"""Loops over a rank's share of the work that stop together: for a checkpoint now and then, and when a signal asks for
it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hpcalo.parallel.signals import StopRequest

ROUND = 2.0
"""Seconds between two meetings of the ranks, about: short against any checkpoint interval, long against a meeting."""


class Rounds:
    """Decides, the same on all ranks, after which pieces of work the ranks meet and what they do then.

    interval: seconds between checkpoints (rank 0's clock). Collective: every rank calls `meeting` after each of `count`
    pieces, with count the largest share of any rank (ranks that have no piece left call it too), and `begin` before a
    loop whose pieces may take another time. The clock of the checkpoints goes on from one loop to the next.
    """

    def __init__(self, comm: Any, interval: float, stop: StopRequest) -> None:
        self._comm, self._interval, self.stop = comm, interval, stop
        self._round = min(ROUND, interval)
        self._saved = time.monotonic()
        self.begin()

    def begin(self) -> None:
        """A new loop: its first piece shows how long its pieces take."""
        self._every, self._pieces = 1, 0
        self._met = time.monotonic()

    def meeting(self) -> tuple[bool, bool]:
        """(save now, stop after it)."""
        self._pieces += 1
        if self._pieces % self._every:
            return False, False
        now = time.monotonic()
        due = self._comm.rank == 0 and now - self._saved >= self._interval
        # Rank 0 also sets the pace, from the time its last round took: pieces may be milliseconds or minutes.
        pace = self._every if self._comm.rank == 0 else 0
        if self._comm.rank == 0:
            spent = max(now - self._met, 1e-6) / self._every
            pace = int(np.clip(self._round / spent, 1, 4 * self._every))
        mine = np.array([self.stop.requested, due, pace], dtype=np.int64)
        agreed = np.empty_like(mine)
        from mpi4py import MPI  # noqa: PLC0415  (so that importing this module does not start MPI)

        self._comm.Allreduce(mine, agreed, op=MPI.MAX)
        self._every, self._pieces, self._met = int(agreed[2]), 0, time.monotonic()
        stop = bool(agreed[0])
        save = bool(agreed[1]) or stop
        if save:
            self._saved = time.monotonic()
        return save, stop
