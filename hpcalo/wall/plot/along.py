"""Panels along the wire: magnetization, accumulation, torques."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    PARTS,
    XYZ,
    file_dashes,
    largest,
    scale,
    stem,
    wire_axis,
    written,
)
from hpcalo.wall.plot.data import (
    Frames,
    frames,
    window,
)
from hpcalo.wall.plot.panel import Panel, any_nonzero

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def components_along(axis: Axes, results: Sequence[Result], name: str, words: str, component: int | None) -> None:
    """Components along the wire around the wall; of several files one component, the largest if none is named."""
    held = [frames(r, name) for r in results]
    low, high = window(results)
    unit = results[0].variables[name].unit
    factor, label = scale(unit, largest([f.y[-1] for f in held]))
    vector = held[0].y.ndim == 3
    if len(results) > 1 and vector and component is None:
        component = int(np.abs(held[0].y[-1]).max(0).argmax())
    for n, (result, field) in enumerate(zip(results, held, strict=True)):
        dashed = False
        several = len(results) > 1
        for c in ([component] if several else range(3)) if vector else [None]:
            y = factor * (field.y[..., c] if vector else field.y)
            colour = style.COLOURS[n if several else (c or 0)]
            text = stem(result) if several else f"${words.split('$')[1].format(XYZ[c])}$" if c is not None else ""
            axis.plot(field.x[-1], y[-1], color=colour, ls=file_dashes(n), label=text or None)
            if len(field.t) > 1 and not several and np.abs(y[0] - y[-1]).max() > 3e-3 * largest([factor * field.y]):
                axis.plot(field.x[0], y[0], color=colour, ls=style.DASHES[3], lw=1.0)
                dashed = True
        if dashed:
            axis.plot([], [], color="0.3", ls=style.DASHES[3], lw=1.0, label="start")
    shown = words.format((XYZ[component or 0] if len(results) > 1 else "i") if vector else "")
    axis.set_ylabel(" ".join(part for part in (shown, f"({label})" if label else "") if part))
    wire_axis(axis, low, high)
    _when(axis, held)


def _when(axis: Axes, held: Sequence[Frames]) -> None:
    ends = {float(f.t[-1]) for f in held}
    if len(ends) == 1 and (t := ends.pop()) > 0.0:
        style.note(axis, f"at {written(t, t)}")
    elif max(f.t[-1] for f in held) > 0.0:
        style.note(axis, "at the end of each run")


class Profile(Panel):
    """M at the start and at the end; of several files M_z at the end."""

    name = "profile"
    needs = ("magnetization",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        components_along(axis, results, "magnetization", "magnetization $M_{}$", component=2)
        axis.set_ylim(-1.12, 1.12)


class SpinAccumulation(Panel):
    """m at the end, and at the start where it differs."""

    name = "spin_accumulation"
    needs = ("spin_accumulation",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        components_along(axis, results, "spin_accumulation", "accumulation $m_{}$", component=None)

    def sensible(self, results: Sequence[Result]) -> bool:
        return any_nonzero(results, self.needs[0])


class Torque(Panel):
    """The damping-like or field-like torque along the wire, split into electrical and thermal."""

    name = "torques"

    def __init__(self, part: str) -> None:
        self.part = part
        self.needs = (f"torque_{part.replace('-', '_')}",)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        part = self.part
        name = part.replace("-", "_")
        low, high = window(results)
        held = [frames(r, f"torque_{name}") for r in results]
        factor, unit = scale("1/s", largest([f.y[-1] for f in held]))
        for n, (result, field) in enumerate(zip(results, held, strict=True)):
            if len(results) > 1:
                look: LineLook = {"color": style.COLOURS[n % 6], "ls": file_dashes(n)}
                axis.plot(field.x[-1], factor * field.y[-1], label=stem(result), **look)
                continue
            for suffix, (colour, word) in PARTS.items():
                if f"torque{suffix}_{name}" not in result.variables:
                    continue
                one = frames(result, f"torque{suffix}_{name}")
                dashes = "-" if suffix else style.DASHES[1]
                axis.plot(one.x[-1], factor * one.y[-1], color=colour, ls=dashes, label=word, zorder=2 + (not suffix))
        axis.set_ylabel(f"{part} torque ({unit})")
        wire_axis(axis, low, high)
        _when(axis, held)

    def sensible(self, results: Sequence[Result]) -> bool:
        return any_nonzero(results, self.needs[0])
