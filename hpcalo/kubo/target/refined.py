"""The strategy of cells that are cut where they contribute much: for resonances in small parts of a bulk zone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.kubo.cells.loop import Integrand
from hpcalo.kubo.cells.tree import CellTree
from hpcalo.kubo.cells.zone import divisions_for
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.plan import Pass, on_broken, with_operations
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.planner import Directions, Planner
from hpcalo.kubo.target.strategy import Level, Step
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

CELLS = 4000
"""Cells of the first summed level, one of each orbit, about."""
HALF = (0.5, 0.5, 0.5)
FIRST = 0.15
"""Threshold of the first level: what a cell may contribute, in units of the allowed error."""
LEAST, MOST = 1.5, 8.0
"""Factors by which the threshold falls from one level to the next."""
POWER = 1.2
"""Of the error to which points and the inverse threshold grow; measured on iron between 5 % and 0.5 %."""

PointValues = Callable[[int, RawSums], Integrand | None]
"""From the number of a direction of the magnetization and its first sums to what single points give for the
numbers that have a target, in units of their allowed errors; None where none has.
"""


def refines_cells(request: Request, grid: KGrid) -> bool:
    """Whether a target is sought with refined cells too: in a bulk crystal, without a shift of the user's.

    Not where levels have Γ of their own, of which there are no means over cells.
    """
    scattering = request.scattering
    return all(request.crystal.periodic) and not any(grid.shift) and not (scattering and scattering.by_level)


@dataclass(frozen=True)
class Cells:
    """A level. threshold: of what cells contribute. tasks: of each direction of the magnetization, for the result."""

    threshold: float
    tasks: tuple[Pass, ...]


class CellStrategy:
    """Cells of all directions of the magnetization, cut at lower and lower thresholds."""

    name = "refined cells"

    def __init__(
        self,
        planner: Planner,
        directions: Directions,
        values: PointValues,
        comm: Intracomm,
        checkpoints: PassCheckpoints | None = None,
        *,
        quiet: bool = True,
    ) -> None:
        self._planner, self._directions, self._values = planner, directions, values
        self._comm, self._checkpoints, self._quiet = comm, checkpoints, quiet
        self._trees: list[CellTree] = []
        self._integrands: list[Integrand | None] = []
        self.levels: list[Level] = []

    def step(self, reduction: float) -> Step | None:
        """As in Strategy. The points are an estimate until the level is made."""
        if not self.levels:
            tasks, points = [], 0
            for frame in self._planner.frames:
                divisions = divisions_for(frame.solver.crystal, frame.symmetry.operations, CELLS)
                tasks.append(replace(frame, mesh=replace(frame.mesh, grid=divisions, shift=HALF)))
                points += round(1.7 * CELLS)
            return Step(" × ".join(map(str, divisions)) + " cells", points, Cells(FIRST, tuple(tasks)))
        if None in self._integrands:
            return None
        last: Cells = self.levels[-1].step.plan
        factor = float(np.clip(reduction**POWER, LEAST, MOST))
        points = max(1, round(self._points * (factor ** (1.0 / POWER) - 1.0)))
        return Step(
            f"threshold {last.threshold / factor:.2g}", points, replace(last, threshold=last.threshold / factor)
        )

    def rest(self, reduction: float) -> float:
        """As in Strategy."""
        if not self.levels:
            return math.inf
        return self._points * max(reduction**POWER - 1.0, LEAST ** (1.0 / POWER) - 1.0)

    def sums(self, step: Step) -> tuple[SummedPass, ...]:
        """As in Strategy."""
        plan: Cells = step.plan
        return tuple(self._grown(number, solver, plan) for number, solver in enumerate(self._directions))

    def taken(self, step: Step) -> Step:
        """As in Strategy."""
        before = sum(level.step.points for level in self.levels)
        plan: Cells = step.plan
        tasks = tuple(self._described(task, tree) for task, tree in zip(plan.tasks, self._trees, strict=True))
        return replace(step, points=self._points - before, plan=replace(plan, tasks=tasks))

    def _described(self, task: Pass, tree: CellTree) -> Pass:
        """With the points of the finest complete mesh, and what there is to say of the cells."""
        cells = f"{sum(tree.cells):,} cells down to 1/{2 ** (len(tree.cells) - 1)} of the coarsest ones' edges"
        first = with_operations(cells, len(tree.zone.operations), task.symmetry)
        full = tree.zone.count(tree.complete)
        notes = (first, *on_broken(self._planner.grid, task.symmetry))
        return replace(task, mesh=replace(task.mesh, full=full), notes=notes)

    @property
    def _points(self) -> int:
        return sum(tree.points for tree in self._trees)

    def _grown(self, number: int, solver: StateSolver, plan: Cells) -> SummedPass:
        label = self._directions.labels[number]
        task = plan.tasks[number]
        if number == len(self._trees):
            tree = CellTree(solver, task.request, task.symmetry, task.mesh.grid)
            first = tree.start(solver, self._comm, checkpoints=self._checkpoints)
            self._trees.append(tree)
            self._integrands.append(self._values(number, first))
        integrand = self._integrands[number] or _nothing
        return self._trees[number].grow(
            solver, integrand, plan.threshold, self._comm, checkpoints=self._checkpoints, quiet=self._quiet, label=label
        )


def _nothing(raw: RawSums) -> RealArray:
    """No number has a target: no cell is cut."""
    return np.zeros((len(next(iter(raw.values()))), 1))
