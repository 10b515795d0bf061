"""Figures of scans: values against the scanned key; of scans over the mesh also how fast they converge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import AT_MOST, name_of
from hpcalo.kubo.plot.panels import UNITS
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.scanned.points import labels, scanned_axis, scanned_key
from hpcalo.kubo.scanned.values import Series, order, series
from hpcalo.plotting import style
from hpcalo.typing import IntArray, RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.paper import PaperFigure

MOST = 6
"""Panels of a figure."""
TICKS = 8
"""Scanned values with a label of their own."""

Group = list[list[Series]]
"""The elements of one quantity, of every file."""


def draw(results: Sequence[Result], names: Sequence[str] = ()) -> PaperFigure:
    """A matplotlib figure of one or more scans of the same key: the first quantities, or those that are named.

    Raises InputError for scans of different keys, for files without a point that has results, and for other names.
    """
    from matplotlib import rc_context  # noqa: PLC0415  (slow to load)

    from hpcalo.plotting.paper import settings  # noqa: PLC0415  (as above)

    groups = _chosen(results, names)
    meshes = order(results[0])[1]
    each = 2 if meshes else 1
    shown = groups if names else groups[: MOST // each]
    titles = {str(r.attrs.get("title", "")) for r in results}
    with rc_context(settings()):
        figure, axes = style.panels(each * len(shown), titles.pop() if len(titles) == 1 else "")
        for number, group in enumerate(shown):
            _values(axes[each * number], results, group, meshes=meshes)
            if meshes:
                _convergence(axes[each * number + 1], results, group)
        style.finish(figure, axes)
    return figure


def pages(result: Result) -> list[tuple[str, ...]]:
    """The quantities to give to `draw`, figure by figure, to see all of them."""
    names = list(dict.fromkeys(one.name for one in series(result)))
    most = MOST // (2 if order(result)[1] else 1)
    return [(), *(tuple(names[i : i + most]) for i in range(most, len(names), most))]


def _chosen(results: Sequence[Result], names: Sequence[str]) -> list[Group]:
    """The quantities that all files hold, or those of them that are named by variable or response."""
    paths = ", ".join(str(r.path) for r in results)
    if len({scanned_key(r) for r in results}) > 1 or len({order(r)[1] for r in results}) > 1:
        raise InputError(f"{paths}: scans of different keys cannot share a picture")
    every = [series(r) for r in results]
    held = [n for n in dict.fromkeys(s.name for s in every[0]) if all(any(s.name == n for s in one) for one in every)]
    if not held:
        raise InputError(f"{paths}: no number of the Kubo half to draw against {scanned_key(results[0])}")
    owned = {r.name: [q.name for q in r.quantities if q.name in held] for r in responses()}
    chosen: list[str] = []
    for name in names:
        found = owned.get(name) or [name] * (name in held)
        if not found:
            raise InputError(f"{paths}: has no '{name}'{nearest(name, held)}; it holds: {', '.join(held)}")
        chosen += found
    return [[[s for s in one if s.name == name][:AT_MOST] for one in every] for name in dict.fromkeys(chosen or held)]


def _places(result: Result, one: Series) -> tuple[RealArray, IntArray]:
    """Positions of the points that have the number, ascending, and their numbers."""
    x = order(result)[0]
    index = np.flatnonzero(np.isfinite(one.value) & np.isfinite(x))
    index = index[np.argsort(x[index], kind="stable")]
    return x[index], index


def _values(axis: Axes, results: Sequence[Result], group: Group, *, meshes: bool) -> None:
    """Every element with its error bars; colours for elements, dashes for files."""
    first = group[0][0]
    size = max((float(np.nanmax(np.abs(s.value), initial=0.0)) for file in group for s in file), default=0.0)
    unit = UNITS.get(first.unit, "" if first.unit == "1" else first.unit)
    factor, unit = style.short(unit, size) if unit else (1.0, "")
    for which, (result, file) in enumerate(zip(results, group, strict=True)):
        for number, one in enumerate(file):
            x, index = _places(result, one)
            error = np.nan_to_num(one.error[index])
            form = {"color": style.COLOURS[number], "ls": style.DASHES[which % len(style.DASHES)], "marker": "o"}
            bars = factor * error if error.any() else None
            label = _label(results, which, one)
            axis.errorbar(x, factor * one.value[index], yerr=bars, capsize=2.0, label=label, **form)
    words = first.name.replace("_", " ")
    axis.set_ylabel(f"{words} ({unit})" if unit else words)
    _along(axis, results, meshes=meshes)
    axis.margins(x=0.05, y=0.1)
    axis.axhline(0.0, color="0.6", lw=0.5, zorder=0.5, gid=style.GUIDE)
    conditions = dict.fromkeys(
        s.condition.replace("E_F", r"$E_\mathrm{F}$") for file in group for s in file if s.condition
    )
    style.note(axis, ",  ".join(conditions))
    failed = sum(int(np.count_nonzero(np.asarray(r["error"]) != "")) for r in results)
    if failed:
        style.note(axis, f"{failed} of {sum(len(r['error']) for r in results)} points failed", add=True)


def _convergence(axis: Axes, results: Sequence[Result], group: Group) -> None:
    """Distance to the finest mesh (filled) and the error that each mesh has estimated of itself (open)."""
    drawn = False
    for which, (result, file) in enumerate(zip(results, group, strict=True)):
        for number, one in enumerate(file):
            x, index = _places(result, one)
            if not len(x):
                continue
            scale = abs(one.value[index[-1]]) or 1.0
            far, error = np.abs(one.value[index] - one.value[index[-1]]) / scale, one.error[index] / scale
            dashes = style.DASHES[which % len(style.DASHES)]
            for y, form in ((far, {"marker": "o", "ls": dashes}), (error, {"marker": "s", "ls": ":", "mfc": "none"})):
                good = np.isfinite(y) & (y > 0.0)
                drawn = drawn or bool(good.any())
                axis.plot(x[good], y[good], color=style.COLOURS[number], lw=1.0, ms=3.5, **form)
    axis.set_ylabel("relative to the finest mesh")
    _along(axis, results, meshes=True)
    axis.margins(x=0.05, y=0.1)
    if not drawn:
        style.note(axis, "all meshes agree")
        return
    axis.plot([], [], color="0.3", marker="o", ms=3.5, label="distance to the finest mesh")
    axis.plot([], [], color="0.3", marker="s", ms=3.5, ls=":", mfc="none", label="estimated error")
    style.plain_log(axis)


def _label(results: Sequence[Result], which: int, one: Series) -> str:
    words = [name_of(results, which)] if len(results) > 1 else []
    return style.literal(" ".join([*words, one.element or one.name.replace("_", " ")]))


def _along(axis: Axes, results: Sequence[Result], *, meshes: bool) -> None:
    """The scanned key: numbers of k-points on a logarithmic axis, its numbers, or its values in words."""
    if meshes:
        axis.set_xscale("log")
        axis.set_xlabel("k-points of the whole zone")
        return
    item = results[0].coordinates[scanned_axis(results[0])]
    key = style.literal(scanned_key(results[0]))
    axis.set_xlabel(f"{key} ({item.unit})" if item.unit else key)
    if np.asarray(item.data).dtype.kind not in "fiu":
        texts: list[str] = [style.literal(text) for text in labels(results[0])]
        axis.set_xticks(range(len(texts)), texts if len(texts) <= TICKS else [str(n) for n in range(len(texts))])
