"""Atomic-orbital Hamiltonians from `.npz` files.

The arrays are named as in the data of Mn/W(001): H_up, H_dn, S, Hsoc_x/y/z, R, ….
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian.film import periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import lcao_with_sublattices
from hpcalo.hamiltonian.overlap import require_positive_overlap
from hpcalo.hamiltonian.types import Crystal, LcaoModel
from hpcalo.typing import IntArray, RealArray

MAX_BYTES = 16 * 2**30
FREE, RATIO = 2**28, 100
"""What arrays may take in memory: so much, and so many times what they take in the file; never more than MAX_BYTES."""
REQUIRED = ("lattice", "R", "H_up", "H_dn", "S", "Hsoc_x", "Hsoc_y", "Hsoc_z", "orb_atom", "positions", "symbols")
POSITION_TOLERANCE = 1e-3  # Å; single precision leaves 1e-6


def read_lcao(
    path: Path,
    position_file: Path | None = None,
    *,
    thickness: float | None = None,
    fermi_energy: float | None = None,
    electrons: float | None = None,
) -> LcaoModel:
    """The model of an `.npz` file, with the position matrix <0M|(r − R − τ_N)|RN> of a second file (None: without).

    thickness: Å, of a film; None takes the extent of the atoms plus one mean distance of layers. fermi_energy (eV) and
    electrons replace what the file says. Raises ModelError: missing, truncated, not an npz, arrays missing or of wrong
    shape, not Hermitian, overlap matrix not positive.
    """
    data = load_npz(path)
    R, atom_of, lattice, positions = _structure(data, path)
    moments = _reals(data.get("magmoms", np.zeros(len(positions))), path, "magmoms")
    periodic = periodic_directions(R)
    thickness, thickness_note = thickness_or_default(thickness, lattice, periodic, positions)
    fermi, fermi_note = _fermi_energy(data, fermi_energy, path)
    try:
        model = LcaoModel(
            crystal=Crystal(
                lattice=lattice,
                periodic=periodic,
                positions=positions,
                symbols=tuple(str(s) for s in np.ravel(data["symbols"])),
                moments=moments,
                thickness=thickness,
            ),
            R=R,
            up_Rnn=_reals(data["H_up"], path, "H_up"),
            down_Rnn=_reals(data["H_dn"], path, "H_dn"),
            S_Rnn=_reals(data["S"], path, "S"),
            soc_vRnn=np.stack([_reals(data[f"Hsoc_{v}"], path, f"Hsoc_{v}") for v in "xyz"]),
            tau=positions[atom_of],
            r_vRnn=None if position_file is None else _position_matrix(position_file, R, len(atom_of)),
            orbital_names=tuple(str(s) for s in np.ravel(data.get("orb_name", ()))),
            fermi_energy=fermi,
            electrons=(
                _number(data["n_electrons"], path, "n_electrons")
                if electrons is None and "n_electrons" in data
                else electrons
            ),
            name=path.stem,
            notes=(*thickness_note, *fermi_note),
        )
    except (ModelError, ValueError) as problem:
        raise ModelError(f"{path}: {one_line(problem)}") from None
    if position_file is not None:
        gap = position_mismatch(model)
        if gap > POSITION_TOLERANCE:
            raise ModelError(
                f"{position_file}: not the position matrix of {path.name}: r differs from its adjoint by {gap:.3g} Å"
            )
    try:
        return require_positive_overlap(lcao_with_sublattices(model))
    except ModelError as problem:
        raise ModelError(f"{path}: {one_line(problem)}") from None


def _structure(data: Mapping[str, NDArray], path: Path) -> tuple[IntArray, IntArray, RealArray, RealArray]:
    """R (nR, 3), the atom of each orbital (N,), lattice (3, 3) Å, positions (atoms, 3) Å; matrices have their shape.

    Raises ModelError for arrays that are missing, of another kind or of another shape.
    """
    missing = [name for name in REQUIRED if name not in data]
    if missing:
        raise ModelError(f"{path}: array {missing[0]} is missing; found {', '.join(sorted(data)[:20])}")
    R = _integers(data["R"], path, "R")
    if R.ndim != 2 or R.shape[1] != 3:
        raise ModelError(f"{path}: R: shape {R.shape}, expected (cells, 3)")
    atom_of = _integers(data["orb_atom"], path, "orb_atom")
    positions = _reals(data["positions"], path, "positions")
    if positions.shape[1:] != (3,) or atom_of.ndim != 1 or not len(atom_of):
        raise ModelError(f"{path}: positions {positions.shape} or orb_atom {atom_of.shape}: wrong shape")
    if atom_of.min() < 0 or atom_of.max() >= len(positions):
        raise ModelError(
            f"{path}: orb_atom names atom {atom_of.max()}, but there are {len(positions)} (counted from 0)"
        )
    expected = (len(R), len(atom_of), len(atom_of))
    for name in ("H_up", "H_dn", "S", "Hsoc_x", "Hsoc_y", "Hsoc_z"):
        if data[name].shape != expected:
            raise ModelError(f"{path}: {name}: shape {data[name].shape}, expected {expected} (R, orb_atom)")
    lattice = _reals(data["lattice"], path, "lattice")
    if lattice.shape != (3, 3) or not np.isfinite(lattice).all() or not np.isfinite(positions).all():
        raise ModelError(f"{path}: lattice (3 × 3) and positions: expected finite numbers")
    return R, atom_of, lattice, positions


def load_npz(path: Path) -> dict[str, NDArray]:
    """All arrays of an npz file, no pickles. Raises ModelError if it is missing, damaged, no npz or absurdly large."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            packed = sum(entry.compress_size for entry in entries)
            announced = sum(_announced(archive, entry) for entry in entries)
        most = min(MAX_BYTES, FREE + RATIO * packed)
        if max(total, announced) > most:
            unpacked = max(total, announced) / 2**30
            raise ModelError(f"{path}: unpacks to {unpacked:.3g} GiB: more than a file of its size can mean")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ModelError:
        raise
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except MemoryError:
        raise ModelError(f"{path}: its arrays do not fit into memory") from None
    except Exception as problem:  # zipfile, zlib, struct and numpy's format reader each have their own
        raise ModelError(f"{path}: is not an intact npz file: {one_line(problem)[:160]}") from None


def _announced(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes of the array that an entry's header announces; they are reserved before any of them is read."""
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return math.prod(shape) * dtype.itemsize


def position_mismatch(model: LcaoModel) -> float:
    """Largest |<0M|r|RN> − <0N|r|−RM> − R S_MN(R)| in Å: zero for the position operator in this basis."""
    if model.r_vRnn is None:
        return 0.0
    index = {tuple(r): i for i, r in enumerate(model.R.tolist())}
    partner = np.array([index.get((-r[0], -r[1], -r[2]), -1) for r in model.R.tolist()])
    known = partner >= 0
    cell = model.R @ model.crystal.lattice
    worst = 0.0
    for v in range(3):
        # the matrix is relative to R + τ_N: going over to the adjoint moves the origin by R + τ_N − τ_M
        shift = cell[known, v, None, None] + model.tau[None, None, :, v] - model.tau[None, :, None, v]
        gap = model.r_vRnn[v, known] + shift * model.S_Rnn[known] - model.r_vRnn[v, partner[known]].mT
        worst = max(worst, float(np.abs(gap).max(initial=0.0)))
    return worst


def _fermi_energy(data: Mapping[str, NDArray], given: float | None, path: Path) -> tuple[float | None, list[str]]:
    if given is not None:
        return given, []
    if "E_F_soc" in data:
        return _number(data["E_F_soc"], path, "E_F_soc"), []
    if "E_F" in data:
        return _number(data["E_F"], path, "E_F"), [
            "Fermi energy of the file is from a calculation without spin-orbit coupling"
        ]
    return None, []


def _position_matrix(path: Path, R: IntArray, N: int) -> NDArray[np.float32]:
    data = load_npz(path)
    for name in ("R", "r_x", "r_y", "r_z"):
        if name not in data:
            raise ModelError(f"{path}: array {name} is missing (position matrix)")
    if not np.array_equal(_integers(data["R"], path, "R"), R):
        raise ModelError(f"{path}: its cells R differ from those of the Hamiltonian")
    for v in "xyz":
        if data[f"r_{v}"].shape != (len(R), N, N):
            raise ModelError(f"{path}: r_{v}: shape {data[f'r_{v}'].shape}, expected {(len(R), N, N)}")
    return np.stack([_reals(data[f"r_{v}"], path, f"r_{v}").astype(np.float32) for v in "xyz"])


def _reals(value: NDArray, path: Path, name: str) -> RealArray:
    if value.dtype.kind not in "fiu":
        raise ModelError(f"{path}: {name}: expected real numbers, found {value.dtype}")
    return value.astype(np.float64)


def _number(value: NDArray, path: Path, name: str) -> float:
    number = _reals(value, path, name)
    if number.size != 1 or not np.isfinite(number).all():
        raise ModelError(f"{path}: {name}: expected one finite number")
    return float(number.ravel()[0])


def _integers(value: NDArray, path: Path, name: str) -> IntArray:
    if value.dtype.kind not in "iu":
        raise ModelError(f"{path}: {name}: expected whole numbers, found {value.dtype}")
    return value.astype(np.int64)
