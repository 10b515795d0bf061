"""Fields and efficiencies per current: a closed form, the torque they came from, symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums

from hpcalo import units
from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.kubo.responses.conductivity import Conductivity
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.responses.torque_efficiency import TorqueEfficiency
from hpcalo.kubo.states.operators import SPIN
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, VELOCITY_VELOCITY

BOTH = (TORQUE_VELOCITY, VELOCITY_VELOCITY)


def test_field_of_rashba_coupling_on_majority_electrons() -> None:
    """B_FL = αm j/(eħ n µ_B) along ẑ × j: the Rashba field of the drifting electrons; ξ_FL = 2αm d/ħ².

    One spin is occupied, αk ≪ Δ, and small circles of a lattice stand for a parabolic band, as in the Rashba gas.
    """
    hopping, alpha, exchange, most, thickness = 100.0, 0.3, 3.0, 0.2, 4.0
    radius = most * np.sqrt((np.arange(1500) + 0.5) / 1500)
    angle = 2.0 * np.pi * (np.arange(8) + 0.5) / 8
    x, y = (np.outer(radius, f(angle)).ravel() / (2.0 * np.pi) for f in (np.cos, np.sin))
    k = np.stack([x, y, np.zeros_like(x)], axis=1)
    model = rashba(hopping=hopping, rashba=alpha, exchange=exchange, thickness=thickness)
    n = [0.48, 0.36, 0.8]
    energies = -400.0 + np.linspace(-1.6, 0.0, 81)
    run = run_sums(model, k, energies, broadened=BOTH, levels=(SPIN,), gammas=[0.01], n_hat=[n])
    found = {name: values[..., 80] for name, values in TorqueEfficiency().compute(run).items()}
    mass = 1.0 / (2.0 * hopping)  # over ħ², 1/(eV Å²)
    np.testing.assert_allclose(found["field_like_efficiency"][0, 0], 2.0 * alpha * mass * thickness, rtol=1e-2)
    share = np.pi * most**2 / (2.0 * np.pi) ** 2  # of the zone: sums and moment lack this factor
    density = 0.5 * exchange / hopping / (4.0 * np.pi) / thickness * 1e30  # k_F²/4π per area, majority alone
    field = 1e10 * alpha * mass * units.HBAR_SI / (units.E_CHARGE * density * units.BOHR_MAGNETON)  # T/(A/m²)
    np.testing.assert_allclose(found["field_like_field"][0, 0] / share * 1e-15, field, rtol=1e-2)


def test_the_field_exerts_the_torque() -> None:
    """m n̂ × b j = t E with j = σE in a magnet without symmetry; n̂·b = 0; the even torque has an odd field."""
    n = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    run = run_sums(
        ferromagnet(), grid(4, 4, 4), [-0.4, 0.4], broadened=BOTH, sea=(TORQUE_VELOCITY,), levels=(SPIN,),
        gammas=[0.2], n_hat=[n, -n], moment=1.7,
    )  # fmt: skip
    response = TorqueEfficiency()
    found, torkance, sigma = (r.compute(run) for r in (response, Torkance(), Conductivity()))
    assert set(found) == {"effective_field_even", "effective_field_odd"}
    for part, other, parity in (("even", "odd", -1), ("odd", "even", 1)):
        b = found[f"effective_field_{other}"]
        torque = 1.7 * units.BOHR_MAGNETON * np.cross(n, b[0, 0], axisb=0, axisc=0)
        per_field = np.einsum("ike,kje->ije", torque, 100.0 * sigma["conductivity"][0, 0]) * 1e-15
        expected = units.E_A0 * torkance[f"torkance_{part}"][0, 0]
        np.testing.assert_allclose(per_field, expected, atol=1e-9 * np.abs(expected).max())
        np.testing.assert_allclose(b[0], parity * b[1], atol=1e-9 * np.abs(b).max())
        assert np.abs(np.einsum("i,ije->je", n, b[0, 0])).max() < 1e-12 * np.abs(b).max()


def test_perpendicular_magnetization_and_a_direction_without_torque() -> None:
    """n̂ = ẑ: τ_FL = −t_xx^odd and τ_DL = t_yx^even; along y a current along x exerts neither."""
    run = run_sums(
        rashba(), grid(24, 24), [-2.0, -1.0], broadened=BOTH, sea=(TORQUE_VELOCITY,), levels=(SPIN,), gammas=[0.2],
        n_hat=[[0, 0, 1], [0, 1, 0]], moment=1.0,
    )  # fmt: skip
    found, torkance, sigma = (r.compute(run) for r in (TorqueEfficiency(), Torkance(), Conductivity()))
    scale = 2.0 * units.E_CHARGE / units.HBAR_SI * units.E_A0 / 1e-20 / (100.0 * sigma["conductivity"][0, 0, 0, 0])
    for name, t in (
        ("field_like", -torkance["torkance_odd"][0, 0, 0, 0]),
        ("damping_like", torkance["torkance_even"][0, 0, 1, 0]),
    ):
        assert found[f"{name}_efficiency"][0, 0, 0] == pytest.approx(scale * t, rel=1e-9)
        assert np.isnan(found[f"{name}_efficiency"][1, 0, 0]).all()
        assert np.isfinite(found[f"{name}_efficiency"][1, 0, 1]).all()
