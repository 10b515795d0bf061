"""Spiralization against finite spirals; thermal torques by two routes; third law; the paper's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from scipy.optimize import minimize_scalar
from spiral import spiralization as from_spirals

from hpcalo import units
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses import motion
from hpcalo.kubo.responses.inverse_thermal_torque import InverseThermalTorque
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.responses.thermal import thermal_weights
from hpcalo.kubo.responses.thermal_torkance import ThermalTorkance
from hpcalo.kubo.sums.request import TORQUE_VELOCITY

CIRCLE = np.arange(8) / 8.0 * 2.0 * np.pi
PLANE = [[np.sin(a), 0.0, np.cos(a)] for a in CIRCLE]


@pytest.mark.parametrize(
    ("t", "a_r", "delta", "kt", "mu", "printed"),
    [(1.0, 0.4, 0.8, 0.1, -2.0, -3.414e-4), (1.0, 0.7, 1.5, 0.2, -1.0, None), (0.8, -0.3, 2.5, 0.15, 1.1, None)],
)
def test_spiralization_equals_that_of_finite_spirals(t, a_r, delta, kt, mu, printed):
    """[F(q) − F(−q)]/2q of spirals of L cells has an error of order 1/L²: two lengths remove it, 1/L⁴ stays."""
    parameters = {"t": t, "a_r": a_r, "delta": delta, "kt": kt, "mu": mu}
    run = run_sums(
        rashba(t, a_r, delta),
        grid(96, 96),
        [-1.0, 1.0],
        sea=(TORQUE_VELOCITY,),
        thermal=(TORQUE_VELOCITY,),
        mu=[mu],
        temperatures=[kt / units.BOLTZMANN_EV],
        n_hat=PLANE,
    )
    # In hopping units with lattice constant and thickness 1 Å: undo the conversion to J/m².
    berry = Spiralization().compute(run)["spiralization"][:, 0, 1, 0, 0].mean() * units.ANGSTROM**2 / units.EV
    if printed is not None:
        assert berry == pytest.approx(printed, abs=1.5e-7)
    values = {L: from_spirals(L, nk=96, **parameters) for L in (16, 32, 48)}
    assert abs(values[16] - berry) > 3.5 * abs(values[32] - berry)  # second order: the error falls fourfold
    limit = (48**2 * values[48] - 32**2 * values[32]) / (48**2 - 32**2)
    assert limit == pytest.approx(berry, rel=3e-4)


def thermal_run(temperatures, points=1601, k=48):
    return run_sums(
        rashba(),
        grid(k, k),
        np.linspace(-6.0, 6.0, points),
        broadened=(TORQUE_VELOCITY,),
        sea=(TORQUE_VELOCITY,),
        thermal=(TORQUE_VELOCITY,),
        temperatures=temperatures,
        mu=[-2.2, 0.4],
        gammas=[0.1],
    )


def test_both_routes_to_the_inverse_thermal_torque_agree_to_second_order_in_the_energy_spacing():
    errors = []
    for points in (401, 801, 1601):
        fields = InverseThermalTorque().compute(thermal_run([1000.0], points))
        direct, by_energy = fields["beta_tilde_intrinsic"], fields["beta_tilde_intrinsic_by_energy"]
        errors.append(np.abs(direct - by_energy).max() / np.abs(direct).max())
    assert errors[2] < 5e-4
    assert (
        errors[0] / errors[2] > 8.0
    )  # sixteen at second order, less the scatter of where the levels lie in their cells


def test_energy_current_is_heat_current_plus_spiralization():
    """(27) = (33) + (32): B^int = β̃^int + D at any temperature."""
    run = thermal_run([30.0, 300.0, 3000.0], points=11)
    fields = InverseThermalTorque().compute(run)
    D = Spiralization().compute(run)["spiralization"]
    total = fields["beta_tilde_intrinsic"] + D
    np.testing.assert_allclose(fields["energy_current_response"], total, atol=1e-11 * np.abs(total).max())


def test_third_law():
    """β̃ → 0 as T² and D → B as T → 0."""
    run = thermal_run([2000.0, 4000.0], points=11, k=400)
    fields = InverseThermalTorque().compute(run)
    beta = fields["beta_tilde_intrinsic"][0, 0, 1, 0]
    assert beta[1] / beta[0] == pytest.approx(4.0, rel=0.15)
    cold = thermal_run([1.0], points=11)
    D = Spiralization().compute(cold)["spiralization"]
    B = InverseThermalTorque().compute(cold)["energy_current_response"]
    np.testing.assert_allclose(D, B, atol=2e-4 * np.abs(D).max())


def test_ground_state_spiralization_is_the_low_temperature_limit_and_its_average_the_warm_one():
    run = thermal_run([1.0, 3000.0], points=6001, k=24)  # both chemical potentials are points of the grid
    warm, ground = Spiralization().compute(run).values()
    for m, mu in enumerate(run.mu):
        at_mu = [np.interp(mu, run.energies, ground[0, i, j]) for i, j in ((0, 1), (1, 0))]
        cold = [warm[0, i, j, m, 0] for i, j in ((0, 1), (1, 0))]
        np.testing.assert_allclose(at_mu, cold, rtol=2e-3)
    average = np.einsum("aije,mte->aijmt", ground, run.averages(0))
    # The T = 0 curve of a finite mesh is a staircase of steps larger than its mean: first order in the spacing.
    np.testing.assert_allclose(average[..., 1], warm[..., 1], atol=3e-3 * np.abs(warm[..., 1]).max())


def test_sommerfeld_is_the_low_temperature_limit():
    run = thermal_run([20.0, 40.0], points=6001, k=64)
    fields = ThermalTorkance().compute(run)
    full, low = fields["beta_odd"][0, 0, 0, 0], fields["beta_odd_sommerfeld"][0, 0, 0, 0]
    error = np.abs(full / low - 1.0)
    assert error[:, 0].max() < 0.02
    assert error[:, 1] / error[:, 0] == pytest.approx(4.0, rel=0.15)  # the next order is T³ against T


@pytest.mark.parametrize("power", [0, 1, 2])
@pytest.mark.parametrize("temperature", [1e-3, 5.0, 300.0, 2000.0])
def test_thermal_weights_are_exact_for_linear_curves(power, temperature):
    """∫(−f')(E−μ)^p (a + bE) has the moments 1, π²(kT)²/3."""
    kt = units.BOLTZMANN_EV * temperature
    energies = np.linspace(-4.0, 4.2, 831)
    mu = 0.0123
    w = thermal_weights(energies, np.array([mu]), np.array([temperature]), power)[0, 0]
    moments = [1.0, 0.0, np.pi**2 * kt**2 / 3.0, 0.0]
    assert w.sum() == pytest.approx(moments[power], rel=1e-6, abs=1e-8)
    assert (w * (energies - mu)).sum() == pytest.approx(moments[power + 1], rel=1e-6, abs=1e-8)


def test_heat_currents_of_the_paper():
    """Section 5: β̃_yx = 99.49, β̃_xx = −6.09 µJ/m² give 55 kW/m², 87 µW/m, 316 K/m and −270 kW/m², 0.1 K/µm."""
    tilde = 1e-6 * np.array([[-6.09, -99.49, 0.0], [99.49, -6.09, 0.0]])
    omega, cone = 2.0 * np.pi * 5e9, np.deg2rad(1.0)
    t = np.linspace(0.0, 2.0 * np.pi / omega, 721)
    J = motion.current(tilde, *motion.fmr(cone, omega, t))
    c, s = np.cos(omega * t), np.sin(omega * t)
    np.testing.assert_allclose(J[:, 0], omega * cone * (tilde[0, 0] * c - tilde[1, 0] * s), atol=1e-9)  # (60)
    np.testing.assert_allclose(J[:, 1], omega * cone * (tilde[1, 0] * c + tilde[0, 0] * s), atol=1e-9)
    peak = np.abs(J).max()
    assert peak == pytest.approx(55e3, rel=0.01)
    assert peak * 1.58e-9 == pytest.approx(87e-6, rel=0.01)
    assert peak / 174.0 == pytest.approx(316.0, rel=0.01)
    q = 2.0 * np.pi / 2.3e-9
    for x in np.linspace(0.0, 2.3e-9, 5):
        n, rate = motion.spiral(np.array(x), 3e-10, q, 1.0)
        np.testing.assert_allclose(motion.rotation_rate(n, rate), [0.0, -q, 0.0], atol=1e-6 * q)
        J = motion.current(tilde, n, rate)
        assert J[0] == pytest.approx(tilde[0, 1] * q)  # +β̃_xy w q
        assert J[0] == pytest.approx(-270e3, rel=0.01)
    assert abs(J[0]) * 100.0 / 174.0 * 1e-6 == pytest.approx(0.155, rel=0.01)  # "about 0.1 K/µm" at 100 m/s


def test_onsager_between_thermal_torque_and_its_inverse():
    """(40) with the paper's volume: β_yx = 5.24e−35 J m/K is |β̃| = 99.49 µJ/m² at 300 K."""
    assert pytest.approx(99.49e-6, rel=1e-3) == 5.24e-35 * 300.0 / 1.58e-28
    assert pytest.approx(-6.09e-6, rel=2e-3) == -3.21e-36 * 300.0 / 1.58e-28


def test_velocity_of_prescribed_motions_is_the_time_derivative():
    x, t, dt = np.linspace(-8e-9, 8e-9, 9), 2e-11, 1e-15
    for moving in (lambda t: motion.spiral(x, t, 2e9, 30.0), lambda t: motion.neel_wall(x, t, 5e-9, 30.0)):
        n, rate = moving(t)
        difference = (moving(t + dt)[0] - moving(t - dt)[0]) / (2.0 * dt)
        np.testing.assert_allclose(np.linalg.norm(n, axis=-1), 1.0, atol=1e-12)
        np.testing.assert_allclose(rate, difference, atol=2e-6 * np.abs(rate).max())


@pytest.mark.parametrize("seed", range(3))
def test_largest_current_of_resonance_is_that_at_its_extremum(seed):
    """The time of the largest |J_i| is found by a search over the motion itself; samples 5° apart would miss 0.1 %."""
    rng = np.random.default_rng(seed)
    tilde, cone, omega = 1e-4 * rng.normal(size=(2, 3)), 0.2, 2.0 * np.pi * 5e9
    exact = motion.largest_during_fmr(tilde, cone, omega)
    for i in range(2):

        def opposite(phase: float, i: int = i) -> float:
            return -abs(motion.current(tilde, *motion.fmr(cone, omega, np.array(phase / omega)))[i])

        start = min(np.linspace(0.0, 2.0 * np.pi, 25), key=opposite)
        found = minimize_scalar(opposite, bounds=(start - 0.3, start + 0.3), method="bounded", options={"xatol": 1e-9})
        assert exact[i] == pytest.approx(-found.fun, rel=1e-12)
