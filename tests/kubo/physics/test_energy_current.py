"""Energy current and spiralization with broadening: Green functions, the limit of small Γ, the third law."""

from __future__ import annotations

import numpy as np
import pytest
from four_levels import FourLevels, green_functions
from kubo_runs import grid, run_sums

from hpcalo import units
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses.energy_current import TORQUE_ENERGY_CURRENT, EnergyCurrentWithBroadening
from hpcalo.kubo.responses.inverse_thermal_torque import InverseThermalTorque
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.sums.request import TORQUE_VELOCITY

PER_J_M2 = units.ANGSTROM**2 / units.EV
GAMMA, KT, MU = 0.15, 0.3, 0.2


def four_level_run(levels: FourLevels, gammas=(GAMMA,), temperatures=(KT / units.BOLTZMANN_EV,)) -> RunSums:
    """Of torque and velocity, with and without broadening."""
    kinds = {"broadened": (TORQUE_VELOCITY, TORQUE_ENERGY_CURRENT), "sea": (TORQUE_VELOCITY,)}
    return levels.run((), gammas, [MU], temperatures, thermal=(TORQUE_VELOCITY,), **kinds)


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
            expected = -green_functions(levels.E, current, levels.T[j], MU, KT, GAMMA)
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
