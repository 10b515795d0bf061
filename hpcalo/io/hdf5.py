"""Result files: self-describing HDF5 in the netCDF-4 convention, which xarray opens with named axes and units.

A result is written in two steps. Rank 0 alone makes the file: names, axes, attributes, texts, and every array that it
holds whole. (If all ranks did this together, a rank that disagrees on one detail would hang the others.) Then, if some
arrays are spread over the ranks, all ranks open the file and write their slabs collectively, empty ones included.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from hpcalo.errors import ConvergenceError, InputError, nearest_file, one_line
from hpcalo.io import checkpoint
from hpcalo.io.dataset import ROLE, Result, Slab, Variable, with_companions, without_companions
from hpcalo.io.files import atomic_file, writing
from hpcalo.io.netcdf import (
    COORDINATE_ROLE,
    axis_lengths,
    create_axes,
    create_variables,
    is_bare_axis,
    is_scale,
    plain,
    read_variable,
    scale_names,
)
from hpcalo.io.opening import open_file
from hpcalo.io.plausible import Plausible, check_axes
from hpcalo.io.provenance import Provenance
from hpcalo.io.reading import open_to_read
from hpcalo.io.slabs import check_cover, check_slab, write_slabs
from hpcalo.parallel.guard import on_root, together

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

FORMAT = "hpcalo result"
FORMAT_VERSION = 1
PROVENANCE_GROUP = "provenance"
STATE_GROUP = "state"  # of a run in time: from which it can be continued (hpcalo.io.timeseries)
METADATA_BYTES = 2**16  # more than the description of one array needs
NO_HDF5 = "is not an HDF5 file, or is truncated"
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, NotImplementedError)
"""What h5py raises on a damaged file: it maps the errors of the library to many kinds."""


def write_dataset(
    path: Path,
    comm: Intracomm,
    variables: Sequence[Variable],
    coordinates: Sequence[Variable] = (),
    *,
    provenance: Provenance | None = None,
    attrs: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
    force: bool = False,
) -> None:
    """Writes a result file; it appears under its name only when it is complete and on disk. Collective.

    A coordinate with one axis of its own name labels that axis; others go with the variables that have all their axes.
    The estimated error of a variable `X` becomes the dataset `X_error`. All ranks give the same variables in the same
    order. Use inside `prepare_output`, which checks before computing.

    Raises OutputError if the file cannot be written, ConvergenceError if a variable is not finite (it says where),
    ValueError if variables and axes do not fit together (a mistake in the program); on all ranks alike.
    """
    record = provenance or Provenance()
    all_attrs = {**record.attrs, **(attrs or {})}
    all_texts = {**record.texts, **(texts or {})}
    variables = with_companions(variables)
    everything = [*coordinates, *variables]
    slabs = [v for v in everything if isinstance(v.data, Slab)]
    with together(comm):
        for variable in slabs:
            check_slab(variable)
        for variable in everything if comm.rank == 0 else slabs:
            _check_finite(variable, coordinates)
    check_cover(comm, slabs)
    with atomic_file(path, comm, force=force) as part:
        on_root(comm, lambda: _create(part, path, variables, coordinates, all_attrs, all_texts))
        if slabs:
            write_slabs(part, path, comm, slabs)


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
            plausible, scales = Plausible(), scale_names(file)
            for name, item in file.items():
                if isinstance(item, h5py.Dataset) and not is_bare_axis(item):
                    plausible.check(name, item)
                    variable = read_variable(name, item, scales)
                    auxiliary = item.attrs.get(ROLE) == COORDINATE_ROLE
                    (coordinates if auxiliary or is_scale(item) else variables)[name] = variable
            check_axes(variables, coordinates)
            variables = {v.name: v for v in without_companions(variables.values())}
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
        return open_to_read(path)
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
    """The reason: the run is not finished, or the name is wrong."""
    if not checkpoint.exists(path):
        return f"cannot be read: No such file or directory{nearest_file(path)}"
    frames = path.with_name(f"{path.name}.frames")
    written = f"; what it has written is in {frames.name}" if frames.exists() else ""
    return f"is not finished: it is running, or 'hpcalo restart {path}' continues it{written}"


def _check_finite(variable: Variable, coordinates: Iterable[Variable]) -> None:
    offset = variable.data.offset if isinstance(variable.data, Slab) else 0
    data = np.asarray(variable.own)
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
    attrs: Mapping[str, object],
    texts: Mapping[str, str],
) -> None:
    """Makes the file, complete but for the content of the slabs.

    It is put together in memory and written in one go, and room for the slabs is reserved. A full disk is then an
    ordinary error. (The HDF5 library, failing in the middle of a write, would crash at the end of the program.)
    """
    lengths = axis_lengths(coordinates, variables, {PROVENANCE_GROUP})
    with writing(path):
        with h5py.File(part, "w", driver="core", backing_store=False) as file:
            file.attrs["format"] = FORMAT
            file.attrs["format_version"] = FORMAT_VERSION
            file.attrs["Conventions"] = "CF-1.11"
            for name, value in attrs.items():
                file.attrs[name] = value
            group = file.create_group(PROVENANCE_GROUP)
            for name, text in texts.items():
                group.create_dataset(name, data=text, dtype=h5py.string_dtype())
            create_axes(file, coordinates, lengths)
            create_variables(file, variables, coordinates, spread=False)
            file.flush()
            image = file.id.get_file_image()
        slabs = [v.data for v in [*coordinates, *variables] if isinstance(v.data, Slab)]
        with open(part, "xb") as raw:
            raw.write(image)
            if slabs:
                room = sum(int(np.prod(slab.shape)) * slab.data.dtype.itemsize for slab in slabs)
                os.posix_fallocate(raw.fileno(), 0, len(image) + room + METADATA_BYTES * len(slabs))
        if slabs:
            with open_file(part, "r+") as file:
                create_variables(file, variables, coordinates, spread=True)
