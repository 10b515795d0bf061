"""Polite stops: SIGTERM, SIGINT and SIGUSR1 set a flag that the loops look at between two pieces of work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import Interrupted
from hpcalo.parallel.early import INTERRUPTED, SAME_REQUEST, SIGNALS, Received, importing, leave

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.parallel.early import Handler


class StopRequest:
    """While active, the first signal only sets `requested`; a second SIGTERM or SIGINT stops at once.

    `SIGUSR1` (a batch system's early warning) stays polite however often it comes. A signal that has come since the
    program's start (`hpcalo.parallel.early`) counts as the first.

        with StopRequest() as stop:
            for block in blocks:
                ...
                if stop.agreed(comm):
                    save()
                    raise Interrupted("stopped by a signal; continue with 'hpcalo restart …'")
    """

    def __init__(self) -> None:
        self.requested = False
        self.name = ""
        self._first_request: float | None = None
        self._previous: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> StopRequest:
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        if Received.name:
            self.requested, self.name, self._first_request = True, Received.name, Received.first_request
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def agreed(self, comm: Intracomm) -> bool:
        """Whether any rank has a request to stop. Collective: every rank calls it at the same point of its work."""
        return anyone(comm, (self.requested,))[0]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        self.name = signal.Signals(number).name
        if number != signal.SIGUSR1:
            if self._first_request is not None and now - self._first_request > SAME_REQUEST:
                text = f"stopped at once by a second {self.name}; the last checkpoint stands"
                if importing(frame):  # no exception may surface there
                    leave(text, INTERRUPTED)
                raise Interrupted(text)
            if self._first_request is None:
                self._first_request = now
                if number == signal.SIGINT and os.isatty(2):  # not sys.stderr, which may be in the middle of a line
                    os.write(2, b"\nhpcalo: stopping at the next checkpoint; press Ctrl-C again to stop at once\n")
        self.requested = True


def end_if_requested(comm: Intracomm, when: str) -> None:
    """Raises Interrupted on all ranks if a signal has come to any of them since the program's start. Collective."""
    if anyone(comm, (bool(Received.name),))[0]:
        raise Interrupted(f"stopped by {signal_name(comm, Received.name)} {when}")


def signal_name(comm: Intracomm, mine: str) -> str:
    """The signal of the lowest rank that received one. Collective; mine: "" where there was none."""
    return next((name for name in comm.allgather(mine) if name), "a signal")


def anyone(comm: Intracomm, mine: Sequence[bool]) -> list[bool]:
    """For each of some yes-or-no questions, whether any rank says yes. Collective."""
    from mpi4py import MPI  # noqa: PLC0415  (importing this module alone must not load MPI)

    answers = np.array(mine, dtype=np.int32)
    agreed = np.empty_like(answers)
    comm.Allreduce(answers, agreed, op=MPI.MAX)
    return [bool(a) for a in agreed]
