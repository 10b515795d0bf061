"""Figure 4 and every number of section 5 of the paper, beside those of a result for its film."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.bands import draw_line, note_errors, written
from hpcalo.kubo.plot.data import Curve, threshold
from hpcalo.kubo.plot.printed import Row, nearest, paper, rows
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.units import MICRO_EV_A0_PER_KELVIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.paper import PaperFigure

NAME = "published"
"""What `hpcalo plot --quantity` calls it."""
HEADS = ("at 300 K, Γ = 25 meV", "printed", "here", "ratio", "printed in", "why it differs")
PLACES = (0.0, 0.27, 0.44, 0.52, 0.54, 0.68)
RIGHT = 4
"""Columns before this one end at their place, but for the first."""
TILES = {"yx": ("beta_even", 1, 0), "xx": ("beta_odd", 0, 0)}


def figure(result: Result) -> PaperFigure:
    """Figure 4, β(T), and the table below it. Raises InputError as `rows` does."""
    table = rows(result)
    from matplotlib import rc_context  # noqa: PLC0415  (slow to load)

    from hpcalo.plotting.paper import PaperFigure, settings  # noqa: PLC0415  (as above)

    with rc_context(settings()):
        drawn = PaperFigure(figsize=(style.width(), 5.6), dpi=style.DPI, layout="constrained")
        grid = drawn.add_gridspec(2, 2, height_ratios=(1.0, 1.15))
        axes = [drawn.add_subplot(grid[0, 0]), drawn.add_subplot(grid[0, 1])]
        below = drawn.add_subplot(grid[1, :])
        drawn.suptitle(style.literal(f"{result.attrs.get('title', '')}: beside {paper().source}"), fontsize=7.5)
        for axis, (element, part) in zip(axes, TILES.items(), strict=True):
            _curve(axis, result, element, *part)
        _table(below, table)
        style.finish(drawn, axes)
    return drawn


def _curve(axis: Axes, result: Result, element: str, name: str, i: int, j: int) -> None:
    """β of one element against temperature, with its error, its low-temperature form and the printed value."""
    g, m = nearest(result, "gamma", paper().gamma_eV, 1e-6), nearest(result, "mu", 0.0, 1e-9)
    x = np.asarray(result["temperature"], dtype=float)
    factor = 1.0 / MICRO_EV_A0_PER_KELVIN
    variable = result.variables[name]
    y: RealArray = np.asarray(variable.data, dtype=float)[0, g, i, j, m]
    error = None if variable.error is None else np.asarray(variable.error, dtype=float)[0, g, i, j, m]
    curve = Curve({"element": element}, x, y, error=error, limit=threshold(result))
    draw_line(axis, curve, factor, color=style.COLOURS[0], marker="o", ms=2.6)
    axis.plot([], [], color=style.COLOURS[0], marker="o", ms=2.6, label="here")
    low = axis.get_ylim()
    form = f"{name}_sommerfeld"
    if form in result.variables:
        line = factor * np.asarray(result[form], dtype=float)[0, g, i, j, m]
        axis.plot(x, line, color=style.GREY, ls=style.DASHES[1], lw=0.8, label="low-temperature form (58)")
    printed = next(e.printed for e in paper().value if e.variables == [name])
    axis.plot(
        [paper().temperature_K], [factor * printed], ls="None", marker="D", ms=5,
        mfc="white", mec="black", mew=1.2, zorder=5, label="printed, 300 K",
    )  # fmt: skip
    axis.set_ylim(
        min(low[0], 1.3 * factor * min(printed, 0.0)),
        max(low[1], 1.3 * factor * max(printed, 0.0)),
    )
    axis.set_xlim(0.0, 1.03 * float(x.max()))
    axis.set_xlabel("temperature (K)")
    part = "even" if name == "beta_even" else "odd"
    axis.set_ylabel(rf"$\beta^{{{part}}}_{{{element}}}$ (µeV $a_0$/K)")
    style.zero_lines(axis)
    note_errors(axis, [curve])


def _table(axis: Axes, table: Sequence[Row]) -> None:
    axis.set_axis_off()
    lines = len(table) + 1
    axis.set_xlim(0.0, 1.0)
    axis.set_ylim(0.0, 1.0)
    for y, width in ((1.0, 0.8), (1.0 - 1.0 / lines, 0.6), (0.0, 0.8)):
        axis.plot([0.0, 1.0], [y, y], color="black", lw=width, gid=style.GUIDE, clip_on=False)
    for i, cells in enumerate([HEADS, *map(_cells, table)]):
        for column, (place, text) in enumerate(zip(PLACES, cells, strict=True)):
            side = "right" if 0 < column < RIGHT else "left"
            size = 4.6 if column == len(PLACES) - 1 and i else 6.2
            axis.text(place, 1.0 - (i + 0.5) / lines, text, ha=side, va="center", fontsize=size)


def _cells(row: Row) -> tuple[str, ...]:
    unit = row.unit.replace("^2", "²").replace("*", " ")
    scale, unit = (1.0, unit) if "K" in unit else style.prefixed(unit, abs(row.printed))
    here = f"{scale * row.value:.4g}" if row.error is None else written(scale * row.value, scale * row.error)
    printed = written(scale * row.printed, 0.0) if abs(scale * row.printed) >= 1e-3 else _power(row.printed)
    ratio = f"{row.ratio:.2f}".replace("-", "−")
    return row.symbol, f"{printed} {unit}", here, ratio, row.place, fill(row.verdict, 62)


def _power(value: float) -> str:
    digits, _, power = f"{value:.2e}".partition("e")
    return digits.replace("-", "−") + rf"$\times10^{{{int(power)}}}$"
