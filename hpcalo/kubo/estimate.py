"""What a Kubo run will cost: k-points, blocks, memory per rank, time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare, remarks
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.parts import bytes_of_sums
from hpcalo.kubo.sums.plan import wedge
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import PROGRAM, Work


def work_kubo(settings: KuboInput, *, source: Path) -> Work:
    """What a run has to share out: blocks of k-points. Serial; times one small block on this machine.

    Raises InputError, ModelError and ConvergenceError as the run would.
    """
    started = time.monotonic()
    section = settings.kubo
    model = load_model(settings.model)
    _, n_hat, request = prepare(section, model)
    solver = next(solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices))
    mesh, notes = wedge(solver, request, section.k, len(n_hat))
    about = remarks(section, model, n_hat, request)
    start = time.monotonic() - started
    size = block_size(solver.size)
    probe = mesh.points[: min(size, len(mesh.points), 4 if solver.size > 100 else 64)]
    weights = np.full(len(probe), 1.0 / len(probe))
    sum_block(solver, probe[:1], weights[:1], request, slice(None))
    begin = time.process_time()
    sum_block(solver, probe, weights, request, slice(None))
    per_k = (time.process_time() - begin) / len(probe)
    blocks = -(-len(mesh.points) // size)
    block = per_k * min(size, len(mesh.points)) * len(n_hat)
    sums = 8.0 * Packing(request.shapes()).size
    memory = memory_per_rank(model, solver, request)
    memory += bytes_of_sums(mesh.division, Packing(request.shapes()).size, len(n_hat))

    def report(ranks: int) -> str:
        seconds = block * -(-blocks // ranks)
        lines = [
            f"{source}: valid",
            f"model        {model.name or '(unnamed)'}: {solver.size} states, {len(model.R)} cells R, "
            f"volume {model.crystal.volume:.3f} Å^3",
            f"k-points     {notes[0]}, {blocks} blocks of {size}",
            *(f"symmetry     {note}" for note in notes[1:]),
            *(f"note         {note}" for note in about),
            f"directions   {len(n_hat)} of the magnetization",
            f"raw sums     {sums * len(n_hat) / 2**20:.1f} MiB",
            f"memory       about {memory / 2**20:.0f} MiB per rank",
            f"time         about {duration(seconds)} on {ranks} rank{'s' if ranks > 1 else ''} "
            f"({1e3 * per_k:.3g} ms per k-point here)",
        ]
        if blocks < ranks:
            lines.append(
                f"note         {ranks} ranks for {blocks} blocks: the surplus ranks share the energies and mostly wait"
            )
        return "\n".join(lines)

    return Work(
        engine="kubo",
        tasks=blocks,
        groups=blocks,
        team=1,
        what=f"blocks of {size} k-points",
        piece=f"all of the {len(mesh.points)} k-points in one block",
        memory=lambda _: memory,
        report=report,
        start=start,
        task_seconds=block,
    )


def memory_per_rank(model: WannierModel | LcaoModel, solver: StateSolver, request: Request) -> float:
    """Bytes a rank needs at its peak: program, model (twice while rank 0 sends it), lattice sums, a batch, its sums."""
    N, levels = solver.size, request.sums.levels
    cells = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    sizes = sum(observable.size(model.crystal) for observable in {VELOCITY, TORQUE, *request.need()} - set(levels))
    operators = 16.0 * N**2 * (sizes + 8)
    batch = operators * (4 if N > 100 else block_size(N))
    return PROGRAM + 3.0 * cells + batch + 10.0 * 8.0 * Packing(request.shapes()).size
