"""Strategies of equidistant meshes: finer and finer ones with one shift; those that contain the last one reuse it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.hamiltonian.kgrid import MAX_POINTS
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.target.estimate import likely_growth
from hpcalo.kubo.target.nested import Grid, Shift, refined
from hpcalo.kubo.target.planner import Made, Planned, Planner
from hpcalo.kubo.target.strategy import Level, Step

SPACING = {1: 0.03, 2: 0.085, 3: 0.17}
"""1/Å, of a first mesh with a wedge, by number of directions that repeat."""
LEAST, MOST = 1.15, 2.0
"""Factors by which the points along a direction grow from one level to the next that does not contain it."""
DOUBLED = 2
EVEN, THIRDS = 4, 6
"""Divisions are multiples of the first for Γ-centred and generic meshes, of the second for half-shifted ones, whose
halves symmetry maps onto each other.
"""


@dataclass(frozen=True)
class Kind:
    """A family of meshes.

    multiple: of which its divisions are. factor: the smallest with which a finer mesh of the family contains a coarser
    one. wedge: whether it uses the symmetry of the crystal.
    """

    name: str
    shift: Shift
    multiple: int
    factor: int
    wedge: bool = True


CENTRED = Kind("Γ-centred mesh", (0.0, 0.0, 0.0), EVEN, 2)
HALF = Kind("half-shifted mesh", (0.5, 0.5, 0.5), THIRDS, 3)
GENERIC = Kind("generic shift", (1.0 / 7.0, 3.0 / 7.0, 2.0 / 9.0), EVEN, 2, wedge=False)


def given(shift: Shift, periodic: Sequence[bool]) -> Kind:
    """The family of the input's own shift; with 0.5 or 0 along each direction finer meshes contain coarser ones."""
    along = {s for s, repeats in zip(shift, periodic, strict=True) if repeats}
    name = f"shift {_listed(shift)}"
    if along == {0.5}:
        return Kind(name, shift, THIRDS, 3)
    return Kind(name, shift, EVEN * 3, 3) if along <= {0.0, 0.5} else Kind(name, shift, EVEN, 0)


class MeshStrategy:
    """Equidistant meshes of one kind. start: divisions of the first mesh, None for those that suit the cell."""

    def __init__(self, kind: Kind, planner: Planner, start: Grid | None = None) -> None:
        self.name, self._kind, self._planner, self._start = kind.name, kind, planner, start
        self.levels: list[Level] = []
        self._made: Made | None = None

    def step(self, reduction: float) -> Step | None:
        """The mesh that contains the last one where that saves points, else one that is finer by what is needed."""
        if self._made is None:
            shift = periodic_shift(self._kind.shift, self._planner.crystal.periodic)
            return self._step(self._start or self._first(), shift, None)
        need = self._need(reduction)
        d, f, last = self._dimensions, self._kind.factor, self._made
        # Doubling saves points where the mesh would grow nearly as much; tripling may be more than is needed, so that
        # two levels must have shown that it is not.
        worth = (f**d - 1) ** (1.0 / d) * (1.0 - 1e-9) if f == DOUBLED else f
        if f and (f == DOUBLED or len(self.levels) > 1) and need > worth:
            factors = self._planner.along(f)
            grid, shift, offset = refined(last.grid, last.shift, factors)
            return self._step(grid, shift, (factors, offset))
        return self._step(self._finer(min(max(need, LEAST), MOST)), last.shift, None)

    def rest(self, reduction: float) -> float:
        """As in Strategy."""
        if self._made is None:
            return math.inf
        whole = sum(len(task.mesh.points) for task in self._made.tasks)
        need = max(self._need(reduction), LEAST)
        return whole * need**self._dimensions if need < math.inf else math.inf

    def sums(self, step: Step) -> tuple[SummedPass, ...]:
        """As in Strategy."""
        self._made = self._planner.make(step.plan, self._made)
        return self._made.sums

    def taken(self, step: Step) -> Step:
        """As in Strategy."""
        return step

    # -- meshes ----------------------------------------------------------------------------------------------------

    @property
    def _dimensions(self) -> int:
        return max(sum(self._planner.crystal.periodic), 1)

    def _first(self) -> Grid:
        """Divisions with equal spacings in all directions; fewer where no wedge saves points."""
        saved = 1 if self._kind.wedge else self._planner.operations((0.0, 0.0, 0.0))
        return first_grid(self._planner.crystal, self._kind.multiple, saved)

    def _finer(self, factor: float) -> Grid:
        """The last mesh's divisions times about the factor, each a multiple."""
        assert self._made is not None
        m, periodic = self._kind.multiple, self._planner.crystal.periodic

        def more(n: int) -> int:
            return max(m * round(factor * n / m), m * (n // m + 1))

        a, b, c = (more(n) if repeats else 1 for n, repeats in zip(self._made.grid, periodic, strict=True))
        return a, b, c

    def _need(self, reduction: float) -> float:
        """Factor by which the spacing must shrink."""
        ratios = [level.ratio for level in self.levels]
        lengths = [level.step.plan.spacing for level in self.levels]
        return likely_growth(reduction, ratios, lengths, self._dimensions)

    def _step(self, grid: Grid, shift: Shift, within: tuple[Grid, Grid] | None) -> Step | None:
        if math.prod(grid) > MAX_POINTS:
            return None
        plan: Planned = self._planner.plan(grid, shift, self._made if within else None, within)
        return Step(" × ".join(map(str, grid)), plan.points, plan, plan.spacing)


def first_grid(crystal: Crystal, multiple: int, saved: float = 1.0) -> Grid:
    """Divisions of a first mesh: about equal spacings along the reciprocal vectors, multiples, at least two of each.

    saved: factor by which a wedge would have fewer points, where there is none.
    """
    d = max(sum(crystal.periodic), 1)
    spacing = SPACING[d] * saved ** (1.0 / d)
    reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.lattice).T
    lengths = np.linalg.norm(reciprocal, axis=1)
    counts = [max(2, round(float(b) / spacing / multiple)) * multiple for b in lengths]
    a, b, c = (n if repeats else 1 for n, repeats in zip(counts, crystal.periodic, strict=True))
    return a, b, c


def mesh_strategies(planner: Planner) -> list[MeshStrategy]:
    """The families of meshes to try, the most promising first. Collective."""
    grid, periodic = planner.grid, planner.crystal.periodic
    centred = planner.operations((0.0, 0.0, 0.0))
    half = planner.operations(periodic_shift(HALF.shift, periodic))
    if any(grid.shift):
        found = [given(grid.shift, periodic)]
    elif centred == 1:
        found = [GENERIC]
    elif sum(periodic) < 3 and half == centred:
        found = [CENTRED]  # a half-shifted one is as good, but knows less of its error
    else:
        found = [CENTRED, HALF] if half > 1 else [CENTRED]
    if centred > 1 and grid.symmetry != "require" and not any(grid.shift):
        found.append(GENERIC)
    return [MeshStrategy(kind, planner, grid.grid) for kind in found]


def periodic_shift(shift: Shift, periodic: Sequence[bool]) -> Shift:
    """The shift along the directions that repeat, 0 along the others."""
    a, b, c = (s if repeats else 0.0 for s, repeats in zip(shift, periodic, strict=True))
    return a, b, c


def _listed(shift: Shift) -> str:
    return f"[{', '.join(f'{s:g}' for s in shift)}]"
