"""What a level knows: the requested values, each with its error and the error it may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.kubo.accuracy.successive import raised_error
from hpcalo.typing import BoolArray, RealArray

BULK, BOLD = 3, 1.5
"""Directions of a bulk crystal; the exponent per direction that a single level of a film or chain is credited with."""
STEEPEST = 8.0
"""Largest exponent of convergence that two levels are believed."""
FARTHEST = 100.0
"""Logarithm of the largest factor that is told apart from infinity."""


@dataclass(frozen=True)
class Values:
    """All values of one variable, one number each in every array.

    name: the variable. error: estimated, NaN where it is not known. allowed: by the target. scale: what a relative
    error refers to. counts: those that must reach the target (what symmetry makes vanish need not). condition:
    in words, which of the values a number is.
    """

    name: str
    value: RealArray
    error: RealArray
    allowed: RealArray
    scale: RealArray
    counts: BoolArray
    condition: Callable[[int], str] = lambda _: ""

    @property
    def ratios(self) -> RealArray:
        """Error over allowed error; infinite where it is not known, 0 where the value does not count."""
        return np.where(self.counts, _ratio(self.error, self.allowed), 0.0)

    @property
    def relative(self) -> RealArray:
        """Error over scale, in the same way."""
        return np.where(self.counts, _ratio(self.error, self.scale), 0.0)

    def raised(self, before: Values) -> Values:
        """With errors raised where the values of a coarser level differ by more than the errors of both explain."""
        if self.value.shape != before.value.shape:
            return self
        return replace(self, error=raised_error(self.value, self.error, before.value, before.error))


def _ratio(error: RealArray, size: RealArray) -> RealArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0.0, 0.0, error / size)
    return np.where(np.isnan(ratio), np.inf, ratio)


@dataclass(frozen=True)
class Worst:
    """The value that is farthest from its target."""

    name: str
    condition: str
    ratio: float
    relative: float


@dataclass(frozen=True)
class Estimate:
    """All values of a level; the same variables on every level of a run.

    fields: of the result, with the errors of which `variables` hold those with a target. own: what the level alone
    knows, in the form that the next levels want it in.
    """

    variables: tuple[Values, ...]
    fields: Sequence[Variable] = ()
    own: Any = None  # `Evaluate` alone knows what

    def bare(self) -> Estimate:
        """Without fields."""
        return Estimate(self.variables)

    @property
    def ratio(self) -> float:
        """Error over allowed error of the worst value; 0 where nothing has a target."""
        return max((float(v.ratios.max(initial=0.0)) for v in self.variables), default=0.0)

    @property
    def worst(self) -> Worst | None:
        """The worst value; None where nothing has a target."""
        counted = [v for v in self.variables if v.counts.any()]
        if not counted:
            return None
        v = max(counted, key=lambda one: float(one.ratios.max()))
        i = int(np.argmax(v.ratios))
        return Worst(v.name, v.condition(i), float(v.ratios[i]), float(v.relative[i]))

    def largest(self) -> dict[str, float]:
        """The largest relative error of each variable."""
        return {v.name: float(v.relative.max(initial=0.0)) for v in self.variables}

    def checked(self, coarser: Estimate) -> Estimate:
        """With errors raised where the coarser level proves them wrong."""
        before = {v.name: v for v in coarser.variables}
        return Estimate(tuple(v.raised(before[v.name]) if v.name in before else v for v in self.variables))


def exponent(ratios: Sequence[float], lengths: Sequence[float], least: float, most: float) -> float:
    """q of an error ∝ length^q, from the last two levels; `least` where they do not tell."""
    if len(ratios) < 2 or not all(0.0 < r < math.inf for r in ratios[-2:]) or lengths[-1] >= lengths[-2]:
        return least
    q = math.log(ratios[-2] / ratios[-1]) / math.log(lengths[-2] / lengths[-1])
    return min(max(q, least), most)


def growth(reduction: float, q: float) -> float:
    """Factor by which a length must shrink to make an error ∝ length^q so many times smaller."""
    return math.exp(min(math.log(reduction) / q, FARTHEST)) if reduction < math.inf else math.inf


def likely_growth(reduction: float, ratios: Sequence[float], lengths: Sequence[float], d: int) -> float:
    """The same from the levels so far, in `d` directions.

    A single level does not know its exponent. In films and chains integrands mostly are smooth and coarse meshes see
    much too large errors: the guess is bold, so that a second level shows what the mesh can do. In bulk crystals it is
    that of independent points, q = d/2. Where the error falls so fast from one level to the next that the integrand
    must be smooth (q > d), the next levels fall faster yet, exponentially in the number of points; the mean of both
    laws is taken.
    """
    if len(ratios) == 1:
        return growth(reduction, BOLD * d if d < BULK else 0.5 * d)
    q = exponent(ratios, lengths, 0.5 * d, STEEPEST)
    power = growth(reduction, q)
    if q <= d or reduction == math.inf:
        return power
    rate = math.log(ratios[-2] / ratios[-1]) / (1.0 / lengths[-1] - 1.0 / lengths[-2])
    return 0.5 * (power + 1.0 + math.log(reduction) * lengths[-1] / rate)


def rounded(points: float) -> str:
    """A number of points with two digits and commas, upwards."""
    power = 10 ** max(math.floor(math.log10(max(points, 1.0))) - 1, 0)
    return f"{math.ceil(points / power) * power:,}"
