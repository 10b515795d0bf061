"""A number with its estimated error: how the two are written, and how large an error is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD = 0.1
"""Relative error above which a number is not converged, where an input does not say."""
PLAIN = (1e-3, 1e6)
"""Numbers between these are written without a power of ten."""
EXACT = 7
"""Most digits of a value, however small its error."""


def with_error(value: float, error: float | None) -> str:
    """`-0.643 ± 0.012`, `(4.15 ± 0.08)e-35`, `0.643 ± ?` where the error is not known, `0` without any error.

    The error gets two digits up to 35 and one digit above, the value as many decimals as the error.
    """
    if not math.isfinite(value):
        return "not defined"
    if error is None or not math.isfinite(error):
        return f"{value:.4g} ± ?"
    error = abs(error)
    if error == 0.0:
        return f"{value:.{EXACT}g}"
    if error < 10.0 ** (1 - EXACT) * abs(value):
        return f"{value:.{EXACT}g} ± {error:.1e}"
    size = max(abs(value), error)
    if PLAIN[0] <= size < PLAIN[1]:
        return " ± ".join(_decimals(value, error))
    power = math.floor(math.log10(size))
    first, second = _decimals(value / 10.0**power, error / 10.0**power)
    return f"({first} ± {second})e{power:+03d}"


def _decimals(value: float, error: float) -> tuple[str, str]:
    """Both numbers with the decimals that the error asks for."""
    power = math.floor(math.log10(error))
    digits = 2 if error / 10.0**power <= 3.55 else 1
    decimals = digits - 1 - power
    first, second = (round(number, decimals) + 0.0 for number in (value, error))
    return f"{first:.{max(decimals, 0)}f}", f"{second:.{max(decimals, 0)}f}"


def typical(errors: ArrayLike) -> str:
    """Root mean square of errors with two digits, `?` where none is known."""
    return f"{float(f'{rms(errors):.2g}'):g}" if np.isfinite(np.asarray(errors)).any() else "?"


def percent(ratio: float) -> str:
    """A relative error in per cent with two digits, `?` where it is not known."""
    if math.isnan(ratio):
        return "?"
    if ratio > 99.995:
        return "> 9999 %"
    if 0.0 < ratio < 1e-5:
        return "< 0.001 %"
    return f"{100.0 * ratio:.2g} %" if ratio < 0.995 else f"{100.0 * ratio:.0f} %"


def rms(values: ArrayLike, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> NDArray[np.float64]:
    """Root mean square along axes, of what is not NaN; 0 where nothing is."""
    numbers = np.asarray(values, dtype=np.float64)
    good = np.isfinite(numbers)
    squares = np.where(good, numbers, 0.0) ** 2
    count = np.maximum(good.sum(axis=axis, keepdims=keepdims), 1)
    return np.asarray(np.sqrt(squares.sum(axis=axis, keepdims=keepdims) / count))


def curve_error(values: ArrayLike, errors: ArrayLike, axis: int = -1) -> NDArray[np.float64]:
    """Root mean square of the errors along an axis over that of the values: zeros of a curve do not count.

    NaN where an error of a value is not known; 0 where the curve vanishes and its errors do.
    """
    numbers, size = np.asarray(values, dtype=np.float64), rms(values, axis)
    error = rms(errors, axis)
    unknown = (np.isnan(np.asarray(errors, dtype=np.float64)) & np.isfinite(numbers)).any(axis=axis)
    ratio = np.divide(error, size, out=np.where(error > 0.0, np.inf, 0.0), where=size > 0.0)
    return np.asarray(np.where(unknown, np.nan, ratio))
