"""What accuracy a run will have, or what it will take to reach its target: from cheap levels, before the run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hpcalo.errors import InputError
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.summing import estimate_of, labels, quantities
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.target.budget import Budget
from hpcalo.kubo.target.driver import SAFETY, reach
from hpcalo.kubo.target.estimate import Estimate, exponent, rounded
from hpcalo.kubo.target.meshes import CENTRED, given, mesh_strategies
from hpcalo.kubo.target.planner import Directions, Planner
from hpcalo.parallel.progress import duration
from hpcalo.parallel.single import single
from hpcalo.typing import RealArray

SECONDS = 3.0
"""Of computing that a look ahead may take, about."""
COARSE = (0.25, 0.5)
"""Meshes that show the accuracy of a grid have this share of its divisions."""


@dataclass(frozen=True)
class Foreseen:
    """text: a line for the user. points: k-points that the run will compute, all directions together; None where
    that is not known.
    """

    text: str
    points: float | None = None


@dataclass(frozen=True)
class Ahead:
    """The run that is looked at. reference: eV. seconds: that a k-point takes here."""

    section: KuboSection
    model: Model
    request: Request
    reference: float
    n_hat: RealArray
    seconds: float

    def states(self) -> Iterator[StateSolver]:
        """A round of solvers."""
        need = self.request.need()
        return solvers(self.model, self.n_hat, need, spin_matrices=self.section.spin_matrices)

    @property
    def affordable(self) -> int:
        """k-points for a look ahead."""
        return int(SECONDS / self.seconds)

    def planner(self) -> Planner:
        """Of its meshes."""
        return Planner(single(), self.request, self.section.k, Directions(self.states, labels(self.n_hat)))

    def estimate(self, sums: Sequence) -> Estimate:
        """What a level knows."""
        values = quantities(self.section, self.request, self.reference, None, self.n_hat, sums)
        return estimate_of(*values, self.section)


def foresee(ahead: Ahead) -> Foreseen | None:
    """What a target will take, or how accurate the input's grid will be; None where a look ahead would be too dear.
    Serial.
    """
    return _target(ahead) if ahead.section.k.target is not None else _grid(ahead)


def _target(ahead: Ahead) -> Foreseen:
    grid = ahead.section.k
    points = min(ahead.affordable, grid.points_max or ahead.affordable)
    planner = ahead.planner()
    strategies = mesh_strategies(planner)
    try:
        outcome = reach(strategies, ahead.estimate, Budget(single(), points, None, float, bool), lambda _: None)
    except InputError:
        first = strategies[0].step(1.0)
        points = first.points if first else 0
        return Foreseen(f"not tried: its first level takes {points:,} k-points, {duration(points * ahead.seconds)}")
    used = sum(record.step.points for record in outcome.trail)
    if outcome.reached:
        return Foreseen(f"reached here with {used:,} k-points: {outcome.name}, {outcome.level.step.label}", used)
    strategy = min(strategies, key=lambda s: s.rest(max(s.levels[-1].ratio, 1.0) * SAFETY) if s.levels else math.inf)
    rest = strategy.rest(max(strategy.levels[-1].ratio, 1.0) * SAFETY)
    worst = strategy.levels[-1].checked.worst
    if worst is None or not math.isfinite(rest):
        return Foreseen("not known from the first levels")
    text = f"about {rounded(used + rest)} k-points expected: {strategy.name}"
    text += f" (with {strategy.levels[-1].step.label}: {_percent(worst.relative)} of {worst.name} {worst.place})"
    if grid.points_max is not None and used + rest > grid.points_max:
        return Foreseen(f"{text}; points_max = {grid.points_max:,} ends it before", float(grid.points_max))
    return Foreseen(text, used + rest)


def _grid(ahead: Ahead) -> Foreseen | None:
    section = ahead.section
    tried = _with_target(section)
    planner = replace(ahead, section=tried).planner()
    kind = given(section.k.shift, planner.crystal.periodic) if any(section.k.shift) else CENTRED
    whole = planner.plan(section.k.divisions, section.k.shift)
    coarse = [_coarser(section.k.divisions, share, kind.multiple) for share in COARSE]
    plans = [planner.plan(grid, section.k.shift) for grid in coarse if grid is not None]
    if len(plans) < len(COARSE) or sum(p.points for p in plans) > ahead.affordable or coarse[0] == coarse[1]:
        return None
    made = [replace(ahead, section=tried).estimate(planner.make(plan, None).sums) for plan in plans]
    last = made[1].checked(made[0])
    worst = last.worst
    if worst is None or not math.isfinite(worst.relative):
        return None
    d = max(sum(planner.crystal.periodic), 1)
    q = exponent([made[0].ratio, last.ratio], [plan.spacing for plan in plans], 0.5 * d, 2.0 * d)
    error = worst.relative * (whole.spacing / plans[1].spacing) ** q
    mesh = " × ".join(map(str, plans[1].grid))
    return Foreseen(f"about {_percent(error)} of {worst.name} {worst.place}, the largest (expected from {mesh})")


def _with_target(section: KuboSection) -> KuboSection:
    """The same with a target for every quantity, by which they can be compared."""
    return section.model_copy(update={"k": section.k.model_copy(update={"target": 0.1})})


def _coarser(grid: Sequence[int], share: float, multiple: int) -> tuple[int, int, int] | None:
    """About this share of the divisions; None where so few are no mesh."""
    counts = [n if n == 1 else multiple * round(share * n / multiple) for n in grid]
    if any(n > 1 and c < 2 * multiple for n, c in zip(grid, counts, strict=True)):
        return None
    return counts[0], counts[1], counts[2]


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %" if math.isfinite(share) else "an unknown part"
