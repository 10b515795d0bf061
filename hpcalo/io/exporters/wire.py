"""What a wall result holds along the wire, frame by frame: the common ground of the exports to VTK, XDMF and OVF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.exporters.csv import chosen_point, find_coordinate, find_place, find_variable

PLACES = ("x", "x_face")
VECTOR = "component"

Real = NDArray[np.float64]


@dataclass(frozen=True)
class WireField:
    """A field at the nodes (`place` x) or on the faces between them (x_face).

    values: (frames, places) or (frames, places, 3) in the unit of the variable.
    """

    variable: Variable
    place: str
    values: Real

    @property
    def name(self) -> str:
        """Name of the variable."""
        return self.variable.name

    @property
    def components(self) -> int:
        """1 or 3."""
        return 3 if self.values.ndim == 3 else 1


@dataclass(frozen=True)
class WireSeries:
    """Fields along a wire at several times (or other values of one axis).

    axis, unit, steps: name, unit and the (frames,) values of the axis. nodes, faces: (places,) nm in the window; faces
    is empty if the result has none. origin: (frames,) nm, where the window begins. numbers: (frames,) each, with their
    variables. left_out: variables that have other axes too. settings: the run's complete input.
    """

    path: Path
    title: str
    axis: str
    unit: str
    steps: Real
    nodes: Real
    faces: Real
    origin: Real
    fields: tuple[WireField, ...]
    numbers: tuple[tuple[Variable, Real], ...]
    left_out: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the window moves from frame to frame."""
        return bool(np.ptp(self.origin) > 0.0)

    @property
    def spacing(self) -> float:
        """Distance of the nodes, nm."""
        return float(self.nodes[-1] - self.nodes[0]) / (len(self.nodes) - 1)

    def places(self, place: str, frame: int) -> Real:
        """Positions of the nodes or faces in the frame of the wire, nm."""
        return (self.nodes if place == "x" else self.faces) + self.origin[frame]


def wire_series(
    result: Result,
    quantities: Sequence[str] = (),
    *,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
) -> WireSeries:
    """The chosen quantities (all, if none is named) along one axis: time, or the swept input of a steady sweep.

    along: name of that axis; default: the one that is left after `select` (as in `curves_as_csv`) and axes of length 1.
    Raises InputError: the result has no wire, or more than one axis is left.
    """
    result, select, which = chosen_point(result, select, needed=True)
    asked = [find_variable(result, name) for name in quantities]
    known = asked or list(result.variables.values())
    on_wire = [v for v in known if set(PLACES) & set(v.dims)]
    if not on_wire:
        what = "the quantities asked for have" if asked else "it has"
        raise InputError(f"{result.path}: {what} no values along a wire; curves can be written with --to csv")
    selected = {axis: find_place(result, axis, value, known) for axis, value in (select or {}).items()}
    if inside := [axis for axis in selected if axis in (*PLACES, VECTOR)]:
        raise InputError(f"{result.path}: --select {inside[0]}: whole fields are exported; --to csv takes one place")
    axes = sorted({d for v in known for d in v.dims} - {*PLACES, VECTOR})
    if along is not None and along not in axes:
        raise InputError(f"{result.path}: no axis '{along}'; axes here: {', '.join(axes)}")
    leader = next((v for v in on_wire if v.name == "magnetization"), on_wire[0])
    axis = along or _leading_axis(result, leader, selected)
    label = find_coordinate(result, axis, _length(on_wire, axis)) if axis else Variable("", (), np.zeros(1))
    steps = np.asarray(label.data)
    if steps.dtype.kind not in "fiu":  # a swept text has no place on a time axis
        steps = np.arange(len(steps))
    if axis in selected:
        raise InputError(f"{result.path}: the frames run along '{axis}', which cannot be selected")
    fields: list[WireField] = []
    numbers: list[tuple[Variable, Real]] = []
    left_out = []
    for variable in known:
        index = _index(variable, axis, selected)
        if index is None or np.asarray(variable.data).dtype.kind not in "fiu":
            if variable in asked:
                raise InputError(
                    f"{result.path}: '{variable.name}' has the axes {', '.join(variable.dims)}: choose with --select "
                    "or --along"
                )
            left_out.append(variable.name)
            continue
        values = _values(variable, axis, index, len(steps))
        place = next((d for d in PLACES if d in variable.dims), "")
        if place:
            fields.append(WireField(variable, place, values))
        elif values.ndim == 1:
            numbers.append((variable, values))
    places = [np.asarray(result.coordinates[p].data, float) if p in result.coordinates else np.zeros(0) for p in PLACES]
    nodes, faces = places
    if len(nodes) < 2:
        raise InputError(f"{result.path}: has no axis x with at least two nodes")
    settings = result.settings
    origin = _origin(result, axis, selected, len(steps))
    notes = [which] if which else []
    if origin is None and settings.get("wire", {}).get("follow"):
        notes.append("x is counted from the left end of the moving window: its origin is not written at these times")
    return WireSeries(
        path=result.path,
        title=str(result.attrs.get("title", "")),
        axis=axis,
        unit=label.unit,
        steps=steps.astype(float),
        nodes=nodes,
        faces=faces,
        origin=np.zeros(len(steps)) if origin is None else origin,
        fields=tuple(fields),
        numbers=tuple(numbers),
        left_out=tuple(left_out),
        settings=settings,
        notes=tuple(notes),
    )


def _length(variables: Sequence[Variable], axis: str) -> int:
    return next(v.shape[v.dims.index(axis)] for v in variables if axis in v.dims)


def _leading_axis(result: Result, variable: Variable, selected: Mapping[str, int]) -> str:
    """The axis the frames run along; "" if the variable has a single frame without an axis."""
    free = [d for d in variable.dims if d not in (*PLACES, VECTOR) and d not in selected]
    long = [d for d in free if variable.shape[variable.dims.index(d)] > 1]
    if len(long) > 1:
        raise InputError(f"{result.path}: '{variable.name}' runs along {' and '.join(long)}: fix one with --select")
    return (long or free or [""])[0]


def _index(variable: Variable, axis: str, selected: Mapping[str, int]) -> tuple[int | None, ...] | None:
    """One entry per axis: the selected place, 0 for an axis of length 1, None for whole ones; None if one is left."""
    index: list[int | None] = []
    for d, n in zip(variable.dims, variable.shape, strict=True):
        if d == axis or d in (*PLACES, VECTOR):
            index.append(None)
        elif d in selected or n == 1:
            index.append(selected.get(d, 0))
        else:
            return None
    return tuple(index)


def _values(variable: Variable, axis: str, index: tuple[int | None, ...], frames: int) -> Real:
    """(frames, …): the axis of the frames first; what does not depend on it is the same in all of them."""
    data = np.asarray(variable.data, dtype=float)[tuple(slice(None) if i is None else i for i in index)]
    dims = [d for d, i in zip(variable.dims, index, strict=True) if i is None]
    if axis in dims:
        return np.moveaxis(data, dims.index(axis), 0)
    return np.broadcast_to(data, (frames, *data.shape))


def _origin(result: Result, axis: str, selected: Mapping[str, int], frames: int) -> Real | None:
    """Where the window begins in each frame, nm; None where the result does not tell."""
    variable = result.variables.get("window_origin")
    index = None if variable is None else _index(variable, axis, selected)
    if variable is None or index is None:
        return None
    return np.array(_values(variable, axis, index, frames))
