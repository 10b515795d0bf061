"""Axes of the wall's figures: units, times, positions, helpers of all panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.plot.data import series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import LineStyleType

PARTS = {
    "": ("0.15", "total"),
    "_electrical": (style.COLOURS[0], "electrical"),
    "_thermal": (style.COLOURS[1], "thermal"),
}

UNITS = {
    "1/s": r"$\mathrm{s}^{-1}$",
    "1/m^3": r"$\mathrm{m}^{-3}$",
    "1/(m^2 s)": r"$\mathrm{m}^{-2}\,\mathrm{s}^{-1}$",
    "1/nm^3": r"$\mathrm{nm}^{-3}$",
    "1/(nm^2 fs)": r"$\mathrm{nm}^{-2}\,\mathrm{fs}^{-1}$",
    "1/(nm^3 fs)": r"$\mathrm{nm}^{-3}\,\mathrm{fs}^{-1}$",
    "A/m^2": "A/m²",
    "J/m^2": "J/m²",
    "W/m^2": "W/m²",
    "eV fs/nm": "eV fs/nm",
    "degree": "°",
}

PREFIXED = ("J/m^2", "W/m^2", "V/m")
XYZ = "xyz"


def scale(unit: str, size: float) -> tuple[float, str]:
    """Factor and written unit for numbers of this size, given in the file's `unit`."""
    if not unit:
        return 1.0, ""
    return (style.prefixed if unit in PREFIXED else style.short)(UNITS.get(unit, unit), size)


def largest(arrays: Sequence[RealArray]) -> float:
    """The largest finite absolute value."""
    return max((float(np.nanmax(np.abs(a), initial=0.0)) for a in arrays), default=0.0)


def stem(result: Result) -> str:
    """How a file is called in a legend."""
    return style.literal(result.path.stem)


def written(t: float, longest: float) -> str:
    """A time in ns as text, in the unit that suits the longest one."""
    factor, unit = clock(longest)
    return f"{factor * t:.3g} {unit}"


def clock(longest: float) -> tuple[float, str]:
    """Factor from ns and unit of a time axis that ends there."""
    factor, unit = style.prefixed("s", 1e-9 * longest)
    return 1e-9 * factor, unit


def time_axis(axis: Axes, results: Sequence[Result], name: str) -> float:
    """Labels the time axis; returns its factor from ns."""
    end = max(float(series(r, name)[0].max()) for r in results)
    factor, unit = clock(end) if end > 0.0 else (1.0, "ns")
    axis.set_xlabel(f"time $t$ ({unit})")
    axis.set_xlim(0.0, (end or 1.0) * factor)
    return factor


def wire_axis(axis: Axes, low: float, high: float) -> None:
    """Labels the axis along the wire and shows the part from `low` to `high` (nm)."""
    axis.set_xlabel("$x$ (nm)")
    if np.isfinite(low):
        axis.set_xlim(low, high)
    style.zero_lines(axis)


def file_dashes(n: int) -> LineStyleType:
    """Of the n-th file: where files agree, the ones below are seen between the dashes."""
    return style.DASHES[n % len(style.DASHES)]


def marker(t: RealArray) -> str:
    """Marks at the times t where they are few."""
    return "o" if len(t) <= 30 else ""


def calm(axis: Axes, data: Sequence[RealArray]) -> None:
    """Chooses a y range in which a constant looks constant, not like a trend of its last digits."""
    values = np.concatenate([np.ravel(y) for y in data])
    values = values[np.isfinite(values)]
    axis.margins(y=0.1)
    if values.size and np.ptp(values) < 0.02 * np.abs(values).max():
        axis.set_ylim(*sorted((0.0, 1.3 * float(values[np.argmax(np.abs(values))]))))
    elif values.size and values.min() < 0.0 < values.max():
        style.zero_lines(axis)
