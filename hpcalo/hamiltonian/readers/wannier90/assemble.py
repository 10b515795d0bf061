"""From the files of a Wannier90 run `seed` to one WannierModel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian import pairs
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.film import periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.readers.wannier90.chk import WannierCheckpoint, read_chk, to_cells
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles, WannierOptions
from hpcalo.hamiltonian.readers.wannier90.hr import read_hr
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier
from hpcalo.hamiltonian.readers.wannier90.spn import read_spn
from hpcalo.hamiltonian.readers.wannier90.tb import read_tb
from hpcalo.hamiltonian.readers.wannier90.win_wout import Structure, read_centres, read_win, read_wout
from hpcalo.hamiltonian.readers.wannier90.wsvec import replica_folding
from hpcalo.hamiltonian.replicas import Folding, fold
from hpcalo.hamiltonian.spin_order import find_order
from hpcalo.hamiltonian.types import Crystal, WannierModel, check_hermitian
from hpcalo.typing import ComplexArray, IntArray, RealArray

CENTRE_TOLERANCE = 1e-3  # Å, between files of one run


def read_wannier90(seed: Path, options: WannierOptions | None = None) -> WannierModel:
    """The model, replicas folded in as the options say. Raises ModelError naming the file and what is wrong with it."""
    model, folding = read_with_replicas(seed, options)
    return fold(model, folding) if folding is not None else model


def read_with_replicas(seed: Path, options: WannierOptions | None = None) -> tuple[WannierModel, Folding | None]:
    """The model on the Wigner-Seitz cells, and the replicas that `fold` can still put in (None: there are none)."""
    o = options or WannierOptions()
    files = WannierFiles.find(seed, o)
    notes: list[str] = []
    main = files.main
    raw = read_tb(main) if o.format == "tb" else read_hr(main)
    N = raw.H_Rnn.shape[1]
    home = home_cell(raw.R, main)
    weight = 1.0 / raw.degeneracy[:, None, None]
    H, A = raw.H_Rnn * weight, None
    if raw.A_Rvnn is not None:
        A, gap = _hermitized(raw.R, raw.A_Rvnn * weight[:, None])
        notes.append(
            f"position matrix made Hermitian: the file's differs by {gap:.2g} Å from its adjoint (finite differences)"
        )
    structure, centres = _structure_and_centres(files, raw, None if A is None else A[home])
    if len(centres) != N:
        raise ModelError(f"{seed}: {len(centres)} centres were found, {main.name} has {N} functions")
    spin, up, down, spin_notes = _spin(files, o, raw, centres, structure)
    notes += spin_notes
    if not o.position_matrix:
        A = None
    periodic = periodic_directions(raw.R)
    thickness, thickness_note = thickness_or_default(o.thickness, structure.lattice, periodic, structure.positions)
    notes += thickness_note
    folding = None if files.replicas is None else replica_folding(files.replicas, raw.R, N)
    try:
        crystal = Crystal(
            lattice=structure.lattice,
            periodic=periodic,
            positions=structure.positions,
            symbols=structure.symbols,
            moments=np.zeros(len(structure.symbols)),
            thickness=thickness,
        )
        model = WannierModel(
            crystal=crystal,
            R=raw.R,
            H_Rnn=H,
            centres=centres,
            A_Rvnn=A,
            spin_Rvnn=spin,
            fermi_energy=o.fermi_energy,
            electrons=o.electrons,
            name=seed.name,
            notes=tuple(notes),
        )
    except ModelError as problem:
        raise ModelError(f"{main}: {one_line(problem)}") from None
    return _with_exchange(model, folding, up, down, files, o.n_hat) if len(up) else (model, folding)


def _with_exchange(
    model: WannierModel,
    folding: Folding | None,
    up: IntArray,
    down: IntArray,
    files: WannierFiles,
    n_hat: tuple[float, float, float] | None,
) -> tuple[WannierModel, Folding | None]:
    """The model with its pairs, exchange part, magnetization and moments, and the replicas that are not yet in it."""
    try:
        paired, mixes = with_pairs(model, up, down, home_cell(model.R, files.main))
    except ModelError as problem:
        raise ModelError(f"{files.seed}: {one_line(problem)}") from None
    if mixes and folding is not None:
        # Replicas belong to the functions of the file: where pairs were mixed they must be folded in first.
        folded = fold(replace(model, centres=paired.centres, notes=paired.notes), folding)
        paired, _ = with_pairs(folded, up, down, home_cell(folded.R, files.main))
        folding = None
    return with_magnetization(paired, n_hat), folding


def home_cell(R: IntArray, path: Path) -> int:
    """The number of the cell R = 0. Raises ModelError if it is not in the list exactly once."""
    found = np.flatnonzero((R == 0).all(axis=1))
    if len(found) != 1:
        raise ModelError(f"{path}: the cell R = 0 is listed {len(found)} times, expected once")
    return int(found[0])


def _hermitized(R: IntArray, A_Rvnn: ComplexArray) -> tuple[ComplexArray, float]:
    """(A + A†)/2 and the largest |A − A†|; a cell without partner −R is left as it is."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    partner = np.array([index.get((-r[0], -r[1], -r[2]), i) for i, r in enumerate(R.tolist())])
    adjoint = A_Rvnn[partner].conj().mT
    return 0.5 * (A_Rvnn + adjoint), float(np.abs(A_Rvnn - adjoint).max())


def _structure_and_centres(
    files: WannierFiles, raw: RawWannier, A_home: ComplexArray | None
) -> tuple[Structure, RealArray]:
    """Lattice and atoms, and the centres of the functions: the diagonal of the position matrix, else of their file."""
    path = files.structure
    if not path.exists():
        raise ModelError(f"{path}: not found (and no {path.stem}.wout): one of them must give lattice and atoms")
    structure = read_win(path) if path.suffix == ".win" else read_wout(path)[0]
    if raw.lattice is not None:
        if np.abs(structure.lattice - raw.lattice).max() > CENTRE_TOLERANCE:
            raise ModelError(f"{path}: its lattice differs from that of {files.main.name}")
        structure = replace(structure, lattice=raw.lattice)
    if A_home is not None:
        return structure, np.ascontiguousarray(np.diagonal(A_home, axis1=1, axis2=2).real.T)
    if files.centres is None or not files.centres.exists():
        xyz = files.main.name.replace("_hr.dat", "_centres.xyz")
        raise ModelError(
            f"{files.centres}: not found (and no {xyz}): _hr.dat does not hold the centres of the functions"
        )
    if files.centres.suffix == ".wout":
        return structure, read_wout(files.centres)[1]
    return structure, read_centres(files.centres)


def _spin(
    files: WannierFiles, o: WannierOptions, raw: RawWannier, centres: RealArray, structure: Structure
) -> tuple[ComplexArray | None, IntArray, IntArray, list[str]]:
    """Spin matrices on the cells of H (None where they are not known), the pairs, and notes."""
    none: IntArray = np.zeros(0, dtype=np.int64)
    N = raw.H_Rnn.shape[1]
    if o.spin in {"interleaved", "blocks"}:
        up, down = pairs.layout_pairs(N, o.spin)
        return None, up, down, [f"spin pairs assumed ({o.spin}), spin matrices taken as Pauli matrices along z"]
    if files.chk is None or files.spn is None:
        if structure.spinors is False or o.spin != "auto":
            return None, none, none, []
        return None, *_pairs_found(files, raw, centres, structure)
    checkpoint = read_chk(files.chk)
    _same_run(files.chk, checkpoint, centres, structure)
    bloch = read_spn(files.spn, checkpoint.bands, len(checkpoint.k))
    V = checkpoint.V_kbn[:, None]
    spin = to_cells(V.conj().mT @ bloch @ V, checkpoint.k, raw.R) / raw.degeneracy[:, None, None, None]
    try:
        for v in range(3):
            check_hermitian(f"spin matrix {'xyz'[v]}", raw.R, spin[:, v])
        up, down = pairs.find_pairs(spin[home_cell(raw.R, files.spn)])
    except ModelError as problem:
        raise ModelError(f"{files.spn}: {one_line(problem)}") from None
    return spin, up, down, []


def _pairs_found(
    files: WannierFiles, raw: RawWannier, centres: RealArray, structure: Structure
) -> tuple[IntArray, IntArray, list[str]]:
    """The pairs where no spin matrices tell them, and notes; none of an odd number of functions.

    Raises ModelError if the files say that the functions are spinors and no order fits.
    """
    H = raw.H_Rnn / raw.degeneracy[:, None, None]
    why = f"{H.shape[-1]} functions cannot form pairs"
    if H.shape[-1] % 2 == 0:
        try:
            up, down, note = find_order(raw.R, H, centres, structure.lattice)
        except ModelError as problem:
            if structure.spinors is True:
                raise ModelError(f"{files.main}: {one_line(problem)}") from None
            why = one_line(problem)
        else:
            return up, down, [note]
    none: IntArray = np.zeros(0, dtype=np.int64)
    return none, none, [f"no spin matrices (needs seed.chk and seed.spn): no exchange part, no torque ({why})"]


def _same_run(path: Path, checkpoint: WannierCheckpoint, centres: RealArray, structure: Structure) -> None:
    """Raises ModelError if the checkpoint is from another run than the Hamiltonian."""
    if len(checkpoint.centres) != len(centres):
        raise ModelError(f"{path}: {len(checkpoint.centres)} Wannier functions, the Hamiltonian has {len(centres)}")
    if np.abs(checkpoint.lattice - structure.lattice).max() > CENTRE_TOLERANCE:
        raise ModelError(f"{path}: its lattice differs from that of the Hamiltonian")
    apart = np.abs(checkpoint.centres - centres).max(axis=1)
    if apart.max() > CENTRE_TOLERANCE:
        m = int(apart.argmax())
        raise ModelError(
            f"{path}: the centre of function {m + 1} differs by {apart[m]:.3g} Å from the "
            "Hamiltonian's: the files are of different runs"
        )


def pair_gauge(model: WannierModel, up: IntArray, down: IntArray, home: int) -> tuple[ComplexArray | None, bool]:
    """The unitary (N, N) to the gauge of `with_pairs`, None where the file has it; whether it mixes the pairs."""
    gauge, mixes = np.eye(model.size, dtype=np.complex128), False
    if model.spin_Rvnn is not None:
        gauge, mixes = pairs.spin_gauge(model.spin_Rvnn[home], up, down)
    gauge = gauge * pairs.real_gauge(gauge.conj().T @ model.H_Rnn @ gauge, up, down)
    tiny = np.abs(gauge - np.eye(model.size)).max() <= 1e-3  # noise of the file
    return None if tiny else gauge, mixes


def with_pairs(model: WannierModel, up: IntArray, down: IntArray, home: int) -> tuple[WannierModel, bool]:
    """The model in the gauge where pairs are Pauli-like and real, with its exchange part; whether pairs were mixed."""
    H, A, spin, centres = model.H_Rnn, model.A_Rvnn, model.spin_Rvnn, model.centres
    gauge, mixes = pair_gauge(model, up, down, home)
    if gauge is not None:
        H = gauge.conj().T @ H @ gauge
        A = None if A is None else gauge.conj().T @ A @ gauge
        spin = None if spin is None else gauge.conj().T @ spin @ gauge
        if mixes:
            mean = 0.5 * (centres[up] + centres[down])
            centres = centres.copy()
            centres[up] = centres[down] = mean
            if A is not None:
                centres = np.ascontiguousarray(np.diagonal(A[home], axis1=1, axis2=2).real.T)
    measures = pairs.quality(H, spin, home, up, down)
    odd = odd_part(H, up, down)
    paired = replace(model, H_Rnn=H, A_Rvnn=A, spin_Rvnn=spin, centres=centres, up=up, down=down, odd_Rnn=odd)
    return paired.with_notes(*measures.notes()), mixes
