"""Results of scans whose points differ in the length or the positions of an axis, and one point by itself."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.dataset import RESOLVED_INPUT, Result, Variable
from hpcalo.io.provenance import resolved_toml
from hpcalo.typing import Array, Contents

SCAN = ("scan", "sweep")
"""Names of the table of the input that varies a key: the second in files of version 0.1."""
LENGTH = "_length"
"""Ends the name of the number of entries of each point on an axis, where they differ: (points), 0 for a failed one."""
OF_POINT = "_of_point"
"""Ends the name of the positions on an axis where the points differ in them: (points, axis), NaN beyond the end."""


def is_uneven(result: Result) -> bool:
    """Whether the points of this scan have axes of their own."""
    return any(name.endswith((LENGTH, OF_POINT)) for name in result.coordinates)


def single_point(result: Result, index: int) -> Result:
    """One point of a scan as if it had been run alone: on its own axes, and with its value in the complete input.

    The point must not have failed.
    """
    axis = result.variables["error"].dims[0]
    lengths = {
        name.removesuffix(LENGTH): int(np.asarray(c.data)[index])
        for name, c in result.coordinates.items()
        if name.endswith(LENGTH)
    }

    def cut(v: Variable) -> Variable:
        own = v.dims[:1] == (axis,)
        dims = v.dims[1:] if own else v.dims

        def part(data: ArrayLike) -> Array:
            whole = np.asarray(data)[index] if own else np.asarray(data)
            return whole[tuple(slice(lengths.get(d)) for d in dims)]

        return replace(v, dims=dims, data=part(v.data), error=None if v.error is None else part(v.error))

    variables = {name: cut(v) for name, v in result.variables.items() if name != "error"}
    coordinates = {}
    for name, c in result.coordinates.items():
        if name != axis and not name.endswith(LENGTH):
            whole = name.removesuffix(OF_POINT)
            coordinates[whole] = replace(cut(c), name=whole)
    held = {n: v for n, v in variables.items() if not v.dims or v.data.size == 0 or not np.isnan(v.data).all()}
    attrs, texts = dict(result.attrs), dict(result.texts)
    with suppress(LookupError, TypeError, ValueError):
        settings = deepcopy(result.settings)
        scan = pop_scan(settings) or {}
        value = scan["values"][index]
        _set(settings, scan["key"].split("."), _value(result.coordinates[axis], value, index))
        texts[RESOLVED_INPUT] = resolved_toml(settings)
        if value in str(attrs["kind"]).split("/"):  # the kinds of all points
            attrs["kind"] = value
    return Result(result.path, held, coordinates, attrs, texts)


def pop_scan(settings: Contents) -> Contents | None:
    """Takes the table [scan] out of a stored input, under either name; None if there is none."""
    tables = [settings.pop(name, None) for name in SCAN]
    return next((table for table in tables if isinstance(table, dict)), None)


def _value(labels: Variable, given: object, index: int) -> object:
    """The number in the key's unit, or what the input has."""
    data = np.asarray(labels.data)
    return data[index].item() if data.dtype.kind in "fiu" else given


def _set(table: Any, path: list[str], value: object) -> None:
    for part in path[:-1]:
        table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
    table[int(path[-1]) if isinstance(table, list) else path[-1]] = value
