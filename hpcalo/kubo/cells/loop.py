"""The sums and values of a batch of cells: blocks shared out over the ranks, one exact reduction, a checkpoint now and
then.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import ConvergenceError, Interrupted
from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.kubo.cells.batch import Batch
from hpcalo.kubo.cells.zone import Zone
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.load_balancer import LATE, LoadBalancer
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import ROUND
from hpcalo.parallel.signals import signal_name
from hpcalo.typing import BoolArray, IntArray, RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

Wanted = Callable[[RawSums], RealArray]
"""What single points give for the wanted numbers, each in units of its allowed error: raw sums with a first axis that
counts K points → (K, n). Linear in the sums.
"""

RESOLUTION = 2.0**40
"""Values of points are rounded to its inverse: an exact sum then holds them without loss."""
LARGEST_BLOCK = 64 * 2**20
"""Bytes of the raw sums of the points of a block."""


@dataclass(frozen=True)
class Task:
    """What is computed of a batch.

    added: numbers of its cells, in the order of their lines. limit: cells that contribute more are left out of the
    sums, and those in `out` (K,) in any case. wanted: None where no values are needed; they have so many columns.
    """

    solver: StateSolver
    request: Request
    zone: Zone
    batch: Batch
    added: IntArray
    limit: float
    out: BoolArray
    wanted: Wanted | None
    columns: int

    def fingerprint(self) -> str:
        """Distinguishes tasks whose sums must not be mixed. Serial."""
        digest = hashlib.sha256(repr(sorted(self.request.shapes().items())).encode())
        request = self.request
        axes = (request.energies, request.count_edges, request.gammas, request.mu, request.kt)
        numbers = (self.added, self.out, self.batch.cells.numerators, [self.batch.cells.level, self.limit])
        for array in (self.solver.n_hat, *axes, *numbers):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()

    def blocks(self, size: int) -> list[IntArray]:
        """Numbers of the cells of each block, the same for any number of ranks. size: of the raw sums of a point."""
        K = max(1, min(block_size(self.solver.size), LARGEST_BLOCK // (8 * size)))
        return [self.added[i : i + K] for i in range(0, len(self.added), K)]

    def of_block(self, which: IntArray) -> tuple[RealArray, RealArray]:
        """Sum and replicates of a block (1 + R, size), and the values of its points (K, n)."""
        batch = self.batch
        k = self.zone.points(batch.cells)[which]
        raw = sum_block(self.solver, k, np.ones(len(which)), self.request, slice(None), labels=np.arange(len(which)))
        values, weights = np.zeros((len(which), self.columns)), batch.weights[which]
        if self.wanted is not None:
            values = np.rint(self.wanted(raw) * RESOLUTION) / RESOLUTION
            weights = np.where(batch.weights[which] * rms(values) > self.limit, 0.0, weights)
        weights = np.where(self.out[which], 0.0, weights)
        shares = np.concatenate([weights[None], (weights[:, None] * batch.signs[which]).T])
        rows = [shares @ values_of.reshape(len(which), -1) for values_of in raw.values()]
        return np.concatenate(rows, axis=1), values


def rms(values: RealArray) -> RealArray:
    """Root mean square of each row."""
    return np.asarray(np.sqrt((values**2).mean(axis=1)))


def rows_and_values(
    task: Task,
    packing: Packing,
    comm: Intracomm,
    checkpoints: PassCheckpoints | None,
    *,
    quiet: bool = True,
    label: str = "",
) -> tuple[RealArray, RealArray]:
    """The sum and its replicates (1 + R, size), and the values of all cells of the batch (K, n), on every rank.
    Collective. Raises ConvergenceError, Interrupted, OutputError, CheckpointError on all ranks.
    """
    shape = (1 + task.batch.signs.shape[1], packing.size)
    cells = (len(task.batch), task.columns)
    flat_shape = (1, shape[0] * shape[1] + cells[0] * cells[1])
    flat = checkpoints.earlier(comm, task, flat_shape) if checkpoints else None
    if flat is None:
        with Progress(len(task.added), "k", comm, quiet=quiet, label=label) as progress:
            rows, values = _Loop(task, packing, shape, cells, comm, checkpoints, progress).run()
        flat = np.concatenate([rows.ravel(), values.ravel()])[None]
    if checkpoints:
        checkpoints.finished.append(flat)
    return flat[0, : shape[0] * shape[1]].reshape(shape), flat[0, shape[0] * shape[1] :].reshape(cells)


class _Loop:
    """The loop over the blocks of a task, which any number of ranks may continue from a checkpoint."""

    def __init__(
        self,
        task: Task,
        packing: Packing,
        shape: tuple[int, int],
        cells: tuple[int, int],
        comm: Intracomm,
        checkpoints: PassCheckpoints | None,
        progress: Progress,
    ) -> None:
        self._task, self._comm = task, comm
        self._checkpoints, self._progress = checkpoints, progress
        self._blocks = task.blocks(packing.size)
        self._total, self._values = ExactSum(shape), np.zeros(cells)
        self._done = np.zeros(len(self._blocks), dtype=np.uint8)
        if checkpoints:
            both = (1, self._total.limbs[0].size + self._values.size)
            begun, self._done = checkpoints.begun(comm, both, len(self._blocks))
            if begun is not None:
                self._take(begun)

    def run(self) -> tuple[RealArray, RealArray]:
        """Sum and values on every rank. Collective."""
        left = [b for b in range(len(self._blocks)) if not self._done[b]]
        self._progress.start_at(len(self._task.added) - self._points(left))
        if self._checkpoints:
            self._checkpoints.rounds.begin()
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
        values = np.empty_like(self._values)
        self._comm.Allreduce(self._values, values)  # each is zero on all ranks but one
        return self._total.allreduce(self._comm).value(), values

    def _add(self, b: int) -> None:
        which = self._blocks[b]
        k = self._task.zone.points(self._task.batch.cells.take(which[[0, -1]]))
        where = f"k-points {np.round(k[0], 4).tolist()} … {np.round(k[-1], 4).tolist()}"
        try:
            rows, values = self._task.of_block(which)
        except np.linalg.LinAlgError as problem:
            raise ConvergenceError(f"{where}: {problem}") from None
        self._total.add(rows, where)
        self._values[which] = values
        self._done[b] = 1

    def _meet(self) -> None:
        """Between two rounds: a checkpoint if it is due, the end after a signal. Collective."""
        if self._checkpoints is None:
            return
        rounds = self._checkpoints.rounds
        save, end = rounds.meeting()
        if save:
            self._checkpoints.save(self._comm, self._together(), self._done)
        if end:
            name = signal_name(self._comm, rounds.stop.name)
            raise Interrupted(f"stopped by {name}; 'hpcalo restart {self._checkpoints.result}' continues")

    def _together(self) -> ExactSum:
        """Sums and values of this rank as one exact sum, for a checkpoint."""
        size = self._total.limbs[0].size
        both, values = ExactSum((1, size + self._values.size)), ExactSum((self._values.size,))
        values.add(self._values.ravel())
        both.limbs[:, 0, :size] = self._total.limbs.reshape(3, -1)
        both.limbs[:, 0, size:] = values.limbs
        both.addends = self._total.addends
        return both

    def _take(self, both: ExactSum) -> None:
        """The other way round."""
        size, shape = self._total.limbs[0].size, self._total.shape
        self._total.limbs[...] = both.limbs[:, 0, :size].reshape(3, *shape)
        self._total.addends = both.addends
        values = ExactSum((self._values.size,))
        values.limbs[...] = both.limbs[:, 0, size:]
        self._values = values.value().reshape(self._values.shape)

    def _points(self, numbers: list[int]) -> int:
        return sum(len(self._blocks[b]) for b in numbers)

    def _round_seconds(self) -> float:
        return self._checkpoints.rounds.seconds if self._checkpoints else ROUND

    def _stop_requested(self) -> bool:
        return bool(self._checkpoints and self._checkpoints.rounds.stop.requested)
