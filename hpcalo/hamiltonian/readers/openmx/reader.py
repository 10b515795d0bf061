"""Reader of calculations of OpenMX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from hpcalo.config.fields import InputPath
from hpcalo.errors import ModelError, one_line
from hpcalo.hamiltonian.film import as_film, periodic_directions, thickness_or_default
from hpcalo.hamiltonian.readers.base import Magnetization, PositionMatrix, Reader
from hpcalo.hamiltonian.readers.lcao_npz import POSITION_TOLERANCE, position_mismatch
from hpcalo.hamiltonian.readers.openmx.scfout import Scfout, read_scfout
from hpcalo.hamiltonian.readers.overlapping import lcao_model, relative_positions
from hpcalo.hamiltonian.types import Crystal, LcaoModel


class OpenMX(Reader):
    """`System.Name.scfout` (`HS.fileout on`) of a non-collinear calculation with spin-orbit coupling."""

    source: ClassVar = "openmx"
    help: ClassVar = "OpenMX's .scfout"
    endings: ClassVar = (".scfout",)

    openmx: InputPath = Field(description="OpenMX's .scfout (HS.fileout on; version 3.9) with spin-orbit coupling")
    position_matrix: PositionMatrix = True
    n_hat: Magnetization = None

    def files(self) -> list[Path]:
        """The one file."""
        return [self.openmx.path]

    def read(self) -> LcaoModel:
        """The model with Fermi energy and electrons of the file. Raises ModelError."""
        path = self.openmx.path
        found = read_scfout(path)
        periodic = periodic_directions(found.R)
        thickness, about = thickness_or_default(self.thickness, found.lattice, periodic, found.positions)
        try:
            crystal = Crystal(
                lattice=found.lattice,
                periodic=periodic,
                positions=found.positions,
                symbols=found.symbols,
                moments=np.zeros(len(found.symbols)),
                thickness=thickness,
            )
            model = lcao_model(
                crystal,
                found.R,
                found.H_Rnn,
                found.S_Rnn,
                found.positions[found.atom_of],
                self.n_hat,
                notes=about,
                fermi_energy=found.fermi_energy if self.fermi_energy is None else self.fermi_energy,
                electrons=found.electrons if self.electrons is None else self.electrons,
                name=path.stem,
            )
        except ModelError as problem:
            raise ModelError(f"{path}: {one_line(problem)}") from None
        if self.position_matrix:
            model = _with_positions(model, found, path)
        return model if self.thickness is None else as_film(model, self.thickness)


def _with_positions(model: LcaoModel, found: Scfout, path: Path) -> LcaoModel:
    """The model with the position matrix.

    Its origin (of the cell, or the atom of the left orbital) and its order in the file are those for which it is its
    own adjoint; raises ModelError if there are none.
    """
    tau, gaps = model.tau, []
    for first in {(0, found.orders, 2 * found.orders): 0, (0, 1, 2): 0}:
        p = found.p_pRnn[list(first)]
        for r in (p, p + tau.T[:, None, :, None] * found.S_Rnn):
            with_r = replace(model, r_vRnn=relative_positions(r, found.S_Rnn, found.R, found.lattice, tau))
            gaps.append(position_mismatch(with_r))
            if gaps[-1] < POSITION_TOLERANCE:
                return with_r
    raise ModelError(
        f"{path}: its position matrix differs from its adjoint by {min(gaps):.3g} Å in every convention; "
        "position_matrix = false does without it"
    )
