"""Energy currents of an electric field: Green functions, the orbital magnetization, the Nernst effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from four_levels import FourLevels, green_functions
from kubo_runs import grid, run_sums
from places import MODELS

from hpcalo import units
from hpcalo.hamiltonian.builtin import haldane
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.kubo.responses.inverse_nernst import InverseNernst
from hpcalo.kubo.responses.orbital_magnetization import OrbitalMagnetization
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY

KINDS = {"sea": (VELOCITY_VELOCITY,), "thermal": (VELOCITY_VELOCITY,), "broadened": (VELOCITY_VELOCITY,)}


def test_energy_current_per_field_is_that_of_green_functions():
    """R_ij = −(e/V) K(J^E_i, v_j), J^E = ½{H − μ, v} as a matrix, K of (26) at small Γ: its antisymmetric part."""
    levels = FourLevels(4)
    mu, kt, gamma = 0.2, 0.3, 0.005
    run = levels.run((), [gamma], [mu], [kt / units.BOLTZMANN_EV], **KINDS)
    found = InverseNernst().compute(run)["energy_current_per_field"][0, :, :, 0, 0]
    H = np.diag(levels.E - mu)
    currents = [0.5 * (H @ v + v @ H) for v in levels.v]
    K = np.array([[green_functions(levels.E, X, Y, mu, kt, gamma) for Y in levels.v] for X in currents])
    scale = units.E_CHARGE / units.HBAR_SI * units.EV / units.ANGSTROM / run.volume
    expected = -scale * 0.5 * (K - K.T)
    np.testing.assert_allclose(found, expected, atol=4e-3 * np.abs(expected).max())


def test_energy_current_is_the_orbital_one_in_the_ground_state():
    """(50) and (14): R E = −E × M^orb at T = 0, of Haldane's model in its gap; the heat current vanishes."""
    field = (2e5, -1e5, 3e4)
    settings = {"heat_currents": {"electric_field": field}}
    run = run_sums(haldane(), grid(24, 24), [-0.1, 0.0, 0.1], temperatures=[0.5], **KINDS, **settings)
    found = InverseNernst().compute(run)
    M = OrbitalMagnetization().compute(run)["orbital_magnetization"][0, :, 0, 0]
    M = M * units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3)
    assert abs(M[2]) > 1.0
    R = found["energy_current_per_field"][0, :, :, 0, 0]
    np.testing.assert_allclose(R @ field[:2], -np.cross(field, M)[:2], rtol=1e-6)
    np.testing.assert_allclose(found["orbital_energy_current"][0, :, 0, 0], -np.cross(field, M), rtol=1e-12)
    np.testing.assert_allclose(found["energy_current_per_field_ground_state"][0, :, :, 1], R, rtol=1e-6)
    assert np.abs(found["inverse_nernst_heat_current"]).max() < 1e-6 * np.abs(R).max() * np.abs(field).max()


@pytest.mark.parametrize("external", [False, True], ids=["lattice", "position matrix"])
def test_direct_form_and_nernst_effect_agree(external):
    """(54) sums over pairs with the entropy of a level, (52) integrates the Hall conductivity over energy."""
    model = read_model(MODELS / "fe.h5") if external else haldane()
    zero = model.fermi_energy if external else 1.7
    axis = zero + np.linspace(-2.5, 2.5, 4001)
    levels = {"levels": (CURVATURE,), "thermal_levels": (CURVATURE,)} if external else {}
    k = grid(3, 3, 3) if external else grid(16, 16)
    run = run_sums(model, k, axis, temperatures=[900.0, 1500.0], mu=[zero], **KINDS, **levels)
    found = InverseNernst().compute(run)
    direct, by_nernst = found["inverse_nernst"], found["inverse_nernst_by_conductivity"]
    assert np.abs(direct).max() > 1e-3
    np.testing.assert_allclose(direct, by_nernst, atol=1e-3 * np.abs(direct).max())
    if external:
        plain = replace(run, raw=tuple({n: v for n, v in r.items() if "curvature" not in n} for r in run.raw))
        inside = InverseNernst().compute(plain)["inverse_nernst"]
        assert np.abs(inside - direct).max() > 1e-3 * np.abs(direct).max()
