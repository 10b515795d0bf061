"""Curves as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result, Variable, with_companions
from hpcalo.io.exporters.exporter import Exporter, Request
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.selection import chosen_point, find_coordinate, find_index, find_variable
from hpcalo.typing import Array

MOST_COLUMNS = 10_000


class Csv(Exporter):
    """Rows along one axis (default: the longest that all quantities have), columns along all others.

    The columns of a quantity are followed by those of its estimated error, if it has one.

    Lines that start with # say what the quantities are: `pandas.read_csv(name, comment="#")`.
    """

    name, suffixes = "csv", (".csv",)
    exports = "curves"
    help = "curves as a table: one column for each quantity and entry of its other axes"

    def write(self, result: Result, request: Request) -> list[str]:
        if not request.quantities:
            raise InputError(f"{result.path}: choose a curve with --quantity; 'hpcalo info {result.path}' lists them")
        check_output(request.output, force=request.force)
        text = curves_as_csv(result, request.quantities, along=request.along, select=request.select)
        with atomic_write(request.output, force=request.force) as part:
            part.write_text(text, encoding="utf-8")
        return [f"curves: {request.output}"]


def curves_as_csv(
    result: Result, quantities: Sequence[str], *, along: str | None = None, select: Mapping[str, str] | None = None
) -> str:
    """The text of the CSV file. Raises InputError for a quantity, axis or value that the result does not have."""
    title = str(result.attrs.get("title", ""))
    result, select, which = chosen_point(result, select)
    variables = _with_errors([find_variable(result, name) for name in quantities])
    axis = _axis(result, variables, along)
    indices = {name: find_index(result, name, value, variables) for name, value in (select or {}).items()}
    if axis in indices:
        raise InputError(f"{result.path}: rows run along '{axis}', so it cannot be selected; choose another --along")
    label = find_coordinate(result, axis, _length(variables, axis))
    head = [f"# {result.path.name}: {title}".rstrip(": "), *([f"# {which}"] if which else [])]
    columns: list[tuple[str, Array]] = []
    for variable in variables:
        head.append("# " + _about(variable))
        columns += _columns(result, variable, axis, indices)
    if len(columns) > MOST_COLUMNS:
        raise InputError(
            f"{result.path}: too many columns ({len(columns)}); reduce them with --select or another --along"
        )
    text = io.StringIO()
    text.write("\n".join(" ".join(line.split()) for line in head) + "\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([f"{axis} ({label.unit})" if label.unit else axis, *(name for name, _ in columns)])
    for row, value in enumerate(np.asarray(label.data).tolist()):
        first = f"{value:.12g}" if isinstance(value, float) else value
        writer.writerow([first, *(column[row] for _, column in columns)])
    return text.getvalue()


def _with_errors(variables: Sequence[Variable]) -> list[Variable]:
    """The variables, each followed by its estimated error, none twice."""
    found: dict[str, Variable] = {}
    for variable in with_companions(variables):
        found.setdefault(variable.name, variable)
    return list(found.values())


def _axis(result: Result, variables: Sequence[Variable], along: str | None) -> str:
    shared = [d for d in variables[0].dims if all(d in v.dims for v in variables)]
    if along is not None:
        if along not in shared:
            raise InputError(
                f"{result.path}: not every quantity has an axis '{along}'; common axes: {', '.join(shared)}"
            )
        return along
    if not shared:
        raise InputError(f"{result.path}: {', '.join(v.name for v in variables)}: have no axis in common")
    numeric = [d for d in shared if not _is_tensor_axis(result, d)] or shared
    return max(numeric, key=lambda d: _length(variables, d))


def _length(variables: Sequence[Variable], axis: str) -> int:
    return variables[0].shape[variables[0].dims.index(axis)]


def _columns(result: Result, variable: Variable, axis: str, indices: Mapping[str, int]) -> list[tuple[str, Array]]:
    """Name and values of each column of a variable; the name says which entry of every axis longer than one."""
    data = np.moveaxis(np.asarray(variable.data), variable.dims.index(axis), -1)
    dims = [d for d in variable.dims if d != axis]
    labels = [np.asarray(find_coordinate(result, d, n).data).tolist() for d, n in zip(dims, data.shape, strict=False)]
    chosen = [[indices[d]] if d in indices else range(n) for d, n in zip(dims, data.shape, strict=False)]
    if np.prod([float(len(c)) for c in chosen]) > MOST_COLUMNS:
        raise InputError(
            f"{result.path}: '{variable.name}': too many columns; reduce them with --select or another --along"
        )
    columns = []
    for index in np.ndindex(*(len(c) for c in chosen)):
        entry = tuple(c[i] for c, i in zip(chosen, index, strict=True))
        word, rest = "", []
        for d, names, p in zip(dims, labels, entry, strict=True):
            if _is_tensor_axis(result, d):
                word += str(names[p])
            elif len(names) > 1:
                value = names[p]
                rest.append(f"{d}={value:.10g}" if isinstance(value, float) else f"{d}={value}")
        columns.append(("_".join(filter(None, (variable.name, word))) + "".join(f" {r}" for r in rest), data[entry]))
    return columns


def _about(variable: Variable) -> str:
    unit = f" in {variable.unit}" if variable.unit not in {"", "1"} else ""
    parts = [f"{variable.name}: {variable.long_name}{unit}"]
    if variable.equation:
        parts.append(f"equation: {variable.equation}")
    if variable.sign:
        parts.append(f"sign convention: {variable.sign}")
    return "; ".join(parts)


def _is_tensor_axis(result: Result, axis: str) -> bool:
    """Whether the axis numbers tensor elements: its labels are made of x, y and z, and are joined to one word."""
    found = result.coordinates.get(axis)
    if found is None or found.dims != (axis,):
        return False
    return all(
        isinstance(label, str) and label and set(label) <= set("xyz") for label in np.asarray(found.data).tolist()
    )
