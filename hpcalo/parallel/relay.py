"""How groups of ranks that work side by side pass on a request to stop."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcalo.parallel.signals import StopRequest

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm, Request

PAUSE = 0.01  # seconds between two looks while a group waits for the others
TAG = 1


class StopRelay:
    """Carries a stop request from one group of ranks to the others; no group ever waits for another one.

    comm: all ranks; group: this rank's part of them. The first rank of each group sends and receives; rank 0 of `comm`,
    which must be the first of its group, passes every request on. Call `poll` now and then on all ranks of a group and
    `wait` at the end on all ranks. A context: entering and leaving it is collective over `comm`.
    """

    def __init__(self, comm: Intracomm, group: Intracomm, stop: StopRequest) -> None:
        self._comm, self._group, self._stop = comm.Dup(), group, stop
        leads = comm.allgather(group.rank == 0)
        self._leaders = [r for r in range(comm.size) if leads[r] and r]
        self._has_sent = False
        self._sent: list[tuple[Request, NDArray[np.int32]]] = []
        self._words = {r: np.zeros(1, dtype=np.int32) for r in self._partners()}
        self._requests = {r: self._comm.Irecv(word, r, TAG) for r, word in self._words.items()}

    def _partners(self) -> list[int]:
        """The ranks with which this rank exchanges requests: rank 0 with every leader, a leader with rank 0."""
        if self._group.rank:
            return []
        return self._leaders if self._comm.rank == 0 else [0]

    def poll(self) -> None:
        """Receives the requests that have come, and passes on one of this rank. Cheap, not collective."""
        if self._group.rank:
            return
        for r in [r for r, request in self._requests.items() if request.Test()]:
            del self._requests[r]
            self._stop.requested = True
        if self._stop.requested and not self._has_sent:
            self._has_sent = True
            word = np.ones(1, dtype=np.int32)
            self._sent = [(self._comm.Isend(word, r, TAG), word) for r in self._partners()]

    def wait(self) -> None:
        """Waits until all ranks are here; requests are passed on meanwhile. Collective over all ranks."""
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
            return  # the job ends: there is nobody to exchange messages with
        has_sent = self._comm.allgather(self._has_sent)
        for (
            r,
            request,
        ) in self._requests.items():  # words that were sent arrive; the rest is cancelled
            if not has_sent[r]:
                request.Cancel()
            request.Wait()
        for request, _ in self._sent:
            request.Wait()
        self._comm.Free()
