"""Panels of the moving wall's heat and DMI energy currents, and of the powers that Onsager's relation ties to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    clock,
    largest,
    stem,
    time_axis,
    written,
)
from hpcalo.wall.plot.data import (
    frames,
    series,
    window,
)
from hpcalo.wall.plot.panel import Panel, any_nonzero

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

WORDS = {"heat_current": "heat current $J^Q$", "dmi_current": "DMI energy current $J^{DMI}$"}


class Current(Panel):
    """A current along the wire at the end; of one file the heat current also in its even and odd part."""

    def __init__(self, current: str) -> None:
        self.name = self.current = current
        self.needs = (current,)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        name = self.current
        low, high = window(results)
        held = [frames(r, name) for r in results]
        per, unit = style.prefixed("W/m", largest([f.y[-1] for f in held]))
        for n, (result, field) in enumerate(zip(results, held, strict=True)):
            several = len(results) > 1
            whole = "total" if name == "heat_current" else None
            label = stem(result) if several else whole
            axis.plot(field.x[-1], per * field.y[-1], color=style.COLOURS[n % 6] if several else "0.15", label=label)
            for part, colour in (("even", style.COLOURS[0]), ("odd", style.COLOURS[1])):
                if not several and f"{name}_{part}" in result.variables:
                    one = frames(result, f"{name}_{part}")
                    axis.plot(one.x[-1], per * one.y[-1], color=colour, ls=style.DASHES[1], label=part)
        axis.set_xlabel("$x$ (nm)")
        axis.set_ylabel(f"{WORDS[name]} ({unit})")
        if np.isfinite(low):
            axis.set_xlim(low, high)
        style.zero_lines(axis)
        end = max(float(f.t[-1]) for f in held)
        if end > 0.0:
            style.note(axis, f"at {written(end, end)}")

    def sensible(self, results: Sequence[Result]) -> bool:
        return any_nonzero(results, self.current)


class CurrentMap(Panel):
    """A current against position and time, from the second time on: at the first the drive has just come on."""

    times = True

    def __init__(self, current: str, *, on_request: bool = False) -> None:
        self.current, self.on_request = current, on_request
        self.name = f"{current.partition('_')[0]}_map"
        self.needs = (current, current)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        name = self.current
        field = frames(results[0], name)
        if len(field.t) < 3:
            raise InputError(f"{results[0].path}: holds too few times; a map of a current needs at least three")
        t, x, y = field.t[1:], field.x[1:], field.y[1:]
        factor, unit = clock(float(t[-1]))
        size = largest([y]) or 1.0
        per, power = style.prefixed("W/m", size)
        shown = axis.pcolormesh(
            x, np.broadcast_to(factor * t[:, None], x.shape), per * y,
            cmap="PuOr", vmin=-per * size, vmax=per * size, shading="nearest", rasterized=True,
        )  # fmt: skip
        axis.set_xlim(*window(results[:1]))
        axis.set_ylim(factor * float(t[0]), factor * float(t[-1]))
        axis.set_xlabel("$x$ (nm)")
        axis.set_ylabel(f"time $t$ ({unit})")
        bar = axis.figure.colorbar(shown, ax=axis, fraction=0.06, pad=0.02)
        bar.set_label(f"{WORDS[name]} ({power})")
        bar.outline.set_linewidth(0.5)
        bar.ax.tick_params(direction="in", length=2)
        if len(results) > 1:
            style.note(axis, stem(results[0]))

    def sensible(self, results: Sequence[Result]) -> bool:
        return any_nonzero(results, self.current)


class Reciprocity(Panel):
    """Power of the thermal spin-orbit torques, and (marks) the power that the heat currents require."""

    name = "reciprocity"
    needs = ("heat_work_even", "heat_work_odd")
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "heat_work_even")
        data = []
        for n, result in enumerate(results):
            for k, part in enumerate(("even", "odd")):
                t, power = series(result, f"power_spin_orbit_thermal_{part}")
                _, work = series(result, f"heat_work_{part}")
                if largest([power]) > 0.0:
                    word = f"{stem(result)}, {part}" if len(results) > 1 else f"{part} torque"
                    data.append((t[1:], power[1:], work[1:], style.COLOURS[(2 * n + k) % 6], word))
        per, unit = style.prefixed("W/m", largest([d[1] for d in data]) or 1.0)
        mark: LineLook = {"ls": "None", "marker": "o", "ms": 3.0, "mfc": "none", "mew": 0.7}
        for t, power, work, colour, word in data:
            axis.plot(factor * t, per * power, color=colour, label=word)
            axis.plot(factor * t, per * work, mec=colour, **mark)
        axis.plot([], [], mec="0.3", label=r"$\mp\int J^Q\,\partial_xT/T$", **mark)
        axis.set_ylabel(f"power of the thermal torque ({unit})")
        axis.margins(y=0.1)
        style.zero_lines(axis)

    def sensible(self, results: Sequence[Result]) -> bool:
        names = ("power_spin_orbit_thermal_even", "power_spin_orbit_thermal_odd")
        return any(np.any(np.asarray(r[name])[1:] != 0.0) for r in results for name in names)
