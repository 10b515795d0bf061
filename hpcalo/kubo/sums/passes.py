"""One pass over k for one direction of the magnetization: planned on rank 0, shared out, summed, saved now and then."""

from __future__ import annotations

import hashlib
import operator
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import __version__
from hpcalo.errors import CheckpointError, ConvergenceError, InputError, Interrupted, ModelError
from hpcalo.hamiltonian.kmesh import KMesh, block_size, uniform_mesh
from hpcalo.hamiltonian.loading import same_files
from hpcalo.hamiltonian.symmetry import Operation, candidates, identity
from hpcalo.io.checkpoint import Checkpoint, CheckpointWriter
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry import SymmetryCheck, symmetries_of, symmetrized
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.guard import on_root, together
from hpcalo.parallel.layout import Layout
from hpcalo.parallel.packing import Packing, union
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import ROUND, Rounds
from hpcalo.parallel.sharing import LATE, Sharing
from hpcalo.parallel.signals import name_of

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


@dataclass(frozen=True)
class Pass:
    """What all ranks agree on before they start."""

    solver: StateSolver
    mesh: KMesh
    request: Request
    note: str

    @property
    def blocks(self) -> list[slice]:
        """Blocks of k-points, the same for any number of ranks."""
        return self.mesh.blocks(block_size(self.solver.size))

    def fingerprint(self) -> str:
        """Tells passes apart whose sums must not be mixed. Serial."""
        digest = hashlib.sha256(repr(sorted(self.request.shapes().items())).encode())
        axes = (self.request.energies, self.request.count_edges, self.request.gammas, self.request.mu, self.request.kt)
        for array in (self.solver.n_hat, self.mesh.points, self.mesh.weights, *axes):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()


@dataclass
class Keeper:
    """Saves unfinished passes beside the result, and knows what an earlier run has left.

    finished: summed passes of this run so far, flat. plans: fingerprints of these and of the one at work (rank 0).
    restored: the checkpoint that is continued, rank 0 only. Passes come in the same order in every run.
    """

    result: Path
    rounds: Rounds
    texts: Mapping[str, str]
    restored: Checkpoint | None = None
    finished: list[np.ndarray] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writer = CheckpointWriter(self.result, self.texts, self.restored)
        if self.restored is not None:
            earlier = self.restored.texts
            if earlier.get("program") != self.texts["program"]:
                self._refuse(f"by hpcalo {earlier.get('program')}, this is {__version__}")
            if not same_files(earlier.get("model_sha256", ""), self.texts["model_sha256"]):
                self._refuse("with other model files than those there are now")

    def save(self, comm: Intracomm, total: ExactSum, done: np.ndarray) -> None:
        """Adds up what all ranks have and writes it. Collective. Raises OutputError on all ranks."""
        everything = total.allreduce(comm)
        arrays = {"limbs": everything.limbs, "addends": np.array(everything.addends), "done": union(comm, done)}
        arrays |= {f"finished_{number}": flat for number, flat in enumerate(self.finished)}
        on_root(comm, lambda: self.writer.write(arrays, texts={"plans": "\n".join(self.plans)}))

    def earlier(self, comm: Intracomm, task: Pass, size: int) -> np.ndarray | None:
        """The summed pass if the checkpoint has it whole. Collective.

        Raises CheckpointError on all ranks if the checkpoint is of another calculation.
        """

        def find() -> np.ndarray | None:
            number = len(self.finished)
            self.plans.append(task.fingerprint())
            if self.restored is None:
                return None
            known = self.restored.texts.get("plans", "").split("\n")
            flat = self.restored.arrays.get(f"finished_{number}")
            planned = known[number] if number < len(known) else self.plans[number]
            if planned != self.plans[number] or (flat is not None and flat.size != size):
                raise CheckpointError(
                    f"{self.restored.path}: belongs to other k-points, energies or quantities: the program has changed"
                )
            return None if flat is None else np.array(flat)

        return on_root(comm, find)

    def begun(self, comm: Intracomm, size: int, blocks: int) -> tuple[ExactSum | None, np.ndarray]:
        """What the checkpoint has of the pass at work: its sum (rank 0; None elsewhere) and which blocks are in it.
        Collective.

        Raises CheckpointError on all ranks if it belongs to other blocks or sums.
        """

        total: ExactSum | None = None

        def find() -> np.ndarray:
            nonlocal total
            if self.restored is None or len(self.finished) != self._restored_passes():
                return np.zeros(blocks, dtype=np.uint8)
            with self.restored.understood():
                done, limbs = self.restored.arrays["done"], self.restored.arrays["limbs"]
                if done.shape != (blocks,) or limbs.shape != (3, size):
                    raise CheckpointError(
                        f"{self.restored.path}: has {done.size} blocks of k-points and {limbs.size // 3} sums, "
                        f"this calculation {blocks} and {size}: model or program have changed"
                    )
                total = ExactSum((size,))
                if limbs.dtype != total.limbs.dtype or done.dtype != np.uint8:
                    raise TypeError(f"sums of type {limbs.dtype}")
                total.limbs[...] = limbs
                total.addends = operator.index(self.restored.arrays["addends"].item())
            return np.array(done)

        done = on_root(comm, find)
        return (total if done.any() else None), done

    def _restored_passes(self) -> int:
        assert self.restored is not None  # asked only where there is one
        return sum(name.startswith("finished_") for name in self.restored.arrays)

    def _refuse(self, how: str) -> None:
        assert self.restored is not None  # asked only where there is one
        raise CheckpointError(
            f"{self.restored.path}: was written {how}; sums of both must not be mixed: run it anew with --force"
        )


def plan(solver: StateSolver, request: Request, section: KuboSection, comm: Intracomm) -> Pass:
    """Mesh and symmetry of one direction: decided on rank 0, so that all ranks have the same. Collective."""
    wanted = on_root(comm, lambda: _wanted(solver, section))
    check = SymmetryCheck(solver, wanted, request, section.k.tolerance)
    for number in range(check.rounds):
        _one_round(check, number, comm)
    mesh = on_root(comm, lambda: _mesh(solver, section, wanted, check.result()[0]))
    note = f"{len(mesh.points)} of {mesh.full} k-points"
    if len(wanted) > 1:
        note += f", {len(mesh.operations)} of {len(wanted)} symmetry operations"
    if len(mesh.operations) > 1:
        note += f" (kept by the Hamiltonian to {check.worst:.1e})"
    return Pass(solver, mesh, request, note)


def _one_round(check: SymmetryCheck, number: int, comm: Intracomm) -> None:
    """The points of a round shared out, each to one rank; rank 0 compares. Collective."""
    points, packing = check.points(number), Packing(check.shapes)
    rows, every = np.zeros((2, len(points), packing.size))
    with together(comm):
        for i in range(comm.rank, len(points), comm.size):
            rows[i] = packing.pack(check.sums(points[i]))
    comm.Reduce(rows, every, root=0)
    check.operations, check.worst = on_root(comm, lambda: check.settle(number, [packing.unpack(row) for row in every]))


def wedge(solver: StateSolver, request: Request, section: KuboSection) -> tuple[KMesh, int]:
    """The mesh, and the number of operations of the crystal. Serial, without MPI."""
    wanted = _wanted(solver, section)
    kept, _ = symmetries_of(solver, wanted, request, section.k.tolerance)
    return _mesh(solver, section, wanted, kept), len(wanted)


def _wanted(solver: StateSolver, section: KuboSection) -> tuple[Operation, ...]:
    for c, repeats in enumerate(solver.crystal.periodic):
        if not repeats and section.k.grid[c] != 1:
            raise InputError(
                f"kubo.k.grid: {list(section.k.grid)}: the model does not repeat along vector {c + 1}; give 1 there"
            )
    return (identity(),) if section.k.symmetry == "off" else candidates(solver.crystal, solver.n_hat)


def _mesh(
    solver: StateSolver, section: KuboSection, wanted: tuple[Operation, ...], kept: tuple[Operation, ...]
) -> KMesh:
    grid = section.k
    if grid.symmetry == "require" and len(kept) < len(wanted):
        raise ModelError(
            f"kubo.k.symmetry: the crystal has {len(wanted)} operations, the Hamiltonian only {len(kept)} "
            f"of them to a relative {grid.tolerance:g}; use 'auto' or 'off', or raise kubo.k.tolerance"
        )
    return uniform_mesh(grid.grid, grid.shift, kept, solver.order)


def sum_over_k(
    task: Pass, comm: Intracomm, *, keeper: Keeper | None = None, quiet: bool = True, label: str = ""
) -> RawSums:
    """Raw sums over the whole zone on every rank: blocks shared out, one reduction, wedge unfolded. Collective.

    The sum is exact in the order-independent sense of ExactSum: the same bits on any number of ranks, and after any
    number of interruptions. Raises Interrupted on all ranks after a signal and the checkpoint it asked for.
    """
    blocks, packing = task.blocks, Packing(task.request.shapes())
    flat = keeper.earlier(comm, task, packing.size) if keeper else None
    if flat is None:
        flat = _sum_blocks(task, blocks, packing, comm, keeper, quiet, label)
    if keeper:
        keeper.finished.append(flat)
    return symmetrized(packing.unpack(flat), task.mesh.operations, task.request, task.solver.directions)


def _sum_blocks(
    task: Pass,
    blocks: list[slice],
    packing: Packing,
    comm: Intracomm,
    keeper: Keeper | None,
    quiet: bool,
    label: str,
) -> np.ndarray:
    begun, done = (None, np.zeros(len(blocks), dtype=np.uint8))
    if keeper:
        begun, done = keeper.begun(comm, packing.size, len(blocks))
    total = begun or ExactSum((packing.size,))
    # What is left is shared out anew: any number of ranks may continue.
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
        if keeper is None:
            return
        save, end = keeper.rounds.meeting()
        if save:
            keeper.save(comm, total, done)
        if end:
            name = name_of(comm, keeper.rounds.stop.name)
            raise Interrupted(f"stopped by {name}; 'hpcalo restart {keeper.result}' continues")

    with Progress(len(task.mesh.points), "k", comm, quiet=quiet, label=label) as progress:
        progress.start_at(finished)
        if keeper:
            keeper.rounds.begin()
        if comm.size > len(left) > 0:  # several ranks share a block's energies: one turn, no time to lose
            layout = Layout(comm.size, comm.rank, len(left), len(task.request.energies))
            work(left[layout.group], layout.my_energies(), layout.member == 0)
            meet()
            progress.advance(len(task.mesh.points) - finished)
            left = []
        sharing = Sharing(comm, left)
        while sharing.left:
            turn = keeper.rounds.turn if keeper else ROUND
            begin, count = time.monotonic(), 0
            for b in sharing.mine:
                work(b, slice(None), True)
                count += 1
                if time.monotonic() - begin > LATE * turn or (keeper and keeper.rounds.stop.requested):
                    break
            spent = time.monotonic() - begin
            if keeper and count:
                keeper.rounds.piece = spent / count
            meet()
            turn = keeper.rounds.turn if keeper else ROUND
            progress.advance(sum(blocks[b].stop - blocks[b].start for b in sharing.settle(count, spent, turn)))
    return total.allreduce(comm).value()
