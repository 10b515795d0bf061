"""Panels of arrows: M and the accumulation m along the wire at several times, in the x-z plane, coloured by y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.plot.axes import UNITS, largest, scale, stem, written
from hpcalo.wall.plot.data import chosen, crossing, frames, window
from hpcalo.wall.plot.panel import Panel, any_nonzero

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

ROWS = 5  # times in a panel
ARROWS = 28  # in a row
ENDS = "m_initial"
"""The published model's accumulation: stored for the first and the last state only."""

Row = tuple[str, RealArray, RealArray]


def turning_colours() -> Colormap:
    """Blue, dark in the middle, vermilion: arrows at zero stay visible on white."""
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    return LinearSegmentedColormap.from_list("turning", ["#1f8fd6", "#10456a", "0.12", "#8a3d00", "#f07814"])


class Arrows(Panel):
    """Unit vectors M, one row for each of several times (or files, at their end); where M_z = 0 in grey."""

    name = "arrows"
    needs = ("magnetization", "magnetization")
    wide = True

    def rows(self, results: Sequence[Result]) -> int:
        return len(_rows(results, self.needs[0]))

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        rows = _rows(results, "magnetization")
        crossed = False
        for row, (_, x, y) in enumerate(reversed(rows)):
            zero = crossing(x, y)
            if zero is not None:
                crossed = True
                axis.plot([zero] * 2, [row - 0.47, row + 0.47], color="0.6", lw=0.7, zorder=0.8, gid=style.GUIDE)
        style.note(axis, "arrows: $(M_x, M_z)$" + (",  grey: $M_z = 0$" if crossed else ""))
        size = _largest_y(rows, results)
        factor, power = (1.0, "") if size > 0.05 else style.powered("", size)
        _draw(axis, results, rows, "M", 1.0, factor, power.strip(), size if size >= 1e-6 else 0.0)


class AccumulationArrows(Panel):
    """As `Arrows` for the accumulation m; the longest of all arrows has the length that the panel states.

    `published`: of the published model, whose files hold m at the start and the end only.
    """

    name = "accumulation_arrows"
    wide = True

    def __init__(self, *, published: bool = False) -> None:
        self.needs = (ENDS, "m_final", "magnetization") if published else ("spin_accumulation", "magnetization")

    def rows(self, results: Sequence[Result]) -> int:
        return len(_rows(results, self.needs[0]))

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        name = self.needs[0]
        rows = _rows(results, name)
        unit = results[0].variables[name].unit
        low, high = window(results)
        inside = [y[(x >= low) & (x <= high)] for _, x, y in rows]
        longest = max(float(np.hypot(y[:, 0], y[:, 2]).max(initial=0.0)) for y in inside) or 1.0
        style.note(axis, f"arrows: $(m_x, m_z)$,  longest {style.number(longest, 2)} {UNITS.get(unit, unit)}")
        size = _largest_y(rows, results)
        factor, written_unit = scale(unit, size)
        _draw(axis, results, rows, "m", longest, factor, written_unit, size if size >= 1e-6 * longest else 0.0)

    def sensible(self, results: Sequence[Result]) -> bool:
        return self.needs[0] == ENDS or any_nonzero(results, self.needs[0])


def _rows(results: Sequence[Result], name: str) -> list[Row]:
    """Label, positions (nm) and vectors of each row: of one file several times, of several files the end of each."""
    if name == ENDS:
        x = [np.asarray(r["x"], dtype=float) for r in results]
        if len(results) > 1:
            return [(stem(r), x[n], np.asarray(r["m_final"], dtype=float)) for n, r in enumerate(results)]
        end = float(frames(results[0], "magnetization").t[-1])
        states = ((0.0, results[0][ENDS]), (end, results[0]["m_final"]))
        return [(written(t, end), x[0], np.asarray(y, dtype=float)) for t, y in states]
    held = [frames(r, name) for r in results]
    if len(results) > 1:
        return [(stem(r), f.x[-1], f.y[-1]) for r, f in zip(results, held, strict=True)]
    f = held[0]
    return [(written(f.t[i], f.t[-1]) if f.t[-1] else "", f.x[i], f.y[i]) for i in chosen(len(f.t), ROWS)]


def _largest_y(rows: Sequence[Row], results: Sequence[Result]) -> float:
    low, high = window(results)
    return largest([y[(x >= low) & (x <= high), 1] for _, x, y in rows])


def _draw(
    axis: Axes, results: Sequence[Result], rows: Sequence[Row], symbol: str, longest: float, factor: float, unit: str,
    size: float,
) -> None:  # fmt: skip
    """The rows of these results; the axis says what tells them apart."""
    draw_rows(axis, window(results), rows, symbol, longest, factor, unit, size)
    axis.set_ylabel("" if len(results) > 1 or rows[0][0] == "" else "time $t$")


def draw_rows(
    axis: Axes, span: tuple[float, float], rows: Sequence[Row], symbol: str, longest: float, factor: float, unit: str,
    size: float,
) -> None:  # fmt: skip
    """The rows from top to bottom; an arrow of the length `longest` is as long as there is room for.

    span: the part of the wire. Colours from `factor` times y, up to `size`; 0 stands for no y component.
    """
    low, high = span
    positions = np.linspace(low, high, ARROWS)
    for row, (_, x, y) in enumerate(reversed(rows)):
        values = np.stack([np.interp(positions, x, y[:, c], left=np.nan, right=np.nan) for c in range(3)], axis=1)
        values[:, ::2] /= longest
        _quiver(axis, positions, row, values, factor * size if size else None, factor)
        axis.axhline(row + 0.5, color="0.85", lw=0.4, zorder=0.4, gid=style.GUIDE)
    axis.set_yticks(range(len(rows)), [label for label, _, _ in reversed(rows)])
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(-0.55, len(rows) - 0.45)
    pad = 0.6 * (high - low) / ARROWS
    axis.set_xlim(low - pad, high + pad)
    axis.set_xlabel("$x$ (nm)")
    if not size:
        style.note(axis, f"${symbol}_y = 0$", add=True)
        return
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize  # noqa: PLC0415

    shown = ScalarMappable(Normalize(-factor * size, factor * size), turning_colours())
    bar = axis.figure.colorbar(shown, ax=axis, fraction=0.035, pad=0.012, aspect=18)
    bar.set_label(f"${symbol}_y$ ({unit})" if unit else f"${symbol}_y$")
    bar.outline.set_linewidth(0.5)
    bar.ax.tick_params(direction="in", length=2)


def _quiver(axis: Axes, positions: RealArray, row: float, values: RealArray, size: float | None, factor: float) -> None:
    colours = (np.zeros(len(positions)),) if size is None else (factor * values[:, 1],)
    arrow = axis.quiver(
        positions, np.full(len(positions), float(row)), values[:, 0], values[:, 2], *colours,
        pivot="mid", angles="uv", scale_units="height", units="width", scale=1.0, width=0.0026,
        headwidth=3.6, headlength=4.2, headaxislength=3.8, cmap=turning_colours(), zorder=2,
    )  # fmt: skip
    arrow.set_clim(-(size or 1.0), size or 1.0)


def scale_arrows(axis: Axes) -> None:
    """Makes unit arrows nearly as long as a row is high, and no longer than what keeps neighbours apart."""
    from matplotlib.quiver import Quiver  # noqa: PLC0415

    box = axis.get_window_extent()
    low, high = axis.get_ylim()
    length = min(0.82 / (high - low), 1.05 * box.width / ARROWS / box.height)
    for item in axis.collections:
        if isinstance(item, Quiver):
            item.scale = 1.0 / length
