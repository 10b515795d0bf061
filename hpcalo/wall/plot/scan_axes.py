"""Axes of figures of scans: the scanned input, curves through its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray
from hpcalo.wall.plot.axes import (
    largest,
    scale,
)
from hpcalo.wall.plot.data import (
    scanned,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

WORDS = {
    "drive_gradient": r"temperature gradient $\kappa$",
    "drive_temperature": "temperature $T_0$",
    "drive_electric_field": "electric field $E$",
    "drive_current_density": "current density $j$",
    "magnet_damping": r"Gilbert damping $\alpha$",
    "electrons_spin_flip_time": r"spin-flip time $\tau_\mathrm{sf}$",
}


def scan_positions(axis: Axes, results: Sequence[Result]) -> list[RealArray]:
    """Labels the scanned axis; the positions of each file's points on it."""
    name = scanned(results[0])
    item = results[0].coordinates[name]
    words = WORDS.get(name, style.literal(name.replace("_", " ")))
    if np.asarray(item.data).dtype.kind not in "fiu":
        texts = [str(v) for v in np.asarray(item.data)]
        axis.set_xticks(range(len(texts)), texts)
        axis.set_xlabel(words)
        return [np.arange(len(r[name]), dtype=float) for r in results]
    found = [np.asarray(r[name], dtype=float) for r in results]
    factor, unit = scale(item.unit, largest(found))
    axis.set_xlabel(f"{words} ({unit})" if unit else words)
    return [factor * x for x in found]


def line(axis: Axes, x: RealArray, y: RealArray, *, label: str | None = None, **form: Unpack[LineLook]) -> None:
    """A curve through the points in the order of the scanned value, in whatever order the input lists them."""
    order = np.argsort(x, kind="stable")
    axis.plot(x[order], np.asarray(y)[order], label=label, **form)


def frame(axis: Axes, results: Sequence[Result]) -> None:
    """Margins, and how many points failed."""
    axis.margins(x=0.05, y=0.1)
    failed = sum(int(np.count_nonzero(np.asarray(r["error"]) != "")) for r in results)
    if failed:
        total = sum(len(r["error"]) for r in results)
        style.note(axis, f"{failed} of {total} points failed", add=True)


def from_zero(axis: Axes, at_least: float = 0.0) -> None:
    """Makes the y axis include zero, and `at_least` from above."""
    low, high = axis.get_ylim()
    if low >= 0.0 or high <= 0.0:
        axis.set_ylim(min(low, 0.0), max(high, 1.05 * at_least if low >= 0.0 else 0.0))
    else:
        style.zero_lines(axis)
