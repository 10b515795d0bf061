"""λ and Λ at finite temperature: a band in one dimension, spins without spin-orbit coupling, the Onsager matrix."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from scipy.integrate import quad

from hpcalo import units
from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.kubo.responses.heat_conductivity import HeatConductivity
from hpcalo.kubo.responses.onsager import Onsager
from hpcalo.kubo.responses.rotation_response import RotationResponse
from hpcalo.kubo.sums.request import TORQUE_TORQUE, TORQUE_VELOCITY, VELOCITY_VELOCITY

KINDS = (TORQUE_VELOCITY, TORQUE_TORQUE, VELOCITY_VELOCITY)


def minus_df(x: float) -> float:
    return 0.25 / np.cosh(0.5 * x) ** 2


def test_heat_conductivity_of_a_band_in_one_dimension():
    """λ = (1/e²T) ∫(−f')(E−μ)² σ dE with σ = (e²/ħ)(1/2Γ) 2·2v/2π, v = 2 sin k, E = 2 − 2 cos k, in closed form."""
    mu, kt, gamma = 1.3, 0.06, 0.02
    run = run_sums(
        rashba(hopping=1.0, rashba=0.0, exchange=0.0),
        grid(1600, 1),
        np.linspace(-0.7, 3.3, 1601),
        broadened=(VELOCITY_VELOCITY,),
        gammas=[gamma],
        mu=[mu],
        temperatures=[kt / units.BOLTZMANN_EV],
    )

    def sigma(E: float) -> float:  # (e²/ħ) Å² per Å³, two spins, two points k
        return 2.0 * 2.0 * np.sqrt(1.0 - (0.5 * (E - 2.0)) ** 2) * 2.0 / (2.0 * np.pi) / (2.0 * gamma)

    moment = quad(lambda x: minus_df(x) * (kt * x) ** 2 * sigma(mu + 2.0 + kt * x - 2.0), -11.0, 11.0)[0]
    per_kelvin = units.CONDUCTANCE_QUANTUM_HALF / units.ANGSTROM / (kt / units.BOLTZMANN_EV)
    found = HeatConductivity().compute(run)["heat_conductivity"][0, 0, 0, 0, 0, 0]
    assert found == pytest.approx(moment * per_kelvin, rel=2e-2)


def test_precession_at_finite_temperature_is_the_spin():
    """Without spin-orbit coupling Λ_antisym is the spin at (μ, T), of the bands ε(k) ± Δ/2 with Fermi functions."""
    mu, temperature, exchange = -1.2, 2500.0, 1.3
    k = grid(40, 40)
    run = run_sums(
        rashba(rashba=0.0, exchange=exchange),
        k,
        np.linspace(-9.0, 7.0, 1601),
        broadened=(TORQUE_TORQUE,),
        gammas=[0.01, 0.02],
        mu=[mu],
        temperatures=[temperature],
    )
    kt = temperature * units.BOLTZMANN_EV
    band = -2.0 * np.cos(2.0 * np.pi * k[:, :2]).sum(axis=1)
    band = band - band.mean()
    occupied = [1.0 / (1.0 + np.exp((band + s * exchange / 2.0 - mu) / kt)) for s in (1.0, -1.0)]
    spin = 0.5 * (occupied[1] - occupied[0]).mean()  # ħ per cell, the majority lies lower
    found = RotationResponse().compute(run)["lambda_antisymmetric_finite_temperature"][0, :, :, :, 0, 0]
    errors = np.abs(np.abs(found[:, 0, 1]) - spin) / spin
    assert errors[0] < 0.02
    assert errors[1] / errors[0] == pytest.approx(4.0, rel=0.05)  # of second order in Γ


def test_they_are_the_diagonal_blocks_of_the_onsager_matrix():
    """Tλ and −Λ/V in SI, in a magnet without symmetry."""
    run = run_sums(
        ferromagnet(),
        grid(4, 4, 4),
        np.linspace(-1.0, 1.0, 201),
        broadened=KINDS,
        sea=(TORQUE_VELOCITY,),
        temperatures=[300.0, 500.0],
    )
    A = Onsager().compute(run)["onsager_matrix"]
    heat, torque = sum(HeatConductivity().compute(run).values()), sum(RotationResponse().compute(run).values())
    np.testing.assert_allclose(A[:, :, :3, :3], heat * run.temperatures, rtol=1e-12, atol=1e-12 * np.abs(heat).max())
    expected = -torque * units.HBAR_SI / (run.volume * units.ANGSTROM**3)
    np.testing.assert_allclose(A[:, :, 3:, 3:], expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
