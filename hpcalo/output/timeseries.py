"""Result files that grow: arrays with an appendable time axis, written by all ranks, complete after every frame.

The file is in the same convention as other results (`hpcalo.output.hdf5`), so `hpcalo info`, `hpcalo plot` and xarray
read
it, also while the run goes on or after it was killed. Between two frames it is closed; what a continuation needs lies
in the group `state`, replaced with each frame and numbered, so that a torn one is recognized.

Opening, extending and closing are collective; each rank then writes its own slab independently. Collective transfers
would need chunked datasets written by MPI-IO in one call, which fails with Open MPI's OMPIO ("pwritev: Invalid
argument",
seen with Open MPI 4.1 and HDF5 1.10.8 for the second and later frames, on one rank too).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from hpcalo.errors import CheckpointError, OutputError, one_line
from hpcalo.output.hdf5 import (
    NO_COORDINATE,
    PROVENANCE_GROUP,
    Slab,
    Variable,
    open_hdf5,
    plain,
    write_dataset,
)
from hpcalo.output.provenance import Provenance
from hpcalo.parallel.guard import on_root, together

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from numpy.typing import NDArray

STATE_GROUP = "state"
CHUNK_BYTES = 2**20


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
    """Writes a growing result file. All methods are collective. Raises OutputError on all ranks."""

    def __init__(self, path: Path, comm: Intracomm, time_unit: str = "ns") -> None:
        self.path, self.comm, self.time_unit = path, comm, time_unit
        self._frames: dict[str, int] = {}
        self._serial = 0

    def create(
        self,
        coordinates: Sequence[Variable],
        variables: Sequence[Variable] = (),
        *,
        provenance: Provenance,
        attrs: Mapping[str, Any],
        force: bool = False,
    ) -> None:
        """The file without frames: fixed axes, what does not change in time, attributes, provenance. It appears under
        its name only when complete.
        """
        write_dataset(self.path, self.comm, variables, coordinates, provenance=provenance, attrs=attrs, force=force)

    @property
    def counts(self) -> dict[str, int]:
        """Entries on each time axis."""
        return dict(self._frames)

    def reopen(self, counts: Mapping[str, int]) -> None:
        """Goes on with an existing file after `counts` entries on each time axis; later ones are cut off.

        Raises CheckpointError if it has fewer, InputError if it cannot be read.
        """

        def cut() -> int:
            with open_hdf5(self.path):  # tells damage in one line
                pass
            with _refusals(self.path), h5py.File(self.path, "r+") as file:
                for dataset in [item for item in file.values() if isinstance(item, h5py.Dataset) and item.ndim]:
                    name = str(dataset.name)[1:] if dataset.is_scale else _axis_of(dataset)
                    if name not in counts:
                        continue
                    if dataset.shape[0] < counts[name]:
                        raise CheckpointError(
                            f"{self.path}: holds {dataset.shape[0]} entries on {name}, the checkpoint {counts[name]}"
                        )
                    dataset.resize(counts[name], axis=0)
                return int(file[STATE_GROUP].attrs["begun"])

        self._serial = on_root(self.comm, cut)
        self._frames = dict(counts)

    def append(self, frames: Sequence[Frame], state: Sequence[Variable], state_attrs: Mapping[str, Any]) -> None:
        """One more entry on the time axes of `frames`, and the state to continue from."""
        new = [f for f in frames if f.axis not in self._frames]
        self._serial += 1
        first = self._serial == 1

        def prepare() -> None:
            if not new and not first:
                return
            with _refusals(self.path), h5py.File(self.path, "r+") as file:
                for frame in new:
                    _create_axis(file, frame, self.time_unit)
                if first:
                    _create_state(file, state)

        on_root(self.comm, prepare)
        for frame in new:
            self._frames[frame.axis] = 0
        with self._open() as file:
            group = file[STATE_GROUP]
            group.attrs["begun"] = self._serial
            for frame in frames:  # all that is collective first: a rank that then fails to write hangs nobody
                for name in (frame.axis, *(v.name for v in frame.variables)):
                    file[name].resize(self._frames[frame.axis] + 1, axis=0)
            for name, value in state_attrs.items():
                group.attrs[name] = value
            for frame in frames:
                index = self._frames[frame.axis]
                _write(file[frame.axis], index, np.asarray(frame.time), self.comm.rank)
                for variable in frame.variables:
                    _write(file[variable.name], index, variable.data, self.comm.rank)
                self._frames[frame.axis] = index + 1
            for variable in state:
                _write(group[variable.name], None, variable.data, self.comm.rank)
        with self._open() as file:
            file[STATE_GROUP].attrs["complete"] = self._serial

    def finish(self, attrs: Mapping[str, Any]) -> None:
        """Attributes that are known at the end."""

        def write() -> None:
            with _refusals(self.path), h5py.File(self.path, "r+") as file:
                for name, value in attrs.items():
                    file.attrs[name] = value

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


def _axis_of(dataset: h5py.Dataset) -> str:
    scales = dataset.dims[0].values()
    return str(scales[0].name)[1:] if scales else ""


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written: {one_line(problem)[:200]}") from None


def _shape(variable: Variable) -> tuple[int, ...]:
    return tuple(variable.data.shape) if isinstance(variable.data, Slab) else np.shape(variable.data)


def _create_axis(file: h5py.File, frame: Frame, unit: str) -> None:
    axis = file.create_dataset(frame.axis, shape=(0,), maxshape=(None,), dtype="f8", chunks=(512,))
    axis.make_scale(frame.axis)
    axis.attrs["units"] = unit
    axis.attrs["long_name"] = "simulated time"
    axis.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
    for variable in frame.variables:
        shape = _shape(variable)
        row = max(1, int(np.prod(shape, dtype=int)) * 8)
        depth = int(np.clip(CHUNK_BYTES // row, 1, 512)) if shape == () else 1
        dataset = file.create_dataset(
            variable.name,
            shape=(0, *shape),
            maxshape=(None, *shape),
            dtype="f8",
            chunks=(depth, *shape),
            fill_time="never",  # every row is written in full; filling it first is collective work for nothing
        )
        dataset.dims[0].attach_scale(axis)
        for number, (dim, length) in enumerate(zip(variable.dims, shape, strict=True), start=1):
            if dim not in file:
                scale = file.create_dataset(dim, shape=(length,), dtype="f4")
                scale.make_scale(f"{NO_COORDINATE}{length:10d}")
                scale.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
            dataset.dims[number].attach_scale(file[dim])
        if variable.unit:
            dataset.attrs["units"] = variable.unit
        if variable.long_name:
            dataset.attrs["long_name"] = variable.long_name


def _dimensions(file: h5py.File) -> int:
    return sum("_Netcdf4Dimid" in item.attrs for item in file.values() if isinstance(item, h5py.Dataset))


def _create_state(file: h5py.File, state: Sequence[Variable]) -> None:
    group = file.create_group(STATE_GROUP)
    for variable in state:
        group.create_dataset(variable.name, shape=_shape(variable), dtype="f8")


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
