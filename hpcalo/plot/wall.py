"""Pictures of wall results: the moving wall, the response to the drives, sweeps, and the published model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.errors import InputError

if TYPE_CHECKING:
    from hpcalo.output.hdf5 import Result, Variable

FIXED = {"x", "x_face", "component", "s"}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> Any:
    """A matplotlib figure of one or more wall results. Raises InputError if there is nothing to draw."""
    names = list(quantities) or _choice(results[0])
    for result in results:
        for name in names:
            if name not in result.variables:
                raise InputError(f"{result.path}: has no '{name}'; it holds: {', '.join(result.variables)}")
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(5.6 * columns, 3.4 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis, name in zip(axes, names, strict=False):
        for number, result in enumerate(results):
            label = str(result.path.stem) if len(results) > 1 else ""
            _panel(axis, result, result.variables[name], label, number)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=8, frameon=False)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    title = str(results[0].attrs.get("title", ""))
    if title and len(results) == 1:
        figure.suptitle(title, fontsize=11)
    return figure


def _choice(result: Result) -> list[str]:
    """What tells most about this kind of result."""
    v = result.variables
    if "settling_time" in v and "magnetization" in v:
        wanted = (
            ["magnetization", "settling_time"]
            if np.ndim(v["settling_time"].data)
            else ["magnetization", "torque_initial"]
        )
    elif "error" in v:
        wanted = ["u", "u_electrical", "u_thermal", "beta"]
    elif result.attrs.get("kind") == "steady":
        wanted = ["magnetization", "spin_accumulation", "torque_electrical", "torque_thermal"]
    else:
        wanted = ["magnetization", "wall_position", "wall_velocity", "energy_total"]
    names = [name for name in wanted if name in v]
    if not names:
        names = [n for n, item in v.items() if np.ndim(item.data) and np.asarray(item.data).dtype.kind == "f"][:4]
    if not names:
        raise InputError(f"{result.path}: holds nothing that can be drawn")
    return names


def _panel(axis: Any, result: Result, variable: Variable, label: str, number: int) -> None:
    data = np.asarray(variable.data, dtype=float)
    dims = list(variable.dims)
    if "component" in dims:
        if dims[-1] != "component":
            raise InputError(f"{variable.name}: cannot be drawn")
        _profile(axis, result, variable, data, dims, label)
        return
    if "x" in dims or "x_face" in dims:
        _profile(axis, result, variable, data[..., None], [*dims, "component"], label)
        return
    while data.ndim > 1:  # a sweep of a time series: its last time
        data, dims = data[..., -1], dims[:-1]
    if not dims:
        raise InputError(f"{variable.name}: is a single number ({float(data):.6g}); 'hpcalo info' shows it")
    x = np.asarray(result[dims[0]])
    marker = "" if dims[0].startswith("time") and x.size > 12 else "o"
    if x.dtype.kind in "fiu":
        axis.plot(x, data, marker=marker, ms=4, color=COLOURS[number % len(COLOURS)], label=label or None)
    else:
        axis.plot(np.arange(x.size), data, "o", color=COLOURS[number % len(COLOURS)], label=label or None)
        axis.set_xticks(np.arange(x.size), [str(t) for t in x])
    axis.set_xlabel(_label(result, dims[0]))
    axis.set_ylabel(_named(variable))
    axis.margins(y=0.15)
    if not dims[0].startswith("time") and np.all(np.isfinite(data)) and np.ptp(data) < 0.02 * np.abs(data).max():
        # What does not depend on the swept input should look so, not like a trend of the last digit.
        axis.set_ylim(*sorted((0.0, 1.3 * data[np.argmax(np.abs(data))])))


def _profile(axis: Any, result: Result, variable: Variable, data: Any, dims: list[str], label: str) -> None:
    """Components against x at the first (thin) and the last (thick) entry of the leading axes."""
    x = np.asarray(result[dims[-2]])
    lead = data.reshape(-1, *data.shape[-2:])
    count = lead.shape[2]
    for c in range(count):
        name = f"{label} {'xyz'[c]}".strip() if count == 3 else label
        if lead.shape[0] > 1:
            axis.plot(x, lead[0, :, c], lw=0.8, ls=":", color=COLOURS[c])
        axis.plot(x, lead[-1, :, c], lw=1.4, color=COLOURS[c], label=name or None)
    if lead.shape[0] > 1:
        axis.plot([], [], lw=0.8, ls=":", color="0.3", label="start")
    axis.set_xlabel(_label(result, dims[-2]))
    axis.set_ylabel(_named(variable))


def _label(result: Result, dim: str) -> str:
    item = result.coordinates.get(dim)
    unit = f" ({item.unit})" if item is not None and item.unit else ""
    words = {"x": "x", "x_face": "x", "time": "time", "s": "s"}
    return words.get(dim, dim.replace("_", " ")) + unit


def _named(variable: Variable) -> str:
    unit = f" ({variable.unit})" if variable.unit else ""
    return variable.name.replace("_", " ") + unit
