"""Closed-form models that serve as test cases.

A Rashba ferromagnet (plane and chain), Haldane's honeycomb, a 3D ferromagnet without inversion, and the antiferromagnet
of `antiferromagnet`.

Their exchange part, spin pairs and position matrix are exact by construction, which makes them test cases.
Energies eV, lengths Å. H_exchange = (Δ/2) σ·n̂ with n̂ the direction of the majority moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError, nearest
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.exchange import PAULI, unit_vector
from hpcalo.hamiltonian.hops import VACUUM, collect, exchange_only, finite, positive
from hpcalo.hamiltonian.types import Crystal, WannierModel

Z_AXIS = (0.0, 0.0, 1.0)


def _one_orbital(
    name: str,
    bonds: dict[tuple[int, int, int], NDArray],
    hopping: float,
    rashba: float,
    exchange: float,
    a: float,
    thickness: float,
    n_hat: tuple[float, float, float],
) -> WannierModel:
    """A magnetic site with one orbital on a lattice of constant a (Å), periodic along as many axes as there are bonds.

    bonds: for each bond (R) the spin matrix s of its Rashba term, H(R) = −t + i a_R s/2; sin k = (e^{ik} − e^{−ik})/2i.
    The second atom in the list, below the first, carries no orbital: it stands for the substrate that breaks inversion.
    """
    finite(hopping=hopping, rashba=rashba, exchange=exchange)
    positive(lattice_constant=a, thickness=thickness)
    n = unit_vector(n_hat)
    odd_0 = 0.5 * exchange * np.tensordot(n, PAULI, 1)
    hops = [((0, 0, 0), odd_0), *((r, -hopping * np.eye(2) + 0.5j * rashba * s) for r, s in bonds.items())]
    R, H = collect(hops, 2)
    periodic = (True, len(bonds) >= 2, False)
    crystal = Crystal(
        lattice=np.diag([a if p else VACUUM * a for p in periodic]),
        periodic=periodic,
        positions=np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -0.5 * a]]),
        symbols=("Co", "Pt"),
        moments=np.array([1.0, 0.0]),
        thickness=thickness,
    )
    return WannierModel(
        crystal=crystal,
        R=R,
        H_Rnn=H,
        centres=np.zeros((2, 3)),
        up=np.array([0]),
        down=np.array([1]),
        odd_Rnn=exchange_only(R, odd_0),
        n_hat=n,
        name=name,
    )


def rashba(
    hopping: float = 1.0,
    rashba: float = 0.4,
    exchange: float = 0.8,
    lattice_constant: float = 1.0,
    thickness: float = 1.0,
    n_hat: tuple[float, float, float] = Z_AXIS,
) -> WannierModel:
    """Rashba ferromagnet on the square lattice.

    H(k) = −2t (cos k_x a + cos k_y a) + a_R (σ_x sin k_y a − σ_y sin k_x a) + (Δ/2) σ·n̂, with t = hopping, a_R =
    rashba, Δ = exchange (eV), a = lattice_constant (Å). A film: volume = a² × thickness. One site; the second atom in
    the list, below it, carries no orbital and stands for the substrate that breaks inversion (so that the crystal has
    the symmetry 4mm of H). Raises ModelError for lengths that are not positive.
    """
    bonds = {(1, 0, 0): PAULI[1], (0, 1, 0): -PAULI[0]}
    return _one_orbital("rashba", bonds, hopping, rashba, exchange, lattice_constant, thickness, n_hat)


def chain(
    hopping: float = 1.0,
    rashba: float = 0.4,
    exchange: float = 0.8,
    lattice_constant: float = 1.0,
    thickness: float = 1.0,
    n_hat: tuple[float, float, float] = Z_AXIS,
) -> WannierModel:
    """Ferromagnetic chain along x with Rashba coupling: H(k) = −2t cos ka − a_R σ_y sin ka + (Δ/2) σ·n̂.

    Units and arguments as for `rashba`; volume = a × thickness². The atom without orbitals below stands for the
    substrate.
    """
    bonds = {(1, 0, 0): PAULI[1]}
    return _one_orbital("chain", bonds, hopping, rashba, exchange, lattice_constant, thickness, n_hat)


def haldane(
    hopping: float = 1.0,
    second_hopping: float = 1.0 / 3.0,
    onsite: float = 2.0,
    phase: float = 0.35 * np.pi,
    bond: float = 1.0,
    thickness: float = 1.0,
) -> WannierModel:
    """Haldane's model on the honeycomb lattice: spinless, two sites.

    On-site −onsite on A and +onsite on B, nearest neighbours t1 = hopping, second neighbours t2 e^{±iφ} with t2 =
    second_hopping and φ = phase (radians); bond = length of the A–B bond in Å; volume = area × thickness. The sites
    enter the velocity through `centres`. Raises ModelError for lengths that are not positive.
    """
    finite(hopping=hopping, second_hopping=second_hopping, onsite=onsite, phase=phase)
    positive(bond=bond, thickness=thickness)
    a = np.sqrt(3.0) * bond
    lattice = np.array([[a, 0.0, 0.0], [0.5 * a, 0.5 * np.sqrt(3.0) * a, 0.0], [0.0, 0.0, VACUUM * a]])
    positions = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]]) / 3.0 @ lattice
    t2 = second_hopping * np.exp(1j * phase)
    A, B = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    AB = np.array([[0.0, 1.0], [0.0, 0.0]])
    R, H = collect(
        [
            ((0, 0, 0), onsite * (B - A) + hopping * (AB + AB.T)),
            ((1, 0, 0), hopping * AB.T + t2 * A + t2.conjugate() * B),
            ((0, 1, 0), hopping * AB.T + t2.conjugate() * A + t2 * B),
            ((1, -1, 0), t2.conjugate() * A + t2 * B),
        ],
        2,
    )
    crystal = Crystal(
        lattice=lattice,
        periodic=(True, True, False),
        positions=positions,
        symbols=("B", "N"),
        moments=np.zeros(2),
        thickness=thickness,
    )
    return WannierModel(crystal=crystal, R=R, H_Rnn=H, centres=positions.copy(), name="haldane")


def ferromagnet(
    orbitals: int = 3,
    exchange: float = 1.0,
    spin_orbit: float = 0.2,
    seed: int = 1,
    n_hat: tuple[float, float, float] = Z_AXIS,
) -> WannierModel:
    """A generic 3D ferromagnet without any symmetry but its lattice: random, Hermitian and reproducible, for tests.

    H(R) = h(R) ⊗ 1 + i Σ_v b_v(R) ⊗ σ_v + ½ Δ(R) ⊗ σ·n̂ with real h, b_v, Δ on the 27 cells around 0 (sizes of order
    1 eV, spin_orbit and exchange, falling with distance), and a real position matrix r(R) ⊗ 1 with elements beside
    its diagonal. orbitals: spatial ones, N = 2 × orbitals with all spin up first. Raises ModelError for a count
    outside 1…50.
    """
    if not 1 <= orbitals <= 50:
        raise ModelError(f"orbitals = {orbitals}: must be 1 to 50")
    finite(exchange=exchange, spin_orbit=spin_orbit)
    n = unit_vector(n_hat)
    rng = np.random.default_rng(seed)
    lattice = np.array([[3.0, 0.0, 0.1], [0.2, 3.1, 0.0], [-0.1, 0.3, 2.9]])
    centres = rng.uniform(0.0, 1.0, (orbitals, 3)) @ lattice
    half = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) >= (0, 0, 0)]
    all_hops: list[tuple[tuple[int, int, int], NDArray]] = []
    odd_hops: list[tuple[tuple[int, int, int], NDArray]] = []
    position_hops: list[list[tuple[tuple[int, int, int], NDArray]]] = [[], [], []]
    one, sigma_n = np.eye(2), np.tensordot(n, PAULI, 1)
    for r in half:
        home = r == (0, 0, 0)
        decay = np.exp(-1.2 * np.linalg.norm(r))
        h, delta = decay * rng.normal(size=(2, orbitals, orbitals))
        b = spin_orbit * decay * rng.normal(size=(3, orbitals, orbitals))
        x = 0.2 * decay * rng.normal(size=(3, orbitals, orbitals))
        delta = exchange * 0.2 * delta
        if home:
            h, delta, b = 0.5 * (h + h.T), 0.5 * (delta + delta.T) + exchange * np.eye(orbitals), 0.5 * (b - b.mT)
            x = 0.5 * (x + x.mT)
            x[:, range(orbitals), range(orbitals)] = centres.T
        odd = np.kron(0.5 * sigma_n, delta)
        odd_hops.append((r, odd))
        all_hops.append((r, odd + np.kron(one, h) + 1j * sum(np.kron(PAULI[v], b[v]) for v in range(3))))
        for v in range(3):
            position_hops[v].append((r, np.kron(one, x[v])))
    N = 2 * orbitals
    R, H = collect(all_hops, N)
    A = np.stack([collect(position_hops[v], N)[1] for v in range(3)], axis=1)
    # atoms: the orbital centres, all of different kind, so that the crystal has no rotation either
    crystal = Crystal(
        lattice=lattice,
        periodic=(True, True, True),
        positions=centres,
        symbols=tuple(f"X{i + 1}" for i in range(orbitals)),
        moments=np.ones(orbitals),
    )
    return WannierModel(
        crystal=crystal,
        R=R,
        H_Rnn=H,
        centres=np.concatenate([centres, centres]),
        A_Rvnn=A,
        up=np.arange(orbitals),
        down=np.arange(orbitals, N),
        odd_Rnn=collect(odd_hops, N)[1],
        n_hat=n,
        name="ferromagnet",
    )


BUILTIN: Mapping[str, Callable[..., WannierModel]] = {
    "rashba": rashba,
    "chain": chain,
    "haldane": haldane,
    "ferromagnet": ferromagnet,
    "antiferromagnet": antiferromagnet,
}


def builtin_model(name: str, **parameters: object) -> WannierModel:
    """The built-in model of this name. Raises ModelError for an unknown name, naming the nearest."""
    if name not in BUILTIN:
        raise ModelError(f"built-in model '{name}': unknown{nearest(name, BUILTIN)} (available: {', '.join(BUILTIN)})")
    return BUILTIN[name](**parameters)
