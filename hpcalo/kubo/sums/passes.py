"""The sum of one pass over k: blocks shared out over the ranks, one exact reduction, a checkpoint now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import ConvergenceError, Interrupted
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.plan import Pass
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.load_balancer import LATE, LoadBalancer
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import ROUND
from hpcalo.parallel.signals import name_of

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def sum_over_k(
    task: Pass, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None, quiet: bool = True, label: str = ""
) -> RawSums:
    """Raw sums over the whole zone on every rank: blocks shared out, one reduction, wedge unfolded. Collective.

    The sum is exact in the order-independent sense of ExactSum: the same bits on any number of ranks, and after any
    number of interruptions. After a signal it writes a checkpoint and raises Interrupted, on all ranks.
    """
    blocks, packing = task.blocks, Packing(task.request.shapes())
    flat = checkpoints.earlier(comm, task, packing.size) if checkpoints else None
    if flat is None:
        flat = _sum_blocks(task, blocks, packing, comm, checkpoints, quiet, label)
    if checkpoints:
        checkpoints.finished.append(flat)
    return symmetrized(packing.unpack(flat), task.mesh.operations, task.request)


def _sum_blocks(
    task: Pass,
    blocks: list[slice],
    packing: Packing,
    comm: Intracomm,
    checkpoints: PassCheckpoints | None,
    quiet: bool,
    label: str,
) -> np.ndarray:
    begun, done = (None, np.zeros(len(blocks), dtype=np.uint8))
    if checkpoints:
        begun, done = checkpoints.begun(comm, packing.size, len(blocks))
    total = begun or ExactSum((packing.size,))
    # The blocks that are left are shared out anew: any number of ranks may continue.
    left = [b for b in range(len(blocks)) if not done[b]]
    finished = len(task.mesh.points) - sum(blocks[b].stop - blocks[b].start for b in left)

    def work(b: int, energies: slice, whole: bool) -> None:
        k = task.mesh.points[blocks[b]]
        where = f"k-points {np.round(k[0], 4).tolist()} … {np.round(k[-1], 4).tolist()}"
        try:
            sums = sum_block(task.solver, k, task.mesh.weights[blocks[b]], task.request, energies, whole=whole)
        except np.linalg.LinAlgError as problem:
            raise ConvergenceError(f"{where}: {problem}") from None
        total.add(packing.pack(sums), where)
        done[b] = 1

    def meet() -> None:
        if checkpoints is None:
            return
        save, end = checkpoints.rounds.meeting()
        if save:
            checkpoints.save(comm, total, done)
        if end:
            name = name_of(comm, checkpoints.rounds.stop.name)
            raise Interrupted(f"stopped by {name}; 'hpcalo restart {checkpoints.result}' continues")

    with Progress(len(task.mesh.points), "k", comm, quiet=quiet, label=label) as progress:
        progress.start_at(finished)
        if checkpoints:
            checkpoints.rounds.begin()
        if comm.size > len(left) > 0:  # several ranks share the energies of a block: a single round
            layout = Layout(comm.size, comm.rank, len(left), len(task.request.energies))
            work(left[layout.group], layout.my_energies(), layout.member == 0)
            meet()
            progress.advance(len(task.mesh.points) - finished)
            left = []
        balancer = LoadBalancer(comm, left)
        while balancer.left:
            seconds = checkpoints.rounds.seconds if checkpoints else ROUND
            begin, count = time.monotonic(), 0
            for b in balancer.mine:
                work(b, slice(None), True)
                count += 1
                if time.monotonic() - begin > LATE * seconds or (checkpoints and checkpoints.rounds.stop.requested):
                    break
            spent = time.monotonic() - begin
            if checkpoints and count:
                checkpoints.rounds.piece_seconds = spent / count
            meet()
            seconds = checkpoints.rounds.seconds if checkpoints else ROUND
            progress.advance(sum(blocks[b].stop - blocks[b].start for b in balancer.settle(count, spent, seconds)))
    return total.allreduce(comm).value()
