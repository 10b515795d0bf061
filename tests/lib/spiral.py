"""Free energy of a flat cycloidal spin spiral in a supercell: knows no Berry phase, no velocity, no torque."""

from __future__ import annotations

import numpy as np

SX = np.array([[0, 1], [1, 0]], dtype=complex)
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.diag([1.0, -1.0]).astype(complex)


def free_energy(L: int, sign: int, *, t: float, a_r: float, delta: float, kt: float, mu: float, nk: int) -> float:
    """F per site of the square-lattice Rashba magnet with n = (sin qx, 0, cos qx), q = sign 2π/L.

    nk: points of the primitive zone along each direction; the supercell takes nk/L of them along x (at least 4).
    """
    q = sign * 2.0 * np.pi / L
    kx = (np.arange(max(4, nk // L)) + 0.5) / max(4, nk // L) * 2.0 * np.pi  # times the supercell length
    ky = (np.arange(nk) + 0.5) / nk * 2.0 * np.pi
    onsite = np.zeros((2 * L, 2 * L), dtype=complex)
    for x in range(L):
        n = np.sin(q * x) * SX + np.cos(q * x) * SZ
        onsite[2 * x : 2 * x + 2, 2 * x : 2 * x + 2] = 0.5 * delta * n
    along = -t * np.eye(2) + 0.5j * a_r * SY  # <x|H|x+1>: −a_R σ_y sin k_x
    total = 0.0
    for k in kx:
        H = onsite.copy()
        for x in range(L):
            y = (x + 1) % L
            hop = along * (np.exp(1j * k) if y == 0 else 1.0)
            H[2 * x : 2 * x + 2, 2 * y : 2 * y + 2] += hop
            H[2 * y : 2 * y + 2, 2 * x : 2 * x + 2] += hop.conj().T
        across = -2.0 * t * np.cos(ky)[:, None, None] * np.eye(2) + a_r * np.sin(ky)[:, None, None] * SX
        batch = H[None] + np.einsum("ab,kcd->kacbd", np.eye(L), across).reshape(len(ky), 2 * L, 2 * L)
        E = np.linalg.eigvalsh(batch)
        total -= kt * np.logaddexp(0.0, -(E - mu) / kt).sum()
    return total / (len(kx) * nk * L)


def spiralization(L: int, **parameters: float) -> float:
    """[F(q) − F(−q)]/2q → average of D_xy over the plane of the spiral for q → 0, per site (a = 1)."""
    q = 2.0 * np.pi / L
    return (free_energy(L, 1, **parameters) - free_energy(L, -1, **parameters)) / (2.0 * q)
