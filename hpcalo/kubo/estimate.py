"""What a Kubo run will cost: k-points, blocks, memory per rank, time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.kmesh import block_size
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.config import KuboInput, KuboSection
from hpcalo.kubo.foresight import Ahead, foresee
from hpcalo.kubo.memory import bytes_of_cells, memory_per_rank
from hpcalo.kubo.prepare import prepare, remarks
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.parts import bytes_of_sums
from hpcalo.kubo.sums.plan import wedge
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.meshes import CENTRED, first_grid
from hpcalo.kubo.target.planner import MOST_PASSES
from hpcalo.kubo.target.refined import refines_cells
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.progress import duration
from hpcalo.parallel.work import Work
from hpcalo.scan.points import Points
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Cost:
    """What one run costs.

    model: in words. memory: bytes a rank. seconds_per_k: of one k-point on one rank. foreseen: what a look ahead says
    of the accuracy, or of what the target takes; "" for nothing. known: whether `points` are those of the run, and not
    of a first mesh only. most: whether they are its budget, so that it may take less. time_max: its budget of seconds,
    infinite where there is none.
    """

    model: str
    points: int
    size: int
    directions: int
    sums: float
    memory: float
    seconds_per_k: float
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    foreseen: str = ""
    target: bool = False
    known: bool = True
    most: bool = False
    time_max: float = math.inf

    @property
    def blocks(self) -> int:
        """Blocks of k-points."""
        return -(-self.points // self.size)

    @property
    def block_seconds(self) -> float:
        """Of one block on one rank."""
        return self.seconds_per_k * min(self.size, self.points) * self.directions

    def seconds(self, ranks: int) -> float:
        """Of all blocks on so many ranks, or the budget if it is shorter; infinite where it is not known."""
        return min(self.block_seconds * -(-self.blocks // ranks) if self.known else math.inf, self.time_max)

    @property
    def at_most(self) -> str:
        """Before a number that the run may stay below."""
        return "at most " if self.most else ""


class _Costs:
    """Costs of runs; models are read, and blocks timed, once for all runs that have them alike."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}
        self._timed: dict[str, float] = {}

    def of(self, settings: KuboInput, *, alone: bool = True) -> Cost:
        """The cost of one run; the accuracy of a grid only if it is alone. Raises InputError, ModelError and
        ConvergenceError as the run would.
        """
        section, name = settings.kubo, settings.model.model_dump_json()
        if name not in self._models:
            self._models = {name: load_model(settings.model)}  # one at a time: they may be large
        model = self._models[name]
        reference, n_hat, request = prepare(section, model)
        solver = next(solvers(model, n_hat, request.need(), spin_matrices=section.spin_matrices))
        target = section.k.target is not None
        passes = len(n_hat) * (MOST_PASSES if target else 1)
        mesh, notes = wedge(solver, request, _mesh(section, model), passes)
        alike = name + section.model_copy(update={"k": None}).model_dump_json()
        if alike not in self._timed:
            self._timed[alike] = seconds_per_k(solver, mesh.points, request)
        points, foreseen = len(mesh.points), None
        if target or alone:
            foreseen = foresee(Ahead(section, model, request, reference, n_hat, self._timed[alike]))
        if target and foreseen is not None and foreseen.points is not None:
            points = math.ceil(foreseen.points / len(n_hat))
        known = not target or (foreseen is not None and foreseen.points is not None)
        each = foreseen.seconds if foreseen is not None else None
        return Cost(
            f"{model.name or '(unnamed)'}: {solver.size} states, {len(model.R)} cells R, "
            f"volume {model.crystal.volume:.3f} Å^3",
            points,
            block_size(solver.size),
            len(n_hat),
            8.0 * Packing(request.shapes()).size,
            memory_per_rank(model, solver, request)
            + bytes_of_sums(mesh.division, Packing(request.shapes()).size, passes)
            + (
                bytes_of_cells(points * len(n_hat), solver, request)
                if target and refines_cells(model.crystal, section.k)
                else 0.0
            ),
            each or self._timed[alike],
            tuple(notes),
            tuple(remarks(section, model, n_hat, request)),
            foreseen.text if foreseen else "",
            target,
            known,
            foreseen is not None and (foreseen.most or (section.k.time_max is not None and not known)),
            section.k.time_max or math.inf,
        )


def seconds_per_k(solver: StateSolver, points: RealArray, request: Request) -> float:
    """Processor time of a k-point on this machine, from a small block. Raises ConvergenceError."""
    probe = points[: min(block_size(solver.size), len(points), 4 if solver.size > 100 else 64)]
    weights = np.full(len(probe), 1.0 / len(probe))
    sum_block(solver, probe[:1], weights[:1], request, slice(None))
    begin = time.process_time()
    sum_block(solver, probe, weights, request, slice(None))
    return max(time.process_time() - begin, 1e-6) / len(probe)


def _mesh(section: KuboSection, model: Model) -> KGrid:
    """The grid of the input, or one like the first of its target."""
    if section.k.target is None:
        return section.k
    return section.k.mesh(section.k.grid or first_grid(model.crystal, CENTRED.multiple), section.k.shift)


def work_kubo(points: Points[KuboInput], *, source: Path) -> Work:
    """What a run has to share out: blocks of k-points, or the points of a scan. Serial; times small blocks on this
    machine.

    Raises InputError, ModelError and ConvergenceError as the run would.
    """
    started, costs = time.monotonic(), _Costs()
    each = [costs.of(point, alone=points.axis is None) for point in points.settings]
    start = time.monotonic() - started
    return _scan_work(points, each, source, start) if points.axis is not None else _run_work(each[0], source, start)


def _about(seconds: float, ranks: int, most: bool) -> str:
    """A time in words, or at most."""
    if seconds == math.inf:
        return "not known"
    return f"{'at most ' if most else ''}about {duration(seconds)} on {ranks} rank{'s' if ranks > 1 else ''}"


def _run_work(cost: Cost, source: Path, start: float) -> Work:
    where = [] if cost.target else [f"k-points     {cost.notes[0]}, {cost.blocks} blocks of {cost.size}"]
    where += [f"{'target' if cost.target else 'errors'}       {cost.foreseen}"] if cost.foreseen else []

    def report(ranks: int) -> str:
        whole = _about(cost.seconds(ranks), ranks, cost.most)
        lines = [
            f"{source}: valid",
            f"model        {cost.model}",
            *where,
            *(f"symmetry     {note}" for note in cost.notes[1:]),
            *(f"note         {note}" for note in cost.remarks),
            f"directions   {cost.directions} of the magnetization",
            f"raw sums     {cost.sums * cost.directions / 2**20:.1f} MiB",
            f"memory       {cost.at_most}about {cost.memory / 2**20:.0f} MiB per rank",
            f"time         {whole} ({1e3 * cost.seconds_per_k:.3g} ms per k-point here)",
        ]
        if cost.blocks < ranks:
            lines.append(
                f"note         {ranks} ranks for {cost.blocks} blocks: the surplus ranks share the energies and mostly "
                "wait"
            )
        return "\n".join(lines)

    return Work(
        engine="kubo",
        tasks=cost.blocks,
        groups=cost.blocks,
        team=1,
        what=f"blocks of {cost.size} k-points",
        piece=f"all of the {cost.points} k-points in one block",
        memory=lambda _: cost.memory,
        report=report,
        start=start,
        task_seconds=cost.block_seconds,
        known=cost.known,
    )


def _scan_work(points: Points[KuboInput], each: Sequence[Cost], source: Path, start: float) -> Work:
    """Points in turn over groups of ranks; a group shares the blocks of a point."""
    axis = points.axis
    assert axis is not None  # else it is no scan
    memory, most = max(cost.memory for cost in each), any(cost.most for cost in each)

    def seconds(ranks: int) -> float:
        """Of the group that takes longest."""
        groups = points.groups(ranks)
        sizes = [len(range(group, ranks, groups)) for group in range(groups)]
        return max(sum(cost.seconds(size) for cost in each[group::groups]) for group, size in enumerate(sizes))

    def report(ranks: int) -> str:
        groups = points.groups(ranks)
        lines = [f"{source}: valid", f"scan         of {axis.key}, {len(each)} points in {groups} groups of ranks"]
        for index, cost in enumerate(each):
            number = f"{cost.at_most}{cost.points:,}" if cost.known else "an unknown number of"
            lines.append(f"  {axis.point(index)}: {number} k-points, {_about(cost.seconds(1), 1, cost.most)}")
        lines += [f"model        {text}" for text in dict.fromkeys(cost.model for cost in each)]
        lines += [f"note         {text}" for text in dict.fromkeys(text for cost in each for text in cost.remarks)]
        lines += [
            f"memory       {'at most ' if most else ''}about {memory / 2**20:.0f} MiB per rank",
            f"time         {_about(seconds(ranks), ranks, most)}",
        ]
        return "\n".join(lines)

    return Work(
        engine="kubo",
        tasks=len(each),
        groups=points.most_groups,
        team=min(cost.blocks for cost in each),
        what=f"values of {axis.key}",
        piece="blocks of k-points shared",
        memory=lambda _: memory,
        report=report,
        start=start,
        task_seconds=sum(cost.seconds(1) for cost in each) / len(each),
        known=math.isfinite(seconds(1)),
    )
