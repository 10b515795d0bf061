"""What groups of ranks that work side by side tell each other: that one of them was asked to stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.parallel.signals import StopRequest

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

PAUSE = 0.01  # seconds between two looks while a group waits for the others


def anyone(comm: Intracomm, mine: Sequence[bool]) -> list[bool]:
    """For each of some yes-or-no questions whether any rank says yes. Collective."""
    from mpi4py import MPI  # noqa: PLC0415  (importing this module alone must not load MPI)

    answers = np.array(mine, dtype=np.int32)
    agreed = np.empty_like(answers)
    comm.Allreduce(answers, agreed, op=MPI.MAX)
    return [bool(a) for a in agreed]


class StopRelay:
    """Carries a stop request from one group to the others, none of which ever waits for another one.

    `comm`: all ranks, `group`: this rank's part of them. The first rank of each group listens; the word goes through
    rank 0 of `comm`, which must be the first of its group. `poll` now and then on all ranks of a group; `wait` at the
    end, on all ranks. A context: creating and leaving it is collective over `comm`.
    """

    def __init__(self, comm: Intracomm, group: Intracomm, stop: StopRequest) -> None:
        self._comm, self._group, self._stop = comm.Dup(), group, stop
        leads = comm.allgather(group.rank == 0)
        self._leaders = [r for r in range(comm.size) if leads[r] and r]
        self._told = False
        self._sent: list[Any] = []
        self._words = {r: np.zeros(1, dtype=np.int32) for r in self._senders()}
        self._requests = {r: self._comm.Irecv(word, r, 1) for r, word in self._words.items()}

    def _senders(self) -> list[int]:
        if self._group.rank:
            return []
        return self._leaders if self._comm.rank == 0 else [0]

    def poll(self) -> None:
        """Hears what has come, and passes on a request of this rank. Cheap, not collective."""
        if self._group.rank:
            return
        heard = [r for r, request in self._requests.items() if request.Test()]
        for r in heard:
            del self._requests[r]
            self._stop.requested = True
        if self._stop.requested and not self._told:
            self._told = True
            word = np.ones(1, dtype=np.int32)
            self._sent = [(self._comm.Isend(word, r, 1), word) for r in self._senders()]

    def wait(self) -> None:
        """Until all ranks are here; requests are passed on meanwhile. Collective over all ranks."""
        arrived = self._comm.Ibarrier()
        while not arrived.Test():
            self.poll()
            time.sleep(PAUSE)

    def __enter__(self) -> StopRelay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if problem is not None:
            return  # the job ends: nobody is there to talk to
        told = self._comm.allgather(self._told)
        for (
            r,
            request,
        ) in self._requests.items():  # every word that was sent is taken, the other receptions are given up
            if not told[r]:
                request.Cancel()
            request.Wait()
        for request, _ in self._sent:
            request.Wait()
        self._comm.Free()
