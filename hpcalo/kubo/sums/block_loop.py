"""The loop over blocks of k-points: shared out over the ranks, a checkpoint now and then, the end after a signal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.io.keeper import StopRequested
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.load_balancer import LATE, LoadBalancer
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import ROUND
from hpcalo.parallel.signals import signal_name
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


class BlockSums(Protocol):
    """What a loop adds up, on one rank.

    points: number of k-points in each block. energies: of which several ranks can each compute a part, where there are
    fewer blocks than ranks; 0 if a block cannot be shared. state_shape: of its state.
    """

    points: list[int]
    energies: int
    state_shape: tuple[int, int]

    def ends(self, b: int) -> RealArray:
        """First and last k-point of a block, fractional (2, 3)."""
        ...

    def add(self, b: int, where: str, layout: Layout | None = None) -> None:
        """Adds a block, or with a layout this rank's part of it.

        Raises ConvergenceError, naming `where`, and LinAlgError.
        """
        ...

    def state(self) -> ExactSum:
        """All that was added, for a checkpoint: states of several ranks add up."""
        ...

    def take(self, state: ExactSum) -> None:
        """Begins with a state; only where nothing has been added."""
        ...


class BlockLoop:
    """Adds all blocks, which any number of ranks may continue from a checkpoint.

    sums: where this rank adds; what the checkpoint holds, rank 0 does. After the loop, the caller adds up the ranks.
    """

    def __init__(
        self, sums: BlockSums, comm: Intracomm, checkpoints: PassCheckpoints | None, progress: Progress
    ) -> None:
        self._sums, self._comm = sums, comm
        self._checkpoints, self._progress = checkpoints, progress
        begun, self._done = None, np.zeros(len(sums.points), dtype=np.uint8)  # 1 for each block in the sums
        if checkpoints:
            begun, self._done = checkpoints.begun(comm, sums.state_shape, len(sums.points))
        if begun is not None:
            sums.take(begun)

    def run(self) -> None:
        """Adds all blocks that are left. Collective.

        Raises ConvergenceError; and on all ranks OutputError, CheckpointError, and after a signal StopRequested.
        """
        left = [b for b, done in enumerate(self._done) if not done]
        self._progress.start_at(sum(self._sums.points) - self._points(left))
        if self._checkpoints:
            self._checkpoints.rounds.begin()
        if self._sums.energies and self._comm.size > len(left) > 0:
            self._share_energies(left)
        else:
            self._share_blocks(left)

    def _share_energies(self, left: Sequence[int]) -> None:
        """Fewer blocks than ranks: several ranks share the energies of a block, in a single round."""
        layout = Layout(self._comm.size, self._comm.rank, len(left), self._sums.energies)
        self._add(left[layout.group], layout)
        self._meet()
        self._progress.advance(self._points(left))

    def _share_blocks(self, left: Sequence[int]) -> None:
        balancer = LoadBalancer(self._comm, left)
        while balancer.left:
            begin, count = time.monotonic(), 0
            for b in balancer.mine:
                self._add(b)
                count += 1
                if time.monotonic() - begin > LATE * self._round_seconds() or self._stop_requested():
                    break
            spent = time.monotonic() - begin
            if self._checkpoints and count:
                self._checkpoints.rounds.piece_seconds = spent / count
            self._meet()
            self._progress.advance(self._points(balancer.settle(count, spent, self._round_seconds())))

    def _add(self, b: int, layout: Layout | None = None) -> None:
        first, last = np.round(self._sums.ends(b), 4).tolist()
        where = f"k-points {first} … {last}"
        try:
            self._sums.add(b, where, layout)
        except np.linalg.LinAlgError as problem:
            raise ConvergenceError(f"{where}: {problem}") from None
        self._done[b] = 1

    def _meet(self) -> None:
        """Between two rounds: a checkpoint if it is due, the end after a signal. Collective."""
        if self._checkpoints is None:
            return
        rounds = self._checkpoints.rounds
        save, end = rounds.meeting()
        if save:
            self._checkpoints.save(self._comm, self._sums.state(), self._done)
        if end:
            name = signal_name(self._comm, rounds.stop.name)
            raise StopRequested(f"stopped by {name}; 'hpcalo restart {self._checkpoints.result}' continues")

    def _points(self, numbers: Sequence[int]) -> int:
        """Number of k-points in these blocks."""
        return sum(self._sums.points[b] for b in numbers)

    def _round_seconds(self) -> float:
        return self._checkpoints.rounds.seconds if self._checkpoints else ROUND

    def _stop_requested(self) -> bool:
        return bool(self._checkpoints and self._checkpoints.rounds.stop.requested)
