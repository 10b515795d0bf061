"""From wall results to arrays: times, positions in the wire, which part of it the wall takes, the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.io.scanned import LENGTH
from hpcalo.typing import RealArray
from hpcalo.units import HBAR_EV_S

HBAR = 1e9 * HBAR_EV_S  # eV ns
ALONG_WIRE = ("x", "x_face")
SHARE = 1.5e-3
"""Share of the wall's |M'|^2 that a zoomed panel leaves out on either side."""

ENDS = 4.0
"""Wall widths: so far from the ends of the wire its tilt there has decayed, to exp(-2 * 4) in |M'|^2."""


@dataclass(frozen=True)
class Frames:
    """A field along the wire at several times: `t` in ns, `x` in nm for each time (the window may move), `y`."""

    t: RealArray
    x: RealArray
    y: RealArray


def is_scan(result: Result) -> bool:
    """Whether the first axis of all variables is a scanned input."""
    return "error" in result.variables


def is_paper(result: Result) -> bool:
    """Whether it is of the published model."""
    return result.attrs.get("model") == "paper"


def kind(result: Result) -> str:
    """The kind of result in words; only results of the same kind share a figure."""
    model = "the published model" if is_paper(result) else "the wall"
    if is_scan(result):
        return f"a scan of {scanned(result)} of {model}"
    single = is_paper(result) or result.attrs.get("kind") != "steady"
    return f"a {'run' if single else 'steady state'} of {model}"


def scanned(result: Result) -> str:
    """Name of the scanned axis."""
    return result.variables["error"].dims[0]


def series(result: Result, name: str) -> tuple[RealArray, RealArray]:
    """Times in ns and a number at each."""
    return _times(result, result.variables[name].dims[0]), np.asarray(result[name], dtype=float)


def frames(result: Result, name: str) -> Frames:
    """A field along the wire at each time; a file without a time axis is one time."""
    variable = result.variables[name]
    y = np.asarray(result[name], dtype=float)
    dims = list(variable.dims)
    if dims[0] in ALONG_WIRE:
        t = np.zeros(1)
        y, dims = y[None], ["", *dims]
    else:
        t = _times(result, dims[0])
    x = np.asarray(result[dims[1]], dtype=float) + np.zeros((len(t), 1))
    if "window_origin" in result.variables and not is_scan(result):
        t_o, origin = series(result, "window_origin")
        x = x + origin[np.abs(t[:, None] - t_o).argmin(1)][:, None]
    return Frames(t, x, y)


def paper_unit(result: Result, point: int | None = None) -> float:
    """ns in the published model's unit of time, hbar/(J C max|m|)."""
    j = float(result.setting("electrons", "exchange_splitting") or np.nan)
    c, m = (np.asarray(result[name], dtype=float) for name in ("normalization", "max_m"))
    product = c * m if point is None else c[point] * m[point]
    return float(HBAR / j / product)


def _times(result: Result, axis: str) -> RealArray:
    t = np.asarray(result[axis], dtype=float)
    return t * paper_unit(result) if axis == "s" else t


def chosen(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, evenly, with both ends."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def around_wall(m: Frames) -> tuple[float, float]:
    """The part of the wire where M turns, at any of the times; the whole wire if it turns nowhere or everywhere.

    The tilt that DMI makes at the ends of the wire is no part of it.
    """
    low, high = np.inf, -np.inf
    for x, y in zip(m.x, m.y, strict=True):
        weight = (np.diff(y, axis=0) ** 2).sum(1)
        if weight.sum() < 1e-12:
            continue
        middle = 0.5 * (x[1:] + x[:-1])
        weight = _without_ends(x, middle, weight)
        share = np.cumsum(weight) / weight.sum()
        low = min(low, float(np.interp(SHARE, share, middle)))
        high = max(high, float(np.interp(1.0 - SHARE, share, middle)))
    ends = float(m.x.min()), float(m.x.max())
    if not low < high:
        return ends
    pad = 0.12 * (high - low)
    low, high = max(ends[0], low - pad), min(ends[1], high + pad)
    return ends if high - low > 0.8 * (ends[1] - ends[0]) else (low, high)


def _without_ends(x: RealArray, middle: RealArray, weight: RealArray) -> RealArray:
    """|M'|^2 without a few wall widths at either end, if what is left is one narrow wall."""
    steepest = int(np.argmax(weight / np.diff(x) ** 2))
    width = float(np.diff(x)[steepest] / np.sqrt(weight[steepest]))  # of a Bloch wall |M'| is 1/width in its middle
    far = ENDS * width
    low = max(float(x[0]), min(float(x[0]) + far, float(middle[steepest]) - far))
    high = min(float(x[-1]), max(float(x[-1]) - far, float(middle[steepest]) + far))
    left = np.where((middle >= low) & (middle <= high), weight, 0.0)
    near = np.abs(middle - middle[steepest]) <= far
    return left if left[~near].sum() <= SHARE * left.sum() else weight


def crossing(x: RealArray, y: RealArray) -> float | None:
    """Where M_z changes sign; None if it does so nowhere or at several points."""
    z = y[:, 2]
    (at,) = np.nonzero((z[:-1] >= 0.0) != (z[1:] >= 0.0))
    if len(at) != 1:
        return None
    i = int(at[0])
    return float(x[i] - z[i] * (x[i + 1] - x[i]) / (z[i + 1] - z[i]))


def window(results: Sequence[Result]) -> tuple[float, float]:
    """The part of the wire to show for all these results."""
    ends = [around_wall(frames(r, "magnetization")) for r in results if "magnetization" in r.variables]
    if not ends:
        return -np.inf, np.inf
    return min(e[0] for e in ends), max(e[1] for e in ends)


def steady_velocity(result: Result) -> RealArray | None:
    """beta u/alpha in m/s, the velocity of steady motion below the breakdown.

    None if a field or a spin-orbit torque also drives the wall, or if the file does not hold what is needed.
    """
    if not {"beta", "u"} <= set(result.variables) or result.setting("electronic_structure"):
        return None
    alpha = result.setting("magnet", "damping")
    alphas = np.asarray(float(alpha) if alpha else np.nan)
    if is_scan(result) and scanned(result) == "magnet_damping":
        alphas = np.asarray(result["magnet_damping"], dtype=float)
    if result.setting("drive", "zeeman") or not np.all(alphas > 0.0):
        return None
    product = np.asarray(result["beta"], dtype=float) * np.asarray(result["u"], dtype=float)
    return np.asarray((product.T / alphas).T)


def last(result: Result, name: str) -> RealArray:
    """A number for each point of a scan: of a time series its last one. Raises InputError if it is a field."""
    data = at_end(result, name, np.asarray(result[name], dtype=float))
    if data.ndim != 1:
        raise InputError(f"{result.path}: '{name}' is not one number for each point of the scan")
    return data


def at_end(result: Result, name: str, data: RealArray) -> RealArray:
    """The values at the end of each point's time if the variable `name` is a time series, else `data` itself."""
    dims = result.variables[name].dims
    if len(dims) < 2 or not dims[1].startswith("time"):
        return data
    lengths = result.coordinates.get(dims[1] + LENGTH)  # there if the points differ in it
    return data[:, -1] if lengths is None else np.asarray(data[np.arange(len(data)), np.asarray(lengths.data) - 1])
