"""The loop over levels: a trial of each strategy, then the one that is expected to reach the target cheapest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hpcalo.errors import InputError
from hpcalo.io.uncertain import percent
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.target.budget import Budget
from hpcalo.kubo.target.estimate import Estimate, rounded
from hpcalo.kubo.target.strategy import Level, Outcome, Record, Step, Strategy

SAFETY = 1.3
"""A step aims at an error so much below the target: one more level costs more than a somewhat larger one."""
FAR = 1e9
"""Ratio of error and target from which on it does not matter how large it is."""
SHARES = (1.0, 0.5, 0.2, 0.0)
"""Where the points do not suffice for a step, it aims at this share of the improvement."""

BEFORE = 2
"""Levels of a strategy that are kept for the errors of the next one."""

Evaluate = Callable[[Sequence[SummedPass], Step, Sequence[Level]], Estimate]
"""From the sums of a level, the level, and those of its strategy before it (at most BEFORE) to what it knows."""
Tell = Callable[[str], None]


def reach(strategies: Sequence[Strategy], evaluate: Evaluate, budget: Budget, tell: Tell) -> Outcome:
    """Refines until every error is below its target, or the budget is used. Collective.

    The first level of a strategy never ends it: what it does not know of its own error, the second one shows. Decisions
    follow from exact sums, so that they are the same on any number of ranks; only a limit of time depends on the clock,
    and the outcome says so. Raises InputError where the budget does not allow a single level.
    """
    trail: list[Record] = []
    while True:
        strategy, step, why = _next(strategies, budget)
        if step is None or (why := budget.beyond_time(step.points)):
            break
        level = _made(strategy, step, evaluate)
        budget.used += level.step.points
        trail.append(Record(strategy.name, level.step, level.estimate))
        done = level.ratio <= 1.0 and len(strategy.levels) > 1
        tell(_line(len(trail), strategy, level, done=done))
        if done:
            return Outcome(level, strategy.name, True, "every error is below its target", trail)
    begun = [s for s in strategies if s.levels]
    if not begun:
        raise InputError(f"kubo.k.{why}")
    best = min(begun, key=lambda s: s.levels[-1].ratio)
    return Outcome(best.levels[-1], best.name, False, why, trail)


def _next(strategies: Sequence[Strategy], budget: Budget) -> tuple[Strategy, Step | None, str]:
    """The strategy that takes the next step, and the step; without a step the reason why there is none.

    First comes every strategy's first level that the points allow, then the next level of the one that is expected to
    need the fewest points.
    """
    why = "no finer mesh is possible"
    for strategy, reduction in _order(strategies):
        found = None
        for share in SHARES if strategy.levels else (1.0,):
            found = strategy.step(1.0 + share * (reduction - 1.0))
            if found is None:
                continue
            if not (why := budget.beyond_points(found.points)):
                return strategy, found, ""
        if strategy.levels and found is not None:
            break  # the others are expected to need more points than this one
    return strategies[0], None, why


def _order(strategies: Sequence[Strategy]) -> Iterator[tuple[Strategy, float]]:
    """The strategies in the order in which to go on, with the factor by which the error is still too large."""
    yield from ((s, 1.0) for s in strategies if not s.levels)
    begun = [(s, min(max(s.levels[-1].ratio, 1.0), FAR) * SAFETY) for s in strategies if s.levels]
    yield from sorted(begun, key=lambda pair: pair[0].rest(pair[1]))


def _made(strategy: Strategy, step: Step, evaluate: Evaluate) -> Level:
    """The level, with errors that take account of those before.

    The sums of the one before are released, and so are the fields of earlier ones.
    """
    sums = strategy.sums(step)
    estimate = evaluate(sums, step, tuple(strategy.levels[-BEFORE:]))
    for number, level in enumerate(strategy.levels):
        last = number == len(strategy.levels) - 1
        strategy.levels[number] = replace(level, sums=(), estimate=level.estimate if last else level.estimate.bare())
    level = Level(strategy.taken(step), sums, estimate)
    strategy.levels.append(level)
    return level


def _line(number: int, strategy: Strategy, level: Level, *, done: bool) -> str:
    """One line for the user: points, the worst error, what is still expected."""
    text = f"level {number}: {strategy.name}, {level.step.label}, {level.step.points:,} k-points"
    worst = level.estimate.worst
    if worst is None:
        return text
    where = f"{worst.name} {worst.condition}".strip()
    if math.isfinite(worst.ratio):
        text += f": error {percent(worst.relative)} of {where}, {worst.ratio:.2g} times its target"
    else:
        text += f": the error of {where} is not known"
    rest = strategy.rest(max(worst.ratio, 1.0) * SAFETY)
    if done:
        return f"{text}: reached"
    known = len(strategy.levels) > 1 and math.isfinite(rest)  # a single level can only guess
    return f"{text}; about {rounded(rest)} more k-points expected" if known else text
