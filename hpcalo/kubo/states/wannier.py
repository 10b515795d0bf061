"""Eigenstates of orthonormal models: Wannier90 input and the closed-form models, a batch of small matrices at a
time.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from hpcalo.hamiltonian.exchange import pauli_on_pairs, torque_from_spin, torque_Rvnn
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.states.lattice_sum import LatticeSum
from hpcalo.kubo.states.solver import CURVATURE, SPIN, TORQUE, VELOCITY, States, line_order, velocity_directions
from hpcalo.typing import ComplexArray, RealArray

_AXIS_PAIRS = ((1, 2), (2, 0), (0, 1))


class WannierStates:
    """StateSolver of a WannierModel (turned to its n̂ beforehand with `hpcalo.hamiltonian.exchange.rotated`).

    Velocity: ħv = ∂H + i[H, A] with the position matrix A(k) = Σ_R exp(2πi k·R) <0m|r|Rn>; where the model has none, A
    is diag(centres), which is the velocity of the lattice gauge with atomic phases. position_matrix=False forces that.
    Curvature: the diagonal of ∂_x A_y − ∂_y A_x − i[A_x, A_y] in the eigenbasis (X. Wang, J. Yates, I. Souza, D.
    Vanderbilt, Phys. Rev. B 74, 195118 (2006)); zero for diag(centres). Torque: T = −(i/2)[σ, H_odd] with Pauli
    matrices on the spin pairs, or with the model's spin matrices if it has them and true_spin is set.
    """

    def __init__(
        self, model: WannierModel, need: Set[str], *, position_matrix: bool = True, true_spin: bool = True
    ) -> None:
        self.crystal, self.size, self.n_hat = model.crystal, model.size, model.n_hat
        self._centres = model.centres
        self.order = line_order(model.crystal.periodic)
        self.directions = velocity_directions(model.crystal)
        N, nR = model.size, len(model.R)
        self._A = position_matrix and model.A_Rvnn is not None
        spin_matrices = model.spin_Rvnn if true_spin else None
        plain: list[ComplexArray] = []
        self._slots: dict[str, slice] = {}

        def add(name: str, X_Rvnn: ComplexArray) -> None:
            start = sum(x.shape[1] for x in plain)
            plain.append(X_Rvnn.reshape(nR, -1, N, N))
            self._slots[name] = slice(start, start + plain[-1].shape[1])

        if VELOCITY in need and self._A:
            A = model.A_Rvnn
            if A is None:
                raise ValueError("unreachable: checked above")
            axes = list(range(3)) if CURVATURE in need else list(self.directions)
            self._axes = axes
            add("A", A[:, axes])
            if CURVATURE in need:
                r = (model.R @ model.crystal.lattice)[:, :, None, None]
                add("curl", np.stack([1j * (r[:, a] * A[:, b] - r[:, b] * A[:, a]) for a, b in _AXIS_PAIRS], axis=1))
        if TORQUE in need:
            if spin_matrices is None:
                add("torque", torque_Rvnn(model))
            elif model.odd_Rnn is not None:
                add("odd", model.odd_Rnn[:, None])
        if spin_matrices is not None and (TORQUE in need or SPIN in need):
            add("spin", spin_matrices)
        columns = np.concatenate(plain, axis=1) if plain else np.zeros((nR, 0, N, N), dtype=np.complex128)
        self._rows = columns.shape[1]
        self._sum = LatticeSum(
            model.R,
            model.crystal.lattice,
            # Operators as (n, v, m): the products with the eigenvectors then need no transposition.
            columns.transpose(0, 2, 1, 3).reshape(nR, -1),
            model.H_Rnn.reshape(nR, -1),
            self.order,
            self.directions,
        )
        self._pauli = None
        if spin_matrices is None and len(model.up):
            self._pauli = np.einsum("v,vnm->nm", model.n_hat, pauli_on_pairs(model.up, model.down))

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: Set[str]) -> States:
        """States at (k_first, k_second, k_last[:]), in the solver's order of coordinates."""
        N, K = self.size, len(k_last)
        plain, H, dH = self._sum.line(k_first, k_second, k_last)
        plain = plain.reshape(K, N, self._rows, N)
        E_kn, c = np.linalg.eigh(H.reshape(K, N, N))
        c_dagger = np.ascontiguousarray(c.conj().transpose(0, 2, 1))
        states = States(E_kn)

        def rotated(operators: ComplexArray) -> ComplexArray:
            """<n|O_v|m> as (K, N, v, N) from (K, N, v, N) in the orbital basis: two products for all components."""
            v = operators.shape[2]
            half = c_dagger @ operators.reshape(K, N, v * N)
            return (half.reshape(K, N * v, N) @ c).reshape(K, N, v, N)

        if VELOCITY in need:
            derivative = dH.reshape(K, -1, N, N).transpose(0, 2, 1, 3)
            if self._A:
                self._velocity_with_positions(states, rotated, derivative, plain, need)
            else:
                gap = (
                    self._centres[:, list(self.directions)].T[:, None, :]
                    - (self._centres[:, list(self.directions)].T[:, :, None])
                )  # τ_m − τ_n: i[H, τ]_nm = i H_nm (τ_m − τ_n)
                gauge = H.reshape(K, N, 1, N) * (1j * gap.transpose(1, 0, 2))
                states.velocity = rotated(derivative + gauge)
        if TORQUE in need or SPIN in need:
            self._torque_and_spin(states, rotated, plain, c, need)
        return states

    def _velocity_with_positions(self, states, rotated, derivative, plain, need) -> None:  # type: ignore[no-untyped-def]
        a = plain[:, :, self._slots["A"]]
        d = derivative.shape[2]
        parts = [derivative, a]
        if CURVATURE in need:
            parts.append(plain[:, :, self._slots["curl"]])
        both = rotated(np.concatenate(parts, axis=2))
        a = both[:, :, d : d + len(self._axes)]
        use = [self._axes.index(v) for v in self.directions]
        E = states.E_kn
        av = a[:, :, use]
        # i E_n a − i a† E_m: Hermitian even where A(R) of the file is so to its printed digits only.
        half = (1j * E)[:, :, None, None] * av
        states.velocity = np.add(half, half.conj().transpose(0, 3, 2, 1), order="C")
        states.velocity += both[:, :, :d]
        if CURVATURE in need:
            curl = np.einsum("knvn->kvn", both[:, :, d + 3 :]).real
            # −i[A_x, A_y]_nn = 2 Im Σ_m (A_x)_nm (A_y)_mn
            product = np.stack(
                [2.0 * np.einsum("knm,kmn->kn", a[:, :, i], a[:, :, j]).imag for i, j in _AXIS_PAIRS], axis=1
            )
            states.curvature_kvn = curl + product

    def _torque_and_spin(self, states, rotated, plain, c, need) -> None:  # type: ignore[no-untyped-def]
        if "spin" in self._slots:
            s_knvm = plain[:, :, self._slots["spin"]]
            if TORQUE in need:
                odd = plain[:, :, self._slots["odd"].start]
                torque = torque_from_spin(s_knvm.transpose(0, 2, 1, 3), odd)
                states.torque = rotated(np.ascontiguousarray(torque.transpose(0, 2, 1, 3)))
            if SPIN in need:
                along = np.einsum("v,knvm->knm", self.n_hat, s_knvm)
                states.spin_kn = np.einsum("kan,kab,kbn->kn", c.conj(), along, c, optimize=True).real
            return
        if TORQUE in need:
            states.torque = rotated(np.ascontiguousarray(plain[:, :, self._slots["torque"]]))
        if SPIN in need:
            if self._pauli is None:
                states.spin_kn = np.zeros_like(states.E_kn)
            else:
                states.spin_kn = np.einsum("kan,ab,kbn->kn", c.conj(), self._pauli, c, optimize=True).real
