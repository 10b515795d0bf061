"""The sum of one pass over k: blocks shared out over the ranks, one exact reduction, a checkpoint now and then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.io.keeper import StopRequested
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.parts import SummedPass, summed, table, table_shape
from hpcalo.kubo.sums.plan import Pass
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.load_balancer import LATE, LoadBalancer
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import ROUND
from hpcalo.parallel.signals import signal_name
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def sum_over_k(
    task: Pass, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None, quiet: bool = True, label: str = ""
) -> SummedPass:
    """Raw sums over the whole zone and over its parts on every rank: blocks shared out, one reduction, wedge unfolded.
    Collective.

    The sum is exact in the order-independent sense of ExactSum: the same bits on any number of ranks, and after any
    number of interruptions. After a signal it writes a checkpoint and raises Interrupted, on all ranks.
    """
    return unfolded(table_over_k(task, comm, checkpoints=checkpoints, quiet=quiet, label=label), task)


def table_over_k(
    task: Pass, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None, quiet: bool = True, label: str = ""
) -> RealArray:
    """The table of `sum_over_k` before the wedge is unfolded: (rows, size), the whole, then the classes of each level.
    Collective.
    """
    packing = Packing(task.request.shapes())
    values = checkpoints.earlier(comm, task, table_shape(task.mesh, packing.size)) if checkpoints else None
    if values is None:
        with Progress(len(task.mesh.points), "k", comm, quiet=quiet, label=label) as progress:
            values = table(_Loop(task, comm, packing, checkpoints, progress).run(), task.mesh)
    if checkpoints:
        checkpoints.finished.append(values)
    return values


def unfolded(values: RealArray, task: Pass) -> SummedPass:
    """What a table holds, with the symmetry of the pass. Serial."""
    found = summed(values, task.mesh, task.symmetry.operations, task.request, Packing(task.request.shapes()))
    return replace(found, points=len(task.mesh.points), violation=task.symmetry.violation_of(task.request))


class _Loop:
    """The loop over the blocks of a pass, which any number of ranks may continue from a checkpoint.

    total: this rank's sums of all parts of the mesh, with what the checkpoint holds on rank 0. done: 1 for each block
    in it. left: numbers of the blocks that are not in the checkpoint.
    """

    def __init__(
        self,
        task: Pass,
        comm: Intracomm,
        packing: Packing,
        checkpoints: PassCheckpoints | None,
        progress: Progress,
    ) -> None:
        self._task, self._comm, self._packing = task, comm, packing
        self._checkpoints, self._progress = checkpoints, progress
        self._blocks = task.blocks
        begun, self._done = (None, np.zeros(len(self._blocks), dtype=np.uint8))
        shape = (task.mesh.division.parts, packing.size)
        if checkpoints:
            begun, self._done = checkpoints.begun(comm, shape, len(self._blocks))
        self._total = begun or ExactSum(shape)
        self._left = [b for b in range(len(self._blocks)) if not self._done[b]]

    def run(self) -> ExactSum:
        """The sums of all blocks on every rank, (parts, size). Collective."""
        self._progress.start_at(len(self._task.mesh.points) - self._points(self._left))
        if self._checkpoints:
            self._checkpoints.rounds.begin()
        if self._comm.size > len(self._left) > 0:
            self._share_energies()
        else:
            self._share_blocks()
        return self._total.allreduce(self._comm)

    def _share_energies(self) -> None:
        """Fewer blocks than ranks: several ranks share the energies of a block, in a single round."""
        layout = Layout(self._comm.size, self._comm.rank, len(self._left), len(self._task.request.energies))
        self._add(self._left[layout.group], layout.my_energies(), layout.member == 0)
        self._meet()
        self._progress.advance(self._points(self._left))

    def _share_blocks(self) -> None:
        balancer = LoadBalancer(self._comm, self._left)
        while balancer.left:
            begin, count = time.monotonic(), 0
            for b in balancer.mine:
                self._add(b, slice(None), True)
                count += 1
                if time.monotonic() - begin > LATE * self._round_seconds() or self._stop_requested():
                    break
            spent = time.monotonic() - begin
            if self._checkpoints and count:
                self._checkpoints.rounds.piece_seconds = spent / count
            self._meet()
            self._progress.advance(self._points(balancer.settle(count, spent, self._round_seconds())))

    def _add(self, b: int, energies: slice, whole: bool) -> None:
        """Adds block b to the sum. Raises ConvergenceError if a k-point cannot be diagonalized."""
        task, mesh = self._task, self._task.mesh
        points = self._blocks[b]
        k, labels = mesh.points[points], mesh.labels[points]
        where = f"k-points {np.round(k[0], 4).tolist()} … {np.round(k[-1], 4).tolist()}"
        try:
            sums = sum_block(task.solver, k, mesh.weights[points], task.request, energies, whole=whole, labels=labels)
        except np.linalg.LinAlgError as problem:
            raise ConvergenceError(f"{where}: {problem}") from None
        parts = np.unique(labels)
        flat = [self._packing.pack({name: values[i] for name, values in sums.items()}) for i in range(len(parts))]
        self._total.add(np.stack(flat), where, parts)
        self._done[b] = 1

    def _meet(self) -> None:
        """Between two rounds: a checkpoint if it is due, the end after a signal. Collective."""
        if self._checkpoints is None:
            return
        rounds = self._checkpoints.rounds
        save, end = rounds.meeting()
        if save:
            self._checkpoints.save(self._comm, self._total, self._done)
        if end:
            name = signal_name(self._comm, rounds.stop.name)
            raise StopRequested(f"stopped by {name}; 'hpcalo restart {self._checkpoints.result}' continues")

    def _points(self, numbers: Sequence[int]) -> int:
        """Number of k-points in these blocks."""
        return sum(self._blocks[b].stop - self._blocks[b].start for b in numbers)

    def _round_seconds(self) -> float:
        return self._checkpoints.rounds.seconds if self._checkpoints else ROUND

    def _stop_requested(self) -> bool:
        return bool(self._checkpoints and self._checkpoints.rounds.stop.requested)
