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
OF_CURVES = 1.25
"""By what q of a curve against energy exceeds d/2, in units of what two levels show: from the coarser to the finer one
the gain grows where the integrand is analytic (it would be 2 if the error fell exponentially with N).
"""
OF_NUMBERS = 0.5
"""The same for numbers that are no curve: from few parts and few values it is uncertain, and only half is believed."""
OF_THERMAL = 1.5
"""The same for thermal numbers of meshes with halves. Fermi functions are analytic in k as far as π k_B T over the
levels' slope, so that the error does fall exponentially at last: this would be 1.9 from the halves to the coarsest
parts, 2.3 by meshes alike.
"""
LOWEST = 0.1
"""Part of a curve's error as that of a spiky integrand that is left however fast the levels converge: what falls slowly
is hidden below what falls fast.
"""


BULK = 1.5
"""Half the number of directions of a bulk crystal."""
SHORT = 2.0
"""Parts that are less than this coarser than the whole are close to it: little is extrapolated from them."""


@dataclass(frozen=True)
class Scatter:
    """How the parts of one level scatter, for one value.

    modulus: how much coarser than the whole the parts are. variance: mean squared deviation of one. averaged: whether
    the value is a mean over neighbours that deviate independently. step: squared difference of the mesh alike among the
    parts and the one before it, of which it is a part: that of the level before, or the whole.
    """

    modulus: float
    variance: RealArray
    averaged: bool = False
    step: RealArray | None = None


def estimated_error(levels: Sequence[Scatter], axes: Sequence[str], dimensions: int) -> RealArray:
    """The error of every value from the scatter σ_m of parts with an m times coarser mesh, the finest first.

    σ_m m^(−q): where the integrand is spiky, the error falls with the root of the number of points, q = d/2 with d the
    number of `dimensions` divided. Where it is smooth the error falls faster, and the levels show how much: by the
    differences of meshes alike, each a part of the one before it, else by σ_m2/σ_m1 = (m2/m1)^q.
    """
    least = dimensions / 2.0
    if "energy" in axes:
        return _of_curve(levels, axes, least)
    if len(levels) > 2 and levels[0].modulus < SHORT:
        return _from_near_parts(levels, axes, least)
    q = np.array(least)
    if len(levels) > 1:
        q = least + OF_NUMBERS * (_exponent(levels[0], levels[1], _together(axes, levels[0]), least) - least)
    return _largest(levels[:2], q)


def _of_curve(levels: Sequence[Scatter], axes: Sequence[str], least: float) -> RealArray:
    """The error of a curve against energy, which falls alike at all energies.

    The finest level with a mesh alike counts if there are two. Their classes may be unlike (those of Γ-centred meshes
    are most symmetric at the finest level), so that the σ_m are not compared. Without them, the larger error of two
    levels.
    """
    together = _together(axes, levels[0])
    chosen, gain = list(levels[:2]), np.array(0.0)
    alike = _alike(levels, least)
    if len(alike) > 1:
        chosen, gain = alike[:1], _exponent_of_steps(alike[0], alike[1], together, least) - least
    elif len(levels) > 1:
        gain = _exponent(levels[0], levels[1], together, least) - least
    gain = np.minimum(OF_CURVES * gain, -np.log(LOWEST) / np.log(chosen[0].modulus))
    smooth = [replace(level, variance=_averaged(level.variance, axes)) for level in chosen]
    return _largest(smooth, least + gain)


def _from_near_parts(levels: Sequence[Scatter], axes: Sequence[str], least: float) -> RealArray:
    """The error of a number from the halves of a mesh and from its coarser parts.

    The halves are coarser by √2 only; the coarser levels show how the error falls towards them. The largest of three
    gains is trusted: the mean of those from the halves to either level in full, that to the coarsest level and that of
    meshes alike as thermal averages converge.

    Two halves may agree by chance. For a number without neighbours therefore the smaller of the exponents counts, that
    of all temperatures together, and of three levels the worst.
    """
    together = _together(axes, levels[0])
    one, other = (_exponent(levels[0], level, together, least) for level in levels[1:3])
    if not levels[0].averaged:
        return _largest(levels[:3], np.minimum(one, other))
    thermal = other - least
    alike = _alike(levels, least)
    if len(alike) > 1:
        every = tuple(i for i, axis in enumerate(axes) if axis not in APART)
        thermal = np.maximum(thermal, _exponent_of_steps(alike[0], alike[1], every, least) - least)
    return _largest(levels[:2], np.maximum(0.5 * (one + other), least + OF_THERMAL * thermal))


def _alike(levels: Sequence[Scatter], least: float) -> list[Scatter]:
    """The levels with meshes alike, of films and chains.

    Those of bulk crystals have few points along each direction, most of them on symmetry lines: their differences say
    little.
    """
    return [level for level in levels if level.step is not None] if least < BULK else []


def _largest(levels: Sequence[Scatter], q: RealArray) -> RealArray:
    squares = [level.variance * level.modulus ** (-2.0 * q) for level in levels]
    return np.asarray(np.sqrt(np.maximum.reduce(squares)), dtype=np.float64)


def _together(axes: Sequence[str], level: Scatter) -> tuple[int, ...]:
    """Axes along which one exponent holds. Variances that are means of several know it at each point (μ, T)."""
    apart = (*APART, "mu", "temperature") if level.averaged else APART
    return tuple(i for i, axis in enumerate(axes) if axis not in apart)


def _exponent(finest: Scatter, coarser: Scatter, together: tuple[int, ...], least: float) -> RealArray:
    """q of σ_m ∝ m^q from two levels, at least `least`: from all values along the axes `together`."""
    return _fall(finest.variance, coarser.variance, coarser.modulus / finest.modulus, together, least)


def _exponent_of_steps(finest: Scatter, coarser: Scatter, together: tuple[int, ...], least: float) -> RealArray:
    """The same from the differences of successive meshes alike."""
    assert finest.step is not None
    assert coarser.step is not None
    return _fall(finest.step, coarser.step, coarser.modulus / finest.modulus, together, least)


def _fall(fine: RealArray, coarse: RealArray, ratio: float, together: tuple[int, ...], least: float) -> RealArray:
    """Exponent of the spacing, by which two squares differ whose meshes differ by a ratio; at least `least`."""
    one, other = (np.nan_to_num(squares).sum(axis=together, keepdims=True) for squares in (fine, coarse))
    known = (one > 0.0) & (other > one)
    gain = np.divide(other, one, out=np.ones_like(one), where=known)
    return np.asarray(np.maximum(0.5 * np.log(gain) / np.log(ratio), least), dtype=np.float64)


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
