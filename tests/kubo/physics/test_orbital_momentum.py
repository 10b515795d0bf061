"""Orbital momentum between bands and what a field makes of it: molecules, two levels in closed form, degeneracy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from kubo_runs import grid, run_sums
from wannier_files import bloch

from hpcalo import units
from hpcalo.hamiltonian.builtin import haldane, rashba
from hpcalo.hamiltonian.exchange import PAULI, unit_vector
from hpcalo.hamiltonian.symmetry import candidates
from hpcalo.hamiltonian.types import Crystal, WannierModel
from hpcalo.kubo.responses.orbital_accumulation import PER_FIELD as ACCUMULATION
from hpcalo.kubo.responses.orbital_accumulation import OrbitalAccumulation
from hpcalo.kubo.responses.orbital_conductivity import PER_FIELD as CONDUCTIVITY
from hpcalo.kubo.responses.orbital_conductivity import OrbitalConductivity
from hpcalo.kubo.states.band_coefficients import ORBITAL_MOMENT_TENSOR
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
