"""Torkance with and without broadening against forms that share no code with the pair kernel."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from scipy.integrate import quad

from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.responses.torkance import Torkance
from hpcalo.kubo.sums.request import TORQUE_VELOCITY
from hpcalo.units import BOHR_IN_ANGSTROM


def green_functions(E, X, Y, energy, gamma):
    """The integral form of the Kubo–Bastin expression with Green functions, prefactor 1/2π, T = 0, by quadrature."""

    def g(e):
        return np.diag(1.0 / (e - E + 1j * gamma))

    def sea(e):
        r, d = g(e), -g(e) @ g(e)
        return np.trace(X @ r @ Y @ d - X @ d @ Y @ r).real

    retarded = g(energy)
    surface = np.trace(X @ retarded @ Y @ retarded.conj().T).real - np.trace(X @ retarded @ Y @ retarded).real
    low = E.min() - 60.0
    pieces = [*np.unique(np.concatenate([E[energy > E], [energy]]))]
    total, start = 0.0, low
    for stop in pieces:
        total += quad(sea, start, stop, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
        start = stop
    # Below `low` the integrand falls like 1/e^3: integrate it to −∞ in 1/e.
    total += quad(lambda s: sea(-1.0 / s) / s**2, 1e-9, -1.0 / low, epsabs=1e-13, limit=400)[0]
    return (surface + total) / (2.0 * np.pi)


@pytest.mark.parametrize("energy", [-0.6, 0.1, 0.9])
def test_even_plus_odd_is_the_green_function_form(energy):
    rng = np.random.default_rng(5)
    E = np.sort(rng.uniform(-1.5, 1.5, 4))
    X, Y = (a + a.conj().T for a in rng.normal(size=(2, 4, 4)) + 1j * rng.normal(size=(2, 4, 4)))
    out = np.zeros((1, 1, 2, 1))
    _kubo.broadened_pairs(
        E[None],
        np.ascontiguousarray(X[None, :, None, :]),
        np.ascontiguousarray(Y[None, :, None, :]),
        np.zeros((1, 2), np.int32),
        np.array([0.15]),
        np.array([energy]),
        np.ones(1),
        out,
    )
    closed = out[0, 0, 0, 0] / np.pi + out[0, 0, 1, 0] / (2.0 * np.pi)
    assert closed == pytest.approx(green_functions(E, X, Y, energy, 0.15), abs=1e-9)


def test_even_torkance_goes_to_the_intrinsic_one_with_the_square_of_gamma():
    """Rashba magnet, E = −3: 0.014604, 0.015064, 0.015106 (e a) for Γ = 0.1, 0.03, 0.01 on converged meshes.

    The distance to the limit falls as Γ². The intrinsic value has steps of a finite mesh, about 3e−5 here, and no
    smaller error.
    """
    run = run_sums(
        rashba(),
        grid(400, 400),
        [-3.0, -2.9],
        broadened=(TORQUE_VELOCITY,),
        sea=(TORQUE_VELOCITY,),
        gammas=[0.01, 0.03, 0.1],
    )
    fields = {name: values * BOHR_IN_ANGSTROM for name, values in Torkance().compute(run).items()}
    even = fields["torkance_even"][0, :, 1, 0, 0]
    intrinsic = fields["torkance_intrinsic"][0, 1, 0, 0]
    assert even == pytest.approx([0.015106, 0.015064, 0.014604], abs=2e-6)
    limit = even[1] + (even[1] - even[2]) * 0.03**2 / (0.1**2 - 0.03**2)
    assert even[0] == pytest.approx(limit - (limit - even[1]) / 9.0, abs=4e-6)
    assert intrinsic == pytest.approx(limit, abs=4e-5)


def test_odd_torkance_is_inversely_proportional_to_gamma():
    run = run_sums(
        rashba(),
        grid(400, 400),
        [-3.0, -2.9],
        broadened=(TORQUE_VELOCITY,),
        sea=(TORQUE_VELOCITY,),
        gammas=[0.02, 0.04],
    )
    odd = Torkance().compute(run)["torkance_odd"][0, :, 0, 0, 0]
    assert odd[0] / odd[1] == pytest.approx(2.0, rel=0.02)


def test_fourfold_symmetry_for_perpendicular_magnetization():
    run = run_sums(rashba(), grid(64, 64), np.linspace(-4, 4, 9), broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,))
    even, odd, intrinsic = (values[0] for values in Torkance().compute(run).values())
    for t in (even[0], intrinsic):
        np.testing.assert_allclose(t[0, 1], -t[1, 0], atol=1e-14)
        np.testing.assert_allclose([t[0, 0], t[1, 1]], 0.0, atol=1e-14)
    np.testing.assert_allclose(odd[0, 0, 0], odd[0, 1, 1], atol=1e-13)
    np.testing.assert_allclose([odd[0, 1, 0], odd[0, 0, 1]], 0.0, atol=1e-13)
    assert np.abs(even).max() > 1e-3
    assert np.abs(odd).max() > 1e-2


@pytest.mark.parametrize("n", [(0.0, 0.0, 1.0), (0.6, 0.0, 0.8), (1.0, 2.0, 0.5)])
def test_even_and_odd_under_reversal_of_the_magnetization(n):
    """The split by Re and Im agrees with two calculations at n̂ and −n̂, also in a magnet without any symmetry."""
    n = np.array(n) / np.linalg.norm(n)
    for model, k in ((rashba(), grid(32, 32)), (ferromagnet(), grid(6, 6, 6))):
        run = run_sums(
            model, k, np.linspace(-2, 2, 7), broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,), n_hat=[n, -n]
        )
        even, odd, intrinsic = Torkance().compute(run).values()
        np.testing.assert_allclose(even[0], even[1], atol=1e-11 * np.abs(even).max())
        np.testing.assert_allclose(odd[0], -odd[1], atol=1e-11 * np.abs(odd).max())
        np.testing.assert_allclose(intrinsic[0], intrinsic[1], atol=1e-9 * np.abs(intrinsic).max())


def test_no_torque_along_the_magnetization():
    n = np.array([0.48, 0.6, 0.64])
    run = run_sums(rashba(), grid(24, 24), [-1.0, 0.5], broadened=(TORQUE_VELOCITY,), sea=(TORQUE_VELOCITY,), n_hat=[n])
    fields = Torkance().compute(run)
    for values in (fields["torkance_even"], fields["torkance_odd"]):
        along = np.einsum("i,agije->agje", n, values)
        assert np.abs(along).max() < 1e-13 * np.abs(values).max()
