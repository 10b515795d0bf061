"""NumPy twins of the Kubo kernels: slow, and each a direct transcription of its formula.

Shapes: E_kn (K, N) ascending eV; X_knvn (K, N, a, N) = <n|X_v|m> Hermitian in (n, m); Y_knvn likewise; pairs (P, 2) of
components (of X, of Y); weights (K,). Always W_nm = <n|X|m><m|Y|n>, and ħ = 1. Results are ADDED to `out`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import ComplexArray, RealArray

Index = NDArray[np.int32]


def pair_products(X_nvn: ComplexArray, Y_nvn: ComplexArray, pair: Index) -> ComplexArray:
    """W_nm = X_nm Y_mn of one pair of components, (N, N)."""
    return X_nvn[:, pair[0], :] * Y_nvn[:, pair[1], :].T


def broadened_pairs(
    E: RealArray,
    X: ComplexArray,
    Y: ComplexArray,
    pairs: Index,
    gammas: RealArray,
    energies: RealArray,
    weights: RealArray,
    out: RealArray,
) -> None:
    """Adds the sums with broadening over pairs of levels to out (G, P, 2, NE), without prefactors.

    [..., 0, :] += Σ Γ² Re W / (…)(…), [..., 1, :] += Σ Im W {…} of the closed forms.

    Adds the sums over n, m without their prefactors (1/π and 1/2π). Pairs of equal levels take the limit of the
    bracket, zero after the sum over both orders. Loses about (Γ/distance)² digits for near levels, which the kernel
    does not.
    """
    for k, weight in enumerate(weights):
        d = E[k][None, :] - E[k][:, None]  # E_m − E_n
        safe = np.where(d == 0.0, 1.0, d)
        for p, pair in enumerate(pairs):
            W = pair_products(X[k], Y[k], pair)
            for g, gamma in enumerate(gammas):
                for i, energy in enumerate(energies):
                    x = energy - E[k]
                    lorentz = 1.0 / (x**2 + gamma**2)
                    out[g, p, 0, i] += weight * gamma**2 * (W.real * np.outer(lorentz, lorentz)).sum()
                    log = np.log((E[k] - energy - 1j * gamma)[None, :] / (E[k] - energy - 1j * gamma)[:, None]).imag
                    bracket = (
                        gamma * d * np.outer(lorentz, lorentz)
                        + 2.0 * gamma / -safe * lorentz[None, :]
                        + 2.0 / safe**2 * log
                    )
                    out[g, p, 1, i] += weight * np.where(d == 0.0, 0.0, W.imag * bracket).sum()


def sea_pairs(
    E: RealArray,
    X: ComplexArray,
    Y: ComplexArray,
    pairs: Index,
    bins: Index,
    reference: float,
    tolerance: float,
    weights: RealArray,
    out: RealArray,
) -> None:
    """Adds sea sums to out (P, 3, NE + 1), histograms over the bin of level n.

    The rows are those of b_n, a_n + 2 b_n (E_n − reference) and b_n (E_n − reference).

    a_n = Σ_m Im W_nm/(E_m − E_n), b_n = Σ_m Im W_nm/(E_m − E_n)², over pairs in different bins that are at least
    `tolerance` apart; in the third row over all pairs that far apart. bins[k, n] is the number of grid energies below
    E_n.
    """
    for k, weight in enumerate(weights):
        d = E[k][None, :] - E[k][:, None]
        keep = (bins[k][None, :] != bins[k][:, None]) & (np.abs(d) > tolerance)
        inverse = np.where(keep, 1.0 / np.where(keep, d, 1.0), 0.0)
        for p, pair in enumerate(pairs):
            W = pair_products(X[k], Y[k], pair).imag
            a, b = (W * inverse).sum(1), (W * inverse**2).sum(1)
            np.add.at(out[p, 0], bins[k], weight * b)
            np.add.at(out[p, 1], bins[k], weight * (a + 2.0 * b * (E[k] - reference)))
            together = (bins[k][None, :] == bins[k][:, None]) & (np.abs(d) > tolerance)
            shared = (W * np.where(together, 1.0 / np.where(together, d, 1.0), 0.0) ** 2).sum(1)
            np.add.at(out[p, 2], bins[k], weight * (b + shared) * (E[k] - reference))


def thermal_pairs(
    E: RealArray,
    X: ComplexArray,
    Y: ComplexArray,
    pairs: Index,
    mu: RealArray,
    kt: RealArray,
    tolerance: float,
    weights: RealArray,
    out: RealArray,
) -> None:
    """Adds to `out` (P, 4, Q) the sums at the Q points (mu, kt).

    With A_n = Σ Im W/(E_m−E_n), B_n = −2 Σ Im W/(E_m−E_n)² of (28), (29) they are
    0: Σ f A + kT ln(1+e^−u) B (32) · 1: Σ f (A − (E−μ) B) (27) · 2: −Σ B {f (E−μ) + kT ln(1+e^−u)} (33) · 3: −Σ f B
    (36). Levels nearer than `tolerance` count as one level: they do not enter 1, 2, 3.
    """
    for k, weight in enumerate(weights):
        d = E[k][None, :] - E[k][:, None]
        apart = np.abs(d) > tolerance
        inverse = np.where(apart, 1.0 / np.where(apart, d, 1.0), 0.0)
        u = (E[k][None, :] - mu[:, None]) / kt[:, None]
        fermi = 0.5 * (1.0 - np.tanh(0.5 * u))
        grand = kt[:, None] * np.logaddexp(0.0, -u)
        for p, pair in enumerate(pairs):
            W = pair_products(X[k], Y[k], pair).imag
            A, B = (W * inverse).sum(1), -2.0 * (W * inverse**2).sum(1)
            energy = fermi * (E[k][None, :] - mu[:, None])
            out[p, 0] += weight * (fermi @ A + grand @ B)
            out[p, 1] += weight * (fermi @ A - energy @ B)
            out[p, 2] -= weight * ((energy + grand) @ B)
            out[p, 3] -= weight * (fermi @ B)


def fermi_pairs(
    E: RealArray,
    X: ComplexArray,
    Y: ComplexArray,
    pairs: Index,
    mu: RealArray,
    kt: RealArray,
    tolerance: float,
    weights: RealArray,
    part: Index,
    out: RealArray,
) -> None:
    """Adds −Σ f B (36) at the Q points (mu, kt), the last of the `thermal_pairs` alone, to `out` (L, P, Q).

    Each k-point is added to the entry `part` (K,).
    """
    for k, entry in enumerate(part):
        one = slice(k, k + 1)
        every = np.zeros((len(pairs), 4, len(mu)))
        thermal_pairs(E[one], X[one], Y[one], pairs, mu, kt, tolerance, weights[one], every)
        out[entry] += every[:, 3]


def fermi_levels(
    E: RealArray, values: RealArray, mu: RealArray, kt: RealArray, weights: RealArray, part: Index, out: RealArray
) -> None:
    """Adds Σ_n f(E_n) X_n at the Q points (mu, kt) to `out` (L, V, Q), for properties `values` (K, V, N) of the levels.

    Each k-point is added to the entry `part` (K,).
    """
    u = (E[:, None, :] - mu[:, None]) / kt[:, None]
    np.add.at(out, part, np.einsum("k,kqn,kvn->kvq", weights, 0.5 * (1.0 - np.tanh(0.5 * u)), values))


def hermitian_parts(Z: ComplexArray, out: ComplexArray) -> None:
    """X and Y of Z (K, N, q, N) = X + iY, both Hermitian, as components 2j and 2j + 1 of `out`.

    out: (K, N, 2q or 2q − 1, N), overwritten.
    """
    adjoint = Z.conj().transpose(0, 3, 2, 1)
    parts = np.stack([(Z + adjoint) / 2.0, (Z - adjoint) / 2.0j], axis=3)  # (K, N, q, 2, N)
    K, N, q, _ = Z.shape
    out[...] = parts.reshape(K, N, 2 * q, N)[:, :, : out.shape[2]]


def hermitian_pair(Z: ComplexArray, out: ComplexArray) -> None:
    """X and Y of Z (M, M) = X + iY, both Hermitian, as the components of out (M, 1 or 2, M), which is overwritten."""
    parts = np.stack([(Z + Z.conj().T) / 2.0, (Z - Z.conj().T) / 2.0j], axis=1)
    out[...] = parts[:, : out.shape[1]]


def velocity_and_curvature(
    E: RealArray, Z: ComplexArray, directions: Index, velocity: ComplexArray, curvature: RealArray
) -> None:
    """Velocity and curvature from Z (K, N, a, N) = ∂H + iA, both Hermitian; overwrites both outputs.

    velocity: (K, N, d, N) = ∂H + i[H, A] of the components `directions`. curvature, unless it has no points: (K, 3, N)
    = −i[A_x, A_y]_nn and so on as (yz, zx, xy).
    """
    adjoint = Z.conj().transpose(0, 3, 2, 1)
    A = (Z - adjoint) / 2.0j
    gap = (E[:, :, None] - E[:, None, :])[:, :, None]
    velocity[...] = ((Z + adjoint) / 2.0 + 1j * gap * A)[:, :, directions]
    if len(curvature):
        for p in range(3):
            product = np.einsum("knm,kmn->kn", A[:, :, (p + 1) % 3], A[:, :, (p + 2) % 3])
            curvature[:, p] = 2.0 * product.imag


def eigh(H: ComplexArray, E: RealArray, c: ComplexArray) -> bool:
    """Eigenvalues and eigenvectors of Hermitian matrices (K, N, N), of which the lower half is read.

    E: (K, N) ascending. c: (K, N, N), in columns. Returns whether all converged. The kernel's phases and those of
    LAPACK differ.
    """
    E[...], c[...] = np.linalg.eigh(H)
    return True
