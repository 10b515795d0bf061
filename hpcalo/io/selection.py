"""The part of a result that somebody asks for: a point of a scan, a variable, a position on an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.scanned import is_uneven, single_point


def chosen_point(
    result: Result, select: Mapping[str, str] | None, *, needed: bool = False
) -> tuple[Result, dict[str, str], str]:
    """One point of a scan whose points have axes of their own, what else is selected, and which point it is.

    Every other result is returned as it is. Raises InputError for a point that failed, and if a point is needed and
    none is selected.
    """
    rest = dict(select or {})
    if "error" not in result.variables or not is_uneven(result):
        return result, rest, ""
    errors = result.variables["error"]
    scanned = errors.dims[0]
    if scanned not in rest:
        if needed:
            raise InputError(f"{result.path}: its points have different axes; choose one with --select {scanned}=…")
        return result, rest, ""
    index = find_index(result, scanned, rest.pop(scanned), [errors])
    labels = result.coordinates[scanned]
    which = f"{scanned} = {np.asarray(labels.data)[index]} {labels.unit}".rstrip()
    if text := str(np.asarray(errors.data)[index]):
        raise InputError(f"{result.path}: {which}: this point failed ({text})")
    return single_point(result, index), rest, which


def find_variable(result: Result, name: str) -> Variable:
    """The variable of this name. Raises InputError if there is none, or if it is a single number."""
    try:
        variable = result.find(name)
    except InputError:
        hint = nearest(name, result.variables) + f" 'hpcalo info {result.path}' lists what it holds"
        known = f"; it holds: {', '.join(result.variables)}"
        raise InputError(f"{result.path}: has no '{name}'{hint if hint.startswith(';') else known}") from None
    if not variable.dims:
        raise InputError(f"{result.path}: '{name}' is a single number, not a curve; 'hpcalo info' shows it")
    return variable


def find_coordinate(result: Result, axis: str, length: int) -> Variable:
    """The labels of an axis; numbers from 0 where it has none."""
    found = result.coordinates.get(axis)
    return found if found is not None and found.dims == (axis,) else Variable(axis, (axis,), np.arange(length))


def find_index(result: Result, axis: str, text: str, variables: Sequence[Variable]) -> int:
    """Index on the axis: `text` is a value (the nearest counts), a label, `first` or `last`."""
    dims = list(dict.fromkeys(d for v in variables for d in v.dims))
    if axis not in dims:
        raise InputError(f"{result.path}: no axis '{axis}'{nearest(axis, dims)}; axes here: {', '.join(dims)}")
    length = next(v.shape[v.dims.index(axis)] for v in variables if axis in v.dims)
    if text in {"first", "last"}:
        return 0 if text == "first" else length - 1
    values = np.asarray(find_coordinate(result, axis, length).data)
    if values.dtype.kind in "fiu":
        try:
            return int(np.abs(values - float(text)).argmin())
        except ValueError:
            raise InputError(f"{result.path}: {axis} = '{text}': expected a number, first or last") from None
    labels = [str(v) for v in values.tolist()]
    if text not in labels:
        raise InputError(f"{result.path}: {axis} = '{text}'{nearest(text, labels)}; known: {', '.join(labels)}")
    return labels.index(text)


def narrowed(result: Result, select: Mapping[str, str]) -> Result:
    """The result with one value of each axis that is selected; its arrays keep the axis, with one entry.

    Raises InputError for an axis or a label that is not there.
    """
    result, rest, _ = chosen_point(result, select)
    for axis, text in rest.items():
        index = find_index(result, axis, text, list(result.variables.values()))

        def cut(v: Variable, axis: str = axis, index: int = index) -> Variable:
            if axis not in v.dims:
                return v
            part = (slice(None),) * v.dims.index(axis) + (slice(index, index + 1),)
            error = None if v.error is None else np.asarray(v.error)[part]
            return replace(v, data=np.asarray(v.data)[part], error=error)

        result = replace(
            result,
            variables={name: cut(v) for name, v in result.variables.items()},
            coordinates={name: cut(v) for name, v in result.coordinates.items()},
        )
    return result
