"""How much the parts of a mesh scatter about the whole: in every value, however it is made from the sums.

A value θ is a function of the raw sums X, mostly linear, sometimes not (a ratio, the Fermi energy of a count). Part J,
of weight p, deviates from the whole by θ(x_J) − θ(X) if θ is linear. Otherwise a small step towards the part, X +
h(x_J − X), tells what its deviation would be to first order; h takes about as much of a part away as would make the
whole one of the other parts (the jackknife). To first order, deviations add up as the sums do: that of a part is the
mean of those of its own parts, and the mean of all is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import Level, SummedPass
from hpcalo.typing import RealArray

Values = Mapping[str, RealArray]
Compute = Callable[[Sequence[RawSums]], Values]
"""Values by name from the raw sums of all passes."""


@dataclass(frozen=True)
class Spread:
    """Scatter of the parts of one level.

    modulus: how much coarser than the whole. variances: by the name of the value, mean squared deviation of one part;
    of the shape of the value. alike: deviation of the part that is the whole with fewer points; None without such a
    part.
    """

    modulus: float
    variances: Mapping[str, RealArray]
    alike: Mapping[str, RealArray] | None = None


def spreads(compute: Compute, passes: Sequence[SummedPass], per_pass: frozenset[str]) -> list[Spread]:
    """The scatter at every level that all passes have, the finest first.

    per_pass: names of the values whose first axis counts the passes. All passes are moved at once, each towards its own
    part of the same number; values that mix passes take these as belonging together. Where the parts of a level are
    made of those of the coarsest one, only these are moved: their deviations add up to first order.
    """
    total, dimensions = [summed.total for summed in passes], passes[0].dimensions
    values = compute(total)
    count = min(len(summed.levels) for summed in passes)
    levels = [[summed.levels[i] for summed in passes] for i in range(count)]
    shares = _common_shares(levels)
    scatters = [_Scatter(values, *level, per_pass) for level in zip(levels, shares, strict=True)]
    for level, share, own in zip(levels, shares, scatters, strict=True):
        if share is not None and level is not levels[-1]:
            continue
        made = [own] if share is None else [s for s, known in zip(scatters, shares, strict=True) if known is not None]
        for part, deviations in enumerate(_deviations(compute, total, values, level, dimensions, share is not None)):
            for scatter in made:
                scatter.add(part, deviations)
    return [scatter.spread() for scatter in scatters]


def _common_shares(levels: Sequence[Sequence[Level]]) -> list[RealArray | None]:
    """`Level.shares` of each level where it is that of all passes; of none if it is not of the coarsest one."""
    found = [_common(level) for level in levels]
    return found if found and found[-1] is not None else [None] * len(found)


def _common(passes: Sequence[Level]) -> RealArray | None:
    first = passes[0]
    if first.shares is None:
        return None
    for other in passes[1:]:
        same = other.shares is not None and np.array_equal(other.shares, first.shares)
        if not same or not np.array_equal(other.weights, first.weights):
            return None
    return first.shares


def _deviations(
    compute: Compute, total: Sequence[RawSums], values: Values, levels: Sequence[Level], dimensions: int, whole: bool
) -> Iterator[Values]:
    """How much each part of a level deviates from the whole. whole: whether the deviations add up to nothing."""
    h = -1.0 / max(levels[0].modulus ** dimensions - 1.0, 1.0)
    parts = max(len(level.weights) for level in levels)
    rest = {name: np.zeros(np.shape(value)) for name, value in values.items()} if whole else {}
    for part in range(parts - whole):
        moved = compute([_moved(X, level, part, h) for X, level in zip(total, levels, strict=True)])
        deviations = {name: (value - values[name]) / h for name, value in moved.items()}
        for name in rest:
            rest[name] -= levels[0].weights[part] * deviations[name]
        yield deviations
    if whole:
        yield {name: value / levels[0].weights[-1] for name, value in rest.items()}


def _moved(X: RawSums, level: Level, part: int, h: float) -> RawSums:
    if part >= len(level.sums):
        return X
    x = level.sums[part]
    return {name: values + h * (x[name] - values) for name, values in X.items()}


class _Scatter:
    """The scatter of the parts of one level while their deviations are found.

    values: of the whole. levels: the level of each pass. shares: of the parts that are moved in those of this level;
    None if they are these.
    """

    def __init__(
        self, values: Values, levels: Sequence[Level], shares: RealArray | None, per_pass: frozenset[str]
    ) -> None:
        weights = np.zeros((len(levels), max(len(level.weights) for level in levels)))
        for a, level in enumerate(levels):
            weights[a, : len(level.weights)] = level.weights
        self._weights = weights / (weights * (1.0 - weights)).sum(axis=1, keepdims=True)
        self._leading = int(np.argmax([len(level.weights) for level in levels]))
        self._shares = np.eye(weights.shape[1]) if shares is None else shares
        self._left = np.count_nonzero(self._shares, axis=1)
        self._open: dict[int, dict[str, RealArray]] = {}
        self._per_pass, self._modulus = per_pass, levels[0].modulus
        self._variances = {name: np.zeros(np.shape(value)) for name, value in values.items()}
        self._is_alike, self._alike = all(level.alike for level in levels), dict[str, RealArray]()

    def add(self, part: int, deviations: Values) -> None:
        """Takes the deviations of a part that was moved; those of a part of the level are used when complete."""
        for number in np.flatnonzero(self._shares[:, part]).tolist():
            share, self._left[number] = self._shares[number, part], self._left[number] - 1
            before = self._open.pop(number, None)
            sums = deviations if share == 1.0 else {name: share * value for name, value in deviations.items()}
            if before is not None:
                sums = {name: before[name] + value for name, value in sums.items()}
            if self._left[number]:
                self._open[number] = dict(sums)
            else:
                self._use(number, sums)

    def _use(self, number: int, deviations: Values) -> None:
        for name, deviation in deviations.items():
            weights = self._weights[:, number] if name in self._per_pass else self._weights[self._leading, number]
            weights = weights.reshape(weights.shape + (1,) * (deviation.ndim - weights.ndim))
            self._variances[name] += weights * deviation**2
        if number == 0 and self._is_alike:
            self._alike = dict(deviations)

    def spread(self) -> Spread:
        """What was found."""
        return Spread(self._modulus, self._variances, self._alike if self._is_alike else None)
