"""From the scatter of the parts of a mesh to the error of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

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


SHORT = 2.0
"""Parts that are less than this coarser than the whole are close to it: little is extrapolated from them."""


@dataclass(frozen=True)
class Scatter:
    """How the parts of one level scatter, for one value.

    modulus: how much coarser than the whole the parts are. variance: mean squared deviation of one. averaged: whether
    the value is a mean over neighbours that deviate independently.
    """

    modulus: float
    variance: RealArray
    averaged: bool = False


def estimated_error(levels: Sequence[Scatter], axes: Sequence[str], dimensions: int) -> RealArray:
    """The error of every value from the scatter σ_m of parts with an m times coarser mesh, the finest first.

    σ_m m^(−q): where the integrand is spiky, the error falls with the root of the number of points, q = d/2 with d the
    number of `dimensions` divided. Where it is smooth the error falls faster, and the parts of several levels show how
    much: σ_m2/σ_m1 = (m2/m1)^q. q is that of a whole curve; where the levels then differ, the larger error counts.
    """
    least = dimensions / 2.0
    if "energy" not in axes and len(levels) > 2 and levels[0].modulus < SHORT:
        return _from_near_parts(levels, axes, least)
    q = np.array(least)
    if len(levels) > 1:
        gain = _exponent(levels[0], levels[1], _together(axes, levels[0]), least) - least
        q = least + gain * (OF_CURVES if "energy" in axes else OF_NUMBERS)
    return _largest([replace(level, variance=_averaged(level.variance, axes)) for level in levels[:2]], q)


def _from_near_parts(levels: Sequence[Scatter], axes: Sequence[str], least: float) -> RealArray:
    """The error of a number from the halves of a mesh and from its coarser parts.

    The halves are coarser by √2 only; the coarser levels show how the error falls towards them. The mean of the
    exponents from the halves to either level is trusted in full.

    Two halves may agree by chance. For a number without neighbours therefore the smaller of the exponents counts, that
    of all temperatures together, and of three levels the worst.
    """
    together = _together(axes, levels[0])
    one, other = (_exponent(levels[0], level, together, least) for level in levels[1:3])
    if levels[0].averaged:
        return _largest(levels[:2], 0.5 * (one + other))
    return _largest(levels[:3], np.minimum(one, other))


def _largest(levels: Sequence[Scatter], q: RealArray) -> RealArray:
    squares = [level.variance * level.modulus ** (-2.0 * q) for level in levels]
    return np.asarray(np.sqrt(np.maximum.reduce(squares)), dtype=np.float64)


def _together(axes: Sequence[str], level: Scatter) -> tuple[int, ...]:
    """Axes along which one exponent holds. Variances that are means of several know it at each point (μ, T)."""
    apart = (*APART, "mu", "temperature") if level.averaged else APART
    return tuple(i for i, axis in enumerate(axes) if axis not in apart)


def _exponent(finest: Scatter, coarser: Scatter, together: tuple[int, ...], least: float) -> RealArray:
    """q of σ_m ∝ m^q from two levels, at least `least`: from all values along the axes `together`."""
    fine, coarse = (np.nan_to_num(s.variance).sum(axis=together, keepdims=True) for s in (finest, coarser))
    known = (fine > 0.0) & (coarse > fine)
    ratio = np.divide(coarse, fine, out=np.ones_like(fine), where=known)
    return np.asarray(np.maximum(0.5 * np.log(ratio) / np.log(coarser.modulus / finest.modulus), least))


def _averaged(variance: RealArray, axes: Sequence[str]) -> RealArray:
    """The variance averaged over neighbouring energies; NaN stays NaN and does not count."""
    if "energy" not in axes:
        return variance
    along = np.moveaxis(variance, axes.index("energy"), -1)
    reach = min(max(1, round(NEIGHBOURS * along.shape[-1])), MOST_NEIGHBOURS)
    known = ~np.isnan(along)
    edges = [(0, 0)] * (along.ndim - 1) + [(reach, reach)]
    sums, counts = (
        _running_sums(np.pad(array, edges), 2 * reach + 1)
        for array in (np.where(known, along, 0.0), known.astype(np.float64))
    )
    mean = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=known)
    return np.moveaxis(mean, -1, axes.index("energy"))


def _running_sums(values: RealArray, width: int) -> RealArray:
    """Sums of `width` neighbours along the last axis, (…, n − width + 1).

    They are added as sums of 1, 2, 4, …: differences of cumulative sums would lose what is small beside what is large.
    """
    found = np.zeros((*values.shape[:-1], values.shape[-1] - width + 1))
    sums, size, start = values, 1, 0
    while width:
        if width % 2:
            found += sums[..., start : start + found.shape[-1]]
            start += size
        width //= 2
        if width:
            sums = sums[..., :-size] + sums[..., size:]
            size *= 2
    return found
