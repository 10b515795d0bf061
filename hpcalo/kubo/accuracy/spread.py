"""How much the parts of a mesh scatter about the whole: in every value, however it is made from the sums.

A value θ is a function of the raw sums X, mostly linear, sometimes not (a ratio, the Fermi energy of a count). Part J,
of weight p, deviates from the whole by θ(x_J) − θ(X) if θ is linear. Otherwise a small step towards the part, X +
h(x_J − X), tells what its deviation would be to first order; h takes about as much of a part away as would make the
whole one of the other parts (the jackknife).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    part of the same number; values that mix passes take these as belonging together.
    """
    total = [summed.total for summed in passes]
    values = compute(total)
    count = min(len(summed.levels) for summed in passes)
    return [
        _spread(compute, total, values, [summed.levels[i] for summed in passes], passes[0].dimensions, per_pass)
        for i in range(count)
    ]


def _spread(
    compute: Compute,
    total: Sequence[RawSums],
    values: Values,
    levels: Sequence[Level],
    dimensions: int,
    per_pass: frozenset[str],
) -> Spread:
    modulus = levels[0].modulus
    h = -1.0 / max(modulus**dimensions - 1.0, 1.0)
    weights = np.zeros((len(levels), max(len(level.weights) for level in levels)))
    for a, level in enumerate(levels):
        weights[a, : len(level.weights)] = level.weights
    weights /= (weights * (1.0 - weights)).sum(axis=1, keepdims=True)
    leading = int(np.argmax([len(level.weights) for level in levels]))
    variances = {name: np.zeros(np.shape(value)) for name, value in values.items()}
    alike: dict[str, RealArray] | None = {} if all(level.alike for level in levels) else None
    for part in range(weights.shape[1]):
        moved = [_moved(X, level, part, h) for X, level in zip(total, levels, strict=True)]
        for name, value in compute(moved).items():
            weight = weights[:, part] if name in per_pass else weights[leading, part]
            deviation = (value - values[name]) / h
            variances[name] += weight.reshape(weight.shape + (1,) * (deviation.ndim - weight.ndim)) * deviation**2
            if part == 0 and alike is not None:
                alike[name] = deviation
    return Spread(modulus, variances, alike)


def _moved(X: RawSums, level: Level, part: int, h: float) -> RawSums:
    if part >= len(level.sums):
        return X
    x = level.sums[part]
    return {name: values + h * (x[name] - values) for name, values in X.items()}
