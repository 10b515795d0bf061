"""Orbital momentum between bands and what a field makes of it: molecules, two levels in closed form, degeneracy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from kubo_runs import grid, run_sums
from places import MODELS
from wannier_files import bloch

from hpcalo import units
from hpcalo.hamiltonian.builtin import haldane, rashba
from hpcalo.hamiltonian.exchange import PAULI, unit_vector
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.spin_orbit import on_atoms
from hpcalo.hamiltonian.symmetrize.lcao import orbitals_of
from hpcalo.hamiltonian.symmetry import candidates
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.kubo.responses.atomic_orbital import CURRENT, AtomicOrbitalConductivity
from hpcalo.kubo.responses.orbital_accumulation import PER_FIELD as ACCUMULATION
from hpcalo.kubo.responses.orbital_accumulation import OrbitalAccumulation
from hpcalo.kubo.responses.orbital_conductivity import PER_FIELD as CONDUCTIVITY
from hpcalo.kubo.responses.orbital_conductivity import OrbitalConductivity
from hpcalo.kubo.states.atomic_momentum import ATOMIC_MOMENTUM
from hpcalo.kubo.states.band_coefficients import ORBITAL_MOMENT_TENSOR
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.orbital_momentum import ORBITAL_CURRENT, ORBITAL_MOMENTUM, between_bands, reached
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import Request, Sums
from hpcalo.kubo.sums.symmetry_check import symmetries_of

N_HAT = unit_vector((0.48, -0.36, 0.8))
ELECTRON = 0.262468426  # m_e/ħ² · 2 in 1/(eV Å²): ħ²/2m_e = 3.80998 eV Å²
NEED = frozenset({VELOCITY})


def ring(flux: float, third: float) -> WannierModel:
    """Four sites around the centre of a cell, one flux through them, and no hopping to other cells."""
    crystal = Crystal(np.diag([9.0, 9.0, 9.0]), (True, True, False), np.zeros((1, 3)), ("X",), np.zeros(1))
    centres = 1.3 * np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    H = np.zeros((4, 4), dtype=complex)
    for site in range(4):
        H[(site + 1) % 4, site] += -np.exp(0.25j * flux)
        H[(site + 2) % 4, site] += 0.5 * third
    return WannierModel(crystal, np.zeros((1, 3), dtype=int), (H + H.conj().T)[None], centres)


def test_molecules_have_the_orbital_momentum_of_r_and_v() -> None:
    """½ m (r × v − v × r) of a ring, all matrix elements, from matrices between its sites."""
    model = ring(0.7, 0.3)
    states = WannierStates(model, NEED).line(0.1, 0.2, np.array([0.0]), NEED)
    found = between_bands(states.E_kn, states[VELOCITY])[0, :, 0]
    H, (x, y) = model.H_Rnn[0], (np.diag(model.centres[:, v]) for v in (0, 1))
    vx, vy = (1j * (H @ r - r @ H) for r in (x, y))
    L = 0.25 * ELECTRON * (x @ vy - y @ vx + vy @ x - vx @ y)
    energies, c = np.linalg.eigh(H)
    assert np.diff(energies).min() > 0.1
    expected = c.conj().T @ L @ c
    size = np.abs(expected).max()
    assert size > 0.1
    np.testing.assert_allclose(np.diagonal(found), np.diagonal(expected), atol=1e-7 * size)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-7 * size)


def test_levels_of_one_energy_turn_together() -> None:
    """Another choice of states in a group gives the same operator; a single level's diagonal is the moment of (48)."""
    rng = np.random.default_rng(1)
    E = np.array([[-1.0, 0.2, 0.2, 0.2, 1.5, 1.9]])
    v = rng.normal(size=(1, 6, 3, 6)) + 1j * rng.normal(size=(1, 6, 3, 6))
    v = v + v.conj().transpose(0, 3, 2, 1)
    U = np.eye(6, dtype=complex)
    U[1:4, 1:4] = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    turned = np.einsum("an,kavb,bm->knvm", U.conj(), v, U)
    L = between_bands(E, v)
    np.testing.assert_allclose(between_bands(E, turned), np.einsum("an,kavb,bm->knvm", U.conj(), L, U), atol=1e-12)
    np.testing.assert_allclose(L, L.conj().transpose(0, 3, 2, 1), atol=1e-13)
    gap = E[:, None, :] - E[:, :, None]
    M = ORBITAL_MOMENT_TENSOR.of_pairs(gap, np.abs(gap) > 1e-8, {VELOCITY: v})
    moment = -units.MU_B_PER_EV_A2 * np.stack([M[:, 1, 2], M[:, 2, 0], M[:, 0, 1]], axis=1)
    diagonal = np.einsum("knvn->kvn", L).real
    np.testing.assert_allclose(diagonal[..., [0, 4, 5]], -moment[..., [0, 4, 5]], atol=1e-12)


def two_levels(model: WannierModel, k: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of H(k) = ε + d·σ by differences in k: energies (K, 2), velocities (K, 2, 2), L_z (K,) and Ω (K,).

    Ω = ½ d̂·(∂_x d̂ × ∂_y d̂) is the curvature of the lower level. Both have the moment −(e/ħ)|d| Ω: L_z = (2m/ħ²)|d|Ω.
    """
    step, tau = 1e-4, model.centres

    def components(q: np.ndarray) -> np.ndarray:
        full = np.concatenate([q @ model.crystal.lattice[:2, :2].T / (2.0 * np.pi), np.zeros((len(q), 1))], axis=1)
        H = np.array([bloch(model, model.H_Rnn, point)[0] for point in full])
        phase = np.exp(1j * (q @ tau[:, :2].T))  # of the atoms' positions
        H = phase.conj()[:, :, None] * H * phase[:, None, :]
        return np.stack([0.5 * np.einsum("ab,kba->k", s, H).real for s in (np.eye(2), *PAULI)], axis=1)

    q = k[:, :2] @ np.linalg.inv(model.crystal.lattice[:2, :2]).T * 2.0 * np.pi
    here = components(q)
    along = np.stack([(components(q + s) - components(q - s)) / (2.0 * step) for s in step * np.eye(2)], axis=1)
    d, size = here[:, 1:], np.linalg.norm(here[:, 1:], axis=1)
    unit = d / size[:, None]
    turn = (along[:, :, 1:] - (along[:, :, 1:] @ unit[:, :, None]) * unit[:, None]) / size[:, None, None]
    curvature = 0.5 * np.einsum("ka,ka->k", unit, np.cross(turn[:, 0], turn[:, 1]))
    slope = np.einsum("kia,ka->ki", along[:, :, 1:], unit)
    energies = np.stack([here[:, 0] - size, here[:, 0] + size], axis=1)
    velocities = np.stack([along[:, :, 0] - slope, along[:, :, 0] + slope], axis=1)
    return energies, velocities, ELECTRON * size * curvature, curvature


def test_haldane_moment_in_closed_form() -> None:
    """Between two bands L is the moment of (48) alone, |d| Ω of both."""
    model = haldane()
    k = grid(5, 4)
    _, _, expected, _ = two_levels(model, k)
    solver = WannierStates(model, NEED)
    for point, value in zip(k, expected, strict=True):
        states = solver.line(*point[list(solver.order[:2])], point[[solver.order[2]]], NEED)
        L = between_bands(states.E_kn, states[VELOCITY])[0, :, 0]
        np.testing.assert_allclose(np.abs(L), np.abs(value) * np.eye(2), atol=2e-6 * np.abs(expected).max())
        np.testing.assert_allclose(np.diagonal(L).real, value, atol=2e-6 * np.abs(expected).max())


def test_a_field_on_two_levels_in_closed_form() -> None:
    """L = ℓ(k) of both levels: accumulation of ℓ v δ(E − E_n), and the Hall current ℓ Ω of the filled lower level."""
    model, k, gamma = rashba(exchange=0.8, n_hat=tuple(N_HAT)), grid(12, 10), 0.15
    energies, velocities, moment, curvature = two_levels(model, k)
    fermi = np.array(
        [energies.min() - 1.0, 0.5 * (energies[:, 0].mean() + energies[:, 1].mean()), energies.max() + 1.0]
    )
    pairs = (ACCUMULATION.pair, CONDUCTIVITY.pair)
    run = run_sums(model, k, fermi, broadened=pairs, sea=pairs, gammas=(gamma,))
    weight = gamma**2 / ((fermi[:, None, None] - energies) ** 2 + gamma**2) ** 2 / np.pi  # (NE, K, 2)
    drude = np.einsum("ekn,k,kni->ie", weight, moment, velocities) / len(k)
    found = OrbitalAccumulation().compute(run)
    expected = -units.ANGSTROM * drude
    np.testing.assert_allclose(
        found["orbital_accumulation_even"][0, 0, 0], expected, atol=1e-6 * np.abs(expected).max()
    )
    filled = (fermi[:, None] > energies[:, 0]).astype(float) - (fermi[:, None] > energies[:, 1])
    hall = np.einsum("ek,k,k->e", filled, moment, curvature) / len(k)
    flow = OrbitalConductivity().compute(run)["orbital_conductivity_intrinsic"][0, 0, 0, 1]
    scale = units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM / model.crystal.volume * units.S_PER_M_IN_S_PER_CM
    assert np.abs(hall).max() > 1e-4
    np.testing.assert_allclose(flow, scale * hall, atol=1e-6 * scale * np.abs(hall).max())


def test_operations_of_the_crystal() -> None:
    """Axial vectors, whatever the two velocities of a film are; sums at gk are those at k."""
    model = rashba(exchange=0.8)
    every = candidates(model.crystal, model.n_hat)
    axes = (np.array([-1.0, 0.5]), np.array([0.15]), np.zeros(0), np.zeros(0))
    pairs = (ACCUMULATION.pair, CONDUCTIVITY.pair)
    request = Request(model.crystal, *axes, Sums(broadened=pairs, sea=pairs))
    found = symmetries_of(WannierStates(model, request.need()), every, request, 1e-6)
    assert len(found.operations) == len(every) == 8
    cube = replace(model.crystal, periodic=(True, True, True), thickness=None)
    for op in candidates(cube, np.array([0.0, 0.0, 1.0])):
        np.testing.assert_allclose(ORBITAL_MOMENTUM.turned(op, cube), op.axial, atol=1e-12)
        assert ORBITAL_CURRENT.transformation(op, cube).shape == (9, 9)
    assert reached((0, 1)) == [(2, 1)]
    assert reached((0, 2)) == [(1, -1)]
    assert reached((1, 2)) == [(0, 1)]
    chain = replace(model, crystal=replace(model.crystal, periodic=(True, False, False)))
    assert "repeats along one direction" in ORBITAL_CURRENT.missing(chain)


def p_orbitals(sigma: float, pi: float, diagonal: float) -> LcaoModel:
    """p_x and p_y on the square lattice without spin-orbit coupling and exchange."""
    cells = {(i, j, 0): np.zeros((2, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    for sign in (1, -1):
        cells[sign, 0, 0] += np.diag([sigma, pi])
        cells[0, sign, 0] += np.diag([pi, sigma])
        for other in (1, -1):
            cells[sign, other, 0] += diagonal * sign * other * np.array([[0.0, 1.0], [1.0, 0.0]])
    H = np.array(list(cells.values()))
    S = np.array([np.eye(2) * (R == (0, 0, 0)) for R in cells])
    crystal = Crystal(np.diag([1.0, 1.0, 9.0]), (True, True, False), np.zeros((1, 3)), ("X",), np.zeros(1), 2.0)
    zero = np.zeros((3, *H.shape))
    return LcaoModel(crystal, np.array(list(cells)), H, H, S, zero, np.zeros((2, 3)), orbital_names=("px", "py"))


def test_orbital_hall_effect_of_p_orbitals_in_closed_form() -> None:
    """L_z = τ_y of H = ε + d_x τ_x + d_z τ_z: a current τ_y ∂_i ε, and its Hall conductivity in a field."""
    sigma, pi, diagonal = 0.9, -0.3, 0.25
    model, k, fermi = p_orbitals(sigma, pi, diagonal), grid(9, 8), np.array([-2.0, -0.4, 0.1, 3.0])
    x, y = 2.0 * np.pi * k[:, 0], 2.0 * np.pi * k[:, 1]
    drift = [-(sigma + pi) * np.sin(q) for q in (x, y)]
    dx, dz = -4.0 * diagonal * np.sin(x) * np.sin(y), (sigma - pi) * (np.cos(x) - np.cos(y))
    dx_along = [-4.0 * diagonal * np.cos(x) * np.sin(y), -4.0 * diagonal * np.sin(x) * np.cos(y)]
    dz_along = [-(sigma - pi) * np.sin(x), (sigma - pi) * np.sin(y)]
    size, mean = np.hypot(dx, dz), (sigma + pi) * (np.cos(x) + np.cos(y))
    filled = (fermi[:, None] > mean - size).astype(float) - (fermi[:, None] > mean + size)
    run = run_sums(model, k, fermi, broadened=(CURRENT.pair,), sea=(CURRENT.pair,))
    found = AtomicOrbitalConductivity().compute(run)["atomic_orbital_conductivity_intrinsic"][0]
    scale = units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM / model.crystal.volume * units.S_PER_M_IN_S_PER_CM
    for i in range(2):
        for j in range(2):
            turn = drift[i] * (dx * dz_along[j] - dz * dx_along[j]) / size**3
            expected = scale * (filled * turn).mean(axis=1)  # of two spins
            np.testing.assert_allclose(found[2, i, j], expected, atol=1e-9 * scale)
            assert i == j or np.abs(expected).max() > 1e-3 * scale
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-9 * scale)


def test_momentum_within_the_atoms_of_a_film() -> None:
    """Hermitian with overlap; L·L of a d shell is 6, of a p shell 2, and [L_x, L_y] = iL_z."""
    film = read_model(MODELS / "mnw3_dzp.h5")
    orbitals = orbitals_of(film)
    assert orbitals is not None
    L = on_atoms(orbitals)
    np.testing.assert_allclose(L[0] @ L[1] - L[1] @ L[0], 1j * L[2], atol=1e-12)
    expected = [o.l * (o.l + 1.0) for o in orbitals]
    np.testing.assert_allclose(np.einsum("vab,vba->a", L, L).real, expected, atol=1e-12)
    need = frozenset({ATOMIC_MOMENTUM})
    found = LcaoStates(film, N_HAT, need).line(0.0, 0.11, np.array([0.37]), need)[ATOMIC_MOMENTUM][0]
    np.testing.assert_allclose(found, found.conj().transpose(2, 1, 0), atol=1e-10)
    assert np.abs(np.einsum("nvn->vn", found)).max() > 0.05
