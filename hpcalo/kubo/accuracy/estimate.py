"""From the scatter of the parts of a mesh to the error of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hpcalo.typing import RealArray

APART = ("n_hat", "gamma", "onsager_row", "onsager_column")
"""Axes along which the integrand may be smooth here and spiky there, or has other units."""
NEIGHBOURS = 0.03
"""Part of the energy axis, to either side, over which the variance is averaged: a few parts alone tell it badly."""
MOST_NEIGHBOURS = 50
OF_CURVES = 1.5
"""By what q of a curve against energy exceeds d/2, in units of what the two levels show: from the coarser to the finer
one the gain grows where the integrand is analytic (it would be 2 if the error fell exponentially with N).
"""
OF_NUMBERS = 0.5
"""The same for numbers that are no curve: from few parts and few values it is uncertain, and only half is believed."""


@dataclass(frozen=True)
class Scatter:
    """Of one value. modulus: how much coarser than the whole the parts are. variance: mean squared deviation of one."""

    modulus: float
    variance: RealArray


def estimated_error(levels: Sequence[Scatter], axes: Sequence[str], dimensions: int) -> RealArray:
    """The error of every value from the scatter σ_m of parts with an m times coarser mesh, the finest first.

    σ_m m^(−q): where the integrand is spiky, the error falls with the root of the number of points, q = d/2 with d the
    number of `dimensions` divided. Where it is smooth the error falls faster, and the parts of two levels show how
    much: σ_m2/σ_m1 = (m2/m1)^q. q is that of a whole curve; where the levels then differ, the larger error counts.
    """
    least = dimensions / 2.0
    q = _exponent(levels[0], levels[1], axes, least) if len(levels) > 1 else np.array(least)
    squares = [_averaged(level.variance, axes) * level.modulus ** (-2.0 * q) for level in levels[:2]]
    return np.asarray(np.sqrt(np.maximum.reduce(squares)), dtype=np.float64)


def _exponent(finest: Scatter, coarser: Scatter, axes: Sequence[str], least: float) -> RealArray:
    """q of σ_m ∝ m^q from two levels, at least `least`: from all values of a curve and of its components together,
    for each of the other axes.
    """
    together = tuple(i for i, axis in enumerate(axes) if axis not in APART)
    fine, coarse = (np.nan_to_num(s.variance).sum(axis=together, keepdims=True) for s in (finest, coarser))
    known = (fine > 0.0) & (coarse > fine)
    ratio = np.divide(coarse, fine, out=np.ones_like(fine), where=known)
    gain = np.maximum(0.5 * np.log(ratio) / np.log(coarser.modulus / finest.modulus) - least, 0.0)
    return least + gain * (OF_CURVES if "energy" in axes else OF_NUMBERS)


def _averaged(variance: RealArray, axes: Sequence[str]) -> RealArray:
    """The variance averaged over neighbouring energies; NaN stays NaN and does not count."""
    if "energy" not in axes:
        return variance
    along = np.moveaxis(variance, axes.index("energy"), -1)
    reach = min(max(1, round(NEIGHBOURS * along.shape[-1])), MOST_NEIGHBOURS)
    known = ~np.isnan(along)
    edges = [(0, 0)] * (along.ndim - 1) + [(reach, reach)]
    sums, counts = (
        sliding_window_view(np.pad(array, edges), 2 * reach + 1, axis=-1).sum(axis=-1)
        for array in (np.where(known, along, 0.0), known.astype(np.float64))
    )
    mean = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=known)
    return np.moveaxis(mean, -1, axes.index("energy"))
