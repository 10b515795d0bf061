"""Panel of the mean magnetization against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.plot.axes import (
    XYZ,
    stem,
    time_axis,
    written,
)
from hpcalo.wall.plot.data import (
    is_scan,
    paper_unit,
    scanned,
    series,
)
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.printed import settling_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType

    from hpcalo.plotting.line import LineLook

PRINTED: LineLook = {
    "ls": "None",
    "marker": "D",
    "ms": 4.5,
    "mfc": "white",
    "mec": "black",
    "mew": 1.1,
    "zorder": 5,
}
"""Marks of printed values."""


class Mean(Panel):
    """The mean of M over the wire (in the published model: over the box) against time, for each value of a scan.

    `published`: of the published model.
    """

    name = "mean"

    def __init__(self, *, published: bool = False) -> None:
        self.needs = ("magnetization", "normalization") if published else ("mean_mx", "mean_my", "mean_mz")
        self.times = self.on_request = not published

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        if is_scan(results[0]):
            _scanned_means(axis, results[0])
            if len(results) > 1:
                style.note(axis, f"only {stem(results[0])}, the first of its values widest")
        else:
            _means_in_time(axis, results)
        axis.set_ylabel(r"mean magnetization $\langle M_i\rangle$")
        style.zero_lines(axis)
        axis.margins(y=0.08)


def _means_in_time(axis: Axes, results: Sequence[Result]) -> None:
    result = results[0]
    factor = time_axis(axis, results, "mean_mx" if "mean_mx" in result.variables else "magnetization")
    for n, one in enumerate(results):
        t, mean = _means(one)
        for c in range(3):
            colour, dashes = style.COLOURS[c], style.DASHES[n % len(style.DASHES)]
            axis.plot(factor * t, mean[:, c], color=colour, ls=dashes)
    for c in range(3):
        axis.plot([], [], color=style.COLOURS[c], label=rf"$\langle M_{XYZ[c]}\rangle$")
    for n, one in enumerate(results if len(results) > 1 else ()):
        axis.plot([], [], color="0.3", ls=style.DASHES[n % len(style.DASHES)], label=stem(one))
    settled = float(result["settling_time"]) if "settling_time" in result.variables else np.nan
    if np.isfinite(settled) and len(results) == 1:
        label = f"$t_s$ = {written(settled, settled)}"
        axis.axvline(factor * settled, color="0.4", lw=0.8, ls=style.DASHES[1], gid=style.GUIDE, label=label)
        kappa = result.setting("drive", "gradient")
        printed = settling_times().get(float(kappa)) if kappa else None
        if printed:
            style.note(axis, f"printed: $t_s$ = {written(printed, printed)}")


def _means(result: Result) -> tuple[RealArray, RealArray]:
    """Times in ns, and the three means at each."""
    if "mean_mx" in result.variables:
        return series(result, "mean_mx")[0], np.stack([series(result, f"mean_m{c}")[1] for c in XYZ], axis=1)
    t, m = series(result, "magnetization")
    return t, np.asarray(m.mean(1))


def _scanned_means(axis: Axes, result: Result) -> None:
    """All components, dark to light in the order of the scanned value."""
    good = np.nonzero(np.asarray(result["error"]) == "")[0]
    units = [1e3 * paper_unit(result, int(k)) for k in good]
    end = max(units) * float(np.asarray(result["s"])[-1])
    for c in range(3):
        for n, k in enumerate(good):
            mean = np.nanmean(result["magnetization"][k, ..., c], axis=1)
            width = 3.2 * (1.0 - n / len(good)) + 0.6
            colour = _shade(style.COLOURS[c], n, len(good))
            axis.plot(units[n] * np.asarray(result["s"]), mean, color=colour, lw=width)
        axis.plot([], [], color=style.COLOURS[c], label=rf"$\langle M_{XYZ[c]}\rangle$")
    axis.set_xlabel("time $t$ (ps)")
    axis.set_xlim(0.0, end)
    style.note(axis, f"all {len(good)} values of the scan, the first widest")
    for n, k in enumerate(good):
        time = settling_times().get(float(result[scanned(result)][k])) if scanned(result) == "drive_gradient" else None
        if time is not None and 1e3 * time < end:
            axis.plot([1e3 * time], [1.0], **{**PRINTED, "mec": _shade("#000000", n, len(good))})
    if scanned(result) == "drive_gradient":
        axis.plot([], [], label="printed $t_s$ (Fig. 3)", **PRINTED)


def _shade(colour: str, n: int, count: int) -> ColorType:
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    light = 0.65 * (1.0 - n / max(count - 1, 1))
    red, green, blue = ((1.0 - light) * v + light for v in to_rgb(colour))
    return red, green, blue
