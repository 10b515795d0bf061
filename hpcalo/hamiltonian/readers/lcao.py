"""Reader of atomic-orbital Hamiltonians in `.npz` files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.hamiltonian.readers.base import PositionMatrix, Reader
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao
from hpcalo.hamiltonian.types import LcaoModel


class Lcao(Reader):
    """Atomic orbitals: `<name>.npz`, and the position matrix in a second file."""

    source: ClassVar = "lcao"
    help: ClassVar = ".npz"
    endings: ClassVar = (".npz",)

    lcao: InputPath = Field(description="npz file with H_up, H_dn, S, Hsoc_x/y/z, R, …")
    position_file: InputPath | None = Field(
        None, description="npz file with r_x, r_y, r_z (default: <lcao>_r.npz if it exists)"
    )
    position_matrix: PositionMatrix = True

    def files(self) -> list[Path]:
        """The Hamiltonian's file, and the position matrix: the one named, or `<lcao>_r.npz` if it is there."""
        positions = self._positions()
        return [self.lcao.path] if positions is None else [self.lcao.path, positions]

    def read(self) -> LcaoModel:
        """The model of these files. Raises ModelError."""
        return read_lcao(
            self.lcao.path,
            self._positions(),
            thickness=self.thickness,
            fermi_energy=self.fermi_energy,
            electrons=self.electrons,
        )

    def _positions(self) -> Path | None:
        if not self.position_matrix:
            return None
        if self.position_file is not None:
            return self.position_file.path
        beside = self.lcao.path.with_name(f"{self.lcao.path.stem}_r.npz")
        return beside if beside.exists() else None
