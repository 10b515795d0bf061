"""The project's own model file (HDF5): what the calculation needs of a Hamiltonian, checked when it is read.

Layout, version 1 (every dataset carries `units`, `axes` and, if only half of the cells is stored, `adjoint`)::

    /                attributes: format, version, kind (wannier | lcao), name, convention, created_by,
                     fermi_energy (eV, may be missing), electrons (may be missing), n_hat (wannier)
    /notes           texts: what is approximate
    /crystal/…       lattice (3, 3) Å, positions (atoms, 3) Å, symbols, moments (atoms,) µ_B (wannier
                     without fermi_energy: relative); attributes: periodic, thickness (Å, may be missing)
    /R               (nR, 3) cells
    /stored          (nS,) numbers of the cells whose matrices are in the file; the others follow from
                     X(−R) = adjoint · X(R)†, adjoint = 1 or −1; a dataset with adjoint = 0 holds all nR cells
    wannier: /H (nS, N, N) eV, /centres (N, 3) Å, /A (nS, 3, N, N) Å, /spin (nS, 3, N, N), /up, /down (N/2,),
             /odd (only if it is not the time-reversal-odd part of H), /replicas/{R, source, cell, m, n}
    lcao:    /H_up, /H_down, /S (nS, N, N) real, /soc (3, nS, N, N) real, /tau (N, 3) Å, /r (3, nR, N, N), /orbitals;
             attribute n_hat; with exchange across the magnetization /canted (3, nS, N, N) real

Matrices are double precision and come back bit for bit (the position matrix of an LCAO model is single precision). No
pickles; chunks are compressed and carry checksums.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hpcalo import __version__
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.builtin import builtin_model
from hpcalo.hamiltonian.config import ModelSection
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao, require_positive_overlap
from hpcalo.hamiltonian.readers.wannier90.assemble import WannierOptions, fold, read_wannier90, read_with_replicas
from hpcalo.hamiltonian.readers.wannier90.wsvec import Folding, folding_of
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.io.checked import CheckedFile
from hpcalo.io.files import atomic_write, check_output
from hpcalo.typing import IntArray

FORMAT = "hpcalo model"
VERSION = 1
CONVENTION = (
    "X(k) = sum_R exp(2 pi i k.R) X(R), X_mn(R) = <0m|X|Rn>, k fractional, no phases of orbital positions; energies "
    "eV, lengths angstrom; n_hat = direction of the majority moment; spin matrices are sigma, not hbar sigma / 2"
)
LCAO_CONVENTION = (
    "H = (H_up + H_down)/2 x 1 + (H_up - H_down)/2 x sigma.s + sum_v i soc_v x sigma_v, overlap S x 1, s = - n_hat; "
    "r = <0M|(r - R - tau_N)|RN>"
)
GZIP_LEVEL = 6
SAME = 1e-12
"""Largest difference of X(−R) and ±X(R)† for storing one of the two."""

Model = WannierModel | LcaoModel


def load_model(section: ModelSection, folder: Path) -> Model:
    """The model that the table `[model]` asks for; paths are relative to `folder` (the input file's).

    Raises InputError for what the table asks and the source cannot give, ModelError for what is wrong with the files.
    """
    model: Model
    if section.builtin is not None:
        model = builtin_model(section.builtin, **section.parameters)
    elif section.wannier90 is not None:
        model = read_wannier90(folder / section.wannier90, wannier_options(section))
    elif section.lcao is not None:
        source = folder / section.lcao
        positions = folder / section.position_file if section.position_file else beside(source)
        model = read_lcao(source, positions if section.position_matrix else None)
    elif section.file is not None:
        model = read_model(folder / section.file, section.replicas)
        if not section.position_matrix:
            no_positions: Any = {"A_Rvnn": None} if isinstance(model, WannierModel) else {"r_vRnn": None}
            model = replace(model, **no_positions)
    else:
        raise InputError("model: no source given")
    if section.thickness is not None:
        notes = tuple(n for n in model.notes if not n.startswith("thickness"))
        model = replace(model, crystal=replace(model.crystal, thickness=section.thickness), notes=notes)
    if section.fermi_energy is not None:
        notes = tuple(n for n in model.notes if not n.startswith("Fermi energy of the file"))
        model = replace(model, fermi_energy=section.fermi_energy, notes=notes)
    if section.electrons is not None:
        model = replace(model, electrons=section.electrons)
    return model


def wannier_options(section: ModelSection) -> WannierOptions:
    """The options of the Wannier90 readers in the table `[model]`."""
    return WannierOptions(
        format=section.format,
        replicas=section.replicas,
        position_matrix=section.position_matrix,
        spin=section.spin,
        fermi_energy=section.fermi_energy,
        electrons=section.electrons,
        thickness=section.thickness,
    )


def beside(source: Path) -> Path | None:
    """The position matrix `<name>_r.npz` beside `<name>.npz`, if it exists."""
    path = source.with_name(f"{source.stem}_r.npz")
    return path if path.exists() else None


def convert_wannier90(
    seed: Path, target: Path, options: WannierOptions | None = None, *, force: bool = False
) -> WannierModel:
    """Wannier90 files → model file. Replicas are kept apart, so that the file serves with and without them.

    Returns the model as written. Raises ModelError for the files, OutputError for the target.
    """
    model, folding = read_with_replicas(seed, options)
    write_model(target, model, folding, force=force)
    return model


def convert_lcao(
    source: Path,
    target: Path,
    position_file: Path | None = None,
    *,
    thickness: float | None = None,
    fermi_energy: float | None = None,
    electrons: float | None = None,
    force: bool = False,
) -> LcaoModel:
    """LCAO npz (with the position matrix beside it unless another one is named) → model file; otherwise as above."""
    model = read_lcao(
        source, position_file or beside(source), thickness=thickness, fermi_energy=fermi_energy, electrons=electrons
    )
    write_model(target, model, force=force)
    return model


def write_model(path: Path, model: Model, replicas: Folding | None = None, *, force: bool = False) -> None:
    """Writes the file under a temporary name, then renames it. Raises OutputError if it cannot or would overwrite."""
    check_output(path, force=force)
    # format 1.8 and later has checksums on its own records too: the library crashes on damaged ones without
    with atomic_write(path, force=force) as part, h5py.File(part, "w", libver=("v108", "latest")) as file:
        _write_common(file, model)
        if isinstance(model, WannierModel):
            _write_wannier(file, model, replicas)
        else:
            _write_lcao(file, model)


def read_model(path: Path, replicas: bool | None = None) -> Model:
    """The model of the file; replicas: fold them in (None: if the file has them).

    Raises ModelError: missing, truncated, no model file, another version, arrays missing, of wrong shape, not finite,
    not Hermitian, absurdly large; InputError if replicas are asked for and the file has none.
    """
    with CheckedFile(path, FORMAT, VERSION) as file:
        kind = file.text_attribute("/", "kind")
        if kind not in {"wannier", "lcao"}:
            raise ModelError(f"{path}: kind '{kind[:20]}': wannier or lcao is needed")
        if kind == "lcao" and replicas:
            raise InputError(f"{path}: an LCAO model has no minimal-distance replicas")
        try:
            return _read_lcao(file) if kind == "lcao" else _read_wannier(file, replicas)
        except ModelError as problem:
            text = str(problem)
            raise ModelError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _write_common(file: Any, model: Model) -> None:
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
    _put(file, "R", model.R.astype(np.int32), "cells", "R, component")
    _put(file, "stored", _half(model.R).astype(np.int32), "1", "stored")


def _write_wannier(file: Any, model: WannierModel, replicas: Folding | None) -> None:
    file.attrs["n_hat"] = model.n_hat
    _put_cells(file, "H", model.H_Rnn, model.R, "eV", "stored, m, n")
    _put(file, "centres", model.centres, "angstrom", "n, component")
    _put(file, "up", model.up.astype(np.int32), "1", "pair")
    _put(file, "down", model.down.astype(np.int32), "1", "pair")
    if model.A_Rvnn is not None:
        _put_cells(file, "A", model.A_Rvnn, model.R, "angstrom", "stored, component, m, n")
    if model.spin_Rvnn is not None:
        _put_cells(file, "spin", model.spin_Rvnn, model.R, "1", "stored, component, m, n")
    file.attrs["exchange"] = _fixed("none")
    if model.odd_Rnn is not None:
        plain = np.abs(model.odd_Rnn - odd_part(model.H_Rnn, model.up, model.down)).max(initial=0.0) <= SAME
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


def _write_lcao(file: Any, model: LcaoModel) -> None:
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


def _half(R: NDArray) -> IntArray:
    """Numbers of the cells that are stored: R = 0, one of each pair ±R, and all without a partner."""
    present = {tuple(r) for r in R.tolist()}
    keep = [i for i, r in enumerate(R.tolist()) if tuple(r) >= (0, 0, 0) or (-r[0], -r[1], -r[2]) not in present]
    return np.array(keep, dtype=np.int64)


def _put(group: Any, name: str, value: NDArray, unit: str, axes: str) -> Any:
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
    group: Any, name: str, value: NDArray, R: NDArray, unit: str, axes: str, *, cell_axis: int = 0, sign: float = 1.0
) -> None:
    """A matrix over cells: one of each pair ±R where the other follows from it, else all."""
    half = _half(R)
    rebuilt = _unfold(np.take(value, half, axis=cell_axis), R, half, sign, cell_axis)
    if rebuilt is not None and np.abs(rebuilt - value).max(initial=0.0) <= SAME:
        _put(group, name, np.take(value, half, axis=cell_axis), unit, axes).attrs["adjoint"] = int(sign)
    else:
        _put(group, name, value, unit, axes.replace("stored", "R")).attrs["adjoint"] = 0


def _unfold(stored: NDArray, R: NDArray, half: NDArray, sign: float, cell_axis: int) -> NDArray | None:
    """All cells from the stored ones by X(−R) = sign · X(R)†; None if some cell is then missing."""
    place = {tuple(R[i].tolist()): s for s, i in enumerate(half)}
    own = [place.get(tuple(r)) for r in R.tolist()]
    other = [place.get((-r[0], -r[1], -r[2])) for r in R.tolist()]
    if any(a is None and b is None for a, b in zip(own, other, strict=True)):
        return None
    source = np.array([b if a is None else a for a, b in zip(own, other, strict=True)], dtype=np.int64)
    flip = np.array([a is None for a in own])
    moved = np.moveaxis(stored, cell_axis, 0)
    result = moved[source]
    result[flip] = sign * moved[source[flip]].conj().swapaxes(-1, -2)
    return np.ascontiguousarray(np.moveaxis(result, 0, cell_axis))


def _fixed(text: str) -> NDArray[np.bytes_]:
    """Text of fixed length: the library keeps text of variable length in a heap without checksums."""
    return np.array(text.encode("utf-8"), dtype=h5py.string_dtype("utf-8", max(len(text.encode("utf-8")), 1)))


def _texts(group: Any, name: str, texts: Iterable[str]) -> None:
    data = [str(t).encode("utf-8") for t in texts]
    length = max([len(t) for t in data], default=1) or 1
    group.create_dataset(name, data=np.array(data, dtype=h5py.string_dtype("utf-8", length)))


def _read_crystal(file: CheckedFile) -> Crystal:
    symbols = file.texts("/crystal/symbols")
    periodic = file.array("/crystal", attribute="periodic", kinds="iub", shape=(3,))
    return Crystal(
        lattice=file.array("/crystal/lattice", shape=(3, 3)),
        periodic=(bool(periodic[0]), bool(periodic[1]), bool(periodic[2])),
        positions=file.array("/crystal/positions", shape=(len(symbols), 3)),
        symbols=symbols,
        moments=file.array("/crystal/moments", shape=(len(symbols),)),
        thickness=file.optional_float("/crystal", "thickness"),
    )


class _Cells:
    """Reads matrices over cells and completes the half that is not stored."""

    def __init__(self, file: CheckedFile) -> None:
        self.file = file
        self.R = file.array("/R", kinds="iu", shape=(-1, 3)).astype(np.int64)
        self.half = file.indices("/stored", limit=len(self.R))

    def matrix(self, name: str, N: int, *, kinds: str, lead: tuple[int, ...] = (), cell_axis: int = 0) -> NDArray:
        sign = int(self.file.float_attribute(name, "adjoint"))
        count = len(self.R) if sign == 0 else len(self.half)
        shape = (*lead, count, N, N) if cell_axis else (count, *lead, N, N)
        stored = self.file.array(name, kinds=kinds, shape=shape)
        if sign == 0:
            return stored
        if sign not in {1, -1}:
            raise ModelError(f"{name}: adjoint = {sign}: 1, −1 or 0 is needed")
        full = _unfold(stored, self.R, self.half, float(sign), cell_axis)
        if full is None:
            raise ModelError(f"{name}: the stored cells and their partners −R do not make up all cells")
        return full


def _read_wannier(file: CheckedFile, replicas: bool | None) -> WannierModel:
    cells = _Cells(file)
    N = file.shape("/H")[-1]
    H = cells.matrix("/H", N, kinds="c")
    up, down = (file.indices(f"/{name}", limit=N) for name in ("up", "down"))
    if len(up) and not np.array_equal(np.sort(np.concatenate([up, down])), np.arange(N)):
        raise ModelError(f"spin pairs: up and down do not name each of the {N} orbitals once")
    exchange = file.text_attribute("/", "exchange")
    odd = None
    if exchange == "dataset odd":
        odd = cells.matrix("/odd", N, kinds="c")
    elif exchange != "none":
        odd = odd_part(H, up, down)
    model = WannierModel(
        crystal=_read_crystal(file),
        R=cells.R,
        H_Rnn=H,
        centres=file.array("/centres", shape=(N, 3)),
        A_Rvnn=cells.matrix("/A", N, kinds="c", lead=(3,)) if file.has("/A") else None,
        up=up,
        down=down,
        odd_Rnn=odd,
        spin_Rvnn=cells.matrix("/spin", N, kinds="c", lead=(3,)) if file.has("/spin") else None,
        n_hat=file.array("/", attribute="n_hat", shape=(3,)),
        fermi_energy=file.optional_float("/", "fermi_energy"),
        electrons=file.optional_float("/", "electrons"),
        name=file.text_attribute("/", "name"),
        notes=file.texts("/notes"),
    )
    if not file.has("/replicas"):
        if replicas:
            raise InputError(f"{file.path}: replicas = true, but the file has no minimal-distance replicas")
        return model
    return model if replicas is False else fold(model, _read_folding(file, len(cells.R), N))


def _read_folding(file: CheckedFile, nR: int, N: int) -> Folding:
    R = file.array("/replicas/R", kinds="iu", shape=(-1, 3)).astype(np.int64)
    limits = {"source": nR, "cell": len(R), "m": N, "n": N}
    parts = {name: file.indices(f"/replicas/{name}", limit=limit) for name, limit in limits.items()}
    if len({len(p) for p in parts.values()}) != 1:
        raise ModelError("replicas: source, cell, m and n are of different length")
    return folding_of(R, parts["source"], parts["cell"], parts["m"], parts["n"], nR, N)


def _read_lcao(file: CheckedFile) -> LcaoModel:
    cells = _Cells(file)
    N = file.shape("/H_up")[-1]
    up, down, S = (cells.matrix(name, N, kinds="f") for name in ("/H_up", "/H_down", "/S"))
    r = file.array("/r", shape=(3, len(cells.R), N, N)).astype(np.float32) if file.has("/r") else None
    canted = cells.matrix("/canted", N, kinds="f", lead=(3,), cell_axis=1) if file.has("/canted") else None
    own: dict[str, Any] = {"canted_vRnn": canted}
    if canted is not None or file.has_attribute("/", "n_hat"):  # files of the first versions are magnetized along z
        own["n_hat"] = file.array("/", attribute="n_hat", shape=(3,))
    model = LcaoModel(
        crystal=_read_crystal(file),
        R=cells.R,
        up_Rnn=up,
        down_Rnn=down,
        S_Rnn=S,
        soc_vRnn=cells.matrix("/soc", N, kinds="f", lead=(3,), cell_axis=1),
        tau=file.array("/tau", shape=(N, 3)),
        r_vRnn=r,
        **own,
        orbital_names=file.texts("/orbitals"),
        fermi_energy=file.optional_float("/", "fermi_energy"),
        electrons=file.optional_float("/", "electrons"),
        name=file.text_attribute("/", "name"),
        notes=file.texts("/notes"),
    )
    require_positive_overlap(model)
    return model
