"""Panels of the wall's motion against time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.axes import (
    largest,
    marker,
    stem,
    time_axis,
)
from hpcalo.wall.plot.data import (
    series,
    steady_velocity,
)
from hpcalo.wall.plot.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def _starts(results: Sequence[Result], own: Sequence[float]) -> list[float]:
    """Where displacements count from (nm): the start of each run, or of the run in the picture that it continues."""
    files = [r.path.resolve() for r in results]
    starts = list(own)
    for _ in results:  # a chain of runs, in any order
        for n, result in enumerate(results):
            before = result.setting("wall", "continue_from")
            names = [f for f in files if before is not None and f.name == Path(str(before)).name]
            if names and (at := files.index(names[0])) != n:
                starts[n] = starts[at]
    return starts


class WallPosition(Panel):
    """How far the wall has moved."""

    name = "wall_position"
    needs = ("wall_position",)
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "wall_position")
        data = [series(r, "wall_position") for r in results]
        begins = _starts(results, [float(y[0]) for _, y in data])
        per_nm, unit = style.prefixed("m", 1e-9 * largest([y - x for (_, y), x in zip(data, begins, strict=True)]))
        for n, (result, (t, y), x) in enumerate(zip(results, data, begins, strict=True)):
            label = stem(result) if len(results) > 1 else None
            axis.plot(factor * t, 1e-9 * per_nm * (y - x), color=style.COLOURS[n % 6], marker=marker(t), label=label)
        axis.set_ylabel(f"wall displacement ({unit})")
        starts = {round(x, 3) for x in begins}
        if len(starts) == 1:
            style.note(axis, f"from $x$ = {style.number(starts.pop(), 4)} nm")
        style.zero_lines(axis)
        axis.margins(y=0.08)


class WallVelocity(Panel):
    """The wall's velocity, and the velocity of steady motion."""

    name = "wall_velocity"
    needs = ("wall_velocity",)
    times = True

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        factor = time_axis(axis, results, "wall_velocity")
        values = []
        for n, result in enumerate(results):
            t, v = series(result, "wall_velocity")
            colour = style.COLOURS[n % 6]
            label = stem(result) if len(results) > 1 else "wall"
            axis.plot(factor * t, v, color=colour, marker=marker(t), label=label)
            values.append(v)
            steady = steady_velocity(result)
            if steady is not None:
                t_u, _ = series(result, "u")
                line: LineLook = {
                    "color": colour if len(results) > 1 else "0.15",
                    "ls": style.DASHES[1],
                    "lw": 0.9,
                }
                axis.plot(factor * t_u, steady, **line)
                values.append(steady)
        if any(steady_velocity(r) is not None for r in results):
            look: LineLook = {"color": "0.3" if len(results) > 1 else "0.15", "ls": style.DASHES[1], "lw": 0.9}
            axis.plot([], [], label=r"steady motion, $\beta u/\alpha$", **look)
        everything = np.concatenate(values)
        everything = everything[np.isfinite(everything)]
        axis.margins(y=0.08)
        if everything.size and everything.min() > 0.0 and everything.max() > 8.0 * everything.min():
            style.plain_log(axis)
        else:
            style.zero_lines(axis)
        axis.set_ylabel("wall velocity (m/s)")
