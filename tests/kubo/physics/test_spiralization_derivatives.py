"""∂D/∂T, ∂D/∂μ and the bound torque: differences of D, the three routes to β̃, the work of a turning magnetization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from kubo_runs import grid, run_sums

from hpcalo import units
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses.inverse_thermal_torque import J_PER_M2, intrinsic_parts
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.responses.spiralization_derivatives import SpiralizationDerivatives
from hpcalo.kubo.states.band_coefficients import TWIST_TORQUE_MOMENT
from hpcalo.kubo.sums.request import TORQUE_VELOCITY

MU, T = (-2.2, 0.4), 900.0
N = (0.36, 0.48, 0.8)


def thermal(mu: Sequence[float], temperatures: Sequence[float], points: int = 11, k: int = 14) -> RunSums:
    """Of a Rashba magnet with an oblique magnetization."""
    return run_sums(
        rashba(exchange=1.1),
        grid(k, k),
        np.linspace(-6.0, 6.0, points),
        sea=(TORQUE_VELOCITY,),
        thermal=(TORQUE_VELOCITY,),
        thermal_levels=(TWIST_TORQUE_MOMENT,),
        mu=mu,
        temperatures=temperatures,
        n_hat=[N],
    )


def test_derivatives_are_those_of_the_spiralization():
    """Against central differences of (32), whose code has no derivative in it."""
    found = SpiralizationDerivatives().compute(thermal(MU, [T]))
    h = 2.0
    D = Spiralization().compute(thermal(MU, [T - h, T + h]))["spiralization"]
    slope = (D[..., 1] - D[..., 0]) / (2.0 * h)
    np.testing.assert_allclose(found["spiralization_by_temperature"][..., 0], slope, atol=2e-5 * np.abs(slope).max())
    h = 2e-4
    D = Spiralization().compute(thermal([MU[0] - h, MU[0] + h], [T]))["spiralization"][..., 0]
    slope = (D[..., 1] - D[..., 0]) / (2.0 * h)
    by_mu = found["spiralization_by_chemical_potential"][..., 0, 0]
    np.testing.assert_allclose(by_mu, slope, atol=2e-5 * np.abs(slope).max())


def test_three_routes_to_the_inverse_thermal_torque():
    """(33) sums pairs, (35) integrates the torkance, and T [Σ A ∂f/∂T − ∂D/∂T] takes D at two temperatures."""
    run, h = thermal(MU, [T], points=6001), 2.0
    fields = intrinsic_parts(run)
    pairs, by_energy = fields["beta_tilde_intrinsic"], fields["beta_tilde_intrinsic_by_energy"]
    D = Spiralization().compute(thermal(MU, [T - h, T + h]))["spiralization"]
    slope = (D[..., 1:] - D[..., :1]) / (2.0 * h)
    moments = run.thermal_level(TWIST_TORQUE_MOMENT)[:, :, :, 3].swapaxes(1, 2) * J_PER_M2 / run.volume
    by_temperature = moments - T * slope
    size = np.abs(pairs).max()
    np.testing.assert_allclose(by_energy, pairs, atol=1e-4 * size)
    np.testing.assert_allclose(by_temperature, pairs, atol=1e-4 * size)


def test_bound_torque_is_the_work_of_a_turning_magnetization():
    """F = ∫ D_ij(x) ê_j·(n̂ × ∂_i n̂) of a uniform n̂ changes by −∫ τ·δφ under small rotations δφ(x)."""
    run = thermal(MU[:1], [T])
    found, volume = SpiralizationDerivatives().compute(run), run.volume * units.ANGSTROM**3
    slope = found["spiralization_by_temperature"][0, :, :, 0, 0]  # (current, torque)
    n = np.array(N)
    x = np.linspace(0.0, 1.0, 4001)
    bump = np.exp(-(((x - 0.5) / 0.08) ** 2))
    dT = 7.0  # K/m along x
    for axis in np.eye(3):
        energies = []
        for eps in (1e-4, -1e-4):
            turned = n + eps * bump[:, None] * np.cross(axis, n)
            turned /= np.linalg.norm(turned, axis=1)[:, None]
            density = np.cross(turned, np.gradient(turned, x, axis=0)) @ slope[0] * dT * x
            energies.append(np.trapezoid(density, x))
        work = (energies[0] - energies[1]) / 2e-4
        torque = found["bound_torque_per_temperature_gradient"][0, :, 0, 0, 0] / volume * dT
        assert work == pytest.approx(-torque @ axis * np.trapezoid(bump, x), abs=1e-6 * np.abs(torque).max())
