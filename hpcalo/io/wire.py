"""Fields along a wire, frame by frame: what the exports to VTK, XDMF and OVF have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import ERROR_ROLE, ROLE, Result, Variable, with_companions
from hpcalo.io.selection import chosen_point, find_coordinate, find_index, find_variable
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class VectorLength:
    """How long the vectors of a field of unit vectors are, for programs that want the field itself.

    variable: name of the length at each node, where it varies. key: where the input has it, if it is one number.
    unless: the table of the input with which it varies. unit, description: of the field that has this length.
    """

    variable: str
    key: tuple[str, ...]
    unless: tuple[str, ...]
    unit: str
    description: str


@dataclass(frozen=True)
class WireNames:
    """What an engine calls things along its wire.

    nodes, faces: axes of positions in nm, at and between the nodes. components: the axis of vectors in x, y, z. field:
    the quantity for formats that hold one; its axes decide what the frames are. length: of its vectors. origin: the
    number that says how far the window of the nodes has moved, nm. moving: key of the input that makes it move.
    """

    nodes: str
    faces: str
    components: str
    field: str
    length: VectorLength
    origin: str
    moving: tuple[str, ...]

    @property
    def wire_axes(self) -> tuple[str, str]:
        """The axes along the wire."""
        return self.nodes, self.faces


@dataclass(frozen=True)
class WireFrames:
    """Fields along a wire at several times (or other values of one axis).

    result: where they are from. axis: the frames' axis with its name and unit; its data are numbers. nodes, faces:
    positions in the window, nm; faces has no entries if the result has none. origin: (frames,) nm, where the window
    begins. fields: variables with the dims (frames, points) or (frames, points, components). numbers: variables with
    the dims (frames,). left_out: names of variables that have other axes too. notes: what the user has to know.
    """

    result: Result
    names: WireNames
    axis: Variable
    nodes: RealArray
    faces: RealArray
    origin: RealArray
    fields: tuple[Variable, ...]
    numbers: tuple[Variable, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> RealArray:
        """(frames,) values of the axis."""
        return np.asarray(self.axis.data)

    @property
    def moves(self) -> bool:
        """Whether the window moves from frame to frame."""
        return bool(np.ptp(self.origin) > 0.0)

    @property
    def spacing(self) -> float:
        """Distance of the nodes, nm."""
        return float(self.nodes[-1] - self.nodes[0]) / (len(self.nodes) - 1)

    def on_nodes(self, field: Variable) -> bool:
        """Whether the field is known at the nodes, not on the faces."""
        return field.dims[1] == self.names.nodes

    def positions(self, *, nodes: bool, frame: int) -> RealArray:
        """Positions of the nodes or faces in the frame of the wire, nm."""
        return (self.nodes if nodes else self.faces) + self.origin[frame]


def wire_frames(
    result: Result,
    names: WireNames,
    quantities: Sequence[str] = (),
    *,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
) -> WireFrames:
    """The chosen quantities (all if none is named) along one axis: time, or the values of a scan of steady states.

    along: name of that axis; default: the one that is left after `select` (as in `curves_as_csv`) and axes of length 1.
    Raises InputError: the result has no wire, or more than one axis is left.
    """
    result, select, which = chosen_point(result, select, needed=True)
    named = [find_variable(result, name) for name in quantities]
    known = list({v.name: v for v in with_companions(named or result.variables.values())}.values())
    on_wire = [v for v in known if set(names.wire_axes) & set(v.dims)]
    if not on_wire:
        what = "the requested quantities have" if named else "it has"
        raise InputError(f"{result.path}: {what} no values along a wire; curves can be written with --to csv")
    selected = _selected(result, names, known, select)
    axis, frames_axis = _frames_axis(result, names, known, on_wire, selected, along)
    count = len(np.asarray(frames_axis.data))
    fields: list[Variable] = []
    numbers: list[Variable] = []
    left_out = []
    for variable in known:
        framed = _framed(variable, names, axis, selected, count)
        if framed is None:
            if variable.name in quantities:
                raise InputError(
                    f"{result.path}: '{variable.name}' has the axes {', '.join(variable.dims)}: choose with --select "
                    "or --along"
                )
            if variable.attrs.get(ROLE) != ERROR_ROLE:  # it goes without its quantity
                left_out.append(variable.name)
        elif set(names.wire_axes) & set(variable.dims):
            fields.append(framed)
        elif len(framed.dims) == 1:
            numbers.append(framed)
    nodes, faces = (
        np.asarray(result.coordinates[p].data, float) if p in result.coordinates else np.zeros(0)
        for p in names.wire_axes
    )
    if len(nodes) < 2:
        raise InputError(f"{result.path}: has no axis {names.nodes} with at least two nodes")
    moved = result.variables.get(names.origin)
    origin = None if moved is None else _framed(moved, names, axis, selected, count)
    notes = [which] if which else []
    if origin is None and result.setting(*names.moving):
        notes.append("x is counted from the left end of the moving window: its origin is not written at these times")
    return WireFrames(
        result=result,
        names=names,
        axis=frames_axis,
        nodes=nodes,
        faces=faces,
        origin=np.zeros(count) if origin is None else np.array(origin.data),
        fields=tuple(fields),
        numbers=tuple(numbers),
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def _selected(result: Result, names: WireNames, known: Sequence[Variable], select: Mapping[str, str]) -> dict[str, int]:
    """Axis → index of the selected entry. Raises InputError for an axis along the wire."""
    selected = {axis: find_index(result, axis, value, known) for axis, value in select.items()}
    if inside := [axis for axis in selected if axis in (*names.wire_axes, names.components)]:
        raise InputError(
            f"{result.path}: --select {inside[0]}: only whole fields can be exported; --to csv selects one position"
        )
    return selected


def _frames_axis(
    result: Result,
    names: WireNames,
    known: Sequence[Variable],
    on_wire: Sequence[Variable],
    selected: Mapping[str, int],
    along: str | None,
) -> tuple[str, Variable]:
    """Name of the axis that the frames run along, "" if there is a single frame without one; its values as numbers."""
    axes = sorted({d for v in known for d in v.dims} - {*names.wire_axes, names.components})
    if along is not None and along not in axes:
        raise InputError(f"{result.path}: no axis '{along}'; axes here: {', '.join(axes)}")
    leader = next((v for v in on_wire if v.name == names.field), on_wire[0])
    axis = along or _leading_axis(result, names, leader, selected)
    if axis in selected:
        raise InputError(f"{result.path}: the frames run along '{axis}', so it cannot be selected")
    label = find_coordinate(result, axis, _length(known, axis)) if axis else Variable("", (), np.zeros(1))
    values = np.asarray(label.data)
    if values.dtype.kind not in "fiu":  # a text has no time
        values = np.arange(len(values))
    return axis, replace(label, data=values.astype(float))


def _length(variables: Sequence[Variable], axis: str) -> int:
    return next(v.shape[v.dims.index(axis)] for v in variables if axis in v.dims)


def _leading_axis(result: Result, names: WireNames, variable: Variable, selected: Mapping[str, int]) -> str:
    """The axis the frames run along; "" if the variable has a single frame without an axis."""
    free = [d for d in variable.dims if d not in (*names.wire_axes, names.components) and d not in selected]
    long = [d for d in free if variable.shape[variable.dims.index(d)] > 1]
    if len(long) > 1:
        raise InputError(f"{result.path}: '{variable.name}' runs along {' and '.join(long)}: fix one with --select")
    return (long or free or [""])[0]


def _framed(
    variable: Variable, names: WireNames, axis: str, selected: Mapping[str, int], frames: int
) -> Variable | None:
    """The variable with the axis of the frames first, at the selected indices of other axes.

    None if another axis is left, or if it holds no numbers. What does not depend on the axis of the frames is the same
    in all of them.
    """
    data = np.asarray(variable.data)
    if data.dtype.kind not in "fiu":
        return None
    index: list[int | slice] = []
    for d, n in zip(variable.dims, variable.shape, strict=True):
        if d == axis or d in (*names.wire_axes, names.components):
            index.append(slice(None))
        elif d in selected or n == 1:
            index.append(selected.get(d, 0))
        else:
            return None
    data = data.astype(float)[tuple(index)]
    dims = [d for d, i in zip(variable.dims, index, strict=True) if isinstance(i, slice)]
    if axis in dims:
        data = np.moveaxis(data, dims.index(axis), 0)
        dims.remove(axis)
    else:
        data = np.broadcast_to(data, (frames, *data.shape))
    return replace(variable, dims=(axis, *dims), data=data, error=None)
