"""Turns the magnetization of a WannierModel: Hamiltonian, position matrix, centres and spin matrices of another n̂.

Every matrix X of the model has a part that changes sign under time reversal of the magnet, X_odd (of H the exchange
part; of r, σ and the external matrices what the Wannier functions of up and down spin have different), and one that
does not. X_odd turns with n̂, the other stays: spin-orbit coupling belongs to the lattice.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.exchange import (
    PAULI,
    on_pairs,
    on_spins,
    pauli_on_pairs,
    require_exchange,
    shares_not_along,
    spin_components,
    time_reversed,
    unit_vector,
)
from hpcalo.hamiltonian.external import parities
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, RealArray

NOTHING = 1e-12
"""Å, or without unit: a part of a matrix that is smaller is rounding."""


def rotation_taking(start: RealArray, end: RealArray) -> tuple[RealArray, float]:
    """Axis and angle of the shortest rotation from one unit vector to another.

    For a reversal, any perpendicular axis.
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


def rotated(model: WannierModel, n_hat: NDArray | tuple[float, ...]) -> WannierModel:
    """The model with its magnetization along n̂: of H, r and σ the parts that are odd in the magnetization turn.

    X_odd(n̂) = ½(1 + c) U X_odd U† − ½(1 − c) U' X_odd U'†, where c = n̂·n̂_0, and U and U' are the shortest spin
    rotations that take n̂_0 = model.n_hat to n̂ and to −n̂ (of the spin matrices the component turns as well). Nearly all
    of X_odd points along n̂_0 and turns rigidly; so does what lies across n̂_0 in the plane of n̂_0 and n̂. What lies along
    the axis of rotation, and what has no spin (an orbital moment that exchange and spin-orbit coupling make together),
    cannot follow and is multiplied by c. So the model at −n̂ is that at n̂ under time reversal, for every n̂: parity and
    reciprocity hold to rounding. At n̂_0 the first derivative is that of U, as the torque n̂ × ∂H/∂n̂ requires.

    Exact at ±n̂_0, and for a collinear magnet without spin-orbit coupling at any n̂. Otherwise what exchange and
    spin-orbit coupling make together is not that of a calculation with this n̂. Always turn the model as it was read,
    because each rotation diminishes what is across. Raises ModelError if the model has no exchange part, or functions
    that are no spin pairs and an n̂ that is not ±n̂_0.
    """
    odd = require_exchange(model)
    n = unit_vector(n_hat)
    if np.array_equal(n, model.n_hat):
        return model
    if not len(model.up):
        return _reversed(model, n)
    up, down = model.up, model.down
    turn = _Turn(model, n)
    turned = turn.odd(odd)
    A, spin, centres = _positions(model), model.spin_Rvnn, model.centres
    if A is not None:
        A_odd = 0.5 * (A - time_reversed(A, up, down))
        A = A - A_odd + turn.odd(A_odd)
        centres = np.einsum("vnn->nv", A[model.home]).real.copy()
    if spin is not None:
        spin_odd = 0.5 * (spin + time_reversed(spin, up, down))  # σ changes sign under time reversal by itself
        spin = spin - spin_odd + turn.odd_vector(spin_odd) + _less_across(model, spin - spin_odd, n)
    beyond = model.external_Rvnn
    if beyond is not None:
        beyond_even, beyond_odd = parities(beyond, up, down)
        beyond = beyond_even + turn.odd(beyond_odd)
    return replace(
        model,
        H_Rnn=model.H_Rnn - odd + turned,
        odd_Rnn=turned,
        A_Rvnn=A,
        spin_Rvnn=spin,
        external_Rvnn=beyond,
        centres=centres,
        n_hat=n,
    )


def _reversed(model: WannierModel, n_hat: RealArray) -> WannierModel:
    """The model at −n̂_0 of functions that are no spin pairs: H_odd changes sign. Raises ModelError for another n̂."""
    if np.abs(n_hat + model.n_hat).max() > NOTHING:
        raise ModelError(
            f"model {model.name or '(unnamed)'}: its functions are no spin pairs, so its magnetization can be reversed "
            "but not turned; leave n_hat out, or use functions that are pairs of up and down"
        )
    odd = require_exchange(model)
    # of the external matrices nothing is known then: Θ itself is not kept
    return replace(model, H_Rnn=model.H_Rnn - 2.0 * odd, odd_Rnn=-odd, external_Rvnn=None, n_hat=n_hat)


def error_of_turning(model: WannierModel, n_hat: RealArray) -> float:
    """Relative error of results to be expected where the magnetization is turned to n̂ (A, 3); 0 if all are ±n̂_0.

    Twice the share of the exchange that is no spin along n̂_0 and cannot turn: of FeTe 13 %, where the threefold axis
    shows that D is off by 11 %. It is 0 for the closed-form models, which are exact.
    """
    own = model.n_hat
    if model.odd_Rnn is None or np.abs(np.abs(n_hat @ own) - 1.0).max() < NOTHING:
        return 0.0
    stays = float(np.hypot(*shares_not_along(model.odd_Rnn, own, model.up, model.down)))
    return 2.0 * stays if stays > 1e-9 else 0.0


def note_on_turning(model: WannierModel, n_hat: RealArray) -> str:
    """What is inexact where the magnetization is turned to n̂ (A, 3), with its size; empty if nothing is."""
    error = error_of_turning(model, n_hat)
    if error == 0.0:
        return ""
    A = _positions(model)
    shift = 0.0 if A is None else 0.5 * float(np.abs(A - time_reversed(A, model.up, model.down)).max())
    made_for = ", ".join(f"{x:.3g}" for x in model.n_hat)
    return (
        f"magnetization turned away from ({made_for}), for which the model was made: exchange, spin, and the part of "
        f"the positions that is odd under time reversal (up to {shift:.2g} Å) turn rigidly; {50 * error:.2g} % of the "
        f"exchange cannot, so expect results to be off by {50 * error:.2g} to {100 * error:.2g} %"
    )


def _positions(model: WannierModel) -> ComplexArray | None:
    """The position matrix; of a model that has only centres, and not the same for both spins, diag(centres)."""
    if model.A_Rvnn is not None or np.abs(model.centres[model.up] - model.centres[model.down]).max() < NOTHING:
        return model.A_Rvnn
    A = np.zeros((len(model.R), 3, model.size, model.size), dtype=np.complex128)
    A[model.home, :, range(model.size), range(model.size)] = model.centres
    return A


def _less_across(model: WannierModel, spin_Rvnn: ComplexArray, n_hat: RealArray) -> ComplexArray:
    """The change of the spin matrices K ⊗ (σ − n̂ n̂·σ), which turn with n̂ although they are even in it.

    Up and down functions with different shapes overlap by less than 1: spin across n̂ is reduced, spin along n̂ is not.
    """
    own = model.n_hat
    deviation = spin_Rvnn.copy()
    deviation[model.home] -= pauli_on_pairs(model.up, model.down)
    s_vwRnn = np.stack([spin_components(deviation[:, v], model.up, model.down)[1] for v in range(3)])
    along = np.einsum("v,w,vwrmn->rmn", own, own, s_vwRnn)
    K = 0.5 * (np.einsum("vvrmn->rmn", s_vwRnn) - 3.0 * along)
    change = np.outer(own, own) - np.outer(n_hat, n_hat)
    sigma = [on_pairs(np.tensordot(change[v], PAULI, 1), model.up, model.down) for v in range(3)]
    return np.stack([on_spins(K, model.up, model.down) @ sigma[v] for v in range(3)], axis=1)


class _Turn:
    """The turn of a model's magnetization to n̂, as it acts on the odd part of a matrix."""

    def __init__(self, model: WannierModel, n_hat: RealArray) -> None:
        from scipy.spatial.transform import Rotation  # noqa: PLC0415  (slow; every input's schema loads this module)

        along = float(n_hat @ model.n_hat)
        self._parts = []
        for weight, end in ((0.5 * (1.0 + along), n_hat), (-0.5 * (1.0 - along), -n_hat)):
            if abs(weight) > 1e-24:  # the direction of the axis is noise where it has no weight
                axis, angle = rotation_taking(model.n_hat, end)
                U = on_pairs(spin_rotation(axis, angle), model.up, model.down)
                self._parts.append((weight, U, Rotation.from_rotvec(angle * axis).as_matrix()))

    def odd(self, X: ComplexArray) -> ComplexArray:
        """Of a matrix (…, N, N) that is no vector in spin space."""
        total = np.zeros_like(X)
        for weight, U, _ in self._parts:
            total += weight * (U @ X @ U.conj().T)
        return total

    def odd_vector(self, X_Rvnn: ComplexArray) -> ComplexArray:
        """Of the components (nR, 3, N, N) of a vector in spin space."""
        total = np.zeros_like(X_Rvnn)
        for weight, U, rotation in self._parts:
            total += weight * np.einsum("vw,rwmn->rvmn", rotation, U @ X_Rvnn @ U.conj().T)
        return total
