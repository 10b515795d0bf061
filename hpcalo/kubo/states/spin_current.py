"""The spin as a vector, and the currents that carry it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.types import Model, WannierModel
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.observable import Derived, Observable, Operator
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import ComplexArray, RealArray


class SpinOperator(Operator):
    """σ, in ħ/2. Wannier functions: the model's spin matrices, or Pauli matrices on the spin pairs."""

    name = "spin_operator"
    unit = "hbar/2"
    indices = ("axial",)
    time_odd = True

    def missing(self, model: Model) -> str:
        spinless = isinstance(model, WannierModel) and model.spin_Rvnn is None and not len(model.up)
        return "has no spin" if spinless else ""

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        if model.spin_Rvnn is not None:
            return WannierParts({"spin": model.spin_Rvnn}, {})
        return WannierParts({}, {"pauli": pauli_on_pairs(model.up, model.down)})

    def wannier(self, line: WannierLine) -> ComplexArray:
        if "spin" in line.summed:
            return line.rotated(np.ascontiguousarray(line.summed["spin"]))
        K, N = line.E_kn.shape
        pauli = np.broadcast_to(line.fixed["pauli"].transpose(1, 0, 2), (K, N, 3, N))
        return line.rotated(np.ascontiguousarray(pauli))

    def lcao(self, point: LcaoPoint, out: ComplexArray) -> None:
        """From the vectors x = L†c, for which spin blocks are orthonormal: c†(σ ⊗ S)c = x†σx."""
        up, down = point.x
        mixed = up.conj().T @ down
        out[:, 0] += mixed + mixed.conj().T
        out[:, 1] += -1j * (mixed - mixed.conj().T)
        out[:, 2] += up.conj().T @ up - down.conj().T @ down


SPIN_VECTOR = SpinOperator()


def flow_of(X: ComplexArray, velocity: ComplexArray) -> ComplexArray:
    """½{X_a, v_i} of a Hermitian X (K, N, a, N) and the velocity (K, N, i, N): (K, N, a·i, N), a slowest.

    The product is that of the model's own states: what others would contribute is not in it.
    """
    K, N, a, _ = X.shape
    i = velocity.shape[2]
    product = np.matmul(X.reshape(K, N * a, N), velocity.reshape(K, N, i * N)).reshape(K, N, a * i, N)
    adjoint = product.conj().transpose(0, 3, 2, 1)
    return np.ascontiguousarray(0.5 * (product + adjoint))


class Flow(Derived, Operator):
    """½{X_a, ħv_i}: the flow along i of an axial vector X, as particles carry it. requires: X and the velocity."""

    indices = ("axial", "polar")

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, ComplexArray]) -> ComplexArray:
        X, velocity = (operators[one] for one in self.requires)
        return flow_of(X, velocity)


class SpinCurrent(Flow):
    """½{σ_a, ħv_i}, in ħ/2 eV Å."""

    name = "spin_current"
    unit = "hbar/2*eV*angstrom"
    requires = (SPIN_VECTOR, VELOCITY)


SPIN_CURRENT = SpinCurrent()
