"""Arrays that are reserved at their full length and filled in place, without the HDF5 library.

They lie in one piece at a known byte of the file. Filling them changes nothing that describes the file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.netcdf import NO_COORDINATE, write_attributes

Data = ArrayLike | Slab
"""A number, an array, or a rank's part of one."""
Numbers = Mapping[str, float | str]
"""Numbers and words of a state, by name."""


@dataclass(frozen=True)
class Location:
    """Where an array lies in the file: byte of its first value, shape, type."""

    offset: int
    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Size of the whole array."""
        return int(np.prod(self.shape, dtype=int)) * np.dtype(self.dtype).itemsize

    def fits(self, data: Data, index: int | None) -> bool:
        """Whether these data are the whole array or, with an index, one entry on its first axis."""
        shape = tuple(data.shape) if isinstance(data, Slab) else np.shape(data)
        if index is None:
            return self.shape == shape
        return self.shape[1:] == shape and index < self.shape[0]

    def write(self, handle: int, data: Data, index: int | None) -> None:
        """A number, an array or a rank's rows of one, as the whole array or its entry `index`. Raises OSError."""
        slab = data if isinstance(data, Slab) else None
        values = np.ascontiguousarray(slab.data if slab else data, dtype=self.dtype)
        row = values.itemsize * int(np.prod(self.shape[1:], dtype=int))
        if index is None:
            start = slab.offset * row if slab else 0
        else:
            start = index * row + (slab.offset * (row // self.shape[1]) if slab else 0)
        left = values.reshape(-1).data.cast("B")
        at = self.offset + start
        while left:
            done = os.pwrite(handle, left, at)
            if done == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            left, at = left[done:], at + done


def locations(file: h5py.File) -> dict[str, Location]:
    """Where the arrays are that can be filled, by name."""
    found: dict[str, Location] = {}
    end = file.id.get_filesize()

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype in (np.dtype("f8"), np.dtype("i8")):
            offset = item.id.get_offset()
            if offset is not None and 0 < offset <= end - item.nbytes:
                found[name] = Location(int(offset), tuple(item.shape), item.dtype.str)

    file.visititems(visit)
    return found


def reserve_axis(file: h5py.File, name: str, unit: str, length: int, variables: Sequence[Variable]) -> None:
    """A time axis of this length and the variables (without it among their dims) that get an entry at each time."""
    axis = _reserve(file, name, (length,))
    axis.make_scale(name)
    axis.attrs["units"] = unit
    axis.attrs["long_name"] = "simulated time"
    axis.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
    for variable in variables:
        shape = variable.shape
        dataset = _reserve(file, variable.name, (length, *shape))
        dataset.dims[0].attach_scale(axis)
        for number, (dim, extent) in enumerate(zip(variable.dims, shape, strict=True), start=1):
            if dim not in file:
                scale = file.create_dataset(dim, shape=(extent,), dtype="f4")
                scale.make_scale(f"{NO_COORDINATE}{extent:10d}")
                scale.attrs["_Netcdf4Dimid"] = np.int32(_dimensions(file))
            dataset.dims[number].attach_scale(file[dim])
        write_attributes(dataset, variable)


def reserve_state(group: h5py.Group, state: Sequence[Variable], numbers: Numbers) -> None:
    """The arrays and numbers of a state; texts among the numbers are the same in all states of a run."""
    for variable in state:
        _reserve(group, variable.name, variable.shape)
    for name, value in numbers.items():
        if isinstance(value, str):
            group.attrs[name] = value
        else:
            _reserve(group, name, (), "f8" if np.asarray(value).dtype.kind == "f" else "i8")


def _reserve(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: str = "f8") -> h5py.Dataset:
    """An array of NaN (of whole numbers: -1) in one piece on disk."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_ALLOC)
    creation.set_fill_value(np.array(np.nan if dtype == "f8" else -1, dtype=dtype))
    space = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
    kind = h5py.h5t.py_create(np.dtype(dtype))
    # Not create_dataset, which forgets the settings where the shape is ().
    return h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, creation))


def _dimensions(file: h5py.File) -> int:
    return sum("_Netcdf4Dimid" in item.attrs for item in file.values() if isinstance(item, h5py.Dataset))
