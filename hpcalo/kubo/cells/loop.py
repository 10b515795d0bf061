"""The sums and values of single points: of their blocks, by one exact reduction over the ranks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.block_loop import BlockLoop
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

Integrand = Callable[[RawSums], RealArray]
"""What single points give for the n numbers with a target, each in units of its allowed error.

Raw sums with a first axis that counts K points, all components as the group leaves them → (K, n). Linear in the sums.
"""

RESOLUTION = 2.0**40
"""Values of points are rounded to its inverse: an exact sum then holds them without loss."""
LARGEST_BLOCK = 64 * 2**20
"""Bytes of the raw sums of the points of a block."""
SMALLEST_BLOCK, BLOCKS = 32, 16
"""Points of a block at least, and blocks that a task has if it can: to be shared out evenly."""


@dataclass(frozen=True)
class Task:
    """What is computed of single points.

    k: (K, 3), in the order of their lines. edges: (K, 3, 3) of their cells, 1/Å, over which sums with broadening are
    means; None where the run knows no velocities. shares: (K, 1 + R), a point's weight in the sum and in its
    replicates. limits: (K,), a point that contributes more, root mean square over the numbers with a target, is left
    out of the sums, one below 0 in any case. integrand: None where no values are needed. columns: of these values.
    """

    solver: StateSolver
    request: Request
    k: RealArray
    edges: RealArray | None
    shares: RealArray
    limits: RealArray
    integrand: Integrand | None
    columns: int

    def fingerprint(self) -> str:
        """Distinguishes tasks whose sums must not be mixed. Serial."""
        request = self.request
        named = (sorted(request.shapes().items()), sorted(request.independent.items()))
        digest = hashlib.sha256(repr(named).encode())
        axes = (request.energies, request.count_edges, request.gammas, request.mu, request.kt)
        edges = np.zeros(0) if self.edges is None else self.edges
        for array in (self.solver.n_hat, *axes, self.k, edges, self.shares, self.limits):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()

    def blocks(self, size: int) -> list[slice]:
        """The points of each block, the same for any number of ranks. size: of the raw sums of a point."""
        most = max(1, min(block_size(self.solver.size), LARGEST_BLOCK // (8 * size)))
        K = min(most, max(SMALLEST_BLOCK, -(-len(self.k) // BLOCKS // SMALLEST_BLOCK) * SMALLEST_BLOCK))
        return [slice(i, min(i + K, len(self.k))) for i in range(0, len(self.k), K)]

    def of_block(self, which: slice) -> tuple[RealArray, RealArray]:
        """Sum and replicates of a block (1 + R, size), and the values of its points (K, n)."""
        k, shares, limits = self.k[which], self.shares[which], self.limits[which]
        one, labels = np.ones(len(k)), np.arange(len(k))
        edges = None if self.edges is None else self.edges[which]
        raw = sum_block(self.solver, k, one, self.request, slice(None), labels=labels, edges=edges)
        values = np.zeros((len(k), self.columns))
        if self.integrand is not None:
            values = np.rint(self.integrand(raw) * RESOLUTION) / RESOLUTION
        shares = np.where(contributions(shares[:, 0], values) > limits, 0.0, shares.T)
        return np.concatenate([shares @ array.reshape(len(k), -1) for array in raw.values()], axis=1), values


def contributions(weights: RealArray, values: RealArray) -> RealArray:
    """Of cells with weights (K,), root mean square over the numbers with a target (K, n); 0 without any."""
    mean = (values**2).sum(axis=1) / max(values.shape[1], 1)
    return np.asarray(np.abs(weights) * np.sqrt(mean))


def rows_and_values(
    task: Task,
    packing: Packing,
    comm: Intracomm,
    checkpoints: PassCheckpoints | None,
    *,
    quiet: bool = True,
    label: str = "",
) -> tuple[RealArray, RealArray]:
    """The sum and its replicates (1 + R, size), and the values of all points (K, n), on every rank.

    Collective. Raises ConvergenceError, Interrupted, OutputError, CheckpointError on all ranks.
    """
    shape = (task.shares.shape[1], packing.size)
    cells = (len(task.k), task.columns)
    flat_shape = (1, shape[0] * shape[1] + cells[0] * cells[1])
    flat = checkpoints.earlier(comm, task, flat_shape) if checkpoints else None
    if flat is None:
        with Progress(len(task.k), "k", comm, quiet=quiet, label=label) as progress:
            sums = _BatchSums(task, packing, shape, cells)
            BlockLoop(sums, comm, checkpoints, progress).run()
            rows, values = sums.of_all_ranks(comm)
        flat = np.concatenate([rows.ravel(), values.ravel()])[None]
    if checkpoints:
        checkpoints.finished.append(flat)
    return flat[0, : shape[0] * shape[1]].reshape(shape), flat[0, shape[0] * shape[1] :].reshape(cells)


class _BatchSums:
    """Sum and replicates of points (1 + R, size), and their values (K, n): BlockSums of a task.

    Each value is known to one rank, and zero on all others.
    """

    energies = 0

    def __init__(self, task: Task, packing: Packing, shape: tuple[int, int], cells: tuple[int, int]) -> None:
        self._task = task
        self._blocks = task.blocks(packing.size)
        self.points = [block.stop - block.start for block in self._blocks]
        self._total, self._values = ExactSum(shape), np.zeros(cells)
        self.state_shape = (1, self._total.limbs[0].size + self._values.size)

    def ends(self, b: int) -> RealArray:
        """As in BlockSums."""
        return self._task.k[self._blocks[b]][[0, -1]]

    def add(self, b: int, where: str, layout: Layout | None = None) -> None:
        """As in BlockSums."""
        which = self._blocks[b]
        rows, values = self._task.of_block(which)
        self._total.add(rows, where)
        self._values[which] = values

    def of_all_ranks(self, comm: Intracomm) -> tuple[RealArray, RealArray]:
        """Sums and values on every rank. Collective."""
        values = np.empty_like(self._values)
        comm.Allreduce(self._values, values)
        return self._total.allreduce(comm).value(), values

    def state(self) -> ExactSum:
        """As in BlockSums: sums and values as one exact sum."""
        size = self._total.limbs[0].size
        both, values = ExactSum(self.state_shape), ExactSum((self._values.size,))
        values.add(self._values.ravel())
        both.limbs[:, 0, :size] = self._total.limbs.reshape(3, -1)
        both.limbs[:, 0, size:] = values.limbs
        both.addends = self._total.addends
        return both

    def take(self, state: ExactSum) -> None:
        """As in BlockSums: the other way round."""
        size, shape = self._total.limbs[0].size, self._total.shape
        self._total.limbs[...] = state.limbs[:, 0, :size].reshape(3, *shape)
        self._total.addends = state.addends
        values = ExactSum((self._values.size,))
        values.limbs[...] = state.limbs[:, 0, size:]
        self._values = values.value().reshape(self._values.shape)
