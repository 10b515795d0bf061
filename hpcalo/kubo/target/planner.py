"""Meshes of all directions of the magnetization: what they cost, and their sums, with what is known already."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.passes import table_over_k, unfolded
from hpcalo.kubo.sums.plan import Pass, plan
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.nested import Grid, Shift, known_sums, new_points
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

MOST_PASSES = 12
"""Passes of one direction whose sums are kept together, about: levels of all strategies."""
EVEN = 4
"""Points along a direction of the mesh that shows which operations a shift leaves."""


@dataclass(frozen=True)
class Planned:
    """A mesh for each direction of the magnetization.

    tasks: with all its points. new: with those that must be computed. known: what the sums of the last mesh contribute,
    None for nothing.
    """

    grid: Grid
    shift: Shift
    tasks: tuple[Pass, ...]
    new: tuple[Pass, ...]
    known: tuple[RealArray | None, ...]

    @property
    def points(self) -> int:
        """k-points to compute."""
        return sum(len(task.mesh.points) for task in self.new)

    @property
    def spacing(self) -> float:
        """Of the points, in units of the zone: mean over the directions with several."""
        return spacing(self.grid)


def spacing(grid: Grid) -> float:
    """Of the points of a mesh, in units of the zone: mean over the directions with several."""
    several = [n for n in grid if n > 1]
    return math.prod(several) ** (-1.0 / max(len(several), 1))


@dataclass(frozen=True)
class Made:
    """A mesh with its sums. tables: of each direction (rows, size), what a finer mesh takes over."""

    grid: Grid
    shift: Shift
    tasks: tuple[Pass, ...]
    tables: tuple[RealArray, ...]
    sums: tuple[SummedPass, ...]


class Directions:
    """State solvers of all directions of the magnetization, one at a time: a single one is kept.

    make: a new round of them. labels: the directions in words.
    """

    def __init__(self, make: Callable[[], Iterator[StateSolver]], labels: Sequence[str]) -> None:
        self._make, self.labels = make, tuple(labels)
        self._only: StateSolver | None = None

    def __iter__(self) -> Iterator[StateSolver]:
        if len(self.labels) > 1:
            yield from self._make()
            return
        if self._only is None:
            self._only = next(self._make())
        yield self._only


@dataclass
class _Shape:
    """What a plan needs to know of a solver that is not there at the moment. Satisfies StateSolver but for states."""

    crystal: Crystal
    size: int
    n_hat: RealArray
    order: tuple[int, int, int]
    directions: tuple[int, ...]

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        raise NotImplementedError("only plans are made with it")


class Planner:
    """Plans and sums meshes of all directions of the magnetization. Its methods are collective.

    grid: the table [kubo.k] with its symmetry. known: the symmetries of the first directions, where they are known.
    """

    def __init__(
        self,
        comm: Intracomm,
        request: Request,
        grid: KGrid,
        directions: Directions,
        checkpoints: PassCheckpoints | None = None,
        *,
        quiet: bool = True,
        known: Sequence[Symmetry] = (),
    ) -> None:
        self._comm, self.request, self.grid, self._directions = comm, request, grid, directions
        self._checkpoints, self._quiet = checkpoints, quiet
        self._passes = MOST_PASSES * len(directions.labels)
        small = grid.mesh(grid.grid or self.along(EVEN), (0.0, 0.0, 0.0))
        frames = []
        for number, solver in enumerate(directions):
            task = plan(solver, request, small, comm, self._passes, known[number] if number < len(known) else None)
            shape = _Shape(solver.crystal, solver.size, solver.n_hat, solver.order, solver.directions)
            frames.append(replace(task, solver=shape))
        self.frames = tuple(frames)

    @property
    def crystal(self) -> Crystal:
        """Of the model."""
        return self.request.crystal

    def along(self, number: int) -> Grid:
        """The number along the directions that repeat, 1 along the others."""
        a, b, c = (number if repeats else 1 for repeats in self.crystal.periodic)
        return a, b, c

    def operations(self, shift: Shift) -> int:
        """Operations that a mesh with this shift uses: the fewest of all directions."""
        tasks = self._tasks(self.along(EVEN), shift)
        return min(len(task.mesh.operations) for task in tasks)

    def plan(
        self, grid: Grid, shift: Shift, last: Made | None = None, within: tuple[Grid, Grid] | None = None
    ) -> Planned:
        """A mesh. last, within: a coarser one that it contains, and where: every so many points, from which on."""
        tasks = self._tasks(grid, shift)
        if last is None or within is None:
            return Planned(grid, shift, tasks, tasks, (None,) * len(tasks))
        found = [known_sums(a.mesh.division, b.mesh.division, *within) for a, b in zip(last.tasks, tasks, strict=True)]
        new = [
            task if known is None else replace(task, mesh=new_points(task.mesh, *within))
            for task, known in zip(tasks, found, strict=True)
        ]
        return Planned(grid, shift, tasks, tuple(new), tuple(found))

    def make(self, planned: Planned, last: Made | None) -> Made:
        """The sums of a mesh. last: the one that it contains, if the plan says so. Raises what a pass raises."""
        tables, sums = [], []
        for number, solver in enumerate(self._directions):
            task, known = planned.new[number], planned.known[number]
            values = table_over_k(
                replace(task, solver=solver),
                self._comm,
                checkpoints=self._checkpoints,
                quiet=self._quiet,
                label=self._directions.labels[number],
            )
            if known is not None and last is not None:
                values = values + _taken_over(known, last.tables[number])
            tables.append(values)
            sums.append(unfolded(values, planned.tasks[number]))
        return Made(planned.grid, planned.shift, planned.tasks, tuple(tables), tuple(sums))

    def _tasks(self, grid: Grid, shift: Shift) -> tuple[Pass, ...]:
        mesh = self.grid.mesh(grid, shift)
        frames = self.frames
        return tuple(plan(f.solver, self.request, mesh, self._comm, self._passes, f.symmetry) for f in frames)


def _taken_over(known: RealArray, values: RealArray) -> RealArray:
    """The product known @ values, added up in the same order on every machine."""
    out = np.zeros((len(known), values.shape[1]))
    for number, row in enumerate(known):
        for source in np.flatnonzero(row):
            out[number] += row[source] * values[source]
    return out
