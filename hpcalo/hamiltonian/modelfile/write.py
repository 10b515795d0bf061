"""Model → file: matrices over half of the cells where the other half follows from it, compressed and with checksums."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from hpcalo import __version__
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.modelfile.layout import CONVENTION, FORMAT, LCAO_CONVENTION, VERSION, stored_cells, unfold
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.hamiltonian.types import LcaoModel, Model, WannierModel
from hpcalo.io.files import atomic_write, check_output
from hpcalo.io.opening import open_file

GZIP_LEVEL = 6
EXTERNAL_UNITS = "moment 3 x eV angstrom^2, coupling 6 x eV angstrom, curvature 3 x angstrom^2"
SAME = 1e-12
"""Largest difference of X(−R) and ±X(R)† for storing one of the two."""


def write_model(path: Path, model: Model, replicas: Folding | None = None, *, force: bool = False) -> None:
    """Writes the file under a temporary name, then renames it. Raises OutputError if it cannot or would overwrite."""
    check_output(path, force=force)
    # format 1.8 and later has checksums on its own records too: the library crashes on damaged ones without
    with atomic_write(path, force=force) as part, open_file(part, "w", libver=("v108", "latest")) as file:
        _write_common(file, model)
        if isinstance(model, WannierModel):
            _write_wannier(file, model, replicas)
        else:
            _write_lcao(file, model)


def _write_common(file: h5py.Group, model: Model) -> None:
    wannier = isinstance(model, WannierModel)
    file.attrs["format"] = _fixed(FORMAT)
    file.attrs["version"] = VERSION
    file.attrs["kind"] = _fixed("wannier" if wannier else "lcao")
    file.attrs["name"] = _fixed(model.name)
    file.attrs["convention"] = _fixed(CONVENTION if wannier else f"{CONVENTION}; {LCAO_CONVENTION}")
    file.attrs["created_by"] = _fixed(f"hpcalo {__version__}")
    for name in ("fermi_energy", "electrons"):
        value = getattr(model, name)
        if value is not None:
            file.attrs[name] = float(value)
    _texts(file, "notes", model.notes)
    group = file.create_group("crystal")
    group.attrs["periodic"] = np.array(model.crystal.periodic, dtype=np.int8)
    if model.crystal.thickness is not None:
        group.attrs["thickness"] = float(model.crystal.thickness)
    _put(group, "lattice", model.crystal.lattice, "angstrom", "vector, component")
    _put(group, "positions", model.crystal.positions, "angstrom", "atom, component")
    absolute = not wannier or model.fermi_energy is not None  # of a Wannier model without Fermi energy: ratios
    _put(group, "moments", model.crystal.moments, "Bohr magneton" if absolute else "1", "atom")
    _texts(group, "symbols", model.crystal.symbols)
    if model.crystal.sublattices:
        _put(group, "sublattices", np.array(model.crystal.sublattices, dtype=np.int32), "1", "atom")
    _put(file, "R", model.R.astype(np.int32), "cells", "R, component")
    _put(file, "stored", stored_cells(model.R).astype(np.int32), "1", "stored")


def _write_wannier(file: h5py.Group, model: WannierModel, replicas: Folding | None) -> None:
    file.attrs["n_hat"] = model.n_hat
    _put_cells(file, "H", model.H_Rnn, model.R, "eV", "stored, m, n")
    _put(file, "centres", model.centres, "angstrom", "n, component")
    _put(file, "up", model.up.astype(np.int32), "1", "pair")
    _put(file, "down", model.down.astype(np.int32), "1", "pair")
    if model.A_Rvnn is not None:
        _put_cells(file, "A", model.A_Rvnn, model.R, "angstrom", "stored, component, m, n")
    if model.spin_Rvnn is not None:
        _put_cells(file, "spin", model.spin_Rvnn, model.R, "1", "stored, component, m, n")
    if model.external_Rvnn is not None:
        _put_cells(file, "external", model.external_Rvnn, model.R, EXTERNAL_UNITS, "stored, component, m, n")
        file.attrs["external_source"] = _fixed(model.external_source)
    file.attrs["exchange"] = _fixed("none")
    if model.odd_Rnn is not None:
        paired = len(model.up) > 0
        plain = paired and np.abs(model.odd_Rnn - odd_part(model.H_Rnn, model.up, model.down)).max() <= SAME
        text = "part of H that is odd under time reversal on the pairs" if plain else "dataset odd"
        file.attrs["exchange"] = _fixed(text)
        if not plain:
            _put_cells(file, "odd", model.odd_Rnn, model.R, "eV", "stored, m, n")
    if replicas is not None:
        group = file.create_group("replicas")
        group.attrs["convention"] = _fixed(
            "X_new[cell, m, n] += X[source, m, n] / (number of entries with this source, m, n)"
        )
        _put(group, "R", replicas.R.astype(np.int32), "cells", "cell, component")
        for name in ("source", "cell", "m", "n"):
            _put(group, name, getattr(replicas, name).astype(np.int32), "1", "entry")


def _write_lcao(file: h5py.Group, model: LcaoModel) -> None:
    _put_cells(file, "H_up", model.up_Rnn, model.R, "eV", "stored, M, N")
    _put_cells(file, "H_down", model.down_Rnn, model.R, "eV", "stored, M, N")
    _put_cells(file, "S", model.S_Rnn, model.R, "1", "stored, M, N")
    _put_cells(file, "soc", model.soc_vRnn, model.R, "eV", "component, stored, M, N", cell_axis=1, sign=-1.0)
    if model.canted_vRnn is not None:
        _put_cells(file, "canted", model.canted_vRnn, model.R, "eV", "component, stored, M, N", cell_axis=1)
    file.attrs["n_hat"] = model.n_hat
    _put(file, "tau", model.tau, "angstrom", "N, component")
    if model.r_vRnn is not None:
        _put(file, "r", model.r_vRnn, "angstrom", "component, R, M, N")
    _texts(file, "orbitals", model.orbital_names)


def _put(group: h5py.Group, name: str, value: NDArray, unit: str, axes: str) -> h5py.Dataset:
    packed = value.size > 64
    chunks = (1,) * max(value.ndim - 2, 0) + value.shape[-2:] if packed and value.ndim > 2 else packed or None
    dataset = group.create_dataset(
        name,
        data=value,
        chunks=chunks,
        compression="gzip" if packed else None,
        compression_opts=GZIP_LEVEL if packed else None,
        shuffle=packed,
        fletcher32=packed,
    )
    dataset.attrs["units"] = _fixed(unit)
    dataset.attrs["axes"] = _fixed(axes)
    return dataset


def _put_cells(
    group: h5py.Group,
    name: str,
    value: NDArray,
    R: NDArray,
    unit: str,
    axes: str,
    *,
    cell_axis: int = 0,
    sign: float = 1.0,
) -> None:
    """A matrix over cells: one of each pair ±R where the other follows from it, else all."""
    half = stored_cells(R)
    rebuilt = unfold(np.take(value, half, axis=cell_axis), R, half, sign, cell_axis)
    if rebuilt is not None and np.abs(rebuilt - value).max(initial=0.0) <= SAME:
        _put(group, name, np.take(value, half, axis=cell_axis), unit, axes).attrs["adjoint"] = int(sign)
    else:
        _put(group, name, value, unit, axes.replace("stored", "R")).attrs["adjoint"] = 0


def _fixed(text: str) -> NDArray[np.bytes_]:
    """Text of fixed length: the library keeps text of variable length in a heap without checksums."""
    return np.array(text.encode("utf-8"), dtype=h5py.string_dtype("utf-8", max(len(text.encode("utf-8")), 1)))


def _texts(group: h5py.Group, name: str, texts: Iterable[str]) -> None:
    data = [str(t).encode("utf-8") for t in texts]
    length = max([len(t) for t in data], default=1) or 1
    group.create_dataset(name, data=np.array(data, dtype=h5py.string_dtype("utf-8", length)))
