"""What accuracy a run will have, or what it will take to reach its target: from cheap levels, before the run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.kmesh import mesh_size
from hpcalo.hamiltonian.types import Model
from hpcalo.io.uncertain import percent
from hpcalo.kubo.cells.loop import Integrand
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import estimate_of, labels, point_values, quantities
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.budget import Budget
from hpcalo.kubo.target.driver import SAFETY, reach
from hpcalo.kubo.target.estimate import Estimate, exponent, rounded
from hpcalo.kubo.target.meshes import CENTRED, given, mesh_strategies
from hpcalo.kubo.target.planner import Directions, Planner, spacing
from hpcalo.kubo.target.refined import CELLS, CellStrategy, refines_cells
from hpcalo.kubo.target.strategy import Level, Record, Step, Strategy
from hpcalo.parallel.progress import duration
from hpcalo.parallel.single import single
from hpcalo.typing import RealArray

FEW = 16
"""Points that show what one of the cells takes."""
BELIEVED = 50.0
"""Times its target that an error may be, if also below its value, for the k-points to be known."""
COARSE = (0.25, 0.5)
"""Meshes that show the accuracy of a grid have this share of its divisions."""


@dataclass(frozen=True)
class Foreseen:
    """What is known of a run before it starts.

    text: a line for the user. points: k-points that the run will compute, all directions together; None where that is
    not known. seconds: that each of them takes, None for what their sums alone take. most: whether the points are the
    budget, and the run may end before.
    """

    text: str
    points: float | None = None
    seconds: float | None = None
    most: bool = False


@dataclass(frozen=True)
class Ahead:
    """The run that is looked at.

    reference: eV. seconds: that a k-point takes here. budget: seconds of processor time that a look may take, about.
    symmetry: of the first direction of the magnetization.
    """

    section: KuboSection
    model: Model
    request: Request
    reference: float
    n_hat: RealArray
    seconds: float
    budget: float
    symmetry: Symmetry

    def states(self) -> Iterator[StateSolver]:
        """A round of solvers."""
        need = self.request.need()
        return solvers(self.model, self.n_hat, need, spin_matrices=self.section.spin_matrices)

    @property
    def affordable(self) -> int:
        """k-points for a look ahead."""
        return int(self.budget / self.seconds)

    def planner(self) -> tuple[Planner, Directions]:
        """Of its meshes."""
        directions = Directions(self.states, labels(self.n_hat))
        return Planner(single(), self.request, self.section.k, directions, known=(self.symmetry,)), directions

    def estimate(self, sums: Sequence, step: Step | None = None, before: Sequence[Level] = ()) -> Estimate:
        """What a level knows. before: those of its strategy before it."""
        values = quantities(self.section, self.request, self.reference, None, self.n_hat, sums)
        return estimate_of(*values, self.section, step, before)


def foresee(ahead: Ahead) -> Foreseen | None:
    """What a target will take, or how accurate the input's grid will be. Serial.

    None where a look ahead would be too expensive.
    """
    return _target(ahead) if ahead.section.k.target is not None else _grid(ahead)


def _target(ahead: Ahead) -> Foreseen:
    """Raises InputError where the run would: the budget allows no level at all."""
    look = _Look(ahead)
    try:
        return look.seen()
    except InputError:
        points, most = look.first, ahead.section.k.points_max
        if most is not None and points > most:
            raise
        text = f"not tried: its first level takes {points:,} k-points, {duration(points * ahead.seconds)}"
        text += f"; points_max = {most:,} at most" if most is not None else ""
        return Foreseen(text, None if most is None else float(most), most=most is not None)


class _TooDear(Exception):
    """Cells would take much longer than a look ahead may."""


@dataclass
class _Patience(Budget):
    """No level begins after so many seconds of processor time."""

    patience: float = 0.0

    def beyond_points(self, points: int) -> str:
        """As in Budget."""
        return "no time" if self.used and self.clock() > self.patience else super().beyond_points(points)


class _Look:
    """The first levels of the run, as it will make them."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead, self._most = ahead, ahead.section.k.points_max
        planner, directions = ahead.planner()
        self.meshes = mesh_strategies(planner)
        self._cells: CellStrategy | None = None
        if refines_cells(ahead.request, ahead.section.k):
            self._cells = CellStrategy(planner, directions, self._point_values, single())
        self._every: list[Strategy] = [*self.meshes]
        if self._cells and (first := self._cells.step(1.0)) and first.points <= ahead.affordable:
            self._every.append(self._cells)

    @property
    def first(self) -> int:
        """k-points of the smallest first level."""
        return min(step.points for s in self._every if (step := s.step(1.0)))

    def seen(self) -> Foreseen:
        """What they show. Raises InputError where there is time for none."""
        begin = time.process_time()
        points = min(self._ahead.affordable, self._most or self._ahead.affordable)
        budget = _Patience(
            single(), points, None, lambda: time.process_time() - begin, bool, patience=self._ahead.budget
        )
        ends = self._ends = [begin]  # of the levels
        go_on = partial(reach, evaluate=self._ahead.estimate, budget=budget)
        try:
            outcome = go_on(self._every, tell=lambda _: ends.append(time.process_time()))
        except _TooDear:
            outcome = go_on(self.meshes, tell=lambda _: None)
        used = sum(level.step.points for s in self._begun for level in s.levels)
        if outcome.reached:
            where = f"{outcome.name}, {outcome.level.step.label}{self._alone()}"
            text = f"reached in this check, with {used:,} k-points: {where}"
            return Foreseen(text, used, self._seconds(outcome.name, outcome.trail))
        known = [s for s in self._begun if self._is_known(s)]
        unknown = [self._cells] if self._cells and self._cells.levels else self._begun
        strategy = min(known or unknown, key=_rest)
        return self._expected(strategy, used, self._seconds(strategy.name, outcome.trail), known=bool(known))

    def _is_known(self, strategy: Strategy) -> bool:
        """Whether its levels show what it needs: a single mesh does not."""
        several = strategy is self._cells or len(strategy.levels) > 1
        last = strategy.levels[-1]
        resolved = last.estimate.worst is None or last.estimate.worst.relative <= 1.0
        return several and resolved and last.ratio <= BELIEVED and math.isfinite(_rest(strategy))

    @property
    def _begun(self) -> list[Strategy]:
        return [s for s in self._every if s.levels]

    def _expected(self, strategy: Strategy, used: int, seconds: float | None, *, known: bool) -> Foreseen:
        last = strategy.levels[-1]
        worst, whole = last.estimate.worst, used + self._untried + _rest(strategy)
        if worst is None:
            return Foreseen("not known from the first levels")
        shown = f"with {last.step.label}: {_percent(worst.relative)} of {worst.name} {worst.condition}"
        text = (
            f"about {rounded(whole)} k-points expected: {strategy.name}" if known else "not known from the first levels"
        )
        text, points = f"{text} ({shown}){self._alone()}", whole if known else None
        most = self._most is not None and (whole > self._most or not known)
        if self._most is not None and most:
            ends = "ends it first" if known else "at most"
            text, points = f"{text}; points_max = {self._most:,} {ends}", float(self._most)
        if most and self._untried and last.sums:  # the cells may use up the budget, and their points take longest
            seconds = self._timed(0, last.sums[0].total)[1]
        return Foreseen(text, points, seconds, most)

    @property
    def _untried(self) -> int:
        """k-points of the first cells, where they are not tried here: the run tries them."""
        step = self._cells.step(1.0) if self._cells and not self._cells.levels else None
        return step.points if step else 0

    def _alone(self) -> str:
        return "; refined cells may need fewer, but take too long to try here" if self._untried else ""

    def _seconds(self, name: str, trail: Sequence[Record]) -> float | None:
        """That a k-point takes where not only its sums are computed, but what it gives for the numbers."""
        if self._cells is None or name != self._cells.name:
            return None
        took = [b - a for a, b, record in zip(self._ends, self._ends[1:], trail, strict=False) if record.name == name]
        return sum(took) / sum(level.step.points for level in self._cells.levels)

    def _point_values(self, number: int, start: RawSums) -> Integrand | None:
        """As the run finds them. Raises _TooDear."""
        found, each = self._timed(number, start)
        if CELLS * len(self._ahead.n_hat) * each > self._ahead.budget:
            raise _TooDear
        return found

    def _timed(self, number: int, start: RawSums) -> tuple[Integrand | None, float]:
        """What single points give for the numbers, and the seconds that a point of refined cells takes with it."""
        ahead = self._ahead
        found = point_values(ahead.section, ahead.request, ahead.reference, ahead.n_hat)(number, start)
        if found is None:
            return None, ahead.seconds
        few = {name: np.repeat(array[None], FEW, axis=0) for name, array in start.items()}
        begin = time.process_time()
        found(few)
        return found, (time.process_time() - begin) / FEW + ahead.seconds


def _rest(strategy: Strategy) -> float:
    """k-points that it needs from its last level on."""
    return strategy.rest(max(strategy.levels[-1].ratio, 1.0) * SAFETY)


def _grid(ahead: Ahead) -> Foreseen | None:
    section, grid = ahead.section, ahead.section.k
    kind = given(grid.shift, ahead.request.crystal.periodic) if any(grid.shift) else CENTRED
    found = [_coarser(grid.divisions, share, kind.multiple) for share in COARSE]
    coarse = [one for one in found if one is not None]
    operations = ahead.symmetry.operations
    points = sum(mesh_size(one, grid.shift, operations).count for one in coarse) * len(ahead.n_hat)
    if len(coarse) < len(COARSE) or coarse[0] == coarse[1] or points > ahead.affordable:
        return None
    tried = _with_target(section, coarse[0])
    planner = replace(ahead, section=tried).planner()[0]
    plans = [planner.plan(one, grid.shift) for one in coarse]
    made = [replace(ahead, section=tried).estimate(planner.make(plan, None).sums) for plan in plans]
    last = made[1].checked(made[0])
    worst = last.worst
    if worst is None or not math.isfinite(worst.relative):
        return None
    d = max(sum(planner.crystal.periodic), 1)
    q = exponent([made[0].ratio, last.ratio], [plan.spacing for plan in plans], 0.5 * d, 2.0 * d)
    error = worst.relative * (spacing(grid.divisions) / plans[1].spacing) ** q
    mesh = " × ".join(map(str, plans[1].grid))
    return Foreseen(f"about {_percent(error)} of {worst.name} {worst.condition}, the largest (expected from {mesh})")


def _with_target(section: KuboSection, grid: tuple[int, int, int]) -> KuboSection:
    """The same from another grid, with a target for every quantity, by which they can be compared."""
    return section.model_copy(update={"k": section.k.model_copy(update={"grid": grid, "target": 0.1})})


def _coarser(grid: Sequence[int], share: float, multiple: int) -> tuple[int, int, int] | None:
    """About this share of the divisions; None where so few are no mesh."""
    counts = [n if n == 1 else multiple * round(share * n / multiple) for n in grid]
    if any(n > 1 and c < 2 * multiple for n, c in zip(grid, counts, strict=True)):
        return None
    return counts[0], counts[1], counts[2]


def _percent(share: float) -> str:
    return percent(share) if math.isfinite(share) else "an unknown part"
