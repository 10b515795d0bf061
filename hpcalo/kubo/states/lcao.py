"""Eigenstates of atomic-orbital models with overlap: large matrices, one k-point at a time, level-3 BLAS throughout."""

from __future__ import annotations

from collections.abc import Set
from copy import copy

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular
from scipy.spatial.transform import Rotation

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import rotation_taking
from hpcalo.hamiltonian.types import LcaoModel
from hpcalo.kubo.states.lattice_sum import LatticeSum
from hpcalo.kubo.states.solver import SPIN, TORQUE, VELOCITY, States, line_order, velocity_directions
from hpcalo.typing import ComplexArray, RealArray

SMALL_BATCH = 4
"""Points whose lattice sums are formed together: enough to reuse the summed cells from cache, little enough to stay in
memory.
"""


def _consistent_positions(model: LcaoModel, v: int, *, known: bool = True) -> RealArray:
    """r_v(R) in double precision (nR, N, N), averaged with what Hermiticity of the position operator says it is.

    <0M|r|RN>* = <RN|r|0M> gives r_MN(R) = r_NM(−R) + (τ_M − τ_N − R) S_MN(R). The stored numbers keep it to their last
    digit only, and the near-singular overlap blows that digit up in high bands: with the average the diagonal of the
    velocity is dE/dk. known=False (or a model without positions) starts from r = 0: what the average then leaves is
    (τ_M − τ_N − R) S_MN(R)/2, the overlap of two orbitals half-way between them.
    """
    index = {tuple(r): i for i, r in enumerate(model.R.tolist())}
    partner = [index.get((-a, -b, -c), i) for i, (a, b, c) in enumerate(model.R.tolist())]  # i: a cell of zeros
    r = np.zeros_like(model.S_Rnn)
    if known and model.r_vRnn is not None:
        r = model.r_vRnn[v].astype(np.float64)
    shift = model.tau[:, v][None, :, None] - model.tau[:, v][None, None, :]
    shift = shift - (model.R @ model.crystal.lattice[:, v])[:, None, None]
    return 0.5 * (r + r[partner].transpose(0, 2, 1) + shift * model.S_Rnn)


class LcaoStates:
    """StateSolver of an LcaoModel with magnetization direction n̂.

    H(n̂) = H_0 ⊗ 1 + (Δ/2) ⊗ σ·n̂ + Σ_v iHsoc_v ⊗ σ_v, with H_0 = (H_up + H_dn)/2 and Δ = H_dn − H_up (n̂ is the
    direction of the majority moment, opposite to the majority spin), and Σ_v (D B)_v ⊗ σ_v if the exchange has a part
    B across the magnetization; D turns the model's own direction into n̂ (the reversal is D = −1). H c = E S c with
    c†Sc = 1. Velocity: ħv_nm = c†(∂H)c + i E_n a − i a† E_m with a = c†(r(k) + S τ)c, r_MN(R) = <0M|(r − R −
    τ_N)|RN>: the matrix element of i[H, r] between Bloch states of an incomplete, non-orthogonal, k-dependent basis
    (i∂_k acts on the Bloch sums, whose own dependence is that of S and r; see e.g. C.-C. Lee, Y.-T. Lee, M. Fukuda,
    T. Ozaki, Phys. Rev. B 98, 115115 (2018)). Its diagonal is dE/dk. Without r(R) (position_matrix=False, or a model
    without it) every orbital sits at its centre and overlaps half-way between two of them. Torque: T = −(Δ/2)(σ × n̂)
    + (D B) × σ, which is −(i/2)[σ, H_exchange], exact for the model.
    """

    def __init__(self, model: LcaoModel, n_hat: RealArray, need: Set[str], *, position_matrix: bool = True) -> None:
        # The model itself is not kept: the lattice sums hold what is needed of it, in their own order.
        self.crystal, self.size, self.n_hat, self._tau = model.crystal, model.size, n_hat, model.tau
        self.order = line_order(model.crystal.periodic)
        self.directions = velocity_directions(model.crystal)
        nR, N = len(model.R), model.size // 2
        self._N = N
        plain = [model.S_Rnn]
        if VELOCITY in need:
            plain += [_consistent_positions(model, v, known=position_matrix) for v in self.directions]
        # Spin components of H: 1, and the coefficients of σ_x, σ_y, σ_z. Real, except that spin-orbit coupling carries
        # a factor i, which is applied after the sum.
        self._soc = [v for v in range(3) if np.any(model.soc_vRnn[v])]
        graded = [0.5 * (model.up_Rnn + model.down_Rnn), model.down_Rnn - model.up_Rnn]
        graded += [model.soc_vRnn[v] for v in self._soc]
        self._own = model.n_hat
        self._canted = len(graded) if model.canted_vRnn is not None else None
        graded += [] if model.canted_vRnn is None else list(model.canted_vRnn)
        self._sum = LatticeSum(
            model.R,
            model.crystal.lattice,
            np.stack(plain, axis=1).reshape(nR, -1),
            np.stack(graded, axis=1).reshape(nR, -1),
            self.order,
            self.directions,
        )

    def turned(self, n_hat: RealArray) -> LcaoStates:
        """The same Hamiltonian with another magnetization direction; shares the lattice sums."""
        other = copy(self)
        other.n_hat = n_hat
        return other

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: Set[str]) -> States:
        """States at (k_first, k_second, k_last[:]), in the solver's order of coordinates."""
        K, M = len(k_last), self.size
        states = States(np.empty((K, M)))
        if VELOCITY in need:
            states.velocity = np.empty((K, M, len(self.directions), M), dtype=np.complex128)
        if TORQUE in need:
            states.torque = np.zeros((K, M, 3, M), dtype=np.complex128)
        if SPIN in need:
            states.spin_kn = np.empty((K, M))
        for start in range(0, K, SMALL_BATCH):
            part = slice(start, min(start + SMALL_BATCH, K))
            plain, graded, gradient = self._sum.line(k_first, k_second, k_last[part])
            for i, k in enumerate(range(part.start, part.stop)):
                try:
                    self._point(states, k, plain[i], graded[i], gradient[i])
                except LinAlgError as problem:
                    where = np.round((k_first, k_second, k_last[k]), 6).tolist()
                    raise ModelError(
                        f"overlap matrix is singular or not positive at k = {where} (order {self.order}): {problem}"
                    ) from None
        return states

    def _spinor(self, X: ComplexArray) -> ComplexArray:
        """(2N, 2N) from the spin components X = (H_0, Δ, soc…), each (N, N)."""
        N = self._N
        sigma: list[ComplexArray | None] = [0.5 * n * X[1] if n != 0.0 else None for n in self.n_hat]
        for i, v in enumerate(self._soc):
            soc, exchange = 1j * X[2 + i], sigma[v]
            sigma[v] = soc if exchange is None else exchange + soc
        H = np.zeros((2, N, 2, N), dtype=np.complex128)
        H[0, :, 0], H[1, :, 1] = X[0], X[0]
        if self._canted is not None:
            for v, part in enumerate(self._across(X)):
                earlier = sigma[v]
                sigma[v] = part if earlier is None else earlier + part
        x, y, z = sigma
        if z is not None:
            H[0, :, 0] += z
            H[1, :, 1] -= z
        for part, factor in ((x, 1.0), (y, -1j)):
            if part is not None:
                H[0, :, 1] += factor * part
                H[1, :, 0] += np.conj(factor) * part
        return H.reshape(2 * N, 2 * N)

    def _across(self, X: ComplexArray) -> ComplexArray:
        """The exchange across the magnetization, turned with it: (3, N, N)."""
        if self._canted is None:
            raise ValueError("the model's exchange is along the magnetization")
        if np.abs(self.n_hat + self._own).max() < 1e-12:
            turn = -np.eye(3)
        else:
            axis, angle = rotation_taking(self._own, self.n_hat)
            turn = Rotation.from_rotvec(angle * axis).as_matrix()
        return np.asarray(np.tensordot(turn, X[self._canted : self._canted + 3], 1), dtype=np.complex128)

    def _point(self, states: States, k: int, plain: ComplexArray, graded: ComplexArray, gradient: ComplexArray) -> None:
        N, M = self._N, self.size
        plain, graded = plain.reshape(-1, N, N), graded.reshape(-1, N, N)
        S = plain[0]
        # S ⊗ 1 = L L†: a Cholesky factor of half the dimension, applied to the spin blocks of H.
        L = cholesky(S, lower=True, check_finite=False)
        H = self._spinor(graded).reshape(2, N, 2 * N)
        for s in range(2):
            H[s] = solve_triangular(L, H[s], lower=True, check_finite=False)
        H = H.reshape(2 * N, 2 * N).conj().T.reshape(2, N, 2 * N).copy()
        for s in range(2):
            H[s] = solve_triangular(L, H[s], lower=True, check_finite=False)
        E, x = eigh(H.reshape(M, M), lower=True, check_finite=False, overwrite_a=True, driver="evd")
        x = x.reshape(2, N, M)
        states.E_kn[k] = E
        if states.spin_kn is not None:
            states.spin_kn[k] = self._spin(x)
        c = np.empty((2, N, M), dtype=np.complex128)
        for s in range(2):
            c[s] = solve_triangular(L, x[s], lower=True, trans="C", check_finite=False)
        c_dagger = c.reshape(M, M).conj().T
        if states.velocity is not None:
            gradient = gradient.reshape(len(self.directions), -1, N, N)
            for i, v in enumerate(self.directions):
                r = (S * self._tau[None, :, v] + plain[1 + i]).conj().T
                half = 0.5 * (self._spinor(gradient[i]) @ c.reshape(M, M)).reshape(2, N, M)
                for s in range(2):
                    half[s] -= (r @ c[s]) * (1j * E)
                z = c_dagger @ half.reshape(M, M)
                # (c†∂Hc)/2 − i a† E_m plus its Hermitian conjugate
                states.velocity[k, :, i, :] = z + z.conj().T
        if states.torque is not None:
            self._torque(states.torque[k], c, graded[1])
            if self._canted is not None:
                self._torque_across(states.torque[k], c, self._across(graded))

    def _spin(self, x: ComplexArray) -> RealArray:
        """<σ·n̂> from the Löwdin-like vectors x = L†c, for which spin blocks are orthonormal."""
        up, down = (np.einsum("an,an->n", x[s].conj(), x[s]).real for s in range(2))
        mixed = np.einsum("an,an->n", x[0].conj(), x[1])
        nx, ny, nz = self.n_hat
        return nz * (up - down) + 2.0 * (nx * mixed.real + ny * mixed.imag)

    def _torque(self, out: ComplexArray, c: ComplexArray, delta: ComplexArray) -> None:
        """T_v = −½ Σ ε_vjk n_k (σ_j ⊗ Δ) in the eigenbasis, into out (M, 3, M)."""
        n = self.n_hat
        # Coefficients of σ_j in T_v.
        weight = -0.5 * np.array([[0.0, n[2], -n[1]], [-n[2], 0.0, n[0]], [n[1], -n[0], 0.0]])
        dc = np.stack([delta @ c[0], delta @ c[1]])
        blocks: list[ComplexArray | None] = [None, None, None]  # c†(σ_j ⊗ Δ)c
        if np.any(weight[:, :2]):
            mixed = c[0].conj().T @ dc[1]
            if np.any(weight[:, 0]):
                blocks[0] = mixed + mixed.conj().T
            if np.any(weight[:, 1]):
                blocks[1] = -1j * (mixed - mixed.conj().T)
        if np.any(weight[:, 2]):
            blocks[2] = c[0].conj().T @ dc[0] - c[1].conj().T @ dc[1]
        for v in range(3):
            for j, block in enumerate(blocks):
                if block is not None and weight[v, j] != 0.0:
                    out[:, v, :] += weight[v, j] * block

    def _torque_across(self, out: ComplexArray, c: ComplexArray, across: ComplexArray) -> None:
        """T_v += Σ ε_vjk B_j ⊗ σ_k in the eigenbasis."""
        for j in range(3):
            bc = np.stack([across[j] @ c[0], across[j] @ c[1]])
            mixed = c[0].conj().T @ bc[1]
            blocks = (
                mixed + mixed.conj().T,
                -1j * (mixed - mixed.conj().T),
                c[0].conj().T @ bc[0] - c[1].conj().T @ bc[1],
            )
            a, b = (j + 1) % 3, (j + 2) % 3  # ε_jab = 1: ε_bja = 1 and ε_ajb = −1
            out[:, b, :] += blocks[a]
            out[:, a, :] -= blocks[b]
