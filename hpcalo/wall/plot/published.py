"""Panels of the published model: settling times, states at the start and the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.scanned import OF_POINT
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    XYZ,
    largest,
    scale,
    stem,
)
from hpcalo.wall.plot.data import (
    last,
    scanned,
)
from hpcalo.wall.plot.mean import PRINTED
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.printed import settling_times
from hpcalo.wall.plot.scan_axes import WORDS, frame, from_zero, line, scan_positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


class Settling(Panel):
    """t_s against the scanned input, with the printed values where they are for it."""

    name = "settling"
    needs = ("settling_time",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        for n, (result, x) in enumerate(zip(results, scan_positions(axis, results), strict=True)):
            label = stem(result) if len(results) > 1 else "printed equations, as solved here"
            y, colour = last(result, "settling_time"), style.COLOURS[n % 6]
            line(axis, x, y, color=colour, marker="o", ms=3, label=label)
            error = result.variables["settling_time"].error
            if error is not None:
                axis.errorbar(x, y, yerr=np.nan_to_num(error), color=colour, ls="None", capsize=2.5, lw=0.9)
        axis.set_ylabel("settling time $t_s$ (ns)")
        if scanned(results[0]) == "drive_gradient":
            printed = settling_times()
            axis.plot(list(printed), list(printed.values()), label="printed (Fig. 3)", **PRINTED)
        frame(axis, results)
        from_zero(axis)


def _profile(axis: Axes, results: Sequence[Result], name: str, words: str) -> None:
    """A vector of the first state (solid) and the last one (dotted); of a scan for its largest value."""
    result = results[0]
    head = result.variables[f"{name}_initial"]
    point = -1 if "error" in result.variables else None
    arrays = [np.asarray(result[f"{name}_{when}"], dtype=float) for when in ("initial", "final")]
    if point is not None:
        point = int(np.nonzero(np.asarray(result["error"]) == "")[0][-1])
        arrays = [a[point] for a in arrays]
        value, unit = result[scanned(result)][point], result.coordinates[scanned(result)].unit
        symbol_of_key = WORDS.get(scanned(result), "").rpartition(" ")[2]
        text = f"{value:g} {unit}" if isinstance(value, float | np.floating) else str(value)
        style.note(axis, f"{symbol_of_key} = {text}" if symbol_of_key.startswith("$") else style.literal(text))
    if len(results) > 1:
        style.note(axis, f"only {stem(result)}", add=True)
    factor, unit = scale(head.unit, largest(arrays))
    own = point is not None and "x" + OF_POINT in result.coordinates
    x = np.asarray(result["x" + OF_POINT][point] if own else result["x"], dtype=float)
    symbol = words[words.index("$") :]
    for c in range(3):
        axis.plot(x, factor * arrays[0][:, c], color=style.COLOURS[c], label=symbol.format(XYZ[c]))
        axis.plot(x, factor * arrays[1][:, c], color=style.COLOURS[c], ls=style.DASHES[3], lw=1.0)
    axis.plot([], [], color="0.3", label="start")
    axis.plot([], [], color="0.3", ls=style.DASHES[3], lw=1.0, label="end")
    axis.set_xlabel("$x$ (nm)")
    axis.set_xlim(x[0], np.nanmax(x))
    axis.set_ylabel(f"{words.format('i')} ({unit})")
    style.zero_lines(axis)
    axis.margins(y=0.1)


class PublishedAccumulation(Panel):
    """m at the start and the end."""

    name = "accumulation"
    needs = ("m_initial", "m_final")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        _profile(axis, results, "m", "accumulation $m_{}$")


class PublishedCurrent(Panel):
    """j_s at the start and the end."""

    name = "current"
    needs = ("j_s_initial", "j_s_final")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        _profile(axis, results, "j_s", "spin current $j_{{s,{}}}$")


class PublishedTorque(Panel):
    """The first torque, directly and through the divergence of the spin current."""

    name = "torque"
    needs = ("torque_initial", "torque_final")

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        _profile(axis, results, "torque", "torque $T_{}$")
        result = results[0]
        name = "torque_divergence_initial"
        if name not in result.variables or "error" in result.variables:
            return
        factor, _ = scale(result.variables[name].unit, largest([result["torque_initial"], result["torque_final"]]))
        x, y = np.asarray(result["x"], dtype=float), np.asarray(result[name], dtype=float)
        mark: LineLook = {"ls": "None", "marker": "o", "ms": 3.2, "mfc": "none", "mew": 0.7}
        for c in range(3):
            axis.plot(x[::6], factor * y[::6, c], color=style.COLOURS[c], **mark)
        axis.plot([], [], color="0.3", label="from $j_s$, Eqs. (16), (17)", **mark)
