"""A variable of a file that has no panel of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.wall.plot.along import components_along
from hpcalo.wall.plot.axes import (
    calm,
    largest,
    marker,
    scale,
    stem,
    time_axis,
)
from hpcalo.wall.plot.data import (
    ALONG_WIRE,
    last,
    series,
)
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.scan_axes import frame, line, scan_positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class InTimeOrSpace(Panel):
    """A variable of runs: along the wire at start and end, or against time."""

    def __init__(self, name: str) -> None:
        self.name, self.needs = name, (name,)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        name = self.name
        variable = results[0].variables[name]
        words = variable.long_name if 0 < len(variable.long_name) < 42 else name.replace("_", " ")
        words = style.literal(words)
        dims = [d for d in variable.dims if d != "component"]
        if not dims or variable.data.dtype.kind not in "fiu":
            what = f"is a single number ({float(variable.data):.6g})" if not dims else "is text"
            raise InputError(f"{results[0].path}: '{name}' {what}; 'hpcalo info' shows it")
        if any(d in ALONG_WIRE for d in dims):
            vector = "component" in variable.dims
            shown = f"{name.replace('_', ' ')} ${{}}$" if vector else words.replace("{", "{{").replace("}", "}}")
            components_along(axis, results, name, shown, component=None)
            axis.margins(y=0.08)
            return
        factor = time_axis(axis, results, name)
        data = [series(r, name) for r in results]
        per, unit = scale(variable.unit, largest([y for _, y in data]))
        for n, (result, (t, y)) in enumerate(zip(results, data, strict=True)):
            label = stem(result) if len(results) > 1 else None
            axis.plot(factor * t, per * y, color=style.COLOURS[n % 6], marker=marker(t), label=label)
        axis.set_ylabel(f"{words} ({unit})" if unit else words)
        calm(axis, [per * y for _, y in data])


class AgainstScan(Panel):
    """A number of each point against the scanned input (of a time series the last one)."""

    def __init__(self, name: str) -> None:
        self.name, self.needs = name, (name,)

    def draw(self, axis: Axes, results: Sequence[Result]) -> None:
        name = self.name
        variable = results[0].variables[name]
        if np.asarray(variable.data).dtype.kind not in "fiu":
            raise InputError(f"{results[0].path}: '{name}' is text; 'hpcalo info' shows it")
        data = [last(r, name) for r in results]
        per, unit = scale(variable.unit, largest(data))
        for n, (result, x, y) in enumerate(zip(results, scan_positions(axis, results), data, strict=True)):
            label = stem(result) if len(results) > 1 else None
            line(axis, x, per * y, color=style.COLOURS[n % 6], marker="o", label=label)
        words = variable.long_name if 0 < len(variable.long_name) < 42 else name.replace("_", " ")
        axis.set_ylabel(style.literal(words) + (f" ({unit})" if unit else ""))
        frame(axis, results)
        calm(axis, [per * y for y in data])
