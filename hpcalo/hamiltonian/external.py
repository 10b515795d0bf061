"""What a WannierModel knows of states beyond its functions, for the orbital magnetization.

With |∂_a u_n> the derivative of a function's periodic part, Q = 1 − Σ_n |u_n><u_n| and H = H(k), the matrices between
functions are, for (a, b) = (y, z), (z, x), (x, y),

    moment     (C_ab − C_ab†)/2i,  C_ab = <∂_a u|Q H Q|∂_b u>
    coupling   Z_a = <u|H Q|∂_a u>, not Hermitian, kept as Z = Z_1 + iZ_2 with Hermitian Z_1 and Z_2
    curvature  (F_ab − F_ab†)/2i,  F_ab = <∂_a u|Q|∂_b u> over the same states as C

In the matrices of M. G. Lopez, D. Vanderbilt, T. Thonhauser, I. Souza, Phys. Rev. B 85, 014435 (2012), these are C_ab −
A_a B_b − B_a† A_b + A_a H A_b and −i(B_a − H A_a). They turn with a gauge as H does, know no origin, and Z vanishes
where functions span eigenstates of H.
"""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.exchange import time_reversed
from hpcalo.typing import ComplexArray, IntArray, RealArray

MOMENT, COUPLING, ACROSS, CURVATURE = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)
"""Components of `external_Rvnn`: eV Å², Z_1 and Z_2 in eV Å, and Å², the last where the sum over states is not
complete.
"""
COMPLETE, TRUNCATED = 9, 12
"""Numbers of components."""

PARTS = (
    (MOMENT, "external moment", "eV Å²"),
    (COUPLING, "external coupling", "eV Å"),
    (ACROSS, "external coupling, anti-Hermitian part", "eV Å"),
    (CURVATURE, "external curvature", "Å²"),
)


def time_signs(components: int) -> RealArray:
    """(v, 1, 1): a part X becomes sign · ΘXΘ⁻¹ for the reversed magnet."""
    signs = -np.ones((components, 1, 1))
    signs[ACROSS] = 1.0
    return signs


def parities(X_Rvnn: ComplexArray, up: IntArray, down: IntArray) -> tuple[ComplexArray, ComplexArray]:
    """The parts of the external matrices that are even and odd under reversal of the magnet, on spin pairs."""
    image = time_signs(X_Rvnn.shape[1]) * time_reversed(X_Rvnn, up, down)
    return 0.5 * (X_Rvnn + image), 0.5 * (X_Rvnn - image)
