"""What shares the space of a panel: limits that the user wants, and legends where no data are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.plotting.look import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GUIDE = "guide"
"""Mark (gid) of lines that are not data: legends may cover them."""


def limit(axes: Sequence[Axes]) -> None:
    """The limits that the user wants. Raises InputError for several panels, whose axes have different units."""
    chosen = look()
    if chosen.x is None and chosen.y is None:
        return
    if len(axes) != 1:
        raise InputError(f"--x and --y are for one panel, and this picture has {len(axes)}: choose one with --quantity")
    (axis,) = axes
    if chosen.x is not None:
        axis.set_xlim(*chosen.x)
        if chosen.y is None:
            _fit(axis)
    if chosen.y is not None:
        axis.set_ylim(*chosen.y)


def _fit(axis: Axes) -> None:
    """The y range to what is seen of the curves."""
    low, high = sorted(axis.get_xlim())
    seen = []
    for line in axis.get_lines():
        x, y = (np.asarray(data, dtype=float) for data in (line.get_xdata(), line.get_ydata()))
        if line.get_gid() != GUIDE and x.shape == y.shape:
            seen.append(y[(x >= low) & (x <= high) & np.isfinite(y)])
    values = np.concatenate(seen) if seen else np.zeros(0)
    if values.size and axis.get_yscale() == "linear":
        pad = 0.06 * float(np.ptp(values)) or 0.06 * float(np.abs(values).max()) or 1.0
        axis.set_ylim(float(values.min()) - pad, float(values.max()) + pad)


def place_legend(axis: Axes) -> bool:
    """The axes' legend in the corner that the curves leave free; the y range grows until there is one.

    Returns whether it grew.
    """
    handles, labels = axis.get_legend_handles_labels()
    if not handles:
        return False
    for columns, size in ((2, 7), (2, 6), (1, 7), (1, 6)) if len(handles) > 3 else ((1, 7), (1, 6)):
        legend = axis.legend(handles, labels, loc="upper left", ncols=columns, columnspacing=1.0, fontsize=size)
        legend.set_in_layout(False)
        box = legend.get_window_extent().transformed(axis.transAxes.inverted())
        if box.width < 0.96 and box.height < 0.6:
            break
    w, h = box.width + 0.03, box.height + 0.04
    best = ("upper left", 0.0, 1.0)
    for place, left in (("upper left", 0.0), ("upper right", 1.0 - w), ("upper center", 0.5 - 0.5 * w)):
        low, high = _occupied(axis, left, left + w)
        best = max(best, (place, max(0.0, 1.0 - high), 1.0), key=lambda c: c[1])
        best = max(best, (place.replace("upper", "lower"), max(0.0, low), -1.0), key=lambda c: c[1])
    place, free, side = best
    legend.set_loc(place)
    grows = free < h and look().y is None
    if grows:
        _grow(axis, (1.0 - free) / max(1.0 - h, 0.3), side)
    return grows


def _occupied(axis: Axes, left: float, right: float) -> tuple[float, float]:
    """Lowest and highest point of the curves between two heights of the x axis, in fractions of the axes."""
    x = np.linspace(left, right, 120)
    low, high = 1.0, 0.0
    for line in axis.get_lines():
        if line.get_gid() == GUIDE:
            continue
        points = axis.transAxes.inverted().transform(line.get_transform().transform(line.get_xydata()))
        points = points[np.isfinite(points).all(1)]
        if not len(points):
            continue
        y = np.interp(x, points[:, 0], points[:, 1], left=np.nan, right=np.nan)
        y = np.concatenate([y, points[(points[:, 0] >= left) & (points[:, 0] <= right), 1]])
        y = y[(y > -0.01) & (y < 1.01)]
        if len(y):
            low, high = min(low, float(y.min())), max(high, float(y.max()))
    return low, high


def _grow(axis: Axes, factor: float, side: float) -> None:
    """Makes the y range larger on one side, on a linear or a logarithmic scale."""
    transform = axis.yaxis.get_transform()
    low, high = transform.transform(np.array(axis.get_ylim()))
    span = (high - low) * factor
    limits = (low, low + span) if side > 0 else (high - span, high)
    axis.set_ylim(*transform.inverted().transform(np.array(limits)))
