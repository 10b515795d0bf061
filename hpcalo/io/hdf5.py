"""Result files: self-describing HDF5 in the netCDF-4 convention, which xarray opens with named axes and units.

A result is written in two steps. Rank 0 alone makes the file: names, axes, attributes, texts, and every array it holds
whole; where all ranks would have to agree on each such detail, one that does not would hang the others. Then, if some
arrays are spread over the ranks, all ranks open it together and write their slabs collectively, empty ones included.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from hpcalo.errors import ConvergenceError, InputError, nearest_file, one_line
from hpcalo.io import checkpoint
from hpcalo.io.dataset import Result, Slab, Variable
from hpcalo.io.files import atomic_file, cannot_write
from hpcalo.io.plausible import Plausible, check_axes
from hpcalo.io.provenance import Provenance
from hpcalo.io.seal import verify
from hpcalo.parallel.guard import on_root, together

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

FORMAT = "hpcalo result"
FORMAT_VERSION = 1
PROVENANCE_GROUP = "provenance"
STATE_GROUP = "state"  # of a run in time: what a continuation starts from (hpcalo.io.timeseries)
SLAB_BYTES = 2**30  # one collective write moves at most this much per rank: MPI counts are 32-bit integers
METADATA_BYTES = 2**16  # more than the description of one array needs
NO_HDF5 = "is not an HDF5 file, or is truncated"
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError)
"""What h5py raises where a file is not what it seems: it maps the library's errors to many kinds."""
NO_COORDINATE = "This is a netCDF dimension but not a netCDF variable."  # fixed by the convention


def write_dataset(
    path: Path,
    comm: Intracomm,
    variables: Sequence[Variable],
    coordinates: Sequence[Variable] = (),
    *,
    provenance: Provenance | None = None,
    attrs: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    force: bool = False,
) -> None:
    """Writes a result file; it appears under its name only when it is complete and on disk. Collective.

    A coordinate with one axis of its own name labels that axis; others go with the variables that have all their axes.
    All ranks give the same variables in the same order. Use inside `prepare_output`, which checks before computing.

    Raises OutputError if the file cannot be written, ConvergenceError if a variable is not finite (it says where),
    ValueError if variables and axes do not fit together (a mistake in the program); on all ranks alike.
    """
    record = provenance or Provenance()
    all_attrs = {**record.attrs, **(attrs or {})}
    all_texts = {**record.texts, **(texts or {})}
    everything = [*coordinates, *variables]
    slabs = [v for v in everything if isinstance(v.data, Slab)]
    with together(comm):
        for variable in slabs:
            _check_slab(variable)
        for variable in everything if comm.rank == 0 else slabs:
            _check_finite(variable, coordinates)
    _check_cover(comm, slabs)
    with atomic_file(path, comm, force=force) as part:
        on_root(comm, lambda: _create(part, path, variables, coordinates, all_attrs, all_texts))
        if slabs:
            _write_slabs(part, path, comm, slabs)


def read_dataset(path: Path) -> Result:
    """Reads a whole result file into memory. Serial. Raises InputError if it is not one."""
    variables: dict[str, Variable] = {}
    coordinates: dict[str, Variable] = {}
    with open_hdf5(path) as file:
        try:
            attrs = {name: plain(value) for name, value in file.attrs.items()}
            if attrs.get("format") != FORMAT:
                raise InputError(f"{path}: is not an hpcalo result")
            if int(attrs.get("format_version", 0)) > FORMAT_VERSION:
                raise InputError(f"{path}: was written by a newer hpcalo ({attrs.get('hpcalo_version', '?')})")
            plausible = Plausible()
            for name, item in file.items():
                if isinstance(item, h5py.Dataset) and not is_bare_axis(item):
                    plausible.check(name, item)
                    variable = _read_variable(name, item)
                    auxiliary = item.attrs.get("hpcalo_role") == "coordinate"
                    (coordinates if auxiliary or is_scale(item) else variables)[name] = variable
            check_axes(variables, coordinates)
            texts = {}
            for name, item in file[PROVENANCE_GROUP].items() if PROVENANCE_GROUP in file else ():
                plausible.check(name, item)
                texts[name] = str(item.asstr()[()])
        except DAMAGE as problem:
            raise InputError(f"{path}: is damaged: {one_line(problem)[:200]}") from None
    return Result(path, variables, coordinates, attrs, texts)


def open_hdf5(path: Path) -> h5py.File:
    """Opens an HDF5 file for reading. Serial. Raises InputError in one line if there is none or it is damaged."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder")
        verify(path)
        return h5py.File(path, "r")
    except OSError as problem:
        if isinstance(problem, FileNotFoundError):
            raise InputError(f"{path}: {_why_missing(path)}") from None
        if problem.strerror and problem.filename is not None:
            raise InputError(f"{path}: cannot be read: {problem.strerror}") from None
        what = "is an input file, not a result: 'hpcalo run' makes one of it" if path.suffix == ".toml" else NO_HDF5
        raise InputError(f"{path}: {what}") from None
    except ValueError as problem:
        raise InputError(f"{path!s}: cannot be read: {one_line(problem)}") from None


def _why_missing(path: Path) -> str:
    """A result that is not there yet, or a name that is not right."""
    if not checkpoint.exists(path):
        return f"cannot be read: No such file or directory{nearest_file(path)}"
    frames = path.with_name(f"{path.name}.frames")
    seen = f"; what it has written is in {frames.name}" if frames.exists() else ""
    return f"is not finished: it is running, or 'hpcalo restart {path}' continues it{seen}"


def is_bare_axis(dataset: h5py.Dataset) -> bool:
    """Whether the dataset only stands for an axis that has a length and no labels."""
    name = dataset.attrs.get("NAME", b"")
    return bytes(name if isinstance(name, bytes) else str(name).encode()).startswith(NO_COORDINATE.encode())


def plain(value: Any) -> Any:
    """An attribute's value as plain Python: text, number or list of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def _read_variable(name: str, dataset: h5py.Dataset) -> Variable:
    text = h5py.check_string_dtype(dataset.dtype) is not None
    data = np.asarray(dataset.asstr()[()] if text else dataset[()])
    attrs = {k: plain(v) for k, v in dataset.attrs.items() if k not in _CONVENTION}
    if attrs.pop("dtype", None) == "bool":
        data = data.astype(bool)
    dims = tuple(_dim_name(dataset, axis) for axis in range(dataset.ndim))
    unit, long_name = attrs.pop("units", ""), attrs.pop("long_name", "")
    if not (isinstance(unit, str) and isinstance(long_name, str)):
        raise ValueError(f"{name}: its unit or its description is no text")
    return Variable(name, dims, data, unit, long_name, attrs, nan_ok=True)


_CONVENTION = {
    *("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"),
    *("_Netcdf4Dimid", "_Netcdf4Coordinates", "coordinates", "hpcalo_role"),
}


def is_scale(dataset: h5py.Dataset) -> bool:
    """Whether the dataset labels an axis."""
    return bool(plain(dataset.attrs.get("CLASS", "")) == "DIMENSION_SCALE")


def scale_of(dataset: h5py.Dataset, axis: int) -> str:
    """Name of the dataset that labels this axis, "" if there is none. Raises ValueError if that is not told properly.

    The library's own function for it (H5DSiterate_scales) crashes where the attribute is not what it should be.
    """
    if "DIMENSION_LIST" not in dataset.attrs:
        return ""
    listed = dataset.attrs["DIMENSION_LIST"]
    if not isinstance(listed, np.ndarray) or listed.shape != (dataset.ndim,) or listed.dtype != object:
        raise ValueError(f"{dataset.name}: does not tell its axes")
    found = listed[axis]
    if not len(found):
        return ""
    if not isinstance(found[0], h5py.Reference) or not found[0]:
        raise ValueError(f"{dataset.name}: an axis is labelled by something that is not there")
    return str(dataset.file[found[0]].name).rpartition("/")[2]


def _dim_name(dataset: h5py.Dataset, axis: int) -> str:
    if is_scale(dataset) and dataset.ndim == 1:
        return str(dataset.name).rpartition("/")[2]
    return scale_of(dataset, axis) or f"axis_{axis}"


def _check_slab(variable: Variable) -> None:
    slab = variable.data
    rows = len(slab.data)
    if slab.data.ndim != len(slab.shape) or slab.data.shape[1:] != tuple(slab.shape[1:]):
        raise ValueError(f"{variable.name}: slab of shape {slab.data.shape} does not fit into {slab.shape}")
    if slab.data.dtype.kind not in "fiub":
        raise ValueError(f"{variable.name}: cannot spread type {slab.data.dtype} over ranks")
    if rows and not 0 <= slab.offset <= slab.shape[0] - rows:
        raise ValueError(f"{variable.name}: rows {slab.offset}…{slab.offset + rows} are outside {slab.shape}")


def _check_cover(comm: Intracomm, slabs: Sequence[Variable]) -> None:
    """Every row must come from exactly one rank; the counts tell where one is missing."""
    count = on_root(comm, lambda: len(slabs))
    with together(comm):
        if len(slabs) != count:
            raise ValueError(f"{len(slabs)} spread variables on this rank, {count} on rank 0")
    rows = np.array([len(v.data.data) for v in slabs], dtype=np.int64)
    total = np.empty_like(rows)
    comm.Allreduce(rows, total)
    for variable, given in zip(slabs, total, strict=True):
        if given != variable.data.shape[0]:
            raise ValueError(f"{variable.name}: the ranks hold {given} rows of {variable.data.shape[0]}")


def _check_finite(variable: Variable, coordinates: Iterable[Variable]) -> None:
    offset = variable.data.offset if isinstance(variable.data, Slab) else 0
    data = np.asarray(variable.data.data if isinstance(variable.data, Slab) else variable.data)
    if variable.nan_ok or data.dtype.kind != "f" or bool(np.isfinite(data).all()):
        return
    bad = ~np.isfinite(data)
    first = np.unravel_index(int(np.argmax(bad)), data.shape) if data.ndim else ()
    labels = {c.name: c for c in coordinates if c.dims == (c.name,) and not isinstance(c.data, Slab)}
    places = []
    for axis, (dim, local) in enumerate(zip(variable.dims, first, strict=True)):
        index = int(local) + (offset if axis == 0 else 0)
        label = labels.get(dim)
        if label is not None and label.data is not None:
            value = np.asarray(label.data)[index]
            shown = f"{value:.6g}" if np.issubdtype(np.asarray(value).dtype, np.floating) else str(value)
            places.append(f"{dim} = {shown}{' ' + label.unit if label.unit else ''}")
        else:
            places.append(f"{dim} index {index}")
    where = f" at {', '.join(places)}" if places else ""
    raise ConvergenceError(
        f"{variable.name}: {int(bad.sum())} of {data.size} values are not finite, the first{where}; nothing was written"
    )


def _create(
    part: Path,
    path: Path,
    variables: Sequence[Variable],
    coordinates: Sequence[Variable],
    attrs: Mapping[str, Any],
    texts: Mapping[str, str],
) -> None:
    """Makes the file, complete but for the content of the slabs.

    It is put together in memory and written in one go, and room for the slabs is reserved: a full disk is then an
    ordinary error, where the HDF5 library, failing in the middle of a write, would crash at the end of the program.
    """
    lengths = _axis_lengths(coordinates, variables)
    try:
        with h5py.File(part, "w", driver="core", backing_store=False) as file:
            file.attrs["format"] = FORMAT
            file.attrs["format_version"] = FORMAT_VERSION
            file.attrs["Conventions"] = "CF-1.11"
            for name, value in attrs.items():
                file.attrs[name] = value
            group = file.create_group(PROVENANCE_GROUP)
            for name, text in texts.items():
                group.create_dataset(name, data=text, dtype=h5py.string_dtype())
            _create_axes(file, coordinates, lengths)
            _create_variables(file, variables, coordinates, spread=False)
            file.flush()
            image = file.id.get_file_image()
        slabs = [v.data for v in [*coordinates, *variables] if isinstance(v.data, Slab)]
        with open(part, "xb") as raw:
            raw.write(image)
            if slabs:
                room = sum(int(np.prod(slab.shape)) * slab.data.dtype.itemsize for slab in slabs)
                os.posix_fallocate(raw.fileno(), 0, len(image) + room + METADATA_BYTES * len(slabs))
        if slabs:
            with h5py.File(part, "r+") as file:
                _create_variables(file, variables, coordinates, spread=True)
    except OSError as problem:
        raise cannot_write(path, problem) from None


def _create_axes(file: h5py.File, coordinates: Sequence[Variable], lengths: Mapping[str, int]) -> None:
    scales: dict[str, h5py.Dataset] = {}
    for variable in coordinates:
        if variable.dims == (variable.name,):
            scales[variable.name] = _create_variable(file, variable)
            scales[variable.name].make_scale(variable.name)
    for dim in lengths:
        if dim not in scales:
            # The convention wants a dataset of the axis's length; its content has no meaning and takes no room.
            scales[dim] = file.create_dataset(dim, shape=(lengths[dim],), dtype="f4")
            scales[dim].make_scale(f"{NO_COORDINATE}{lengths[dim]:10d}")
    for number, dim in enumerate(scales):
        scales[dim].attrs["_Netcdf4Dimid"] = np.int32(number)


def _create_variables(
    file: h5py.File, variables: Sequence[Variable], coordinates: Sequence[Variable], *, spread: bool
) -> None:
    """The variables and accompanying coordinates that are spread over the ranks, or those that are not."""
    auxiliary = [c for c in coordinates if c.dims != (c.name,)]
    for variable in [*auxiliary, *variables]:
        if isinstance(variable.data, Slab) != spread:
            continue
        dataset = _create_variable(file, variable)
        for axis, dim in enumerate(variable.dims):
            dataset.dims[axis].attach_scale(file[dim])
        if any(variable is c for c in auxiliary):
            dataset.attrs["hpcalo_role"] = "coordinate"
        elif mine := [c.name for c in auxiliary if set(c.dims) <= set(variable.dims)]:
            dataset.attrs["coordinates"] = " ".join(mine)


def _axis_lengths(coordinates: Sequence[Variable], variables: Sequence[Variable]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    names: set[str] = set()
    for variable in [*coordinates, *variables]:
        if variable.name in names or variable.name == PROVENANCE_GROUP or "/" in variable.name:
            raise ValueError(f"'{variable.name}' is given twice or cannot be the name of a variable")
        names.add(variable.name)
        if len(variable.dims) != len(variable.shape) or len(set(variable.dims)) != len(variable.dims):
            raise ValueError(f"{variable.name}: axes {variable.dims} do not fit the shape {variable.shape}")
        for dim, length in zip(variable.dims, variable.shape, strict=True):
            if lengths.setdefault(dim, length) != length:
                raise ValueError(f"{variable.name}: axis {dim} has length {length}, elsewhere {lengths[dim]}")
    spread = [c.name for c in coordinates if c.dims == (c.name,) and isinstance(c.data, Slab)]
    if spread:
        raise ValueError(f"{spread[0]}: the labels of an axis are given whole, on rank 0")
    clash = [v.name for v in variables if v.name in lengths]
    clash += [c.name for c in coordinates if c.name in lengths and c.dims != (c.name,)]
    if clash:
        raise ValueError(f"{clash[0]}: has the name of an axis, but is not the coordinate that labels it")
    return lengths


def _create_variable(file: h5py.File, variable: Variable) -> h5py.Dataset:
    attrs = dict(variable.attrs)
    if isinstance(variable.data, Slab):
        dtype = variable.data.data.dtype
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        # All ranks write into room that is there already; filling it first would write everything twice.
        creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        if dtype.kind == "b":
            dtype, attrs["dtype"] = np.dtype(np.int8), "bool"
        dataset = file.create_dataset(variable.name, shape=variable.data.shape, dtype=dtype, dcpl=creation)
    else:
        data = np.asarray(variable.data)
        if data.dtype.kind in "UTO":
            dataset = file.create_dataset(variable.name, data=data.astype(object), dtype=h5py.string_dtype())
        elif data.dtype == bool:
            attrs["dtype"] = "bool"
            dataset = file.create_dataset(variable.name, data=data.astype(np.int8))
        elif data.dtype.kind in "fiu":
            dataset = file.create_dataset(variable.name, data=data)
        else:
            raise ValueError(f"{variable.name}: values of type {data.dtype} cannot be written")
    if variable.unit:
        attrs["units"] = variable.unit
    if variable.long_name:
        attrs["long_name"] = variable.long_name
    for name, value in attrs.items():
        dataset.attrs[name] = value
    return dataset


def _write_slabs(part: Path, path: Path, comm: Intracomm, slabs: Sequence[Variable]) -> None:
    error: Exception | None = None
    with together(comm):
        try:
            file = h5py.File(part, "r+", driver="mpio", comm=comm)
        except OSError as problem:
            raise cannot_write(path, problem) from None
    try:
        transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
        transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
        for variable in slabs:
            rounds = _rounds(comm, variable.data)
            for number in range(rounds):
                try:
                    _write_part(file[variable.name], variable.data, number, rounds, transfer)
                except OSError as problem:  # the other ranks are in the same call: go on, and tell them at the end
                    error = error or problem
    finally:
        try:
            file.close()
        except (OSError, RuntimeError) as problem:
            error = error or problem
    with together(comm):
        if error is not None:
            raise cannot_write(path, error) from None


def _rounds(comm: Intracomm, slab: Slab) -> int:
    """In how many collective calls all ranks write their slabs, so that none moves more than SLAB_BYTES at once."""
    from mpi4py import MPI  # noqa: PLC0415

    return max(1, int(comm.allreduce(-(-slab.data.nbytes // SLAB_BYTES), op=MPI.MAX)))


def _write_part(dataset: h5py.Dataset, slab: Slab, number: int, rounds: int, transfer: Any) -> None:
    rows = len(slab.data)
    begin, end = rows * number // rounds, rows * (number + 1) // rounds
    data = np.ascontiguousarray(slab.data[begin:end])
    if data.dtype == bool:
        data = data.astype(np.int8)
    in_file = dataset.id.get_space()
    if data.size:
        in_memory = h5py.h5s.create_simple(data.shape)
        in_file.select_hyperslab((slab.offset + begin, *(0,) * (data.ndim - 1)), data.shape)
    else:
        in_memory = h5py.h5s.create_simple((1,) * max(data.ndim, 1))
        in_memory.select_none()
        in_file.select_none()
        data = np.zeros((1,) * max(data.ndim, 1), dtype=data.dtype)
    dataset.id.write(in_memory, in_file, data, dxpl=transfer)
