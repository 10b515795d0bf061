"""A closed-form antiferromagnet with PT symmetry: two sublattices that see opposite exchange and Rashba fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.exchange import PAULI, unit_vector
from hpcalo.hamiltonian.hops import VACUUM, collect, exchange_only, finite, positive
from hpcalo.hamiltonian.types import Crystal, WannierModel


def antiferromagnet(
    hopping: float = 1.0,
    second_hopping: float = 0.3,
    rashba: float = 0.4,
    exchange: float = 0.8,
    lattice_constant: float = 1.0,
    thickness: float = 1.0,
    n_hat: tuple[float, float, float] = (0.0, 0.0, 1.0),
) -> WannierModel:
    """Antiferromagnet on the square lattice: sites A at (0, 0) and B at (a/2, a/2), n̂ the moment of A.

    H(k) = −2t2 (cos k_x a + cos k_y a) − 4t cos(k_x a/2) cos(k_y a/2) τ_x + τ_z [a_R (σ_x sin k_y a − σ_y sin k_x a) +
    (Δ/2) σ·n̂], τ on the sites, with t = hopping, t2 = second_hopping, a_R = rashba, Δ = exchange (eV), a =
    lattice_constant (Å). The inversion that exchanges A and B, together with time reversal, is a symmetry: every level
    is twofold. A film: volume = a² × thickness. The atoms without orbitals above A and below B stand for what breaks
    the inversion at each site. Raises ModelError for lengths that are not positive.
    """
    finite(hopping=hopping, second_hopping=second_hopping, rashba=rashba, exchange=exchange)
    positive(lattice_constant=lattice_constant, thickness=thickness)
    n, a, one = unit_vector(n_hat), lattice_constant, np.eye(2)
    tau_z, raising = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [0.0, 0.0]])
    odd_0 = np.kron(tau_z, 0.5 * exchange * np.tensordot(n, PAULI, 1))
    hops: list[tuple[tuple[int, int, int], NDArray]] = [
        ((0, 0, 0), odd_0 - hopping * np.kron(raising + raising.T, one))
    ]
    for r, s in (((1, 0, 0), PAULI[1]), ((0, 1, 0), -PAULI[0])):  # sin k = (e^{ik} − e^{−ik})/2i
        hops.append((r, 0.5j * rashba * np.kron(tau_z, s) - second_hopping * np.eye(4)))
    hops += [(r, -hopping * np.kron(raising.T, one)) for r in ((1, 0, 0), (0, 1, 0), (1, 1, 0))]  # from B to A of R
    R, H = collect(hops, 4)
    sites = np.array([[0.0, 0.0, 0.0], [0.5 * a, 0.5 * a, 0.0]])
    above = np.array([0.0, 0.0, 0.5 * a])
    crystal = Crystal(
        lattice=np.diag([a, a, VACUUM * a]),
        periodic=(True, True, False),
        positions=np.array([*sites, sites[0] + above, sites[1] - above]),
        symbols=("Mn", "Mn", "O", "O"),
        moments=np.array([1.0, -1.0, 0.0, 0.0]),
        thickness=thickness,
        sublattices=(1, 2, 1, 2),
    )
    return WannierModel(
        crystal=crystal,
        R=R,
        H_Rnn=H,
        centres=np.repeat(sites, 2, axis=0),
        up=np.array([0, 2]),
        down=np.array([1, 3]),
        odd_Rnn=exchange_only(R, odd_0),
        n_hat=n,
        name="antiferromagnet",
    )
