"""Thermoelectric coefficients: closed forms of one band, low temperatures, the linear equations, two directions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from scipy.integrate import quad

from hpcalo import units
from hpcalo.hamiltonian.builtin import chain, ferromagnet
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.heat_conductivity import heat_conductivity_parts
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal import averaged
from hpcalo.kubo.responses.thermoelectrics import LORENZ, Thermoelectrics
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY

N = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])


@pytest.fixture(scope="module")
def magnet() -> RunSums:
    """A magnet without symmetry at ±n̂, warm and cold."""
    return run_sums(
        ferromagnet(), grid(4, 4, 4), np.linspace(-0.8, 0.8, 321), broadened=(VELOCITY_VELOCITY,), n_hat=[N, -N],
        gammas=[0.2], temperatures=[10.0, 400.0],
    )  # fmt: skip


def test_one_band_in_closed_form() -> None:
    """E = −2 cos k: S, Π, κ, L, zT from integrals of σ(E) ∝ |sin k|/Γ, and Drude's ρ = m/(n e²τ)."""
    mu, kt, gamma = -1.2, 0.03, 0.01
    temperature = kt / units.BOLTZMANN_EV
    run = run_sums(
        chain(hopping=1.0, rashba=0.0, exchange=0.0), grid(2400), np.linspace(-2.0, -0.4, 801),
        broadened=(VELOCITY_VELOCITY,), gammas=[gamma], mu=[mu], temperatures=[temperature],
    )  # fmt: skip
    found = {name: x.ravel()[0] for name, x in Thermoelectrics().compute(run).items()}

    def moment(power: int) -> float:
        """∫(−f')(E−μ)^n σ dE of two spins at two points, σ = 4v/(2π)/2Γ in e²/ħ Å^-1."""

        def integrand(x: float) -> float:
            v = np.sqrt(4.0 - (mu + kt * x) ** 2)
            return 0.25 / np.cosh(0.5 * x) ** 2 * (kt * x) ** power * 4.0 * v / (2.0 * np.pi) / (2.0 * gamma)

        return quad(integrand, -26.0, 26.0)[0]

    k0, k1, k2 = (moment(n) for n in range(3))
    scale = units.E_CHARGE**2 / units.HBAR_SI / 1e-10
    expected = {
        "resistivity": 1.0 / (scale * k0),
        "seebeck": -k1 / k0 / temperature,
        "peltier": -k1 / k0,
        "electronic_heat_conductivity": scale * (k2 - k1**2 / k0) / temperature,
        "lorenz_number": (k2 / k0 - (k1 / k0) ** 2) / temperature**2,
        "power_factor": scale * k0 * (k1 / k0 / temperature) ** 2,
        "figure_of_merit": k1**2 / (k0 * k2 - k1**2),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=5e-3)
    k_f = np.arccos(-0.5 * mu)
    drude = (2.0 * k_f / np.pi) * (2.0 * np.sin(k_f) / k_f) / (2.0 * gamma)  # n e²τ/m with ħ/m = v_F/k_F
    assert found["resistivity"] * scale * drude == pytest.approx(1.0, rel=5e-3)


def test_wiedemann_and_franz_and_mott_at_low_temperature(magnet: RunSums) -> None:
    """L → (π²/3)(k_B/e)² 1 and S → −(π²k_B²T/3e) ρ ∂σ/∂μ, whole tensors, and Π = T S(−n̂)ᵀ of two directions."""
    found = {name: x[..., 0, 0] for name, x in Thermoelectrics().compute(magnet).items()}
    np.testing.assert_allclose(found["lorenz_number"][0, 0], LORENZ * np.eye(3), atol=1e-3 * LORENZ)
    symmetric, hall = conductivity_parts(magnet)
    sigma = (symmetric + hall)[:, 0]
    slope = np.gradient(sigma, magnet.energies, axis=-1)[..., 160]
    mott = -LORENZ * 10.0 * np.linalg.solve(sigma[..., 160], slope)
    whole = (found["seebeck"] + found["nernst_thermopower"])[:, 0]
    np.testing.assert_allclose(whole, mott, atol=5e-3 * np.abs(mott).max())
    peltier = (found["peltier"] + found["peltier_odd"])[:, 0]
    np.testing.assert_allclose(peltier[0], 10.0 * whole[1].T, rtol=1e-9)
    assert np.abs(found["nernst_thermopower"]).max() > 1e-3 * np.abs(found["seebeck"]).max()


def test_zero_current_is_a_schur_complement_and_parities_hold(magnet: RunSums) -> None:
    """κ^-1 is a block of the inverse of ((σ, −α), (Tα, −λ)); all parts are even or odd as declared, at 400 K."""
    response = Thermoelectrics()
    found = {name: x[..., 0, 1] for name, x in response.compute(magnet).items()}
    sigma, heat = (sum(parts)[0, 0] for parts in (conductivity_parts(magnet), heat_conductivity_parts(magnet)))
    curves = sigma[None, None]
    charge, first = (averaged(curves, magnet.averages(n))[0, 0, :, :, 0, 1] for n in (0, 1))
    alpha = -first / 400.0
    block = np.linalg.inv(np.block([[charge, -alpha], [400.0 * alpha, -heat[..., 0, 1]]]))
    kappa = found["electronic_heat_conductivity"] + found["thermal_hall_conductivity_zero_current"]
    np.testing.assert_allclose(kappa[0, 0], -np.linalg.inv(block[3:, 3:]), rtol=1e-9)
    for quantity in response.quantities:
        values = found[quantity.name]
        if quantity.parity:
            np.testing.assert_allclose(values[0], quantity.parity * values[1], atol=1e-9 * np.abs(values).max())


def test_what_does_not_conduct_has_no_coefficients() -> None:
    """No conductivity, no number."""
    run = run_sums(
        chain(rashba=0.0), grid(8), [-0.4, 0.0, 0.4], broadened=(VELOCITY_VELOCITY,), gammas=[0.1], temperatures=[50.0]
    )
    raw = {name: np.zeros_like(x) for name, x in run.raw[0].items()}
    found = Thermoelectrics().compute(replace(run, raw=(raw,)))
    assert all(np.isnan(x).all() for name, x in found.items())
