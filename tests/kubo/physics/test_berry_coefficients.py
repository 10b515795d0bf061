"""A, B, M, N of single bands: closed forms of two bands, and known results from their sums."""

from __future__ import annotations

import numpy as np
import pytest
from four_levels import FourLevels
from kubo_runs import grid, run_sums

from hpcalo import units
from hpcalo.hamiltonian.builtin import ferromagnet, haldane, rashba
from hpcalo.hamiltonian.turning import rotated
from hpcalo.kubo.responses.berry_coefficients import OrbitalCoefficients, TorqueCoefficients
from hpcalo.kubo.states.band_coefficients import (
    BERRY_CURVATURE_TENSOR,
    MIXED_BERRY_CURVATURE,
    ORBITAL_MOMENT_TENSOR,
    TWIST_TORQUE_MOMENT,
    BandCoefficient,
)
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, VELOCITY_VELOCITY
from hpcalo.units import MU_B_PER_EV_A2

EPSILON = np.array([[[(i - j) * (j - k) * (k - i) / 2.0 for k in range(3)] for j in range(3)] for i in range(3)])


def test_two_bands_in_closed_form():
    """H = ε + d·σ: A = −(a × b)·d/2d², B = ±(a × b)·d/2d³ of the lower and the upper band, T = a·σ, v = b·σ + …"""
    n, a_r, delta = np.array([0.36, 0.48, 0.8]), 0.4, 0.8
    need = frozenset({TORQUE, VELOCITY})
    solver = WannierStates(rotated(rashba(1.0, a_r, delta), n), need)
    kx, ky = 0.31, np.array([0.17, 0.42])
    x, y = 2.0 * np.pi * kx, 2.0 * np.pi * ky
    states = solver.points(np.stack([np.full(2, kx), ky, np.zeros(2)], axis=1), need)
    A, B = (one.derived(states.E_kn, states.observables) for one in (TWIST_TORQUE_MOMENT, MIXED_BERRY_CURVATURE))
    a = -0.5 * delta * EPSILON @ n  # (torque, σ)
    for i in range(2):
        d = np.array([a_r * np.sin(y[i]), -a_r * np.sin(x), 0.0]) + 0.5 * delta * n
        b = np.array([[0.0, -a_r * np.cos(x), 0.0], [a_r * np.cos(y[i]), 0.0, 0.0]])
        across = np.einsum("tjc,c->tj", np.cross(a[:, None], b[None]), d)
        size = np.linalg.norm(d)
        for band, sign in enumerate((1.0, -1.0)):
            np.testing.assert_allclose(A[i, :, :, band], -across / (2.0 * size**2), atol=1e-13)
            np.testing.assert_allclose(B[i, :, :, band], sign * across / (2.0 * size**3), atol=1e-13)


def weights(E: np.ndarray, mu: float, kt: float) -> tuple[np.ndarray, np.ndarray]:
    """f and k_BT ln(1 + e^−u)."""
    return 1.0 / (1.0 + np.exp((E - mu) / kt)), kt * np.log1p(np.exp(-(E - mu) / kt))


@pytest.mark.parametrize(
    ("pair", "first", "second", "sign"),
    [
        (TORQUE_VELOCITY, TWIST_TORQUE_MOMENT, MIXED_BERRY_CURVATURE, 1.0),
        (VELOCITY_VELOCITY, ORBITAL_MOMENT_TENSOR, BERRY_CURVATURE_TENSOR, -1.0),
    ],
    ids=["A, B", "M, N"],
)
def test_sums_over_bands_are_the_known_results(
    pair: tuple, first: BandCoefficient, second: BandCoefficient, sign: float
) -> None:
    """Σ f A + G B is the spiralization's sum, with M and N the orbital magnetization's, −Σ B {f(E−μ) + G} the heat."""
    levels = FourLevels(7)
    mu, kt = 0.2, 0.3
    run = levels.run((), [0.1], [mu], [kt / units.BOLTZMANN_EV], thermal=(pair,))
    states = levels.line(0.0, 0.0, np.zeros(1), None)
    A, B = (sign * one.derived(states.E_kn, states.observables)[0] for one in (first, second))
    f, G = weights(levels.E, mu, kt)
    sums = run.thermal(pair)[0, :, :, :, 0, 0]
    for row, expected in enumerate((A @ f + B @ G, (A - B * (levels.E - mu)) @ f, -B @ (f * (levels.E - mu) + G))):
        np.testing.assert_allclose(sums[:, :, row], expected, atol=1e-11 * np.abs(sums).max())


@pytest.mark.parametrize("which", ["torque", "orbital"])
def test_curves_are_sums_of_single_bands(which):
    """With all pairs of levels, those in one cell of the energy axis too."""
    pair = TORQUE_VELOCITY if which == "torque" else VELOCITY_VELOCITY
    model, k = ferromagnet(), grid(3, 3, 3)
    E = np.linspace(-2.0, 2.0, 9)  # coarse: many pairs share a cell
    run = run_sums(model, k, E, sea=(pair,))
    found = list((TorqueCoefficients() if which == "torque" else OrbitalCoefficients()).compute(run).values())
    need = frozenset({TORQUE, VELOCITY})
    states = WannierStates(model, need).points(k, need)
    ones = (TWIST_TORQUE_MOMENT, MIXED_BERRY_CURVATURE)
    ones = ones if which == "torque" else (ORBITAL_MOMENT_TENSOR, BERRY_CURVATURE_TENSOR)
    unit = 1.0 if which == "torque" else MU_B_PER_EV_A2
    for curve, one in zip(found, ones, strict=True):
        values = unit * one.derived(states.E_kn, states.observables)
        below = (states.E_kn[..., None] < E).astype(float)
        expected = np.einsum("kijn,kne->ije", values, below) / len(k)
        assert np.abs(expected).max() > 1e-6
        np.testing.assert_allclose(curve[0], expected, atol=1e-9 * np.abs(expected).max())


def test_two_bands_have_one_moment_and_opposite_curvatures():
    """Of one pair, E_m − E_n enters M once and N squared: M of both bands is twice that of one, and N adds up to 0."""
    run = run_sums(haldane(), grid(24, 24), [-20.0, 0.0, 20.0], sea=(VELOCITY_VELOCITY,))
    M = OrbitalCoefficients().compute(run)["orbital_moment_tensor"][0, 0, 1]
    assert abs(M[1]) > 1e-3
    assert M[2] == pytest.approx(2.0 * M[1], rel=1e-10)
    N = OrbitalCoefficients().compute(run)["berry_curvature_tensor"][0, 0, 1]
    assert abs(N[2]) < 1e-12 * abs(N[1])
