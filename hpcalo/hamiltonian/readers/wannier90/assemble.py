"""From the files of a Wannier90 run `seed` to one WannierModel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian import pairs, reversal
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.film import periodic_directions, thickness_or_default
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.readers.wannier90.centres import compared, read_function_centres, read_structure, with_atoms
from hpcalo.hamiltonian.readers.wannier90.external import Beyond, read_external
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles, WannierOptions
from hpcalo.hamiltonian.readers.wannier90.hr import read_hr, read_r
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier
from hpcalo.hamiltonian.readers.wannier90.spin import read_spin
from hpcalo.hamiltonian.readers.wannier90.tb import read_tb
from hpcalo.hamiltonian.readers.wannier90.wsvec import replica_folding
from hpcalo.hamiltonian.replicas import Folding, fold
from hpcalo.hamiltonian.types import Crystal, WannierModel, check_hermitian
from hpcalo.typing import ComplexArray, IntArray


def read_wannier90(seed: Path, options: WannierOptions | None = None) -> WannierModel:
    """The model, replicas folded in as the options say. Raises ModelError naming the file and what is wrong with it."""
    model, folding = read_with_replicas(seed, options)
    return fold(model, folding) if folding is not None else model


def read_with_replicas(seed: Path, options: WannierOptions | None = None) -> tuple[WannierModel, Folding | None]:
    """The model on the Wigner-Seitz cells, and the replicas that `fold` can still put in (None: there are none)."""
    o = options or WannierOptions()
    files = WannierFiles.find(seed, o)
    raw, notes = _matrices(files)
    N, A = raw.H_Rnn.shape[1], raw.A_Rvnn
    home = home_cell(raw.R, files.main)
    structure = read_structure(files, raw)
    if A is None:
        centres = read_function_centres(files)
        if len(centres) != N:
            raise ModelError(f"{files.centres}: {len(centres)} centres were found, {files.main.name} has {N} functions")
    else:
        centres = np.ascontiguousarray(np.diagonal(A[home], axis1=1, axis2=2).real.T)
    spin = read_spin(files, o, raw, centres, structure, home)
    beyond = Beyond() if A is None or not o.position_matrix else read_external(files, raw, o.fermi_energy)
    notes += [*spin.notes, *beyond.notes]
    moved = spin.centres
    if A is not None:
        if files.chk is None:
            moved, note = compared(files, structure, centres)
            notes += note
        A[home][:, range(N), range(N)] += (moved - centres).T
    centres = moved
    structure, note = with_atoms(structure, centres)
    notes += note
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
            H_Rnn=raw.H_Rnn,
            centres=centres,
            A_Rvnn=A,
            spin_Rvnn=spin.matrices_Rvnn,
            external_Rvnn=beyond.matrices_Rvnn,
            external_source=beyond.source,
            fermi_energy=o.fermi_energy,
            electrons=o.electrons,
            name=seed.name,
            notes=tuple(notes),
        )
    except ModelError as problem:
        raise ModelError(f"{files.main}: {one_line(problem)}") from None
    if len(spin.up):
        return _with_exchange(model, folding, spin.up, spin.down, files, o.n_hat)
    if model.spin_Rvnn is None:
        return model, folding
    return without_pairs(model if folding is None else fold(model, folding), o.n_hat), None


def _matrices(files: WannierFiles) -> tuple[RawWannier, list[str]]:
    """H(R) and r(R), Hermitian and divided by the degeneracies, and notes on r."""
    main = files.main
    raw = read_hr(main) if main.name.endswith("_hr.dat") else read_tb(main)
    if files.position is not None:
        raw = replace(raw, A_Rvnn=read_r(files.position, raw.R, raw.H_Rnn.shape[1]))
    raw.H_Rnn[:] /= raw.degeneracy[:, None, None]  # in place: the matrices may fill most of the memory
    try:
        check_hermitian("H", raw.R, raw.H_Rnn)
    except ModelError as problem:
        raise ModelError(f"{main}: {one_line(problem)}") from None
    if raw.A_Rvnn is None:
        where = f"{main.name} ends after H" if main.name.endswith("_tb.dat") else f"{main.name} has none"
        return raw, [f"no position matrix ({where}): functions are points at their centres"]
    raw.A_Rvnn[:] /= raw.degeneracy[:, None, None, None]
    gap = _make_hermitian(raw.R, raw.A_Rvnn)
    of = "the file's" if files.position is None else f"{files.position.name}'s"
    return raw, [f"position matrix made Hermitian: {of} differs by {gap:.2g} Å from its adjoint (finite differences)"]


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


def without_pairs(model: WannierModel, n_hat: Sequence[float] | None) -> WannierModel:
    """The model with the exchange part that its spin matrices tell, or a warning why they do not."""
    try:
        odd, measures = reversal.with_exchange(model)
    except ModelError as problem:
        return model.with_notes(f"warning: no exchange part and no torque: {one_line(problem)}")
    return with_magnetization(odd.with_notes(*measures.notes()), n_hat)


def home_cell(R: IntArray, path: Path) -> int:
    """The number of the cell R = 0. Raises ModelError if it is not in the list exactly once."""
    found = np.flatnonzero((R == 0).all(axis=1))
    if len(found) != 1:
        raise ModelError(f"{path}: the cell R = 0 is listed {len(found)} times, expected once")
    return int(found[0])


def _make_hermitian(R: IntArray, A_Rvnn: ComplexArray) -> float:
    """Replaces A by (A + A†)/2 and returns the largest |A − A†|; a cell without partner −R is left as it is."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    gap = 0.0
    for i, r in enumerate(R.tolist()):
        j = index.get((-r[0], -r[1], -r[2]), -1)
        if j < i:
            continue
        adjoint = A_Rvnn[j].conj().mT
        gap = max(gap, float(np.abs(A_Rvnn[i] - adjoint).max()))
        A_Rvnn[i] = 0.5 * (A_Rvnn[i] + adjoint)
        A_Rvnn[j] = A_Rvnn[i].conj().mT
    return gap


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
    H, A, spin, centres, beyond = model.H_Rnn, model.A_Rvnn, model.spin_Rvnn, model.centres, model.external_Rvnn
    gauge, mixes = pair_gauge(model, up, down, home)
    if gauge is not None:
        H = gauge.conj().T @ H @ gauge
        A = None if A is None else gauge.conj().T @ A @ gauge
        spin = None if spin is None else gauge.conj().T @ spin @ gauge
        beyond = None if beyond is None else gauge.conj().T @ beyond @ gauge
        if mixes:
            mean = 0.5 * (centres[up] + centres[down])
            centres = centres.copy()
            centres[up] = centres[down] = mean
            if A is not None:
                centres = np.ascontiguousarray(np.diagonal(A[home], axis1=1, axis2=2).real.T)
    measures = pairs.quality(H, spin, home, up, down)
    odd = odd_part(H, up, down)
    paired = replace(
        model,
        H_Rnn=H,
        A_Rvnn=A,
        spin_Rvnn=spin,
        external_Rvnn=beyond,
        centres=centres,
        up=up,
        down=down,
        odd_Rnn=odd,
    )
    return paired.with_notes(*measures.notes()), mixes
