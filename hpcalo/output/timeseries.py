"""Result files that fill up: arrays with a time axis, written by all ranks frame by frame.

The file is in the same convention as other results (`hpcalo.output.hdf5`), so `hpcalo info`, `hpcalo plot` and xarray
read it, also while the run goes on or after it was killed: entries that are not written yet are NaN. Between two frames
it is closed; what a continuation needs lies in the group `state`, replaced with each frame and numbered, so that a torn
one is recognized.

All arrays have their full length from the first frame on. A frame then only fills bytes that are there: nothing that
describes the file changes, and whatever moment a run is killed at, the entries before are readable. (HDF5 files that
grow are not: killed while the index of an array's pieces is split, at every 64th frame, they cannot be opened again.) A
full disk is found at the first frame, too.

Opening and closing are collective; each rank then writes its own slab independently. Collective transfers would need
one call for all ranks by MPI-IO, which fails with Open MPI's OMPIO ("pwritev: Invalid argument", seen with Open MPI 4.1
and HDF5 1.10.8 for the second and later frames, on one rank too).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from hpcalo.errors import CheckpointError, InputError, OutputError, one_line
from hpcalo.output.hdf5 import (
    METADATA_BYTES,
    NO_COORDINATE,
    PROVENANCE_GROUP,
    Slab,
    Variable,
    open_hdf5,
    plain,
    write_dataset,
)
from hpcalo.output.provenance import Provenance
from hpcalo.output.seal import unseal
from hpcalo.parallel.guard import on_root, together

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from numpy.typing import NDArray

STATE_GROUP = "state"
COUNTERS = ("steps", "linear_solves", "linear_iterations")
PLANNED = "entries_"
"""Attributes that say how many entries each time axis has when the run is complete."""


@dataclass(frozen=True)
class Frame:
    """What is appended to one time axis at one time.

    `variables`: dims without the time axis; data a number (the same on all ranks) or this rank's Slab along its first
    axis.
    """

    axis: str
    time: float
    variables: tuple[Variable, ...]


class TimeSeries:
    """Writes a result file that fills up. All methods are collective. Raises OutputError on all ranks."""

    def __init__(self, path: Path, comm: Intracomm, time_unit: str = "ns") -> None:
        self.path, self.comm, self.time_unit = path, comm, time_unit
        self.lengths: dict[str, int] = {}
        self._frames: dict[str, int] = {}
        self._serial = 0

    def create(
        self,
        coordinates: Sequence[Variable],
        variables: Sequence[Variable] = (),
        *,
        lengths: Mapping[str, int],
        provenance: Provenance,
        attrs: Mapping[str, Any],
        force: bool = False,
    ) -> None:
        """The file without frames: fixed axes, what does not change in time, attributes, provenance. It appears under
        its name only when complete. `lengths`: how many entries each time axis is going to have.
        """
        planned = {f"{PLANNED}{axis}": length for axis, length in lengths.items()}
        attrs = {**attrs, **planned, **dict.fromkeys(COUNTERS, 0)}
        write_dataset(self.path, self.comm, variables, coordinates, provenance=provenance, attrs=attrs, force=force)
        self.lengths = dict(lengths)

    @property
    def counts(self) -> dict[str, int]:
        """Entries on each time axis so far."""
        return dict(self._frames)

    def reopen(self, counts: Mapping[str, int]) -> None:
        """Goes on with an existing file after `counts` entries on each time axis; later ones are written again.

        Raises CheckpointError if it does not hold them, InputError if it cannot be read.
        """

        def look() -> tuple[int, dict[str, int]]:
            with open_hdf5(self.path) as file:
                try:
                    planned = {n.removeprefix(PLANNED): int(v) for n, v in file.attrs.items() if n.startswith(PLANNED)}
                    for axis, count in counts.items():
                        if axis not in file or file[axis].shape != (planned.get(axis),):
                            raise CheckpointError(f"{self.path}: is of another run, or of an earlier version of hpcalo")
                        if not np.isfinite(file[axis][:count]).all():
                            raise CheckpointError(f"{self.path}: holds fewer than {count} entries on {axis}")
                    begun = int(file[STATE_GROUP].attrs["begun"])
                except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
                    raise InputError(f"{self.path}: is damaged: {one_line(problem)[:200]}") from None
            with _refusals(self.path):
                unseal(self.path)  # killed when all was written, but before it got its name
            return begun, planned

        self._serial, self.lengths = on_root(self.comm, look)
        self._frames = dict(counts)

    def append(self, frames: Sequence[Frame], state: Sequence[Variable], state_attrs: Mapping[str, Any]) -> None:
        """One more entry on the time axes of `frames`, and the state to continue from."""
        new = [f for f in frames if f.axis not in self._frames]
        first = self._serial == 0
        self._serial += 1

        def prepare() -> None:
            if new or first:
                self._make_room(new, state if first else (), state_attrs)

        on_root(self.comm, prepare)
        for frame in new:
            self._frames[frame.axis] = 0
        with self._open() as file:
            group = file[STATE_GROUP]
            _set(group, "begun", self._serial)  # collective, as all that changes attributes
            for name, value in state_attrs.items():
                _set(group, name, value)
            for frame in frames:
                index = self._frames[frame.axis]
                for variable in frame.variables:
                    _write(file[variable.name], index, variable.data, self.comm.rank)
                _write(file[frame.axis], index, np.asarray(frame.time), self.comm.rank)
                self._frames[frame.axis] = index + 1
            for variable in state:
                _write(group[variable.name], None, variable.data, self.comm.rank)
        with self._open() as file:
            _set(file[STATE_GROUP], "complete", self._serial)

    def _make_room(self, frames: Sequence[Frame], state: Sequence[Variable], state_attrs: Mapping[str, Any]) -> None:
        """The arrays of these frames at their full length, in a copy that then takes the file's place. Serial."""
        part = self.path.with_name(f"{self.path.name}.part-room")
        arrays = [(f, v) for f in frames for v in (Variable(f.axis, (), 0.0), *f.variables)]
        room = sum(8 * self.lengths[f.axis] * int(np.prod(_shape(v), dtype=int)) for f, v in arrays)
        room += sum(8 * int(np.prod(_shape(v), dtype=int)) for v in state)
        try:
            with _refusals(self.path):
                shutil.copyfile(self.path, part)
                with open(part, "r+b") as raw:
                    size = os.fstat(raw.fileno()).st_size
                    os.posix_fallocate(raw.fileno(), 0, size + room + METADATA_BYTES * (len(arrays) + len(state) + 1))
                with h5py.File(part, "r+") as file:
                    for frame in frames:
                        if frame.axis not in file:  # else the run was killed after it had been made
                            _create_axis(file, frame, self.time_unit, self.lengths[frame.axis])
                    if state:
                        _create_state(file, state, state_attrs)
                with open(part, "r+b") as raw:
                    os.fsync(raw.fileno())
                os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)

    def finish(self, counters: Mapping[str, int]) -> None:
        """Values of the attributes COUNTERS, known at the end."""

        def write() -> None:
            with _refusals(self.path), h5py.File(self.path, "r+") as file:
                for name, value in counters.items():
                    _set(file, name, value)

        on_root(self.comm, write)

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        with together(self.comm), _refusals(self.path):
            file = h5py.File(self.path, "r+", driver="mpio", comm=self.comm)
        error: Exception | None = None
        try:
            yield file
        except (OSError, RuntimeError) as problem:  # a full disk: every rank must come to the end first
            error = problem
        finally:
            try:
                file.close()
            except (OSError, RuntimeError) as problem:
                error = error or problem
        with together(self.comm):
            if error is not None:
                raise OutputError(f"{self.path}: cannot be written: {one_line(error)[:200]}") from None


@dataclass(frozen=True)
class SavedState:
    """The last written state: whole arrays by name, attributes, and the attributes and texts of the file."""

    arrays: dict[str, NDArray[Any]]
    attrs: dict[str, Any]
    file_attrs: dict[str, Any]
    texts: dict[str, str]


def read_state(path: Path) -> SavedState:
    """Serial. Raises InputError if the file cannot be read, CheckpointError if it has no complete state."""
    with open_hdf5(path) as file:
        if STATE_GROUP not in file:
            raise CheckpointError(f"{path}: holds no state to continue from")
        group = file[STATE_GROUP]
        attrs = {name: plain(value) for name, value in group.attrs.items()}
        if attrs.get("begun") != attrs.get("complete"):
            raise CheckpointError(f"{path}: its last state was not written completely")
        try:
            arrays = {name: np.asarray(item[()]) for name, item in group.items()}
            texts = {name: str(item.asstr()[()]) for name, item in file[PROVENANCE_GROUP].items()}
        except (OSError, KeyError, TypeError, ValueError) as problem:
            raise CheckpointError(f"{path}: is damaged: {one_line(problem)}") from None
        return SavedState(arrays, attrs, {name: plain(value) for name, value in file.attrs.items()}, texts)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written: {one_line(problem)[:200]}") from None


def _shape(variable: Variable) -> tuple[int, ...]:
    return tuple(variable.data.shape) if isinstance(variable.data, Slab) else np.shape(variable.data)


def _create_axis(file: h5py.File, frame: Frame, unit: str, length: int) -> None:
    axis = _reserve(file, frame.axis, (length,))
    axis.make_scale(frame.axis)
    axis.attrs["units"] = unit
    axis.attrs["long_name"] = "simulated time"
    axis.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
    for variable in frame.variables:
        shape = _shape(variable)
        dataset = _reserve(file, variable.name, (length, *shape))
        dataset.dims[0].attach_scale(axis)
        for number, (dim, extent) in enumerate(zip(variable.dims, shape, strict=True), start=1):
            if dim not in file:
                scale = file.create_dataset(dim, shape=(extent,), dtype="f4")
                scale.make_scale(f"{NO_COORDINATE}{extent:10d}")
                scale.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
            dataset.dims[number].attach_scale(file[dim])
        if variable.unit:
            dataset.attrs["units"] = variable.unit
        if variable.long_name:
            dataset.attrs["long_name"] = variable.long_name


def _reserve(place: h5py.Group, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
    """An array of NaN in one piece on disk."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_ALLOC)
    return place.create_dataset(name, shape=shape, dtype="f8", fillvalue=np.nan, dcpl=creation)


def _set(group: h5py.Group, name: str, value: Any) -> None:
    """An attribute's new value in its old place: what describes the file does not change."""
    group.attrs.modify(name, value)


def _dimensions(file: h5py.File) -> int:
    return sum("_Netcdf4Dimid" in item.attrs for item in file.values() if isinstance(item, h5py.Dataset))


def _create_state(file: h5py.File, state: Sequence[Variable], attrs: Mapping[str, Any]) -> None:
    group = file.create_group(STATE_GROUP)
    for variable in state:
        _reserve(group, variable.name, _shape(variable))
    for name, value in {**attrs, "begun": 0, "complete": -1}.items():
        group.attrs[name] = value


def _write(dataset: h5py.Dataset, index: int | None, data: Any, rank: int) -> None:
    """Writes this rank's rows, or from rank 0 a number or array that all ranks have."""
    slab = data if isinstance(data, Slab) else None
    if slab is None and rank != 0:
        return
    values = np.asarray(
        slab.data if slab else data, dtype=float, order="C"
    )  # ascontiguousarray would add an axis to numbers
    start: tuple[int, ...] = (slab.offset, *(0,) * (values.ndim - 1)) if slab else (0,) * values.ndim
    count: tuple[int, ...] = values.shape if values.ndim or slab else ()
    if index is not None:
        start, count = (index, *start), (1, *count)
    if not count:
        dataset.id.write(h5py.h5s.create(h5py.h5s.SCALAR), dataset.id.get_space(), np.atleast_1d(values))
        return
    space = dataset.id.get_space()
    space.select_hyperslab(start, count)
    memory = h5py.h5s.create_simple(count)
    dataset.id.write(memory, space, np.ascontiguousarray(values.reshape(count)))
