"""Spin matrices of the functions from checkpoint and `.spn`, and which functions are pairs of up and down."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian import pairs
from hpcalo.hamiltonian.readers.wannier90.centres import require_lattice, same_centres
from hpcalo.hamiltonian.readers.wannier90.chk import WannierCheckpoint, read_chk, to_cells
from hpcalo.hamiltonian.readers.wannier90.files import WannierFiles, WannierOptions
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier
from hpcalo.hamiltonian.readers.wannier90.spn import counts_excluded, spin_matrices
from hpcalo.hamiltonian.readers.wannier90.win_wout import Structure
from hpcalo.hamiltonian.spin_order import find_order
from hpcalo.hamiltonian.types import check_hermitian
from hpcalo.typing import ComplexArray, IntArray, RealArray

NONE: IntArray = np.zeros(0, dtype=np.int64)
NO_SPIN = 0.5
"""Mean of <0n|σ·σ|0n> over the functions, 3 for whole spinors, below which the matrices are not those of a spin."""


@dataclass(frozen=True)
class Spin:
    """Spin matrices on the cells of H (None: not known), pairs (empty: none), and the checkpoint's centres."""

    centres: RealArray
    matrices_Rvnn: ComplexArray | None = None
    up: IntArray = field(default_factory=NONE.copy)
    down: IntArray = field(default_factory=NONE.copy)
    notes: tuple[str, ...] = ()


def read_spin(
    files: WannierFiles, options: WannierOptions, raw: RawWannier, centres: RealArray, structure: Structure, home: int
) -> Spin:
    """What the options ask for and the files give. `raw` is already divided by its degeneracies.

    Raises ModelError: files damaged or of different runs.
    """
    if options.spin in {"interleaved", "blocks"}:
        up, down = pairs.layout_pairs(len(centres), options.spin)
        note = f"spin pairs assumed ({options.spin}), spin matrices taken as Pauli matrices along z"
        return Spin(centres, None, up, down, (note,))
    if files.chk is None or files.spn is None:
        if structure.spinors is False or options.spin != "auto":
            return Spin(centres)
        return _pairs_found(files, raw, centres, structure)
    checkpoint = read_chk(files.chk)
    centres, notes = _same_run(files.chk, checkpoint, centres, structure)
    if counts_excluded(files.spn, checkpoint.bands, checkpoint.excluded):
        notes.append(
            f"{files.spn.name} has all bands: the {len(checkpoint.excluded)} that {files.chk.name} excludes left out"
        )
    matrices = to_cells(_of_functions(files.spn, checkpoint), checkpoint.k, raw.R)
    matrices /= raw.degeneracy[:, None, None, None]
    try:
        for v in range(3):
            check_hermitian(f"spin matrix {'xyz'[v]}", raw.R, matrices[:, v])
        _require_spin(matrices[home])
    except ModelError as problem:
        raise ModelError(f"{files.spn}: {one_line(problem)}") from None
    up, down, why = pairs.told_by_spin(matrices[home])
    return Spin(centres, matrices, up, down, (*notes, why) if why else tuple(notes))


def _pairs_found(files: WannierFiles, raw: RawWannier, centres: RealArray, structure: Structure) -> Spin:
    """The pairs where no spin matrices tell them; none of an odd number of functions.

    Raises ModelError if the files say that the functions are spinors and no order fits.
    """
    why = f"{len(centres)} functions cannot form pairs"
    if len(centres) % 2 == 0:
        try:
            up, down, note = find_order(raw.R, raw.H_Rnn, centres, structure.lattice)
        except ModelError as problem:
            if structure.spinors is True:
                raise ModelError(f"{files.main}: {one_line(problem)}") from None
            why = one_line(problem)
        else:
            return Spin(centres, None, up, down, (note,))
    need = f"needs seed.chk and seed.spn{_halves(files)}"
    return Spin(centres, notes=(f"no spin matrices ({need}): no exchange part, no torque ({why})",))


def _of_functions(path: Path, checkpoint: WannierCheckpoint) -> ComplexArray:
    """σ_v between the functions on the mesh, (nk, 3, N, N): V†σV, one k-point after the other."""
    blocks = spin_matrices(path, checkpoint.bands, len(checkpoint.k), checkpoint.excluded)
    N = len(checkpoint.centres)
    result = np.empty((len(checkpoint.k), 3, N, N), dtype=np.complex128)
    for i, (bloch, V) in enumerate(zip(blocks, checkpoint.V_kbn, strict=True)):
        result[i] = V.conj().T @ bloch @ V
    return result


def _same_run(
    path: Path, checkpoint: WannierCheckpoint, centres: RealArray, structure: Structure
) -> tuple[RealArray, list[str]]:
    """Centres of the checkpoint, and a note if they were moved. Raises ModelError if it is from another run."""
    if len(checkpoint.centres) == len(centres):
        require_lattice(path, checkpoint.lattice, structure.lattice, "the Hamiltonian")
    return same_centres(path, checkpoint.centres, centres, structure.lattice, checkpoint.mesh)


def _require_spin(spin_vnn: ComplexArray) -> None:
    """Raises ModelError if the matrices of cell 0 are far too small for those of a spin."""
    square = float(np.einsum("vmn,vnm->", spin_vnn, spin_vnn).real) / spin_vnn.shape[-1]
    if square < NO_SPIN:
        raise ModelError(f"mean of σ·σ of the functions is {square:.2g}, not 3: not the spin of these functions")


def _halves(files: WannierFiles) -> str:
    """Which of the two files is there, if one is."""
    found = [
        name
        for ending in (".chk", ".spn", ".chk.fmt", ".spn.fmt")
        if files.seed.with_name(name := files.seed.name + ending).exists()
    ]
    return f"; of them only {' and '.join(found)} is there" if found else ""
