"""The points of a sweep: one input each, the axis that tells them apart, and their results in one set of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from hpcalo.config.fields import Unit
from hpcalo.config.reader import set_value, validate
from hpcalo.errors import InputError
from hpcalo.io.dataset import Variable, with_companions, without_companions
from hpcalo.io.hdf5 import open_hdf5
from hpcalo.io.scanned import LENGTH, OF_POINT
from hpcalo.wall.config import WallInput

if TYPE_CHECKING:
    from hpcalo.wall.published.run import Results

NAMED = 8
"""Failed points that a message names."""
NOT_SWEPT = {
    "sweep": "the sweep does not sweep itself",
    "output.file": "all points are in one result",
    "execution": "it is the same for all points",
    "paper.collision": "its results have different units",
}
"""Keys that are not of a point, and why."""


@dataclass(frozen=True)
class Axis:
    """The swept input. `values`: numbers in `unit` where the key is a number, else texts; `told`: as in the input."""

    key: str
    values: NDArray[Any]
    unit: str
    told: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the axis in the result."""
        return self.key.replace(".", "_")

    def point(self, index: int) -> str:
        """A point in a message: `drive.gradient = 2.0`."""
        return f"{self.key} = {self.told[index]}"


def points_of(settings: WallInput, source: Path) -> list[WallInput]:
    """One input per value of the sweep, each checked against the schema. Raises InputError, naming `source`."""
    if settings.sweep is None:
        return [settings]
    sweep = settings.sweep
    for key, why in NOT_SWEPT.items():
        if f"{sweep.key}.".startswith(f"{key}."):
            raise InputError(f"{source}: sweep.key: {sweep.key} cannot be swept: {why}")
    base = settings.model_dump(mode="json", exclude_none=True)
    base.pop("sweep")
    points = []
    for value in sweep.values:
        data = _copy(base)
        set_value(
            data, sweep.key.split("."), list(value) if isinstance(value, tuple) else value, f"{source}: sweep.key"
        )
        points.append(validate(WallInput, data, f"{source}: sweep.key: {sweep.key} = {_text(value)}"))
    _must_fit(sweep.key, points, source)
    return points


def earlier_of(point: WallInput, folder: Path) -> Path | None:
    """The result that a run goes on from, None where it begins anew; `folder`: the input file's."""
    return None if point.wall.continue_from is None else folder / point.wall.continue_from


def place_of(axis: Axis | None, index: int) -> str:
    """How a refusal of one point's settings begins; nothing outside of a sweep (axis None)."""
    return "" if axis is None else f"sweep.key: {axis.point(index)}: "


def unreadable(points: Sequence[WallInput], source: Path, axis: Axis | None) -> list[str]:
    """Of the results that the points go on from, those that cannot be opened, a text each. Serial."""
    out = {}
    for index, point in enumerate(points):
        path = earlier_of(point, source.parent)
        if path is None or path in out:
            continue
        try:
            open_hdf5(path).close()
        except InputError as problem:
            seen = "" if Path(str(point.wall.continue_from)).is_absolute() else "; it is seen from the input's folder"
            out[path] = f"{place_of(axis, index)}wall.continue_from: {problem}{seen}"
    return list(out.values())


def groups_of(settings: WallInput, ranks: int) -> int:
    """Groups that the ranks are split into."""
    assert settings.sweep is not None  # asked only for sweeps
    return min(settings.sweep.groups or ranks, ranks, len(settings.sweep.values))


def axis_of(settings: WallInput, points: Sequence[WallInput]) -> Axis:
    """The axis of the sweep."""
    assert settings.sweep is not None  # asked only for sweeps
    path = settings.sweep.key.split(".")
    told = tuple(_text(value) for value in settings.sweep.values)
    found = [_at(point, path) for point in points]
    if all(type(one) in {int, float} for one in found):
        return Axis(settings.sweep.key, np.array(found), unit_of(settings.sweep.key), told)
    return Axis(settings.sweep.key, np.array(told), "", told)


def unit_of(key: str) -> str:
    """Unit of an input key, from the schema; "" where it has none."""
    found: list[tuple[Any, tuple[Any, ...]]] = [(WallInput, ())]
    for part in key.split("."):
        found = [below for kind, _ in found for below in _below(kind, part)]
    return next((m.unit for _, marks in found for m in marks if isinstance(m, Unit) and m.unit != "1"), "")


def told_of_failures(axis: Axis, errors: Sequence[str]) -> str:
    """Which points failed, and why the first of them did; nothing where none did."""
    failed = [told for told, text in zip(axis.told, errors, strict=True) if text]
    if not failed:
        return ""
    names = ", ".join(failed[:NAMED]) + (", …" if len(failed) > NAMED else "")
    why = next(text for text in errors if text)
    return (
        f"{len(failed)} of {len(errors)} points failed ({axis.key} = {names}; {why}); "
        "the result's 'error' says why for each"
    )


def combined(axis: Axis, results: Sequence[Results | str]) -> tuple[list[Variable], list[Variable]]:
    """All points in one set of arrays with the swept value as first axis; NaN where a point failed, has no variable of
    that name, or where an axis of it is shorter than the longest (`x_length` then tells how long). The places of an
    axis that are not the same for all points, nor a part of the longest, are (points, axis) as `x_of_point`.
    """
    errors = np.array([r if isinstance(r, str) else "" for r in results])
    head = [Variable("error", (axis.name,), errors, "", "why a point failed; empty where it did not")]
    coordinates = [Variable(axis.name, (axis.name,), axis.values, axis.unit, f"swept input {axis.key}")]
    for c, data in _by_name(results, part=1):
        known = [one for one in data if one is not None]
        longest = max(known, key=len)
        if all(np.array_equal(one, longest[: len(one)]) for one in known):
            coordinates.append(replace(c, data=longest))
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


# -- one input each ------------------------------------------------------------------------------------------------


def _must_fit(key: str, points: Sequence[WallInput], source: Path) -> None:
    """Raises InputError where the results of the points would have nothing in common."""
    if len({p.wall.model for p in points}) > 1:
        raise InputError(f"{source}: sweep.key: {key}: the models have different results; run each by itself")
    every = [{m.name: m.every for m in p.output.monitors} for p in points]
    for name in dict.fromkeys(name for e in every for name in e):
        if len({e[name] for e in every if name in e}) > 1:
            raise InputError(f"{source}: sweep.key: {key}: the points write '{name}' at different output times")


def _copy(data: Any) -> Any:
    """A deep copy of nested tables and lists."""
    if isinstance(data, dict):
        return {k: _copy(v) for k, v in data.items()}
    return [_copy(v) for v in data] if isinstance(data, list) else data


def _at(point: WallInput, path: Sequence[str]) -> Any:
    """The value of a key that `points_of` has set; None where the schema has taken it for something else."""
    here: Any = point
    for part in path:
        if isinstance(here, tuple | list):
            here = here[int(part)]
        else:
            here = here.get(part) if isinstance(here, dict) else getattr(here, part, None)
    return here


def _text(value: Any) -> str:
    """As in the input."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(_text(v) for v in value)}]" if isinstance(value, tuple) else str(value)


def _alternatives(kind: Any, marks: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """What an annotation allows, each with the marks on it."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        yield from _alternatives(inner, (*marks, *more))
    elif get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            yield from _alternatives(one, marks)
    else:
        yield kind, marks


def _below(kind: Any, part: str) -> list[tuple[Any, tuple[Any, ...]]]:
    """What a key or the number of an item leads to; nothing for tables of free keys."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(part)
        return [] if field is None else list(_alternatives(field.annotation, tuple(field.metadata)))
    items = [one for one in get_args(kind) if one is not Ellipsis]
    if get_origin(kind) is not tuple or not part.isdigit() or not items:
        return []
    return list(_alternatives(items[min(int(part), len(items) - 1)]))


# -- all points ----------------------------------------------------------------------------------------------------


def _by_name(results: Sequence[Results | str], part: int) -> list[tuple[Variable, list[NDArray[Any] | None]]]:
    """Each variable (part 0) or coordinate (part 1) that any point has, with the arrays of all points, None where one
    has none.
    """
    found: dict[str, tuple[Variable, list[NDArray[Any] | None]]] = {}
    for index, result in enumerate(results):
        for v in () if isinstance(result, str) else with_companions(result[part]):
            kind, data = found.setdefault(v.name, (v, [None] * len(results)))
            if kind.dims != v.dims:
                raise ValueError(f"{v.name}: axes {v.dims}, in another point {kind.dims}")
            data[index] = np.asarray(v.data)
    return list(found.values())


def _stacked(data: Sequence[NDArray[Any] | None], shape: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """(points, …): each array in the first places of one of that shape (or of the longest one), NaN elsewhere."""
    shape = shape or tuple(np.max([np.shape(one) for one in data if one is not None], axis=0).astype(int))
    whole = np.full((len(data), *shape), np.nan)
    for index, one in enumerate(data):
        if one is not None:
            place: tuple[Any, ...] = (index, *(slice(n) for n in one.shape))
            whole[place] = one
    return whole
