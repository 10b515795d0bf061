"""Results for other programs: curves as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.scanned import is_uneven, point_of

LETTERS = ("torque", "torque_2", "current", "field", "gradient", "hall", "component", "axis")
"""Axes that number tensor elements: joined to one word in a column's name, `yx`."""
MOST_COLUMNS = 10_000


def export_csv(
    source: Path,
    output: Path,
    quantities: Sequence[str],
    *,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
    force: bool = False,
) -> Path:
    """Writes curves of a result as CSV and returns the file's path. Serial. Raises InputError, OutputError.

    Rows run along one axis (`along`; default: the longest that all quantities have), columns along all others. select:
    axis name → value: only this place of the axis (the nearest value of a numeric axis; `first` and `last` work too).
    Lines that start with # say what the quantities are: `pandas.read_csv(name, comment="#")`.
    """
    if output.suffix.lower() != ".csv":
        raise InputError(f"{output}: the name of a CSV file ends with .csv")
    check_output(output, force=force)
    text = curves_as_csv(read_dataset(source), quantities, along=along, select=select)
    with atomic_write(output, force=force) as part:
        part.write_text(text, encoding="utf-8")
    return output


def curves_as_csv(
    result: Result, quantities: Sequence[str], *, along: str | None = None, select: Mapping[str, str] | None = None
) -> str:
    """The text of the CSV file. Raises InputError for a quantity, axis or value that the result does not have."""
    title = str(result.attrs.get("title", ""))
    result, select, which = chosen_point(result, select)
    variables = [find_variable(result, name) for name in quantities]
    axis = _axis(result, variables, along)
    places = {name: find_place(result, name, value, variables) for name, value in (select or {}).items()}
    if axis in places:
        raise InputError(f"{result.path}: rows run along '{axis}', which cannot be selected; give another --along")
    label = find_coordinate(result, axis, _length(variables, axis))
    head = [f"# {result.path.name}: {title}".rstrip(": "), *([f"# {which}"] if which else [])]
    columns: list[tuple[str, NDArray[Any]]] = []
    for variable in variables:
        head.append("# " + _about(variable))
        columns += _columns(result, variable, axis, places)
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{result.path}: {len(columns)} columns; choose with --select or another --along")
    text = io.StringIO()
    text.write("\n".join(" ".join(line.split()) for line in head) + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([f"{axis} ({label.unit})" if label.unit else axis, *(name for name, _ in columns)])
    for row, value in enumerate(np.asarray(label.data).tolist()):
        first = f"{value:.12g}" if isinstance(value, float) else value
        writer.writerow([first, *(column[row] for _, column in columns)])
    return text.getvalue()


def chosen_point(
    result: Result, select: Mapping[str, str] | None, *, needed: bool = False
) -> tuple[Result, dict[str, str], str]:
    """Of a sweep whose points have axes of their own the selected point by itself, what else is selected, and which
    point it is; any other result as it is. Raises InputError for a point that failed, and for none if one is needed.
    """
    rest = dict(select or {})
    if "error" not in result.variables or not is_uneven(result):
        return result, rest, ""
    errors = result.variables["error"]
    swept = errors.dims[0]
    if swept not in rest:
        if needed:
            raise InputError(f"{result.path}: its points have axes of their own: choose one, --select {swept}=…")
        return result, rest, ""
    index = find_place(result, swept, rest.pop(swept), [errors])
    labels = result.coordinates[swept]
    which = f"{swept} = {np.asarray(labels.data)[index]} {labels.unit}".rstrip()
    if text := str(np.asarray(errors.data)[index]):
        raise InputError(f"{result.path}: {which}: this point failed ({text})")
    return point_of(result, index), rest, which


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


def _axis(result: Result, variables: Sequence[Variable], along: str | None) -> str:
    shared = [d for d in variables[0].dims if all(d in v.dims for v in variables)]
    if along is not None:
        if along not in shared:
            raise InputError(f"{result.path}: not every quantity has an axis '{along}'; shared: {', '.join(shared)}")
        return along
    if not shared:
        raise InputError(f"{result.path}: {', '.join(v.name for v in variables)}: have no axis in common")
    numeric = [d for d in shared if d not in LETTERS] or shared
    return max(numeric, key=lambda d: _length(variables, d))


def _length(variables: Sequence[Variable], axis: str) -> int:
    return variables[0].shape[variables[0].dims.index(axis)]


def find_coordinate(result: Result, axis: str, length: int) -> Variable:
    """The labels of an axis; numbers from 0 where it has none."""
    found = result.coordinates.get(axis)
    return found if found is not None and found.dims == (axis,) else Variable(axis, (axis,), np.arange(length))


def find_place(result: Result, axis: str, wanted: str, variables: Sequence[Variable]) -> int:
    """Number of the place on the axis that the text names: a value (the nearest), a label, `first`, `last`."""
    dims = list(dict.fromkeys(d for v in variables for d in v.dims))
    if axis not in dims:
        raise InputError(f"{result.path}: no axis '{axis}'{nearest(axis, dims)}; axes here: {', '.join(dims)}")
    length = next(v.shape[v.dims.index(axis)] for v in variables if axis in v.dims)
    if wanted in {"first", "last"}:
        return 0 if wanted == "first" else length - 1
    values = np.asarray(find_coordinate(result, axis, length).data)
    if values.dtype.kind in "fiu":
        try:
            return int(np.abs(values - float(wanted)).argmin())
        except ValueError:
            raise InputError(f"{result.path}: {axis} = '{wanted}': a number is needed, or first, last") from None
    texts = [str(v) for v in values.tolist()]
    if wanted not in texts:
        raise InputError(f"{result.path}: {axis} = '{wanted}'{nearest(wanted, texts)}; known: {', '.join(texts)}")
    return texts.index(wanted)


def _columns(
    result: Result, variable: Variable, axis: str, places: Mapping[str, int]
) -> list[tuple[str, NDArray[Any]]]:
    """Name and values of each column of a variable; the name tells the place on every axis longer than one."""
    data = np.moveaxis(np.asarray(variable.data), variable.dims.index(axis), -1)
    dims = [d for d in variable.dims if d != axis]
    labels = [np.asarray(find_coordinate(result, d, n).data).tolist() for d, n in zip(dims, data.shape, strict=False)]
    chosen = [[places[d]] if d in places else range(n) for d, n in zip(dims, data.shape, strict=False)]
    if np.prod([float(len(c)) for c in chosen]) > MOST_COLUMNS:
        raise InputError(f"{result.path}: '{variable.name}': too many columns; choose with --select or another --along")
    columns = []
    for index in np.ndindex(*(len(c) for c in chosen)):
        place = tuple(c[i] for c, i in zip(chosen, index, strict=True))
        word, rest = "", []
        for d, names, p in zip(dims, labels, place, strict=True):
            if d in LETTERS:
                word += str(names[p])
            elif len(names) > 1:
                value = names[p]
                rest.append(f"{d}={value:.10g}" if isinstance(value, float) else f"{d}={value}")
        columns.append(("_".join(filter(None, (variable.name, word))) + "".join(f" {r}" for r in rest), data[place]))
    return columns


def _about(variable: Variable) -> str:
    unit = f" in {variable.unit}" if variable.unit not in {"", "1"} else ""
    parts = [f"{variable.name}: {variable.long_name}{unit}"]
    if variable.equation:
        parts.append(f"equation: {variable.equation}")
    if variable.sign:
        parts.append(f"sign convention: {variable.sign}")
    return "; ".join(parts)
