"""Spin pairs, the time-reversal-odd part of H, and the torque operator of a WannierModel (turned: see `turning`).

On every pair (up[i], down[i]) of spinor orbitals with a common real spatial part, time reversal is Θ = iσ_y K, so that
`H = H_even + H_odd` with `H_odd = (H − Θ H Θ⁻¹)/2`: the exchange part. Spin-orbit coupling stays in H_even.

All of this is exact for the built-in models and approximate for Wannier functions: those of a magnet are not exactly
such pairs, and H_odd also contains the small joint effect of exchange and spin-orbit coupling (components across n̂, and
a part without spin).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)
"""σ_x, σ_y, σ_z, shape (3, 2, 2)."""


def unit_vector(n_hat: NDArray | Sequence[float]) -> RealArray:
    """n̂ normalized. Raises ModelError for anything but three finite numbers that are not all zero."""
    n = np.asarray(n_hat, dtype=np.float64)
    if n.shape != (3,) or not np.isfinite(n).all() or np.linalg.norm(n) < 1e-12:
        raise ModelError(f"magnetization direction {n_hat}: must be three finite numbers, not all zero")
    return n / np.linalg.norm(n)


def on_pairs(matrix: NDArray, up: IntArray, down: IntArray) -> ComplexArray:
    """The 2×2 spin matrix (…, 2, 2) repeated on every pair: (…, N, N)."""
    N = 2 * len(up)
    full = np.zeros((*matrix.shape[:-2], N, N), dtype=np.complex128)
    index = (up, down)
    for a in range(2):
        for b in range(2):
            full[..., index[a], index[b]] = matrix[..., a, b, None]
    return full


def on_spins(x_nn: NDArray, up: IntArray, down: IntArray) -> ComplexArray:
    """x ⊗ 1: a matrix between spatial parts (…, N/2, N/2) for both spins, (…, N, N)."""
    N = 2 * len(up)
    full = np.zeros((*x_nn.shape[:-2], N, N), dtype=np.complex128)
    for index in (up, down):
        full[..., index[:, None], index] = x_nn
    return full


def pauli_on_pairs(up: IntArray, down: IntArray) -> ComplexArray:
    """σ_v on the pairs: (3, N, N), without units."""
    return on_pairs(PAULI, up, down)


def time_reversed(X_nn: NDArray, up: IntArray, down: IntArray) -> ComplexArray:
    """Θ X Θ⁻¹ with Θ = iσ_y K on the pairs, for real-space matrices (…, N, N) between cell 0 and any R."""
    if 2 * len(up) != X_nn.shape[-1]:
        raise ModelError(f"time reversal: {len(up)} spin pairs do not cover {X_nn.shape[-1]} orbitals")
    X = X_nn.conj()
    result = np.empty(X_nn.shape, dtype=np.complex128)
    # iσ_y = ((0, 1), (−1, 0)) maps down to up, and up to down with a minus sign.
    for to_row, from_row, row_sign in ((up, down, 1.0), (down, up, -1.0)):
        for to_col, from_col, col_sign in ((up, down, 1.0), (down, up, -1.0)):
            block = X[..., from_row[:, None], from_col[None, :]]
            result[..., to_row[:, None], to_col[None, :]] = row_sign * col_sign * block
    return result


def odd_part(H_Rnn: NDArray, up: IntArray, down: IntArray) -> ComplexArray:
    """H_odd = (H − Θ H Θ⁻¹)/2, the exchange part of H, same unit and shape as H."""
    return 0.5 * (H_Rnn - time_reversed(H_Rnn, up, down))


def spin_components(X_Rnn: NDArray, up: IntArray, down: IntArray) -> tuple[ComplexArray, ComplexArray]:
    """X = x_0 ⊗ 1 + Σ_v x_v ⊗ σ_v on the pairs: returns x_0 (…, N/2, N/2) and x_v (3, …, N/2, N/2)."""
    uu, ud = X_Rnn[..., up[:, None], up], X_Rnn[..., up[:, None], down]
    du, dd = X_Rnn[..., down[:, None], up], X_Rnn[..., down[:, None], down]
    return 0.5 * (uu + dd), np.stack([0.5 * (ud + du), 0.5j * (ud - du), 0.5 * (uu - dd)])


def require_exchange(model: WannierModel) -> ComplexArray:
    """H_odd of the model. Raises ModelError if it has none."""
    if model.odd_Rnn is None:
        raise ModelError(f"model {model.name or '(unnamed)'}: no exchange part (spinless, or no spin pairs were found)")
    return model.odd_Rnn


def shares_not_along(odd_Rnn: NDArray, n_hat: RealArray, up: IntArray, down: IntArray) -> tuple[float, float]:
    """Shares of a matrix, odd under time reversal, that are spin across n̂ and that have no spin: |part|/|whole|."""
    none, vector = spin_components(odd_Rnn, up, down)
    across = vector - n_hat[:, None, None, None] * np.tensordot(n_hat, vector, 1)
    total = float(np.sqrt((np.abs(none) ** 2).sum() + (np.abs(vector) ** 2).sum()))
    if total == 0.0:
        return 0.0, 0.0
    return float(np.linalg.norm(across)) / total, float(np.linalg.norm(none)) / total


def torque_Rvnn(model: WannierModel) -> ComplexArray:
    """Torque operator T_v = −(i/2)[σ_v, H_odd] with Pauli matrices on the pairs: (nR, 3, N, N), eV.

    T·δφ = δH for a small rotation δφ of the magnetization, that is T = n̂ × ∂H/∂n̂.
    Exact for the built-in models; for Wannier input see the module's docstring. Raises ModelError if the model has no
    exchange part.
    """
    odd = require_exchange(model)
    sigma = pauli_on_pairs(model.up, model.down)
    return -0.5j * (sigma[None] @ odd[:, None] - odd[:, None] @ sigma[None])


def torque_from_spin(s_kvnn: NDArray, odd_knn: NDArray) -> ComplexArray:
    """The same with the true spin matrices: T_v(k) = −(i/2)[s_v(k), H_odd(k)], (nk, 3, N, N), eV.

    s_kvnn: (nk, 3, N, N) spin in units of ħ/2 and odd_knn: (nk, N, N) eV, both Fourier transformed in the same gauge
    (the product of two operators is a product in k space, not cell by cell).
    """
    return -0.5j * (s_kvnn @ odd_knn[:, None] - odd_knn[:, None] @ s_kvnn)
