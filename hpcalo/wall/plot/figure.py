"""Figures of wall results: the panels of a file, or those that the user names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib import rc_context

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.plotting.look import look
from hpcalo.plotting.paper import PaperFigure, settings
from hpcalo.wall.plot.arrows import scale_arrows
from hpcalo.wall.plot.data import is_scan, kind, series
from hpcalo.wall.plot.generic import AgainstScan, InTimeOrSpace
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.tables import FORMER_NAMES, MAPS, panels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> PaperFigure:
    """A matplotlib figure of one or more wall results of the same kind: the panels of the whole file, or those named.

    A name is one of a panel or of a variable of the file. Raises InputError for other names, for results of different
    kinds, and for files that hold nothing to draw.
    """
    kinds = list(dict.fromkeys(kind(r) for r in results))
    if len(kinds) > 1:
        raise InputError(f"{_paths(results)}: are {' and '.join(kinds)}, and cannot share a picture")
    if is_scan(results[0]) and len({str(r.coordinates[r.variables["error"].dims[0]].unit) for r in results}) > 1:
        raise InputError(f"{_paths(results)}: have different units of the scanned input")
    makers = _named(results, quantities) if quantities else _story(results)
    titles = {str(r.attrs.get("title", "")) for r in results}
    with rc_context(settings()):
        figure, axes = _page(makers, titles.pop() if len(titles) == 1 else "", results)
        for axis, panel in zip(axes, makers, strict=True):
            panel.draw(axis, results)
        style.finish(figure, axes)
        for axis in axes:
            scale_arrows(axis)
    return figure


def _page(makers: Sequence[Panel], title: str, results: Sequence[Result]) -> tuple[PaperFigure, list[Axes]]:
    """As `style.panels`, with wide first panels above the two columns, and about as long as a page."""
    wide = [p.rows(results) for p in makers if p.wide]
    if look().narrow or (not wide and len(makers) <= 6):
        return style.panels(len(makers), title)
    rest = len(makers) - len(wide)
    rows = -(-rest // 2)
    each = 2.2 if rows < 3 else 1.7 if len(wide) > 1 else 1.85
    first = [0.55 + 0.28 * n for n in wide]
    height = each * rows + sum(first) + 0.2 * bool(title)
    figure = PaperFigure(figsize=(style.width(), height), dpi=style.DPI, layout="constrained")
    grid = figure.add_gridspec(rows + len(wide), 2, height_ratios=[*first, *[each] * rows])
    axes = [figure.add_subplot(grid[n, :]) for n in range(len(wide))]
    for i in range(rest):
        row, column = divmod(i, 2)
        alone = i == rest - 1 and column == 0
        axes.append(figure.add_subplot(grid[row + len(wide), :] if alone else grid[row + len(wide), column]))
    if title:
        figure.suptitle(style.literal(style.fill(title, 95)), fontsize=7.5, color="0.25")
    return figure, axes


def animate(results: Sequence[Result]) -> list[Image]:
    """Pictures (PIL) of the moving wall, one for each time of a run. Raises InputError if nothing moves."""
    from hpcalo.wall.plot.movie import pictures  # noqa: PLC0415

    if len(results) != 1 or is_scan(results[0]) or not _able(MAPS[0], results):
        raise InputError(f"{_paths(results)}: an animation shows the magnetization of one run at several times")
    with rc_context(settings()):
        return pictures(results[0])


def pages(result: Result) -> list[tuple[str, ...]]:
    """Names to give to `draw`, figure by figure, to see all that a file holds: () for the whole file, then the maps."""
    maps = tuple(dict.fromkeys(p.name for p in panels_of(result) if p.on_request and _able(p, [result])))
    return [(), maps] if maps else [()]


def _story(results: Sequence[Result]) -> list[Panel]:
    shown = [p for p in panels_of(results[0]) if not p.on_request and _able(p, results) and p.sensible(results)]
    if not shown:
        held = ", ".join(results[0].variables) or "nothing"
        raise InputError(f"{_paths(results)}: hold{'s' * (len(results) == 1)} nothing that can be drawn ({held})")
    return shown


def _able(panel: Panel, results: Sequence[Result]) -> bool:
    if not all(n in r.variables for r in results for n in panel.needs):
        return False
    return not panel.times or all(len(series(r, panel.needs[0])[0]) > 1 for r in results)


def _named(results: Sequence[Result], names: Sequence[str]) -> list[Panel]:
    panels = panels_of(results[0])
    held = set.intersection(*(set(r.variables) for r in results))
    generic = AgainstScan if is_scan(results[0]) else InTimeOrSpace
    chosen: list[Panel] = []
    for given in names:
        name = _present_name(given, panels)
        able = [p for p in panels if p.name == name and _able(p, results)]
        by_variable = [p for p in panels if not p.on_request and p.needs[0] == name and _able(p, results)]
        if able or by_variable:
            chosen += able or by_variable[-1:]
        elif name in held:
            chosen.append(generic(name))
        elif any(p.name == name for p in panels):
            raise InputError(
                f"{_paths(results)}: '{name}' needs more than the file holds (several times, or all monitors)"
            )
        else:
            known = list(dict.fromkeys(p.name for p in panels))
            hint = nearest(name, [*known, *sorted(held)])
            what = f"panels are {', '.join(known)}, and every variable that 'hpcalo info' lists has one"
            raise InputError(f"{_paths(results)}: '{name}' is not a quantity{hint or ';'} {what}")
    return sorted(chosen, key=lambda p: not p.wide) if len(chosen) > 1 else chosen


def _present_name(name: str, panels: Sequence[Panel]) -> str:
    """The name that a panel has now, with a note where it had another one."""
    present = FORMER_NAMES.get(name, name)
    known = {panel.name for panel in panels}
    if name in known or present not in known:
        return name
    sys.stderr.write(f"hpcalo: note: --quantity {name} is {present} now, as in the file\n")
    return present


def _paths(results: Sequence[Result]) -> str:
    return ", ".join(str(r.path) for r in results)
