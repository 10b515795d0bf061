"""The results of all points of a scan in one set of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError
from hpcalo.io.dataset import Variable, with_companions, without_companions
from hpcalo.io.scanned import LENGTH, OF_POINT
from hpcalo.scan.points import Axis
from hpcalo.typing import Array

Results = tuple[list[Variable], list[Variable]]
"""Variables and coordinates of one point."""
Outcome = Results | str
"""Of a finished point: its results, or why it failed."""
NAMED = 8
"""Failed points that a message names."""


def failures(axis: Axis, errors: Sequence[str]) -> str:
    """In one line which points failed, and why the first of them did; "" where none did."""
    failed = [value for value, text in zip(axis.given, errors, strict=True) if text]
    if not failed:
        return ""
    names = ", ".join(failed[:NAMED]) + (", …" if len(failed) > NAMED else "")
    why = next(text for text in errors if text)
    return (
        f"{len(failed)} of {len(errors)} points failed ({axis.key} = {names}; {why}); "
        "the result's 'error' says why for each"
    )


def merged(axis: Axis, results: Sequence[Outcome]) -> tuple[list[Variable], list[Variable]]:
    """All points in one set of arrays: (points, …), with the scanned value as first axis.

    NaN where a point failed, has no variable of that name, or where an axis of it is shorter than the longest (then
    `x_length` says how long it is). The places of an axis that are not the same for all points, nor a part of the
    longest, are (points, axis) as `x_of_point`. results: of each point, or the text of its failure.
    """
    errors = np.array([r if isinstance(r, str) else "" for r in results])
    head = [Variable("error", (axis.name,), errors, "", "why a point failed; empty where it did not")]
    coordinates = [Variable(axis.name, (axis.name,), axis.values, axis.unit, f"scanned input {axis.key}")]
    for c, data in _by_name(results, part=1):
        known = [one for one in data if one is not None]
        longest = max(known, key=len)
        if all(np.array_equal(one, longest[: len(one)]) for one in known):
            coordinates.append(replace(c, data=longest))
        elif longest.dtype.kind not in "fiu":
            raise InputError(f"scan.key: {axis.key}: the points differ in the axis '{c.name}'; run each by itself")
        else:
            name, words = c.name + OF_POINT, f"{c.long_name or c.name}, of each point"
            coordinates.append(
                Variable(name, (axis.name, *c.dims), _stacked(data), c.unit, words, c.attrs, nan_ok=True)
            )
    found = _by_name(results, part=0)
    counts: dict[str, list[int]] = {}
    for v, data in found:
        for index, one in enumerate(data):
            for d, n in zip(v.dims, () if one is None else one.shape, strict=one is not None):
                counts.setdefault(d, [0] * len(results))[index] = n
    for d, entries in counts.items():
        if len({n for n in entries if n}) > 1:
            words = f"entries of '{d}' that the point has; NaN beyond"
            coordinates.append(Variable(d + LENGTH, (axis.name,), np.array(entries), "", words))
    for v, data in found:
        whole = _stacked(data, tuple(max(counts[d]) for d in v.dims))
        head.append(replace(v, dims=(axis.name, *v.dims), data=whole, nan_ok=True))
    return without_companions(head), coordinates


def _by_name(results: Sequence[Outcome], part: int) -> list[tuple[Variable, list[Array | None]]]:
    """Each variable (part 0) or coordinate (part 1) that any point has, with the arrays of all points.

    None where a point has none.
    """
    found: dict[str, tuple[Variable, list[Array | None]]] = {}
    for index, result in enumerate(results):
        for v in () if isinstance(result, str) else with_companions(result[part]):
            kind, data = found.setdefault(v.name, (v, [None] * len(results)))
            if kind.dims != v.dims:
                raise ValueError(f"{v.name}: axes {v.dims}, in another point {kind.dims}")
            data[index] = np.asarray(v.data)
    return list(found.values())


def _stacked(data: Sequence[Array | None], shape: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """(points, …): each array in the first places of one of that shape (or of the longest one), NaN elsewhere."""
    shape = shape or tuple(np.max([np.shape(one) for one in data if one is not None], axis=0).astype(int))
    whole = np.full((len(data), *shape), np.nan)
    for index, one in enumerate(data):
        if one is not None:
            place: tuple[int | slice, ...] = (index, *(slice(n) for n in one.shape))
            whole[place] = one
    return whole
