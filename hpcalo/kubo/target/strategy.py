"""What a strategy is: one way of refining the sum over k, level by level. One class each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.target.estimate import Estimate


@dataclass(frozen=True)
class Step:
    """The next level of a strategy.

    label: its points in words. points: k-points that it computes, all directions of the magnetization together. plan:
    whatever the strategy needs to make it. spacing: of its points, in units of the zone; None where they are no mesh.
    """

    label: str
    points: int
    plan: Any = None  # each strategy knows its own
    spacing: float | None = None


@dataclass(frozen=True)
class Level:
    """A level that was made.

    sums: what it summed for each direction of the magnetization (SummedPass). estimate: of its own parts and of the
    levels before.
    """

    step: Step
    sums: tuple[SummedPass, ...]
    estimate: Estimate

    @property
    def ratio(self) -> float:
        """Error over allowed error of the worst value."""
        return self.estimate.ratio


class Strategy(Protocol):
    """One way of refining. Its answers are the same on all ranks: they follow from exact sums, never from time.

    name: for the user. levels: those made so far, which the driver enters; only the last one keeps its sums.
    """

    name: str
    levels: list[Level]

    def step(self, reduction: float) -> Step | None:
        """The next level on the way to an error `reduction` (> 1) times smaller than the last one's. Collective.

        The first level where there is none yet; None where no finer one is possible.
        """
        ...

    def rest(self, reduction: float) -> float:
        """Points that are expected to be needed from here to that error; infinite where it is out of reach."""
        ...

    def sums(self, step: Step) -> tuple[SummedPass, ...]:
        """Makes the level. Collective. Raises what a pass over k raises."""
        ...

    def taken(self, step: Step) -> Step:
        """The level that was made last, with the points that it took where these were an estimate before."""
        ...


@dataclass(frozen=True)
class Record:
    """One line of the history: strategy, level, and what it knows."""

    name: str
    step: Step
    estimate: Estimate


@dataclass(frozen=True)
class Outcome:
    """How a target ended.

    level: the one to use, name: its strategy. reached: whether all errors are below the target. why: it ended, in
    words. trail: all levels in their order.
    """

    level: Level
    name: str
    reached: bool
    why: str
    trail: list[Record] = field(default_factory=list)
