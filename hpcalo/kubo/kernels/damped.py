"""Pair sums of levels that decay at different rates: the closed forms with broadening for any constant matrix Γ.

With (H − iΓ)R = R diag(ε), L = R⁻¹, ε_n = E_n − iΓ_n the Green functions are G^R(E) = R (E − ε)⁻¹ L and its adjoint
G^A, and

    S  = Tr X G^R Y G^A = Σ (R†XR)_nm (LYL†)_mn q_m q̄_n,   S' = Tr X G^A Y G^R,      q_n = 1/(ε_n − E),
    B  = Tr X G^R Y G^R = Σ V_nm q_m q_n,                    V_nm = (LXR)_nm (LYR)_mn,
    J  = ∫^E Tr (X G^R Y ∂G^R − X ∂G^R Y G^R) = Σ V_nm {q_m + q_n − (2/δ) ln[(ε_m − E)/(ε_n − E)]}/δ,  δ = ε_m − ε_n.

½[½(S + S') − Re B] and ½(S − S') + Re J are the two sums of `reference.broadened_pairs`, which they are for Γ ∝ 1: the
first is symmetric under the exchange of X and Y, the second antisymmetric. As there, partial fractions leave
Σ_n Re(c_n q_n + d_n ln(ε_n − E)), and pairs nearer than ETA Γ are expanded in δ. The eigenproblem takes longer than all
of it, so that matrix products of NumPy serve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import ComplexArray, RealArray

ETA = 0.02
"""Pairs of levels nearer than this, in units of their Γ, are expanded in their distance."""
ORDERS = 8
"""Terms of these series."""
SAME = 1e-12
"""A matrix Γ whose deviation from a diagonal one is below this part of it has the eigenvectors of H."""
SKEW = 1e4
"""Condition of the eigenvectors above which a tiny part is added to Γ: levels that are equal in all respects else have
eigenvectors of no definite angle."""
SPLIT = 1e-8
"""This part of Γ."""
IRRATIONAL = 0.6180339887498949


class Damped:
    """Eigenstates of H − iΓ at one k: complex levels ε (N,), and R and L (N, N), None where these are 1."""

    def __init__(self, E: RealArray, gamma: ComplexArray) -> None:
        """E: (N,) eV; gamma: (N, N) eV, Hermitian and positive, between the eigenstates of H.

        Raises LinAlgError where a level does not decay.
        """
        widths = np.diagonal(gamma).real
        self.R: ComplexArray | None = None
        self.L: ComplexArray | None = None
        self.levels: ComplexArray = E - 1j * widths
        if np.abs(gamma - np.diag(widths)).max() > SAME * widths.max():
            levels, R, L = _decaying(np.diag(E) - 1j * gamma)
            if np.linalg.norm(R) * np.linalg.norm(L) > SKEW * len(E):
                split = SPLIT * widths.max() * (IRRATIONAL * np.arange(1, len(E) + 1) % 1.0)
                levels, R, L = _decaying(np.diag(E - 1j * split) - 1j * gamma)
            self.levels, self.R, self.L = levels, R, L
        if (self.levels.imag >= 0.0).any():
            raise np.linalg.LinAlgError("the matrix of broadenings is not positive")

    def both_right(self, X: ComplexArray) -> ComplexArray:
        """R†XR of X (a, N, N)."""
        return X if self.R is None else self.R.conj().T @ X @ self.R

    def both_left(self, X: ComplexArray) -> ComplexArray:
        """LXL†."""
        return X if self.L is None else self.L @ X @ self.L.conj().T

    def between(self, X: ComplexArray) -> ComplexArray:
        """LXR."""
        return X if self.L is None or self.R is None else self.L @ X @ self.R


def _decaying(H: ComplexArray) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """ε (N,), R and L (N, N) of a matrix H − iΓ."""
    levels, R = np.linalg.eig(H)
    return levels, R, np.linalg.inv(R)


def damped_pairs(
    damped: Damped, X: ComplexArray, Y: ComplexArray, pairs: NDArray[np.int32], energies: RealArray
) -> RealArray:
    """The two sums without prefactors at one k, (P, 2, NE). X: (N, a, N), Y: (N, b, N) between the eigenstates of H."""
    first, second = X.transpose(1, 0, 2), Y.transpose(1, 0, 2)
    weights = _Weights(damped, first, second)
    eps = damped.levels
    apart, widths = eps[None, :] - eps[:, None], -eps.imag
    near = np.abs(apart) < ETA * np.minimum(widths[:, None], widths[None, :])
    inverse = np.where(near, 0.0, 1.0 / np.where(near, 1.0, apart))
    # apart[n, m] = ε_m − ε_n, and below ε_m − ε̄_n, which is never 0
    crossed = 1.0 / (eps[None, :] - eps.conj()[:, None])
    z = eps[:, None] - energies[None, :]
    q, log = 1.0 / z, np.log(z)
    others = np.flatnonzero((near & ~np.eye(len(eps), dtype=bool)).any(axis=1))
    out = np.empty((len(pairs), 2, len(energies)))
    for p, (i, j) in enumerate(pairs):
        V = weights.V(i, j)
        c, c_reversed = _crossed(weights.M(i, j), crossed), _crossed(weights.M_reversed(i, j), crossed)
        symmetric = 0.5 * (0.5 * (c + c_reversed) - ((V + V.T) * inverse).sum(axis=1))
        odd = (V - V.T) * inverse
        antisymmetric = 0.5 * (c - c_reversed) + odd.sum(axis=1)
        out[p, 0] = (symmetric @ q).real - 0.5 * (np.diagonal(V) @ q**2).real
        out[p, 1] = (antisymmetric @ q + 2.0 * (odd * inverse).sum(axis=1) @ log).real
        if len(others):
            even_part, odd_part = _near(V, apart, near, others, q[others])
            out[p, 0] -= 0.5 * even_part
            out[p, 1] += odd_part
    return out


class _Weights:
    """Products of the matrix elements of two operators, (N, N), by the numbers of their components."""

    def __init__(self, damped: Damped, X: ComplexArray, Y: ComplexArray) -> None:
        self._right = damped.both_right(X), damped.both_right(Y)
        self._left = damped.both_left(X), damped.both_left(Y)
        self._between = damped.between(X), damped.between(Y)

    def M(self, i: int, j: int) -> ComplexArray:
        """Of Tr X G^R Y G^A."""
        return self._right[0][i] * self._left[1][j].T

    def M_reversed(self, i: int, j: int) -> ComplexArray:
        """Of Tr Y G^R X G^A."""
        return self._right[1][j] * self._left[0][i].T

    def V(self, i: int, j: int) -> ComplexArray:
        """Of Tr X G^R Y G^R."""
        return self._between[0][i] * self._between[1][j].T


def _crossed(M: ComplexArray, inverse: ComplexArray) -> ComplexArray:
    """c (N,) with Re Σ M_nm q_m q̄_n = Re Σ c_n q_n: q_m q̄_n = (q̄_n − q_m)/(ε_m − ε̄_n)."""
    part = M * inverse
    return part.sum(axis=1).conj() - part.sum(axis=0)


def _near(
    V: ComplexArray, apart: ComplexArray, near: NDArray[np.bool_], rows: NDArray[np.intp], q: ComplexArray
) -> tuple[RealArray, RealArray]:
    """Re of B and J of the near pairs of different levels, each ordered pair about its first level, (NE,).

    B = Σ V Σ_k (−δ)^k q^(k+2); J = Σ V Σ_k (−1)^k δ^(k−1) (k−1)/(k+1) q^(k+1) from k = 2. q: (rows, NE).
    """
    mask = near[rows].copy()
    mask[np.arange(len(rows)), rows] = False
    term = np.where(mask, V[rows], 0.0)
    even, odd = np.zeros(q.shape[1]), np.zeros(q.shape[1])
    power = q**2
    for k in range(ORDERS):
        coefficients = term.sum(axis=1)  # of V (−δ)^k
        even += (coefficients @ power).real
        if k:
            odd -= k / (k + 2.0) * (coefficients @ power).real
        term *= -apart[rows]
        power = power * q
    return even, odd
