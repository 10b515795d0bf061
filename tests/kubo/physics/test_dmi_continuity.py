"""Continuity of the DMI energy (8) for general textures; the torque against the energy of a whole film."""

from __future__ import annotations

import numpy as np
import pytest
from kubo_runs import grid, run_sums

from hpcalo.hamiltonian.builtin import rashba
from hpcalo.kubo.responses.dmi_continuity import MovingTexture
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.sums.request import TORQUE_VELOCITY
from hpcalo.typing import RealArray

NM, PS = 1e-9, 1e-12
PLACES = np.random.default_rng(2).uniform(-5.0, 5.0, (40, 2)) * NM


def texture(r: RealArray, t: float) -> RealArray:
    """No symmetry: both angles depend on both coordinates and on time."""
    x, y, s = r[..., 0] / NM, r[..., 1] / NM, t / PS
    theta = 1.1 + 0.5 * np.sin(0.31 * x - 0.8 * s) + 0.4 * np.cos(0.17 * y + 0.2 * x + 0.5 * s)
    phi = 0.4 * x - 0.23 * y + 0.6 * np.sin(0.2 * x + s)
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)


def of_the_magnet() -> tuple[RealArray, RealArray]:
    """D (2, 3) of the Rashba magnet at two temperatures, J/m²."""
    run = run_sums(
        rashba(),
        grid(16, 16),
        [-1.0, 1.0],
        sea=(TORQUE_VELOCITY,),
        thermal=(TORQUE_VELOCITY,),
        mu=[-2.0],
        temperatures=[600.0, 1200.0],
        n_hat=[[0.36, 0.48, 0.8]],
    )
    D = Spiralization().compute(run)["spiralization"][0, :, :, 0]
    return D[..., 0], D[..., 1]


COLD, WARM = of_the_magnet()


def uniform(n: RealArray, r: RealArray) -> RealArray:
    return np.broadcast_to(COLD, (*n.shape[:-1], 2, 3))


def graded(n: RealArray, r: RealArray) -> RealArray:
    """Between two temperatures along both axes."""
    share = (r @ [0.05, 0.02] / NM)[..., None, None]
    return COLD + share * (WARM - COLD)


def anisotropic(n: RealArray, r: RealArray) -> RealArray:
    """Without its part along n̂, as every D(n̂) is, and with a higher power of n̂; graded as well."""
    D = graded(n, r) * (1.0 + 0.7 * n[..., 2] ** 2)[..., None, None]
    return D - np.einsum("...ij,...j,...k->...ik", D, n, n)


@pytest.mark.parametrize("tensor", [uniform, graded, anisotropic])
def test_energy_currents_and_torque_of_any_texture_balance(tensor) -> None:
    """∂_t F + ∇·J = −τ·ω, by central differences of second order."""
    gaps = []
    for h in (0.04, 0.02, 0.01):
        terms = MovingTexture(texture, tensor, h * NM, h * PS).continuity(PLACES, 0.3 * PS)
        assert np.abs(terms.source).max() > 0.1 * np.abs(terms.divergence).max()  # the DMI does work here
        gaps.append(terms.gap)
    assert gaps[2] < 1e-4
    np.testing.assert_allclose(np.log2(np.array(gaps[:-1]) / np.array(gaps[1:])), 2.0, atol=0.2)


@pytest.mark.parametrize("tensor", [graded, anisotropic])
def test_torque_is_the_variation_of_the_whole_energy(tensor) -> None:
    """∫τ·δφ = −δ∫F for a small bump of rotation, with the energy of a film by sums over a grid."""
    x = (np.arange(160) + 0.5) * 0.1 - 8.0
    r = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1) * NM
    bump = np.exp(-((r / (2.0 * NM)) ** 2).sum(axis=-1))
    film = MovingTexture(texture, tensor, 1e-2 * NM, 1e-2 * PS)
    torque = film.torque(r, 0.0)
    for axis in np.eye(3):
        energies = []
        for eps in (1e-4, -1e-4):

            def turned(r: RealArray, t: float, eps: float = eps, axis: RealArray = axis) -> RealArray:
                n = texture(r, t)
                angle = eps * np.exp(-((r / (2.0 * NM)) ** 2).sum(axis=-1))
                n = n + angle[..., None] * np.cross(axis, n)
                return n / np.linalg.norm(n, axis=-1, keepdims=True)

            energies.append(MovingTexture(turned, tensor, 1e-2 * NM, 1e-2 * PS).energy(r, 0.0).sum())
        work = (energies[0] - energies[1]) / 2e-4
        expected = -(torque @ axis * bump).sum()
        assert work == pytest.approx(expected, rel=2e-3, abs=2e-4 * np.abs(torque).sum() / 10)


def test_nothing_is_left_for_a_texture_that_keeps_its_shape() -> None:
    """(8) as printed: a cycloid that moves in uniform D. With a gradient of D it does not hold."""

    def cycloid(r: RealArray, t: float) -> RealArray:
        phase = 2.7 * (r[..., 0] / NM - 0.4 * t / PS)
        return np.stack([np.sin(phase), np.zeros_like(phase), np.cos(phase)], axis=-1)

    def wall(r: RealArray, t: float) -> RealArray:
        s = r[..., 0] / NM - 0.4 * t / PS
        return np.stack([1.0 / np.cosh(s), np.zeros_like(s), -np.tanh(s)], axis=-1)

    for moving in (cycloid, wall):
        terms = MovingTexture(moving, anisotropic_uniform, 1e-3 * NM, 1e-3 * PS).continuity(PLACES, 0.0)
        assert np.abs(terms.divergence).max() > 0.0
        size = np.abs(COLD).max() * 2.7 / NM * 2.7 / PS
        assert np.abs(terms.source).max() < 1e-4 * size
        assert np.abs(terms.energy_rate + terms.divergence).max() < 1e-4 * size
        graded_terms = MovingTexture(moving, graded, 1e-3 * NM, 1e-3 * PS).continuity(PLACES, 0.0)
        assert np.abs(graded_terms.source).max() > 20.0 * np.abs(terms.source).max()
        assert graded_terms.gap < 1e-3


def anisotropic_uniform(n: RealArray, r: RealArray) -> RealArray:
    return anisotropic(n, np.zeros_like(r))
