"""Loops over a rank's share of the work that stop together: for a checkpoint now and then, and after a signal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.signals import StopRequest

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

ROUND = 2.0
"""Seconds that a round takes, about: short against any checkpoint interval, long against a meeting."""
LONGEST = 10.0
"""Seconds that a round may take where its pieces are long: batch systems send a signal half a minute ahead."""
PIECES = 20
"""Pieces a rank in a round, if time allows: ranks wait for each other about half a piece a round."""


class Rounds:
    """Decides, the same on all ranks, how long rounds of work are and what the ranks do between two of them.

    interval: seconds between checkpoints (rank 0's clock). Collective: every rank calls `meeting` after each round, and
    `begin` before a loop whose pieces may take another time. The clock of the checkpoints goes on from one loop to the
    next. seconds: time that the next round should take, 0 for one piece a rank. piece_seconds: time of one piece, set
    by the caller. relay: passes requests to stop on between groups of ranks.
    """

    def __init__(self, comm: Intracomm, interval: float, stop: StopRequest, relay: StopRelay | None = None) -> None:
        self._comm, self._interval, self.stop, self._relay = comm, interval, stop, relay
        self._saved = time.monotonic()
        self.begin()

    def begin(self) -> None:
        """A new loop: its first piece shows how long its pieces take."""
        self.seconds = 0.0
        self.piece_seconds = 0.0

    def meeting(self) -> tuple[bool, bool]:
        """(save now, stop after it). Sets `seconds` from the `piece_seconds` of the slowest rank."""
        if self._relay is not None:
            self._relay.poll()
        now = time.monotonic()
        due = self._comm.rank == 0 and now - self._saved >= self._interval
        mine = np.array([self.stop.requested, due, self.piece_seconds])
        agreed = np.empty_like(mine)
        from mpi4py import MPI  # noqa: PLC0415  (so that importing this module does not start MPI)

        self._comm.Allreduce(mine, agreed, op=MPI.MAX)
        self.seconds = min(max(ROUND, min(PIECES * float(agreed[2]), LONGEST)), self._interval)
        stop = bool(agreed[0])
        save = bool(agreed[1]) or stop
        if save:
            self._saved = time.monotonic()
        return save, stop
