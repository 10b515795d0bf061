"""The orbital angular momentum within atoms, and the currents that carry it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.hamiltonian.spin_orbit import on_atoms
from hpcalo.hamiltonian.types import LcaoModel, Model
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import Operator
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.spin_current import Flow
from hpcalo.typing import ComplexArray, RealArray

MOMENTA = "atomic_momenta"


class AtomicMomentum(Operator):
    """L within atoms, in ħ: of the s, p, d and f functions of each atom about that atom.

    L|b> = Σ_b' |b'> L_b'b with b' of the atom and radial part of b; between overlapping functions the mean of L on
    either side, ½ c†(S L + L S)c.
    """

    name = "atomic_momentum"
    unit = "hbar"
    indices = ("axial",)
    time_odd = True

    def missing(self, model: Model) -> str:
        from hpcalo.hamiltonian.symmetrize.lcao import orbitals_of  # noqa: PLC0415  (loads SciPy)

        known = isinstance(model, LcaoModel) and orbitals_of(model) is not None
        return "" if known else "does not say which functions are s, p, d or f (names of atomic orbitals do)"

    def lcao_fixed(self, model: LcaoModel) -> Mapping[str, RealArray]:
        """The imaginary parts: the real ones vanish between real functions."""
        from hpcalo.hamiltonian.symmetrize.lcao import orbitals_of  # noqa: PLC0415  (as above)

        orbitals = orbitals_of(model)
        return {} if orbitals is None else {MOMENTA: on_atoms(orbitals).imag}

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        M = len(point.E)
        overlap = np.matmul(point.plain["S"], point.c).reshape(M, M)
        for v, L in enumerate(point.fixed[MOMENTA]):
            half = overlap.conj().T @ (1j * np.matmul(L, point.c)).reshape(M, M)
            out[:, v] += 0.5 * (half + half.conj().T)


ATOMIC_MOMENTUM = AtomicMomentum()


class AtomicMomentumCurrent(Flow):
    """½{L_a, ħv_i} with L within atoms, in ħ eV Å."""

    name = "atomic_momentum_current"
    unit = "hbar*eV*angstrom"
    requires = (ATOMIC_MOMENTUM, VELOCITY)


ATOMIC_MOMENTUM_CURRENT = AtomicMomentumCurrent()
