"""The sum of one pass over k: of its blocks, by one exact reduction over the ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.kubo.sums.block_loop import BlockLoop
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.parts import SummedPass, summed, table, table_shape
from hpcalo.kubo.sums.plan import Pass
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def sum_over_k(
    task: Pass, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None, quiet: bool = True, label: str = ""
) -> SummedPass:
    """Raw sums over the whole zone and over its parts on every rank. Collective.

    Blocks are shared out, reduced once, and the wedge is unfolded.

    The sum is exact in the order-independent sense of ExactSum: the same bits on any number of ranks, and after any
    number of interruptions. After a signal it writes a checkpoint and raises Interrupted, on all ranks.
    """
    return unfolded(table_over_k(task, comm, checkpoints=checkpoints, quiet=quiet, label=label), task)


def table_over_k(
    task: Pass, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None, quiet: bool = True, label: str = ""
) -> RealArray:
    """The table of `sum_over_k` before the wedge is unfolded. Collective.

    (rows, size): the whole, then the classes of each level.
    """
    packing = Packing(task.request.shapes())
    values = checkpoints.earlier(comm, task, table_shape(task.mesh, packing.size)) if checkpoints else None
    if values is None:
        with Progress(len(task.mesh.points), "k", comm, quiet=quiet, label=label) as progress:
            sums = _PassSums(task, packing)
            BlockLoop(sums, comm, checkpoints, progress).run()
            values = table(sums.state().allreduce(comm), task.mesh)
    if checkpoints:
        checkpoints.finished.append(values)
    return values


def unfolded(values: RealArray, task: Pass) -> SummedPass:
    """What a table holds, with the symmetry of the pass. Serial."""
    found = summed(values, task.mesh, task.symmetry.operations, task.request, Packing(task.request.shapes()))
    return replace(found, points=len(task.mesh.points), violation=task.symmetry.violation_of(task.request))


class _PassSums:
    """The sums of all parts of a mesh, (parts, size): BlockSums of a pass."""

    def __init__(self, task: Pass, packing: Packing) -> None:
        self._task, self._packing = task, packing
        self._blocks = task.blocks
        self.points = [block.stop - block.start for block in self._blocks]
        self.energies = len(task.request.energies)
        self.state_shape = (task.mesh.division.parts, packing.size)
        self._total = ExactSum(self.state_shape)

    def ends(self, b: int) -> RealArray:
        """As in BlockSums."""
        return np.asarray(self._task.mesh.points[self._blocks[b]][[0, -1]])

    def add(self, b: int, where: str, layout: Layout | None = None) -> None:
        """As in BlockSums."""
        mesh, points = self._task.mesh, self._blocks[b]
        energies, whole = (layout.my_energies(), layout.member == 0) if layout else (slice(None), True)
        k, weights, labels = mesh.points[points], mesh.weights[points], mesh.labels[points]
        sums = sum_block(self._task.solver, k, weights, self._task.request, energies, whole=whole, labels=labels)
        parts = np.unique(labels)
        flat = np.empty((len(parts), self._packing.size))
        for i, row in enumerate(flat):
            self._packing.pack({name: values[i] for name, values in sums.items()}, row)
        self._total.add(flat, where, parts)

    def state(self) -> ExactSum:
        """As in BlockSums."""
        return self._total

    def take(self, state: ExactSum) -> None:
        """As in BlockSums."""
        self._total = state
