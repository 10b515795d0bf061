"""Reader of calculations with atomic orbitals of ABACUS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian.film import as_film, periodic_directions, thickness_or_default
from hpcalo.hamiltonian.readers.abacus.csr import Sparse, read_csr
from hpcalo.hamiltonian.readers.abacus.structure import read_log, read_orbital_atoms, read_stru
from hpcalo.hamiltonian.readers.base import Magnetization, PositionMatrix, Reader
from hpcalo.hamiltonian.readers.lcao_npz import POSITION_TOLERANCE, position_mismatch
from hpcalo.hamiltonian.readers.overlapping import lcao_model, relative_positions
from hpcalo.hamiltonian.types import Crystal, LcaoModel
from hpcalo.typing import ComplexArray, IntArray, RealArray
from hpcalo.units import BOHR_IN_ANGSTROM, RYDBERG_EV

HAMILTONIANS = ("hrs1_nao.csr", "data-HR-sparse_SPIN0.csr")
OVERLAPS = ("srs1_nao.csr", "sr_nao.csr", "data-SR-sparse_SPIN0.csr")
POSITIONS = ("data-rR-sparse.csr", "data-rR-sparse_SPIN0.csr", "rr.csr")


@dataclass(frozen=True)
class AbacusFiles:
    """What is read; hamiltonian, overlap, structure and orbitals need to be there."""

    hamiltonian: Path
    overlap: Path
    structure: Path
    orbitals: Path
    positions: Path | None
    log: Path | None

    @classmethod
    def find(cls, path: Path, position_matrix: bool) -> AbacusFiles:
        """The files for a folder OUT.… or the Hamiltonian in it; STRU may lie beside the folder."""
        folder = path if path.is_dir() else path.parent

        def first(names: tuple[str, ...], *folders: Path) -> Path:
            options = [place / name for place in (folders or (folder,)) for name in names]
            return next((option for option in options if option.is_file()), options[-1])

        positions, log = first(POSITIONS), folder / "running_scf.log"
        return cls(
            hamiltonian=first(HAMILTONIANS) if path.is_dir() else path,
            overlap=first(OVERLAPS),
            structure=first(("STRU",), folder.parent, folder),
            orbitals=folder / "Orbital",
            positions=positions if position_matrix and positions.is_file() else None,
            log=log if log.is_file() else None,
        )


class Abacus(Reader):
    """H(R), S(R) and r(R) of ABACUS (`out_mat_hs2 1`, `out_mat_r 1`) for `nspin 4` with `lspinorb 1`."""

    source: ClassVar = "abacus"
    help: ClassVar = "ABACUS' folder OUT.… with H(R) and S(R)"
    endings: ClassVar = HAMILTONIANS

    abacus: InputPath = Field(description="ABACUS' folder OUT.suffix with H(R), S(R) and r(R), or its file of H(R)")
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """H and S, STRU, the list of orbitals; positions and log if they are there."""
        found = AbacusFiles.find(self.abacus.path, self.position_matrix)
        paths = (found.hamiltonian, found.overlap, found.structure, found.orbitals, found.positions, found.log)
        return [path for path in paths if path is not None]

    def read(self) -> LcaoModel:
        """The model. Raises ModelError."""
        found = AbacusFiles.find(self.abacus.path, self.position_matrix)
        H = read_csr(found.hamiltonian, "the Hamiltonian of ABACUS")
        if not H.complex:
            raise ModelError(
                f"{found.hamiltonian}: is real, of a calculation without spin-orbit coupling (nspin 1 or 2): torques, "
                "DMI and Hall currents of a magnet need nspin 4 and lspinorb 1"
            )
        S = read_csr(found.overlap, "the overlap of ABACUS")
        R, (H_Rmn, S_Rmn) = _common_cells([H, S], found)
        N = H_Rmn.shape[-1] // 2
        lattice, positions, symbols = read_stru(found.structure)
        atoms = read_orbital_atoms(found.orbitals)
        if len(atoms) != N or atoms.max(initial=0) >= len(positions):
            raise ModelError(f"{found.orbitals}: lists {len(atoms)} orbitals of the {N} in {found.hamiltonian.name}")
        fermi, electrons = (None, None) if found.log is None else read_log(found.log)
        periodic = periodic_directions(R)
        thickness, about = thickness_or_default(self.thickness, lattice, periodic, positions)
        try:
            crystal = Crystal(
                lattice=lattice,
                periodic=periodic,
                positions=positions,
                symbols=symbols,
                moments=np.zeros(len(symbols)),
                thickness=thickness,
            )
            model = lcao_model(
                crystal,
                R,
                RYDBERG_EV * H_Rmn,
                np.ascontiguousarray(S_Rmn[:, ::2, ::2].real),
                positions[atoms],
                self.n_hat,
                notes=(*about, *(() if found.positions else ("no position matrix (needs out_mat_r 1 in ABACUS)",))),
                fermi_energy=self.fermi_energy if self.fermi_energy is not None else fermi,
                electrons=self.electrons if self.electrons is not None else electrons,
                name=self.abacus.path.name,
            )
        except ModelError as problem:
            raise ModelError(f"{found.hamiltonian}: {one_line(problem)}") from None
        if found.positions is not None:
            model = _with_positions(model, found.positions)
        return model if self.thickness is None else as_film(model, self.thickness)

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """A file of H(R), or a folder with one."""
        folder = any((Path(name) / ending).is_file() for ending in HAMILTONIANS)
        return {**options, cls.source: name} if folder or Path(name).name in HAMILTONIANS else None


def _common_cells(matrices: list[Sparse], found: AbacusFiles) -> tuple[IntArray, list[ComplexArray]]:
    """All cells of the matrices and of their opposites, and the matrices there. Raises ModelError for unlike sizes."""
    first = matrices[0].X_cRmn.shape[-1]
    for matrix in matrices:
        if matrix.X_cRmn.shape[-1] != first or first % 2:
            raise ModelError(
                f"{found.overlap}: {matrix.X_cRmn.shape[-1]} orbitals, {found.hamiltonian.name} has {first}"
            )
    named = np.concatenate([matrix.R for matrix in matrices])
    R = np.unique(np.concatenate([named, -named]), axis=0)
    return R, [on_cells(matrix, R)[0] for matrix in matrices]


def on_cells(matrix: Sparse, R: IntArray) -> ComplexArray:
    """(components, nR, N, N) on these cells; zero where the file has none."""
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    full = np.zeros((len(matrix.X_cRmn), len(R), *matrix.X_cRmn.shape[2:]), dtype=np.complex128)
    kept = [(i, index[tuple(r)]) for i, r in enumerate(matrix.R.tolist()) if tuple(r) in index]
    full[:, [j for _, j in kept]] = matrix.X_cRmn[:, [i for i, _ in kept]]
    return full


def _with_positions(model: LcaoModel, path: Path) -> LcaoModel:
    """The model with the position matrix of the file, whose adjoint it must be. Raises ModelError."""
    matrix = read_csr(path, "the position matrix of ABACUS", components=3)
    N = model.size // 2
    size = matrix.X_cRmn.shape[-1]
    if size not in {N, 2 * N}:
        raise ModelError(f"{path}: {size} orbitals, the Hamiltonian has {N} and their spins")
    step = size // N
    r: RealArray = BOHR_IN_ANGSTROM * on_cells(matrix, model.R)[:, :, ::step, ::step].real
    lattice = model.crystal.lattice
    with_r = replace(model, r_vRnn=relative_positions(r, model.S_Rnn, model.R, lattice, model.tau))
    gap = position_mismatch(with_r)
    if gap > POSITION_TOLERANCE:
        raise ModelError(f"{path}: not the position matrix of this model: r differs from its adjoint by {gap:.3g} Å")
    return with_r
