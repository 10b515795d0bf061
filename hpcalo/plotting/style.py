"""The look of all figures: journal width, small type, colours that colour-blind readers can tell apart, SI prefixes.

Nothing here changes matplotlib's global settings: figures are built and saved inside `rc_context`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.plotting.legend import GUIDE, limit, place_legend
from hpcalo.plotting.look import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType, LineStyleType

    from hpcalo.plotting.paper import PaperFigure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, the most distinct first."""
DASHES: tuple[LineStyleType, ...] = ("-", (0, (4, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1.2)))
BAND = "band"
"""Mark (gid) of bands of errors."""
GREY = "0.45"
WIDTH = 7.0  # inches: both columns of a journal page
DPI = 200


def width() -> float:
    """Inches of a figure of two columns of panels."""
    return look().width or WIDTH


def panels(count: int, title: str = "") -> tuple[PaperFigure, list[Axes]]:
    """A figure with `count` axes in two columns; one alone is large, an odd last one takes the whole width.

    A figure as wide as a column of a page has one column.
    """
    from hpcalo.plotting.paper import PaperFigure  # noqa: PLC0415  (matplotlib is loaded only to draw)

    columns = 1 if look().narrow else min(count, 2)
    rows = -(-count // columns)
    wide, high = (4.8, 3.5) if count == 1 else (WIDTH * columns / 2, 2.55 * rows + 0.3 * (rows == 1))
    if look().width is not None:
        wide, high = width(), high * (width() / wide) ** 0.5 if count > 1 else high * width() / wide
    figure = PaperFigure(figsize=(wide, high + (0.2 if title else 0.0)), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    axes = []
    for i in range(count):
        row, column = divmod(i, columns)
        last_alone = count > 1 and i == count - 1 and column == 0
        axes.append(figure.add_subplot(grid[row, :] if last_alone else grid[row, column]))
    if title:
        length = round(13.5 * wide) if look().width is not None else 60 if count == 1 else 95
        figure.suptitle(literal(fill(title, length)), fontsize=7.5, color="0.25")
    return figure, axes


def finish(figure: PaperFigure, axes: Sequence[Axes]) -> None:
    """Limits of the user, panel letters, and legends where no data are."""
    limit(axes)
    if len(axes) > 1:
        for letter, axis in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
            axis.set_title(f"({letter})", loc="left", fontweight="bold", pad=3)
    lay_out(figure)
    if sum([*map(wrap_label, axes), *map(wrap_note, axes)]):  # of all of them
        lay_out(figure)
    if sum(map(place_legend, axes)):  # of all of them
        lay_out(figure)
    freeze(figure)


def lay_out(figure: PaperFigure) -> None:
    """Places the axes; a drawing would do so, too, and take twice as long."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def wrap_label(axis: Axes) -> bool:
    """Puts the unit of a y axis into a second line where the label is longer than the axis; returns whether it did."""
    label = axis.yaxis.label
    words, bracket, unit = label.get_text().rpartition(" (")
    long = bool(bracket) and label.get_window_extent().height > axis.get_window_extent().height
    if long:
        label.set_text(f"{words}\n({unit}")
    return long


def wrap_note(axis: Axes) -> bool:
    """Breaks the note above a panel into lines where it would reach the panel's letter; returns whether it did."""
    text = axis.get_title(loc="right")
    private: Any = axis  # matplotlib has no public name for the titles at the sides
    left, right = (title.get_window_extent().width for title in (private._left_title, private._right_title))
    share = (axis.get_window_extent().width - 1.5 * left) / max(right, 1.0)
    first, *rest = text.split(",  ")
    if share >= 1.0 or not rest:
        return False
    lines = [first]
    for part in rest:
        joined = f"{lines[-1]},  {part}"
        lines = [*lines[:-1], joined] if len(joined) <= share * len(text) else [*lines, part]
    note(axis, ",\n".join(lines))
    return True


def freeze(figure: PaperFigure) -> None:
    """Keeps the axes where they are, to a millionth of the page: saving then gives the same file each time."""
    figure.set_layout_engine("none")
    for axis in figure.axes:
        axis.set_position(np.round(axis.get_position().bounds, 6))


def trim(axis: Axes) -> float | None:
    """Keeps single sharp peaks from flattening everything else; returns the largest value that was cut off, if any."""
    if look().x is not None or look().y is not None:
        return None
    low, high, peak = 0.0, 0.0, 0.0
    lines = [line for line in axis.get_lines() if line.get_gid() != GUIDE and np.size(line.get_ydata())]
    for line in lines:
        values = np.asarray(line.get_ydata(), dtype=float)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        bottom, top = np.quantile(values, (0.015, 0.985)) if len(values) >= 50 else (values.min(), values.max())
        bottom, top = min(float(bottom), 0.0), max(float(top), 0.0)
        largest = float(values[np.argmax(np.abs(values))])
        if abs(largest) < 2.5 * max(top, -bottom):  # no sharp peak
            bottom, top = min(0.0, float(values.min())), max(0.0, float(values.max()))
        elif abs(largest) > abs(peak):
            peak = largest
        low, high = min(low, bottom), max(high, top)
    pad = 0.25 * (high - low)
    if low - pad <= peak <= high + pad:
        return None
    for line in lines:  # the peaks end there, and leave room for a legend
        line.set_ydata(np.clip(np.asarray(line.get_ydata(), dtype=float), low - pad, high + pad))
    axis.set_ylim(low - 1.1 * pad, high + 1.1 * pad)
    return peak


def literal(text: str) -> str:
    """A user's text as it is: no mathematics between dollar signs, no first underscore (it would hide a label)."""
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def plain_log(axis: Axes) -> None:
    """A logarithmic y axis with plain numbers where they are short, and labels at 2 and 5 where it spans little."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    decades = math.log10(high / low)
    subs = (1.0, 2.0, 5.0) if decades < 2.2 else (1.0,)
    axis.yaxis.set_major_locator(LogLocator(subs=subs))
    axis.yaxis.set_minor_formatter(NullFormatter())
    if low > 1e-3 and high < 1e4:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def note(axis: Axes, text: str, *, add: bool = False) -> None:
    """Small type at the upper right edge of a panel."""
    before = axis.get_title(loc="right")
    if add and before:
        text = f"{before},  {text}"
    axis.set_title(text, loc="right", fontsize=6.5, color="0.3", pad=3)


def zero_lines(axis: Axes, *, vertical: bool = False) -> None:
    """Thin lines at zero, behind the data."""
    axis.axhline(0.0, color="0.6", lw=0.5, zorder=0.5, gid=GUIDE)
    if vertical:
        axis.axvline(0.0, color="0.6", lw=0.5, zorder=0.5, gid=GUIDE)


def sequence(count: int) -> list[ColorType]:
    """Colours of an ordered quantity, dark to light (cividis without its lightest part)."""
    from matplotlib import colormaps  # noqa: PLC0415

    return [colormaps["cividis"](0.85 * i / max(count - 1, 1)) for i in range(count)]


PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def prefixed(unit: str, size: float) -> tuple[float, str]:
    """Factor and unit with an SI prefix such that numbers of this size lie between 1 and 1000."""
    if not (math.isfinite(size) and size > 0.0):
        return 1.0, unit
    power = min(max(3 * math.floor(math.log10(size) / 3.0), -15), 12)
    return 10.0**-power, PREFIXES[power] + unit


def powered(unit: str, size: float) -> tuple[float, str]:
    """Factor and unit with a power of ten (a multiple of 3) in front, for units that take no prefix."""
    if not (math.isfinite(size) and size > 0.0):
        return 1.0, unit
    power = 3 * math.floor(math.log10(size) / 3.0)
    return 10.0**-power, unit if power == 0 else rf"$10^{{{power}}}$ {unit}".rstrip()


def short(unit: str, size: float) -> tuple[float, str]:
    """As `powered`, but plain numbers between a hundredth and ten thousand."""
    return (1.0, unit) if 1e-2 <= size < 1e4 else powered(unit, size)


def number(value: float, digits: int = 3) -> str:
    """A number with a real minus sign and a power of ten written as one."""
    if value == 0.0 or not math.isfinite(value):
        return "0" if value == 0.0 else "–"
    if 1e-2 <= abs(value) < 1e4:
        return f"{float(f'{value:.{digits}g}'):.10g}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return rf"${mantissa}\times10^{{{int(exponent)}}}$"
