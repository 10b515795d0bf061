"""Panels of the magnetization against position and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    XYZ,
    clock,
    largest,
    stem,
)
from hpcalo.wall.plot.data import (
    around_wall,
    crossing,
    frames,
)
from hpcalo.wall.plot.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Map(Panel):
    """A component of M against position and time as a map; of the first of several files."""

    needs = ("magnetization",)
    times = True
    on_request = True

    def __init__(self, component: int) -> None:
        self.component = component
        self.name = "map" if component == 2 else f"map_{XYZ[component]}"

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        m = frames(results[0], "magnetization")
        if len(m.t) < 2:
            raise InputError(f"{results[0].path}: holds only one time; a map needs more")
        factor, unit = clock(float(m.t[-1]))
        low, high = around_wall(m)
        component = self.component
        y = m.y[..., component]
        size = 1.0 if component == 2 else largest([y]) or 1.0
        per, power = style.powered("", size) if size < 0.05 else (1.0, "")
        y, size = per * y, per * size
        shown = axis.pcolormesh(
            m.x, np.broadcast_to(factor * m.t[:, None], m.x.shape), y,
            cmap="RdBu_r", vmin=-size, vmax=size, shading="gouraud", rasterized=True,
        )  # fmt: skip
        if component == 2:
            crossings = [c for x, v in zip(m.x, m.y, strict=True) if (c := crossing(x, v)) is not None]
            if len(crossings) == len(m.t):
                axis.plot(crossings, factor * m.t, color="0.1", lw=1.0, label="$M_z = 0$")
        axis.set_xlim(low, high)
        axis.set_ylim(0.0, factor * float(m.t[-1]))
        axis.set_xlabel("$x$ (nm)")
        axis.set_ylabel(f"time $t$ ({unit})")
        bar = axis.figure.colorbar(shown, ax=axis, fraction=0.06, pad=0.02)
        bar.set_label(f"$M_{XYZ[component]}$" + (f" ({power.strip()})" if power else ""))
        bar.outline.set_linewidth(0.5)
        bar.ax.tick_params(direction="in", length=2)
        if len(results) > 1:
            style.note(axis, stem(results[0]))
