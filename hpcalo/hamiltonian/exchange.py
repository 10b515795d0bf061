"""Spin pairs, the time-reversal-odd part of H, rotated magnetization, and the torque operator of a WannierModel.

On every pair (up[i], down[i]) of spinor orbitals with a common real spatial part, time reversal is Θ = iσ_y K, so that
`H = H_even + H_odd` with `H_odd = (H − Θ H Θ⁻¹)/2`: the exchange part. Spin-orbit coupling stays in H_even.

All of this is exact for the built-in models and approximate for Wannier functions: those of a magnet are not exactly
such pairs; H_odd also contains the small joint effect of exchange and spin-orbit coupling (components across n̂, and a
part without spin); and the rotated magnet is made of the same functions, without self-consistency.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, IntArray, RealArray

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=np.complex128)
"""σ_x, σ_y, σ_z, shape (3, 2, 2)."""


def unit_vector(n_hat: NDArray | tuple[float, ...] | list[float]) -> RealArray:
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


def rotation_taking(start: RealArray, end: RealArray) -> tuple[RealArray, float]:
    """Axis and angle of the shortest rotation from one unit vector to another (any perpendicular axis for a
    reversal).
    """
    axis: RealArray = np.cross(start, end).astype(np.float64)
    size = float(np.linalg.norm(axis))
    angle = float(np.arctan2(size, start @ end))
    if size < 1e-12:
        axis = np.cross(start, np.eye(3)[int(np.argmin(np.abs(start)))])
        size = float(np.linalg.norm(axis))
    return axis / size, angle


def spin_rotation(axis: RealArray, angle: float) -> ComplexArray:
    """exp(−i angle axis·σ/2), (2, 2): rotates spins by `angle` (radians) about `axis`."""
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * np.tensordot(axis, PAULI, 1)


def require_exchange(model: WannierModel) -> ComplexArray:
    """H_odd of the model. Raises ModelError if it has none."""
    if model.odd_Rnn is None:
        raise ModelError(f"model {model.name or '(unnamed)'}: no exchange part (spinless, or no spin pairs were found)")
    return model.odd_Rnn


def rotated(model: WannierModel, n_hat: NDArray | tuple[float, ...]) -> WannierModel:
    """The model with its magnetization along n̂: H_even + U (H_odd − h_0) U† + (n̂·n̂_0) h_0.

    U is the spin rotation from n̂_0 = model.n_hat to n̂, and h_0 ⊗ 1 the part of H_odd without spin. h_0 (zero for
    built-in models) is an orbital moment that exchange and spin-orbit coupling make together: it cannot be rotated in
    spin space but must change sign on reversal, so it follows n̂·n̂_0. Its variation at n̂_0 is of second order, which
    the torque operator n̂ × ∂H/∂n̂ requires. Spin and position matrices belong to the basis and do not change. The
    reversal n̂ = −n̂_0 is exact: time reversal of the Hamiltonian (H_even − H_odd) and of the position and spin matrices,
    so that reciprocity between n̂ and −n̂ holds to rounding. Always rotate the model as it was read, because each
    rotation diminishes h_0. Raises ModelError if the model has no exchange part.
    """
    odd = require_exchange(model)
    n = unit_vector(n_hat)
    if np.array_equal(n, model.n_hat):
        return model
    axis, angle = rotation_taking(model.n_hat, n)
    if np.pi - angle < 1e-12:
        return _reversed(model, odd, n)
    U = on_pairs(spin_rotation(axis, angle), model.up, model.down)
    without_spin = on_spins(spin_components(odd, model.up, model.down)[0], model.up, model.down)
    turned = U @ (odd - without_spin) @ U.conj().T + float(n @ model.n_hat) * without_spin
    return replace(model, H_Rnn=model.H_Rnn - odd + turned, odd_Rnn=turned, n_hat=n)


def _reversed(model: WannierModel, odd: ComplexArray, n_hat: RealArray) -> WannierModel:
    """Θ applied to all matrices of the model; the spin matrices, odd under Θ, are given the sign of <σ> again."""
    up, down = model.up, model.down
    centres = model.centres.copy()
    centres[up], centres[down] = model.centres[down], model.centres[up]
    A, spin = model.A_Rvnn, model.spin_Rvnn
    return replace(
        model,
        H_Rnn=model.H_Rnn - 2.0 * odd,
        odd_Rnn=-odd,
        A_Rvnn=None if A is None else time_reversed(A, up, down),
        spin_Rvnn=None if spin is None else -time_reversed(spin, up, down),
        centres=centres,
        n_hat=n_hat,
    )


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
