"""The netCDF-4 convention of result files: what a dataset means, written as attributes and read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

import h5py
import numpy as np

from hpcalo.io.dataset import ERROR_ROLE, ROLE, Slab, Variable
from hpcalo.typing import Contents

NO_COORDINATE = "This is a netCDF dimension but not a netCDF variable."  # fixed by the convention
BOOKKEEPING = frozenset(
    {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "coordinates"}
)
"""Attributes that the convention needs and that mean nothing to a reader."""
COORDINATE_ROLE = "coordinate"
EQUATION, SIGN, PARITY = "equation", "sign_convention", "parity_under_reversal_of_magnetization"
PARITIES = {1: "even", -1: "odd"}


class _Fields(TypedDict, total=False):
    equation: str
    sign: str
    parity: int


def is_bare_axis(dataset: h5py.Dataset) -> bool:
    """Whether the dataset only stands for an axis that has a length and no labels."""
    name = dataset.attrs.get("NAME", b"")
    return bytes(name if isinstance(name, bytes) else str(name).encode()).startswith(NO_COORDINATE.encode())


def plain(value: Any) -> Any:  # what h5py gives of an attribute
    """An attribute's value as plain Python: text, number or list of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def read_variable(name: str, dataset: h5py.Dataset, scales: Mapping[int, str]) -> Variable:
    """The whole variable, in memory. Raises ValueError and what h5py raises where the dataset is damaged.

    scales: as `scale_names` gives them.
    """
    text = h5py.check_string_dtype(dataset.dtype) is not None
    data = np.asarray(dataset.asstr()[()] if text else dataset[()])
    attrs = {k: plain(v) for k, v in dataset.attrs.items() if k not in BOOKKEEPING}
    if attrs.get(ROLE) != ERROR_ROLE:
        attrs.pop(ROLE, None)
    fields = _take_fields(attrs)
    if attrs.pop("dtype", None) == "bool":
        data = data.astype(bool)
    dims = (name,) if is_scale(dataset) and dataset.ndim == 1 else axis_labels(dataset, scales)
    dims = tuple(dim or f"axis_{axis}" for axis, dim in enumerate(dims))
    unit, long_name = attrs.pop("units", ""), attrs.pop("long_name", "")
    if not (isinstance(unit, str) and isinstance(long_name, str)):
        raise ValueError(f"{name}: its unit or description is not text")
    return Variable(name, dims, data, unit, long_name, attrs, nan_ok=True, **fields)


def write_attributes(dataset: h5py.Dataset, variable: Variable, attrs: Mapping[str, object] | None = None) -> None:
    """Writes what the numbers of a dataset mean: unit, equation, sign, parity. `attrs` replaces the variable's own."""
    written = dict(variable.attrs if attrs is None else attrs)
    if variable.equation:
        written[EQUATION] = variable.equation
    if variable.sign:
        written[SIGN] = variable.sign
    if variable.parity:
        written[PARITY] = PARITIES[variable.parity]
    if variable.unit:
        written["units"] = variable.unit
    if variable.long_name:
        written["long_name"] = variable.long_name
    for name, value in written.items():
        dataset.attrs[name] = value


def _take_fields(attrs: Contents) -> _Fields:
    """Equation, sign and parity from attributes, which lose them; what another program has made of them stays."""
    fields: _Fields = {}
    if isinstance(attrs.get(EQUATION), str):
        fields["equation"] = attrs.pop(EQUATION)
    if isinstance(attrs.get(SIGN), str):
        fields["sign"] = attrs.pop(SIGN)
    known = {text: sign for sign, text in PARITIES.items()}
    if str(attrs.get(PARITY)) in known:
        fields["parity"] = known[attrs.pop(PARITY)]
    return fields


def is_scale(dataset: h5py.Dataset) -> bool:
    """Whether the dataset labels an axis."""
    return bool(plain(dataset.attrs.get("CLASS", "")) == "DIMENSION_SCALE")


def scale_names(file: h5py.File) -> dict[int, str]:
    """Names in the file by address; asked for the name of a reference, HDF5 searches the whole file."""
    return {h5py.h5o.get_info(file.id, name.encode()).addr: name for name in file}


def axis_labels(dataset: h5py.Dataset, scales: Mapping[int, str]) -> tuple[str, ...]:
    """Names of the datasets that label the axes, "" where there is none. Raises ValueError if they are not named.

    The library's own function for it (H5DSiterate_scales) crashes where the attribute is not what it should be.
    """
    if "DIMENSION_LIST" not in dataset.attrs:
        return ("",) * int(dataset.ndim)
    listed = dataset.attrs["DIMENSION_LIST"]
    if not isinstance(listed, np.ndarray) or listed.shape != (dataset.ndim,) or listed.dtype != object:
        raise ValueError(f"{dataset.name}: does not name its axes")
    labels = []
    for found in listed:
        if len(found) and not (isinstance(found[0], h5py.Reference) and found[0]):
            raise ValueError(f"{dataset.name}: an axis is labelled by something that is not there")
        labels.append(_referred(dataset, found[0], scales) if len(found) else "")
    return tuple(labels)


def _referred(dataset: h5py.Dataset, reference: h5py.Reference, scales: Mapping[int, str]) -> str:
    address = h5py.h5o.get_info(h5py.h5r.dereference(reference, dataset.id)).addr
    return scales.get(address) or str(dataset.file[reference].name).rpartition("/")[2]


def axis_lengths(
    coordinates: Sequence[Variable], variables: Sequence[Variable], reserved: Collection[str] = ()
) -> dict[str, int]:
    """Length of every axis. `reserved`: names that no variable can have. Raises ValueError where shapes do not fit."""
    lengths: dict[str, int] = {}
    names: set[str] = set()
    for variable in [*coordinates, *variables]:
        if variable.name in names or variable.name in reserved or "/" in variable.name:
            raise ValueError(f"'{variable.name}' occurs twice or cannot be the name of a variable")
        names.add(variable.name)
        if len(variable.dims) != len(variable.shape) or len(set(variable.dims)) != len(variable.dims):
            raise ValueError(f"{variable.name}: axes {variable.dims} do not fit the shape {variable.shape}")
        for dim, length in zip(variable.dims, variable.shape, strict=True):
            if lengths.setdefault(dim, length) != length:
                raise ValueError(f"{variable.name}: axis {dim} has length {length}, elsewhere {lengths[dim]}")
    if uncertain := [c.name for c in coordinates if c.error is not None]:
        raise ValueError(f"{uncertain[0]}: a coordinate has no estimated error")
    spread = [c.name for c in coordinates if c.dims == (c.name,) and isinstance(c.data, Slab)]
    if spread:
        raise ValueError(f"{spread[0]}: the labels of an axis are given whole, on rank 0")
    clash = [v.name for v in variables if v.name in lengths]
    clash += [c.name for c in coordinates if c.name in lengths and c.dims != (c.name,)]
    if clash:
        raise ValueError(f"{clash[0]}: has the name of an axis, but is not the coordinate that labels it")
    return lengths


def create_axes(file: h5py.File, coordinates: Sequence[Variable], lengths: Mapping[str, int]) -> None:
    """A dataset for every axis: its labels, or one that only stands for its length."""
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


def create_variables(
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
            dataset.attrs[ROLE] = COORDINATE_ROLE
        elif mine := [c.name for c in auxiliary if set(c.dims) <= set(variable.dims)]:
            dataset.attrs["coordinates"] = " ".join(mine)


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
    write_attributes(dataset, variable, attrs)
    return dataset
