"""Energy current and spiralization with broadening: Green functions, the limit of small Γ, the third law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from scipy.integrate import simpson

from hpcalo import units
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses.energy_current import TORQUE_ENERGY_CURRENT, EnergyCurrentWithBroadening
from hpcalo.kubo.responses.inverse_thermal_torque import InverseThermalTorque
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.solver import States
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Request, Sums
from hpcalo.typing import ComplexArray

PER_J_M2 = units.ANGSTROM**2 / units.EV
GAMMA, KT, MU = 0.15, 0.3, 0.2


class FourLevels:
    """One k-point with four levels and random Hermitian torque and velocity."""

    order = (0, 1, 2)
    size = 4
    n_hat = np.array([0.0, 0.0, 1.0])
    directions = (0, 1)

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.crystal = rashba().crystal
        self.E = np.array([-1.1, -0.4, 0.3, 1.2]) + rng.uniform(-0.15, 0.15, 4)
        random = rng.normal(size=(5, 4, 4)) + 1j * rng.normal(size=(5, 4, 4))
        hermitian = random + random.conj().transpose(0, 2, 1)
        self.T, self.v = hermitian[:3], hermitian[3:]

    def line(self, first, second, last, need):
        def layout(X: ComplexArray) -> ComplexArray:
            return np.ascontiguousarray(X.transpose(1, 0, 2)[None])

        return States(self.E[None].copy(), {TORQUE: layout(self.T), VELOCITY: layout(self.v)})


def four_level_run(levels: FourLevels, gammas=(GAMMA,), temperatures=(KT / units.BOLTZMANN_EV,)) -> RunSums:
    """Through the sums of a run, with an energy axis that reaches beyond −f'."""
    kt = units.BOLTZMANN_EV * np.array(temperatures)
    run = run_sums(rashba(), grid(1, 1), [0.0, 1.0], mu=[MU], temperatures=temperatures, gammas=gammas)
    energies = np.linspace(MU - 12.0, MU + 12.0, 24001)
    sums = Sums(broadened=(TORQUE_VELOCITY, TORQUE_ENERGY_CURRENT), sea=(TORQUE_VELOCITY,), thermal=(TORQUE_VELOCITY,))
    request = Request(levels.crystal, energies, np.array(gammas), np.full(len(kt), MU), kt, sums)
    raw = sum_block(levels, np.zeros((1, 3)), np.ones(1), request, slice(None))
    return replace(run, energies=energies, raw=(raw,))


def green_functions(levels: FourLevels, X: ComplexArray, Y: ComplexArray) -> float:
    """(26) for a current X and a perturbation Y, with ħ/2π and ħ = 1: K(X, Y) of <X> = K(X, Y) da/dt, H' = Y a(t).

    The integrals over f use ∫dE f g(E) = ∫dE (−f') ∫^E g, with the inner one by the trapezoid rule down to −400.
    """
    E = np.concatenate([-np.geomspace(4000.0, 12.0, 12000), np.linspace(-12.0, 12.0, 60001)[1:]])
    G = 1.0 / (E[:, None] - levels.E + 1j * GAMMA)  # diagonal of G^R

    def trace(left: ComplexArray, right: ComplexArray) -> ComplexArray:
        """Tr X L Y R with diagonal L and R."""
        return np.einsum("nm,em,mn,en->e", X, left, Y, right, optimize=True)

    surface = trace(G, G.conj()) - trace(G, G).real
    sea = (trace(G, -G * G) - trace(-G * G, G)).real
    x = 0.5 * (E - MU) / KT
    minus_df = 0.25 / KT / np.cosh(np.clip(x, -350.0, 350.0)) ** 2
    fermi = 0.5 * (1.0 - np.tanh(x))
    return float((simpson(minus_df * surface.real, x=E) + simpson(fermi * sea, x=E)) / (2.0 * np.pi))


@pytest.mark.parametrize("seed", [3, 8])
def test_energy_current_is_that_of_green_functions(seed):
    """B_ij = −K(J^E_i, T_j) with J^E = ½{H − μ, v}/V as a matrix: (26) at 3500 K, of random levels without symmetry."""
    levels = FourLevels(seed)
    run = four_level_run(levels)
    found = EnergyCurrentWithBroadening().compute(run)
    total = (found["energy_current_even"] + found["energy_current_odd"])[0, 0, :, :, 0, 0] * PER_J_M2
    H = np.diag(levels.E - MU)
    for i in range(2):
        current = 0.5 * (H @ levels.v[i] + levels.v[i] @ H) / run.volume
        for j in range(3):
            expected = -green_functions(levels, current, levels.T[j])
            assert total[i, j] == pytest.approx(expected, abs=2e-5 * np.abs(total).max())


def test_small_broadening_gives_the_intrinsic_energy_current_and_spiralization():
    """Γ → 0: (27) and (32) in the even part, of second order; the odd remainder of D vanishes with the first order."""
    run = four_level_run(FourLevels(5), gammas=[0.005, 0.01, 0.02])
    wide, sharp = EnergyCurrentWithBroadening().compute(run), InverseThermalTorque().compute(run)
    D = Spiralization().compute(run)["spiralization"]
    for name, limit in (("energy_current_even", sharp["energy_current_response"]), ("spiralization_even", D)):
        errors = [np.abs(wide[name][:, g] - limit).max() / np.abs(limit).max() for g in range(3)]
        assert errors[0] < 1e-3
        assert errors[1] / errors[0] == pytest.approx(4.0, rel=0.05)
        assert errors[2] / errors[1] == pytest.approx(4.0, rel=0.05)
    remainder = [np.abs(wide["spiralization_odd"][0, g]).max() for g in range(3)]
    assert remainder[1] / remainder[0] == pytest.approx(2.0, rel=0.02)
    assert remainder[2] / remainder[1] == pytest.approx(2.0, rel=0.04)


def test_parity_under_reversal_of_the_magnetization():
    """Even and odd parts from two magnetizations."""
    n = np.array([0.36, 0.48, 0.8])
    run = run_sums(
        rashba(),
        grid(12, 12),
        np.linspace(-5.0, 5.0, 301),
        broadened=(TORQUE_VELOCITY, TORQUE_ENERGY_CURRENT),
        gammas=[0.1],
        temperatures=[1500.0],
        mu=[-2.2, 0.4],
        n_hat=[n, -n],
    )
    found = EnergyCurrentWithBroadening().compute(run)
    for part, sign in (("even", 1.0), ("odd", -1.0)):
        for name in ("energy_current", "spiralization"):
            one, other = found[f"{name}_{part}"]
            assert np.abs(one).max() > 1e-5
            np.testing.assert_allclose(one, sign * other, atol=1e-11 * np.abs(one).max())


def test_third_law_with_broadening():
    """β̃ → 0 as T², and with it B → D and D → its value at T = 0, at finite Γ."""
    run = four_level_run(FourLevels(6), temperatures=(25.0, 50.0))
    heat, found = InverseThermalTorque().compute(run), EnergyCurrentWithBroadening().compute(run)
    for part in ("even", "odd"):
        cold, warm = np.moveaxis(heat[f"beta_tilde_{part}"], -1, 0)
        large = np.abs(warm) > 0.1 * np.abs(warm).max()
        assert warm[large] / cold[large] == pytest.approx(4.0, rel=0.02)
        B, D = found[f"energy_current_{part}"], found[f"spiralization_{part}"]
        assert np.abs(B - D)[..., 0].max() < 3e-3 * np.abs(B).max()
    ground = found["spiralization_even_ground_state"]
    at_mu = ground[..., np.abs(run.energies - MU).argmin()]
    assert np.abs(found["spiralization_even"][..., 0, 0] - at_mu).max() < 3e-3 * np.abs(at_mu).max()
