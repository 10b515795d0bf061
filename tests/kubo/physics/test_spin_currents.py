"""Spin accumulation and spin currents: closed forms, an identity, Green functions of matrices in the orbital basis."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from places import MODELS
from scipy.integrate import quad

from hpcalo import units
from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.turning import rotated
from hpcalo.kubo.responses.spin_accumulation import SpinAccumulation, ThermalSpinAccumulation
from hpcalo.kubo.responses.spin_conductivity import SpinConductivity, SpinNernst
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import SPIN, VELOCITY
from hpcalo.kubo.states.spin_current import SPIN_CURRENT, SPIN_VECTOR
from hpcalo.kubo.sums.request import TORQUE_VELOCITY

SPINS, CURRENTS = (SPIN_VECTOR, VELOCITY), (SPIN_CURRENT, VELOCITY)
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def test_torkance_is_the_torque_of_the_exchange_field_on_the_spin() -> None:
    """t = (Δ/2) χ × n̂ for a rigid exchange field, part by part."""
    n = np.array([0.36, 0.48, 0.8])
    both = (SPINS, TORQUE_VELOCITY)
    run = run_sums(rashba(exchange=0.8), grid(16, 16), np.linspace(-3, 1, 5), broadened=both, sea=both, n_hat=[n])
    chi = {name[18:]: x / units.ANGSTROM for name, x in SpinAccumulation().compute(run).items()}
    t_even, t_odd = torkance_parts(run)
    t_int, _ = run.sea(TORQUE_VELOCITY)
    for torque, spin, axis in ((t_even, chi["odd"], 2), (t_odd, chi["even"], 2), (t_int, chi["intrinsic"], 1)):
        expected = 0.4 * np.cross(spin, n, axisa=axis, axisc=axis)
        np.testing.assert_allclose(torque, expected, atol=1e-12 * np.abs(torque).max())


def test_rashba_gas_in_closed_form() -> None:
    """χ_yx = −mαeτ/(2πħ³) per area and σ^z_yx = e/8π at all energies above the crossing, as Γ → 0.

    A lattice whose Fermi circles (k a = 0.08 to 0.12) are small; points of equal weight in polar coordinates.
    """
    hopping, alpha, gamma, most = 100.0, 2.0, 0.01, 0.16
    radius = most * np.sqrt((np.arange(1200) + 0.5) / 1200)
    angle = 2.0 * np.pi * (np.arange(8) + 0.5) / 8
    x, y = (np.outer(radius, f(angle)).ravel() / (2.0 * np.pi) for f in (np.cos, np.sin))
    k = np.stack([x, y, np.zeros_like(x)], axis=1)
    energies = -4.0 * hopping + np.array([0.8, 1.0])
    model = rashba(hopping=hopping, rashba=alpha, exchange=0.0, thickness=3.0)
    run = run_sums(model, k, energies, broadened=(SPINS, CURRENTS), sea=(SPINS, CURRENTS), gammas=[gamma])
    share = np.pi * most**2 / (2.0 * np.pi) ** 2  # of the zone
    chi = SpinAccumulation().compute(run)["spin_accumulation_even"][0, 0] * share / units.ANGSTROM
    mass = 1.0 / (2.0 * hopping)  # ħ = 1, a = 1 Å
    expected = -mass * alpha / (2.0 * np.pi) / (2.0 * gamma)
    np.testing.assert_allclose([chi[1, 0], -chi[0, 1]], expected, rtol=1e-2)
    response = SpinConductivity()
    hall = {name: values * share for name, values in response.compute(run).items()}
    attrs = response.quantities[0].variable(hall["spin_conductivity_even"], run).attrs
    plateau = units.E_CHARGE**2 / units.HBAR_SI / (8.0 * np.pi)  # e/8π in ħ/e S
    for part in (hall["spin_conductivity_intrinsic"][0], hall["spin_conductivity_even"][0, 0]):
        sheet = part[2] * float(attrs["hbar_per_e_S_of_the_sheet"])
        np.testing.assert_allclose([sheet[1, 0], -sheet[0, 1]], plateau, rtol=2e-2)


def green_functions(H, X, Y, energy, gamma):
    """<<X; Y>> of Kubo and Bastin by Green functions in the orbital basis, its sea term up the imaginary axis."""

    def g(z):
        return np.linalg.inv((z + 1j * gamma) * np.eye(len(H)) - H)

    def sea(s):  # the retarded functions have no poles above the axis
        r = g(energy + 1j * s)
        d = -r @ r
        return -1j * np.trace(X @ r @ Y @ d - X @ d @ Y @ r)

    r = g(energy)
    surface = np.trace(X @ r @ Y @ r.conj().T) - np.trace(X @ r @ Y @ r)
    return (surface.real + quad(lambda s: sea(s).real, 0.0, np.inf, epsabs=1e-12, limit=200)[0]) / (2.0 * np.pi)


def test_spin_and_current_of_spin_are_those_of_green_functions() -> None:
    """A magnet without symmetry at one k: H, its differences in k for v, σ ⊗ 1, ½{σ, v}, and no eigenstates."""
    n = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    model, k, energy, gamma = rotated(ferromagnet(), n), np.array([[0.13, 0.31, -0.22]]), 0.2, 0.15

    cells, size = model.R @ model.crystal.lattice, range(3)

    def summed(X_Rnn, kappa):
        return np.tensordot(np.exp(1j * (cells @ kappa)), X_Rnn, 1)

    kappa = 2.0 * np.pi * np.linalg.inv(model.crystal.lattice) @ k[0]
    H, A, step = summed(model.H_Rnn, kappa), summed(model.A_Rvnn, kappa), 1e-4 * np.eye(3)
    gradient = [(summed(model.H_Rnn, kappa + d) - summed(model.H_Rnn, kappa - d)) / 2e-4 for d in step]
    velocity = [gradient[v] + 1j * (H @ A[v] - A[v] @ H) for v in size]
    sigma = np.zeros((3, model.size, model.size), complex)
    for up, down in zip(model.up, model.down, strict=True):
        sigma[np.ix_(size, [up, down], [up, down])] = SIGMA
    both = (SPINS, CURRENTS)
    run = run_sums(model, k, [energy, energy + 0.1], broadened=both, sea=both, gammas=[gamma])
    spin, current = (response.compute(run) for response in (SpinAccumulation(), SpinConductivity()))
    spin = (spin["spin_accumulation_even"] + spin["spin_accumulation_odd"])[0, 0, ..., 0]
    current = (current["spin_conductivity_even"] + current["spin_conductivity_odd"])[0, 0, ..., 0]
    in_cm = 0.5e-2 * units.E_CHARGE**2 / units.HBAR_SI / (run.volume * 1e-10)
    for a, i, j in ((0, 1, 2), (2, 0, 1), (1, 1, 0)):
        Y = velocity[j]
        expected = -1e-10 * green_functions(H, sigma[a], Y, energy, gamma)
        assert spin[a, j] == pytest.approx(expected, rel=1e-6)
        flow = 0.5 * (sigma[a] @ velocity[i] + velocity[i] @ sigma[a])
        expected = -in_cm * green_functions(H, flow, Y, energy, gamma)
        assert current[a, i, j] == pytest.approx(expected, rel=1e-6)


def test_parity_and_low_temperatures() -> None:
    """Even and odd parts agree with a run at −n̂; ζ and α^a → −(π²k_B²T/3e) ∂/∂μ of the curves."""
    n = np.array([0.6, 0.0, 0.8])
    pairs = (SPINS, CURRENTS)
    run = run_sums(
        ferromagnet(), grid(4, 4, 4), np.linspace(-0.4, 0.4, 161), broadened=pairs, sea=pairs, n_hat=[n, -n],
        gammas=[0.2], temperatures=[30.0],
    )  # fmt: skip
    factor = -(np.pi**2) * units.BOLTZMANN_EV**2 * 30.0 / 3.0
    for cold, warm, unit in (
        (SpinAccumulation(), ThermalSpinAccumulation(), 1.0),
        (SpinConductivity(), SpinNernst(), 100.0),
    ):
        curves, thermal = cold.compute(run), warm.compute(run)
        for quantity in (*cold.quantities, *warm.quantities):
            values = {**curves, **thermal}[quantity.name]
            largest = np.abs(values).max()
            assert largest > 0.0
            np.testing.assert_allclose(values[0], quantity.parity * values[1], atol=1e-9 * largest)
        for part in ("even", "odd"):
            curve = curves[f"{cold.name}_{part}"]
            slope = np.gradient(curve, run.energies, axis=-1)[..., 80]
            found = thermal[f"{warm.name}_{part}"][..., 0, 0]
            np.testing.assert_allclose(found, factor * unit * slope, atol=5e-3 * np.abs(found).max())


def test_spin_of_a_film_of_atomic_orbitals() -> None:
    """Along n̂ its diagonal is the spin of the levels; σ and the current are Hermitian; ½{σ, v} of single products."""
    film = read_model(MODELS / "mnw3_dzp.h5")
    n = np.array([0.36, 0.48, 0.8])
    need = frozenset({SPIN_VECTOR, SPIN, VELOCITY})
    states = LcaoStates(film, n, need).line(0.0, 0.11, np.array([0.37]), need)
    sigma, v = states[SPIN_VECTOR], states[VELOCITY]
    np.testing.assert_allclose(np.einsum("v,knvn->kn", n, sigma), states[SPIN], atol=1e-10)
    np.testing.assert_allclose(sigma, sigma.conj().transpose(0, 3, 2, 1), atol=1e-10)
    flow = SPIN_CURRENT.derived(states.E_kn, states.observables)[0]
    s, w = sigma[0, :, 2], v[0, :, 1]
    np.testing.assert_allclose(flow[:, 5], 0.5 * (s @ w + w @ s), atol=1e-9)
