"""The loop over levels with integrals of known value: which strategy it takes, when it stops, what budgets do."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest

from hpcalo.errors import InputError
from hpcalo.kubo.target.budget import Budget
from hpcalo.kubo.target.driver import reach
from hpcalo.kubo.target.estimate import Estimate, Values, exponent, growth, likely_growth
from hpcalo.kubo.target.strategy import Level, Step
from hpcalo.parallel.single import single

A = 1.001
EXACT = 1.0 / math.sqrt(A**2 - 1.0)


def mean(points: int) -> float:
    """(1/2π) ∫ dk / (A − cos k) on so many points."""
    return float(np.mean(1.0 / (A - np.cos(2.0 * np.pi * (np.arange(points) + 0.1) / points))))


@dataclass
class Line:
    """Doubles an equidistant mesh; its cosets tell the error. price: points counted for each."""

    name: str
    first: int = 8
    price: int = 1
    levels: list[Level] = field(default_factory=list)

    def step(self, reduction: float) -> Step | None:
        points = self.first * 2 ** len(self.levels)
        points = points if reduction > 1.2 or not self.levels else math.ceil(1.1 * points / 2)
        return Step(f"{points} points", points * self.price, points) if points < 10_000 else None

    def rest(self, reduction: float) -> float:
        points = [level.step.plan for level in self.levels]
        q = exponent([level.ratio for level in self.levels], [1.0 / n for n in points], 0.5, 8.0)
        return points[-1] * self.price * growth(reduction, q)

    def sums(self, step: Step) -> tuple[float, float]:
        value = mean(step.plan)
        return value, abs(value - mean(step.plan // 2))

    def taken(self, step: Step) -> Step:
        return step


def evaluate(sums, _, before, allowed=0.01):
    value, error = (np.array([x]) for x in sums)
    own = Estimate((Values("x", value, error, np.array([allowed * EXACT]), np.array([EXACT]), np.array([True])),))
    return replace(own.checked(before[-1].estimate.own) if before else own, own=own)


def budget(points=None, seconds=None, clock=lambda: 0.0, replayed=lambda: False):
    return Budget(single(), points, seconds, clock, replayed)


def test_cheapest_strategy_reaches_the_target():
    said: list[str] = []
    dear, cheap = Line("dear", price=100), Line("cheap")
    outcome = reach([dear, cheap], evaluate, budget(), said.append)
    assert outcome.reached
    assert outcome.name == "cheap"
    assert len(dear.levels) == 1
    value, error = outcome.level.sums
    assert abs(value - EXACT) < 0.01 * EXACT
    assert error < 0.01 * EXACT
    assert cheap.levels[-2].ratio > 1.0  # not one level too many
    assert [record.name for record in outcome.trail] == ["dear", *["cheap"] * len(cheap.levels)]
    assert len(said) == len(outcome.trail)
    assert said[-1].endswith("reached")
    errors = [float(re.search(r"error ([\d.e+-]+) %", line)[1]) for line in said[1:]]
    assert errors[0] > 10.0
    assert errors[-1] == min(errors)
    assert all(not level.sums for level in cheap.levels[:-1])


def test_first_level_ends_nothing():
    """A mesh that sees nothing believes that it is exact; the next one shows that it is not."""

    class Blind(Line):
        def sums(self, step):
            return (0.0, 0.0) if len(self.levels) < 1 else super().sums(step)

    outcome = reach([Blind("blind")], evaluate, budget(), lambda _: None)
    assert outcome.reached
    assert abs(outcome.level.sums[0] - EXACT) < 0.01 * EXACT


def test_estimate_is_raised_where_two_levels_contradict_it():
    """Errors a hundred times too small do not end it while the values still move."""

    class Boasting(Line):
        def sums(self, step):
            value, error = super().sums(step)
            return value, 0.01 * error

    outcome = reach([Boasting("boasting")], evaluate, budget(), lambda _: None)
    assert outcome.reached
    assert abs(outcome.level.sums[0] - EXACT) < 0.02 * EXACT


def test_points_end_it():
    line = Line("line")
    outcome = reach([line], evaluate, budget(points=100), lambda _: None)
    assert not outcome.reached
    assert outcome.why.startswith("points_max = 100: ")
    assert sum(record.step.points for record in outcome.trail) <= 100
    assert outcome.level is line.levels[-1]
    with pytest.raises(InputError, match=r"kubo.k.points_max = 5: the first level needs 8"):
        reach([Line("line")], evaluate, budget(points=5), lambda _: None)


def test_time_ends_it_but_never_a_level_that_was_begun():
    """Seconds are those that the points took so far; a level that an earlier part of the run began is made."""
    seen: list[str] = []
    clock = iter(range(100)).__next__
    outcome = reach([Line("line")], evaluate, budget(seconds=7.0, clock=clock), seen.append)
    assert not outcome.reached
    assert outcome.why.startswith("time_max = 7 s: the next level needs about ")
    begun = iter([True] * 4 + [False] * 100).__next__
    outcome = reach([Line("line")], evaluate, budget(seconds=7.0, clock=lambda: 1e6, replayed=begun), seen.append)
    assert len(outcome.trail) == 5
    assert "time_max" in outcome.why


def test_no_finer_mesh():
    outcome = reach([Line("line")], partial(evaluate, allowed=1e-300), budget(), lambda _: None)
    assert not outcome.reached
    assert outcome.why == "no finer mesh is possible"


def test_exponent_and_growth():
    assert exponent([8.0, 1.0], [0.2, 0.1], 0.5, 8.0) == pytest.approx(3.0)
    assert exponent([1.0, 2.0], [0.2, 0.1], 0.5, 8.0) == 0.5
    assert exponent([math.inf, 2.0], [0.2, 0.1], 0.5, 8.0) == 0.5
    assert exponent([1e30, 1e-9], [0.2, 0.1], 0.5, 8.0) == 8.0
    lengths = [1 / 20, 1 / 40, 1 / 60]
    smooth = [math.exp(-0.2 / length) for length in lengths]  # error e^(−0.2 n), n = 20, 40, 60
    assert likely_growth(math.exp(4.0), smooth[:2], lengths[:2], 2) == pytest.approx(1.75)  # between 1.5 and 2
    spiky = [1.0, 0.5]
    assert likely_growth(4.0, spiky, lengths[:2], 2) == pytest.approx(4.0)
