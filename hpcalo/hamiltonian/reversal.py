"""Time reversal of spinor functions that are not pairs of up and down, found from their matrices.

Θ|Rn> = Σ |R + R', m> U_mn(R'), so that (Θ X Θ⁻¹)(k) = U(k) X̄(k) U(k)† with X̄(k) = X(−k)*. U is what solves

    s_v U + U s̄_v = 0,    h U − U h̄ = 0,    i∂_k U + A U − U Ā = 0

with the spin matrices s, the part h = (H + Σ_v s_v H s_v)/4 of the Hamiltonian that does not depend on spin, and the
position matrix A: spin is odd under time reversal, the others are even. All three are linear, and U is the eigenvector
of the smallest eigenvalue of the sum of their squares. Spin-orbit coupling and exchange, which only Θ tells apart, play
no part in it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.meshed import Meshed
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.typing import ComplexArray, RealArray

LARGEST = 64
"""Functions up to which U is searched: its first guess is a matrix of the dimension N²."""
SOLVED = 1e-13
"""Smallest eigenvalue, relative to the mean one, that is rounding."""
STEPS, STAGES = 20, 4
"""Steps of the eigenvector search at a time, and how often."""
EXACT = 1e-9
"""What is left of the eigenvalue equation where the search ends,"""
FLOOR = 0.03
"""or this share of the eigenvalue, where no Θ fulfils the conditions."""
ROUGH = 0.1
"""Deviation of a U that is the same at every k beyond which its dependence on k is searched. Below it (iron: 0.04) the
position matrix of a coarse mesh would do more harm than good.
"""
WORK = 2e5
"""Elements of U on the mesh beyond which it is taken to be the same at every k."""
UNUSABLE = 0.6
"""Root mean square of s² − 1 beyond which the matrices are not those of spins 1/2."""
DOUBTFUL = 0.1
"""Deviation of any of the identities above which torques should be distrusted."""
ALONE = 0.5
"""Singular value of U below which a function has no partner."""


@dataclass(frozen=True)
class Reversal:
    """How well the matrices fulfil what they should; 0 is perfect in each measure.

    square: largest |s_v² − 1| over k (spectral norm). mixed: largest |{s_v, s_w}|. twice: largest |Θ² + 1|. odd:
    largest |ΘsΘ⁻¹ + s|. even: |hU − Uh̄| relative to |h|. alone: functions without a partner, which take no part in the
    exchange.
    """

    square: float
    mixed: float
    twice: float
    odd: float
    even: float
    alone: int

    def notes(self) -> tuple[str, ...]:
        """One line for the results, and a warning where torques should be distrusted."""
        text = (
            "the functions are no spin pairs: torque from the spin matrices, time reversal Θ found from them and H: "
            f"s² differs from 1 by {self.square:.2g} at most, {{s_v, s_w}} from 0 by {self.mixed:.2g}, Θ² from −1 by "
            f"{self.twice:.2g}, Θ s Θ⁻¹ from −s by {self.odd:.2g}, Θ h Θ⁻¹ from h by {100 * self.even:.2g} %"
        )
        doubts = []
        if self.alone:
            doubts.append(f"warning: {self.alone} of the functions have no partner under time reversal and no torque")
        if max(self.square, self.mixed, self.twice, self.odd, self.even) > DOUBTFUL:
            doubts.append("warning: the spin matrices are far from those of spins 1/2: torques are rough")
        return (text, *doubts)


def with_exchange(model: WannierModel) -> tuple[WannierModel, Reversal]:
    """The model with its exchange part, H_odd = (H − ΘHΘ⁻¹)/2, on all cells that it reaches, and how good Θ is.

    Raises ModelError for a model without spin matrices, and for one with too many functions.
    """
    if model.spin_Rvnn is None:
        raise ModelError("time reversal: the model has no spin matrices")
    if model.size > LARGEST:
        raise ModelError(f"{model.size} functions that are no spin pairs: time reversal is found for at most {LARGEST}")
    on = Meshed.of(model)
    s, H = on.bloch(model, model.spin_Rvnn), on.bloch(model, model.H_Rnn)
    off = s @ s - np.eye(model.size)
    square = float(np.linalg.norm(off)) / np.sqrt(off.size / model.size)
    if square > UNUSABLE:
        raise ModelError(
            f"the spin matrices are not those of spins 1/2: s² differs from 1 by {square:.2g} (root mean square)"
        )
    h = 0.25 * (H + np.einsum("kvij,kjl,kvlm->kim", s, H, s, optimize=True))
    U = _reversal(on, s, h, H)
    left, size, right = np.linalg.svd(U)
    kept = (size > ALONE).astype(np.float64)
    U = (left * kept[:, None, :]) @ right
    there = U @ U.conj().mT  # 1, without the functions that are alone
    odd = 0.5 * (there @ H @ there - U @ on.barred(H) @ U.conj().mT)
    measures = _measures(on, s, h, U, model.size - round(float(kept.sum(axis=1).mean())))
    return on.widened(model, odd), measures


def _measures(on: Meshed, s: ComplexArray, h: ComplexArray, U: ComplexArray, alone: int) -> Reversal:
    one = np.eye(U.shape[-1])
    products = np.einsum("kvij,kwjl->kvwil", s, s)
    both = products + products.swapaxes(1, 2)
    same = np.einsum("kvvij->kvij", both)
    mixed = both.copy()
    mixed[:, range(3), range(3)] = 0.0
    reversed_s = U[:, None] @ on.barred(s) @ U.conj().mT[:, None]
    return Reversal(
        square=_largest(0.5 * same - one),
        mixed=_largest(mixed),
        twice=_largest(U @ on.barred(U) + one),
        odd=_largest(reversed_s + s),
        even=float(np.linalg.norm(h @ U - U @ on.barred(h)) / np.linalg.norm(h)),
        alone=alone,
    )


def _largest(X: ComplexArray) -> float:
    """The largest singular value of any of the matrices."""
    return float(np.linalg.norm(X, ord=2, axis=(-2, -1)).max())


def _reversal(on: Meshed, s: ComplexArray, h: ComplexArray, H: ComplexArray) -> ComplexArray:
    """U on the mesh, not yet unitary, with the mean square of its singular values 1."""
    nk, N = len(h), h.shape[-1]
    scale = float(np.sqrt((np.abs(h) ** 2).sum() / (nk * N)))
    h = h / max(scale, 1e-300)
    conditions = [(s[:, v], 1.0) for v in range(3)] + [(h, -1.0)]
    first = _constant(on, conditions)
    squares = _squares(on, conditions)
    columns = np.broadcast_to(first.T.reshape(-1, 1, N, N), (first.shape[1], nk, N, N)).reshape(first.shape[1], -1).T

    def applied(X: ComplexArray) -> ComplexArray:
        return np.stack([squares(x.reshape(nk, N, N)).ravel() for x in X.T.copy()], axis=1)

    columns = np.linalg.qr(columns)[0]
    small = np.conj(columns).T @ applied(columns)
    values, mix = np.linalg.eigh(small)
    columns = columns @ mix
    U = columns[:, 0].reshape(nk, N, N)
    misfit = np.sqrt(sum(float(np.linalg.norm(X @ U + sign * U @ on.barred(X))) ** 2 for X, sign in conditions))
    typical = 8.0  # K_v of a random U with s² = 1 is 2|U|² for each v, and h about as much
    if misfit > ROUGH and len(columns) <= WORK:
        values, columns = _refined(on, applied, columns, N)
    null = columns[:, values <= 10.0 * values[0] + SOLVED * typical]
    U_all = null.T.reshape(-1, nk, N, N)
    if len(U_all) > 1:  # decoupled parts, whose phases against each other are open: those that make most of H even
        gaps = np.stack([(H @ U - U @ on.barred(H)).ravel() for U in U_all], axis=1)
        U_all = np.tensordot(np.linalg.eigh(gaps.conj().T @ gaps)[1][:, :1].T, U_all, 1)
    U = U_all[0]
    U = 0.5 * (U - U[on.minus].mT)  # Θ² = −1
    return np.asarray(U / np.sqrt((np.abs(U) ** 2).sum() / (nk * N)), dtype=np.complex128)


def _constant(on: Meshed, conditions: list[tuple[ComplexArray, float]]) -> ComplexArray:
    """The four best U without dependence on k, (N², 4)."""
    from scipy.linalg import eigh  # noqa: PLC0415  (slow; every input's schema loads this module)

    N = conditions[0][0].shape[-1]
    one = np.eye(N)
    total = np.zeros((N * N, N * N), dtype=np.complex128)
    terms = [*conditions, *((on.A[:, v], -1.0) for v in range(3))]
    for X, sign in terms:
        Y = sign * on.barred(X)
        total += np.kron((X @ X).mean(axis=0), one) + np.kron(one, (Y @ Y).mean(axis=0).T)
        cross = np.tensordot(X, Y, (0, 0)) / len(X)  # (i, j, l, m) of X_ij Y_lm
        total += 2.0 * cross.transpose(0, 3, 1, 2).reshape(N * N, N * N)
    return np.asarray(eigh(total, subset_by_index=(0, min(4, N * N) - 1))[1], dtype=np.complex128)


def _squares(on: Meshed, conditions: list[tuple[ComplexArray, float]]) -> Callable[[ComplexArray], ComplexArray]:
    """Σ K² of the conditions K U = 0, each self-adjoint."""
    terms = [(X, sign * on.barred(X), False, 0) for X, sign in conditions]
    terms += [(on.A[:, v], -on.barred(on.A[:, v]), True, v) for v in range(3)]

    def apply(U: ComplexArray) -> ComplexArray:
        total = np.zeros_like(U)
        for X, Y, derivative, v in terms:
            once = X @ U + U @ Y + (on.weighted(U, -on.r[:, v]) if derivative else 0.0)
            total += X @ once + once @ Y + (on.weighted(once, -on.r[:, v]) if derivative else 0.0)
        return total

    return apply


def _refined(
    on: Meshed, applied: Callable[[ComplexArray], ComplexArray], columns: ComplexArray, N: int
) -> tuple[RealArray, ComplexArray]:
    """The smallest eigenvalues and their U with all of its dependence on k."""
    from scipy.sparse.linalg import lobpcg  # noqa: PLC0415  (as above)

    weight = 1.0 / (4.0 + (on.r**2).sum(axis=1))

    def preconditioned(X: ComplexArray) -> ComplexArray:
        return np.stack([on.weighted(x.reshape(-1, N, N), weight).ravel() for x in X.T.copy()], axis=1)

    for _ in range(STAGES):
        with warnings.catch_warnings():  # how good it became is measured
            warnings.simplefilter("ignore", UserWarning)
            values, columns = lobpcg(applied, columns, M=preconditioned, largest=False, maxiter=STEPS, tol=EXACT)
        best = int(np.argmin(values))
        left = np.linalg.norm(applied(columns[:, [best]])[:, 0] - values[best] * columns[:, best])
        if left < max(10.0 * EXACT, FLOOR * values[best]):
            break
    order = np.argsort(values)
    return values[order], columns[:, order]
