"""The position matrix of atomic orbitals: as the model has it, and what a model without it can and cannot give."""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.types import LcaoModel, Model
from hpcalo.kubo.states.observable import Observable
from hpcalo.typing import RealArray

WITHOUT_POSITIONS = (
    "velocity without a position matrix: transitions within an atom are missing, and no mesh mends that; measured on "
    "Mn/W(001) with and without them: spiralization 4 to 17 %, even torkance and conductivity 1 %, odd torkance 0.1 %"
)
"""Measured on `mnw3_dzp`, Γ = 25 meV, 300 K (docs/guide/accuracy.md)."""


class Positions(Observable):
    """The position matrix itself. Nothing is computed for it: quantities that are wrong without it require it.

    Wannier functions always have one, if only diag(centres), as models on a lattice are defined. Atomic orbitals
    without r(R) lack the transitions within an atom (s-p, p-d), to which the orbital moment and the Berry curvature
    owe much: the orbital magnetization of Mn/W(001) becomes 6 to 20 times too large.
    """

    name = "positions"
    unit = "angstrom"
    indices = ("polar",)

    def missing(self, model: Model) -> str:
        if not isinstance(model, LcaoModel) or model.r_vRnn is not None:
            return ""
        return (
            "has no position matrix: this comes largely from transitions within an atom, which it lacks, and can be "
            "wrong by factors; give one (position_file of an .npz model; docs/guide/lcao.md) or Wannier functions"
        )


POSITIONS = Positions()


def consistent_positions(model: LcaoModel, v: int) -> RealArray:
    """r_v(R) in double precision (nR, N, N) Å, averaged with what Hermiticity of the position operator says it is.

    <0M|r|RN>* = <RN|r|0M> gives r_MN(R) = r_NM(−R) + (τ_M − τ_N − R) S_MN(R). The stored numbers keep it to their last
    digit only, and the near-singular overlap blows that digit up in high bands: with the average the diagonal of the
    velocity is dE/dk. A model without positions starts from r = 0: what the average then leaves is (τ_M − τ_N − R)
    S_MN(R)/2, the overlap of two orbitals half-way between them.
    """
    index = {tuple(r): i for i, r in enumerate(model.R.tolist())}
    partner = [index.get((-a, -b, -c), i) for i, (a, b, c) in enumerate(model.R.tolist())]  # i: a cell of zeros
    r = np.zeros_like(model.S_Rnn)
    if model.r_vRnn is not None:
        r = model.r_vRnn[v].astype(np.float64)
    shift = model.tau[:, v][None, :, None] - model.tau[:, v][None, None, :]
    shift = shift - (model.R @ model.crystal.lattice[:, v])[:, None, None]
    return 0.5 * (r + r[partner].transpose(0, 2, 1) + shift * model.S_Rnn)
