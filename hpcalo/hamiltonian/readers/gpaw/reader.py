"""Reader of GPAW's .gpw files in LCAO mode."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import InputError, ModelError, one_line
from hpcalo.hamiltonian.exchange import unit_vector
from hpcalo.hamiltonian.film import as_film, thickness_or_default
from hpcalo.hamiltonian.magnetization import lcao_with_sublattices
from hpcalo.hamiltonian.overlap import require_positive_overlap
from hpcalo.hamiltonian.readers.base import Magnetization, PositionMatrix, Reader
from hpcalo.hamiltonian.readers.lcao_npz import POSITION_TOLERANCE, position_mismatch
from hpcalo.hamiltonian.types import Crystal, LcaoModel

if TYPE_CHECKING:
    from hpcalo.hamiltonian.readers.gpaw.matrices import Calculator


class Gpaw(Reader):
    """A collinear calculation of GPAW with mode='lcao' and symmetry='off'; spin-orbit coupling is added to it."""

    source: ClassVar = "gpaw"
    help: ClassVar = "GPAW's .gpw"
    endings: ClassVar = (".gpw",)

    gpaw: InputPath = Field(description=".gpw file of GPAW: mode='lcao', spin-polarized, symmetry='off'")
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The one file."""
        return [self.gpaw.path]

    def read(self) -> LcaoModel:
        """The model with Fermi energy and electrons of the file. Raises InputError without GPAW, ModelError."""
        path = self.gpaw.path
        if not path.is_file():
            raise ModelError(f"{path}: not found")
        try:
            from gpaw import GPAW  # noqa: PLC0415
            from gpaw.mpi import serial_comm  # noqa: PLC0415
        except ImportError:
            raise InputError(f"{path}: needs GPAW, which is not installed: pip install 'hpcalo[gpaw]'") from None
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                calc = GPAW(str(path), txt=None, communicator=serial_comm)
            except Exception as problem:  # whatever a damaged file does to GPAW
                raise ModelError(f"{path}: GPAW cannot read it: {one_line(problem)[:200]}") from None
            try:
                model = self._model(calc)
            except ModelError as problem:
                raise ModelError(f"{path}: {problem}") from None
        return model if self.thickness is None else as_film(model, self.thickness)

    def _model(self, calc: Calculator) -> LcaoModel:
        from gpaw.lcao.tools import get_lcao_hamiltonian  # noqa: PLC0415

        from hpcalo.hamiltonian.readers.gpaw import matrices  # noqa: PLC0415

        _require_what_is_needed(calc)
        H_skMN, S_kMN = get_lcao_hamiltonian(calc)
        wfs = [w for w in calc.dft.ibzwfs if w.spin == 0]
        k = np.array([w.kpt_c for w in wfs])
        lattice = np.array(calc.atoms.cell[:], dtype=np.float64)
        positions = wfs[0].relpos_ac @ lattice
        tau = np.repeat(positions, [s.nao for s in calc.dft.setups], axis=0)
        mesh = _mesh(k)
        R, weight = matrices.nearest_images(mesh, lattice, tau)
        up, down = (matrices.to_cells(H_kMN, k, R, weight) for H_kMN in H_skMN)
        S = matrices.to_cells(S_kMN, k, R, weight)
        soc = matrices.to_cells(-1j * matrices.spin_orbit(calc), k, R, weight)
        r = None
        if self.position_matrix:
            r = matrices.to_cells(matrices.positions(calc), k, R, weight).astype(np.float32)
        moments = np.array(calc.get_magnetic_moments(), dtype=np.float64)
        sign = -1.0 if moments.sum() < -1e-3 else 1.0
        periodic = (mesh[0] > 1, mesh[1] > 1, mesh[2] > 1)
        thickness, about = thickness_or_default(self.thickness, lattice, periodic, positions)
        model = LcaoModel(
            crystal=Crystal(
                lattice=lattice,
                periodic=periodic,
                positions=positions,
                symbols=tuple(calc.atoms.get_chemical_symbols()),
                moments=np.round(sign * moments, 3),
                thickness=thickness,
            ),
            R=R,
            up_Rnn=up if sign > 0 else down,
            down_Rnn=down if sign > 0 else up,
            S_Rnn=S,
            soc_vRnn=soc,
            r_vRnn=r,
            tau=tau,
            n_hat=np.array([0.0, 0.0, 1.0]) if self.n_hat is None else unit_vector(list(self.n_hat)),
            fermi_energy=float(calc.get_fermi_level()) if self.fermi_energy is None else self.fermi_energy,
            electrons=float(calc.get_number_of_electrons()) if self.electrons is None else self.electrons,
            name=self.gpaw.path.stem,
            notes=(
                *about,
                f"from GPAW: matrices of a {' × '.join(map(str, mesh))} mesh; spin-orbit coupling added without "
                "self-consistency, and the Fermi energy is that without it",
            ),
        )
        if (gap := position_mismatch(model)) > POSITION_TOLERANCE:
            raise ModelError(f"the position matrix differs from its adjoint by {gap:.3g} Å: more k-points are needed")
        return require_positive_overlap(lcao_with_sublattices(model))


def _require_what_is_needed(calc: Calculator) -> None:
    """Raises ModelError for a calculation that does not hold what is read."""
    if getattr(calc, "dft", None) is None or getattr(calc.dft.ibzwfs, "mode", "") != "lcao":
        raise ModelError("is not of GPAW's mode='lcao'; converge the density in any mode, then run LCAO on it")
    if calc.get_number_of_spins() != 2:
        raise ModelError("is not spin-polarized (give magmoms to the atoms), or not collinear")
    if len(calc.get_ibz_k_points()) != len(calc.get_bz_k_points()):
        raise ModelError("k-points are reduced by symmetry: use symmetry='off' in GPAW")


def _mesh(k: np.ndarray) -> tuple[int, int, int]:
    """Points along each direction. Raises ModelError if they make no whole mesh."""
    a, b, c = (len(np.unique(np.round(k[:, i], 6))) for i in range(3))
    if a * b * c != len(k):
        raise ModelError(f"its {len(k)} k-points make no regular mesh")
    return a, b, c
