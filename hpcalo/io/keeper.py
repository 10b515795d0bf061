"""When a run saves its state: by the clock, on a signal, and with a frame if that costs little."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from hpcalo.errors import Interrupted
from hpcalo.io.checkpoint import Checkpoint, CheckpointWriter
from hpcalo.io.dataset import Variable
from hpcalo.parallel.guard import on_root
from hpcalo.parallel.relay import StopRelay
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest, anyone, signal_name
from hpcalo.typing import Array

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

SHARE = 0.01
"""Share of the time that saving with every frame may take; if it takes more, only the interval decides."""


class StopRequested(Interrupted):
    """A signal asks the run to stop; raised on all ranks at the same step. The state before it is to be saved."""


class Keeper:
    """Writes the checkpoints beside `result`, in turn over two generations; all methods are collective over `comm`.

    interval: seconds between checkpoints (rank 0's clock). texts: what every checkpoint holds besides the state.
    resumed: the checkpoint that the run continues from (on rank 0).
    """

    def __init__(
        self,
        result: Path,
        comm: Intracomm,
        interval: float,
        stop: StopRequest,
        texts: Mapping[str, str],
        *,
        resumed: Checkpoint | None = None,
        relay: StopRelay | None = None,
    ) -> None:
        self.result, self.stop, self._comm, self._interval = result, stop, comm, interval
        self.writer, self._relay = CheckpointWriter(result, texts, resumed), relay
        self._due = False
        self._saved, self._cost = time.monotonic(), 0.0

    def check(self) -> None:
        """After every step. Raises StopRequested on all ranks if any of them was asked to stop."""
        if self._relay is not None:
            self._relay.poll()
        late = self._comm.rank == 0 and time.monotonic() - self._saved >= self._interval
        stop, due = anyone(self._comm, (self.stop.requested, late))
        self._due |= due
        if stop:
            raise StopRequested(f"stopped by {signal_name(self._comm, self.stop.name)}")

    def rounds(self) -> Rounds:
        """For work that comes in rounds instead of steps: they save and stop by the same rules."""
        return Rounds(self._comm, self._interval, self.stop, self._relay)

    def is_due(self, *, frame: bool) -> bool:
        """Whether to save the state that has been reached; `frame`: it was also written into the result."""
        if not frame:
            return self._due
        cheap = self._comm.rank == 0 and self._cost <= SHARE * (time.monotonic() - self._saved)
        return anyone(self._comm, (self._due or cheap,))[0]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """In this block rank 0 checks and saves for itself. Entering and leaving it is collective."""
        everyone = self._comm
        self._comm = cast("Intracomm", everyone.Split(everyone.rank))
        try:
            yield
        finally:
            self._comm.Free()
            self._comm = everyone

    def save(
        self,
        state: Sequence[Variable],
        numbers: Mapping[str, object],
        arrays: Mapping[str, Array] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """`state`: arrays spread over the ranks; `numbers`: numbers and names; `arrays`, `texts`: more, from rank 0."""
        begin = time.monotonic()
        whole = {v.name: self._comm.gather(v.own, root=0) for v in state}

        def write() -> None:
            together = {name: np.concatenate(parts or []) for name, parts in whole.items()} | dict(arrays or {})
            self.writer.write(together, numbers, texts)

        on_root(self._comm, write)
        self._saved = time.monotonic()
        self._due, self._cost = False, self._saved - begin
