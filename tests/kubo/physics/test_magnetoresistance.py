"""Anisotropic magnetoresistance and planar Hall effect where symmetry relates them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kubo_runs import run_sums

from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.exchange import PAULI
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.magnetoresistance import Magnetoresistance, resistivity
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.solver import States
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Request, Sums

ENERGIES = np.array([0.1, 0.6])
GAMMAS = np.array([0.1])
TURNS = 20
"""Directions of k: turning n̂ by multiples of 2π over it turns all sums exactly."""


class Gas:
    """Electrons of H = k²/2 + 0.5 (σ_x k_y − σ_y k_x) + 0.3 σ·n̂; k in the place of fractional coordinates."""

    order = (0, 1, 2)
    size = 2
    directions = (0, 1)

    def __init__(self, n_hat: np.ndarray) -> None:
        self.crystal, self.n_hat = rashba().crystal, n_hat

    def line(self, first: float, second: float, last: np.ndarray, need: object) -> States:
        """As every solver has it."""
        x, y = first, second
        H = 0.5 * (x * x + y * y) * np.eye(2) + 0.5 * (PAULI[0] * y - PAULI[1] * x)
        E, c = np.linalg.eigh(H + 0.3 * np.tensordot(self.n_hat, PAULI, 1))
        slopes = np.stack([x * np.eye(2) - 0.5 * PAULI[1], y * np.eye(2) + 0.5 * PAULI[0]])
        v = c.conj().T @ slopes @ c
        return States(E[None], {VELOCITY: np.ascontiguousarray(v.transpose(1, 0, 2)[None])})


def gas(n_hat: np.ndarray) -> RunSums:
    """The sums of the gas with each n̂, on rings of k."""
    angle, k = np.meshgrid(2.0 * np.pi * np.arange(TURNS) / TURNS, (np.arange(5) + 0.5) * 0.4)
    points = np.stack([k * np.cos(angle), k * np.sin(angle), 0.0 * k], axis=-1).reshape(-1, 3)
    axes = (ENERGIES, GAMMAS, np.zeros(0), np.zeros(0), Sums(broadened=(VELOCITY_VELOCITY,)))
    request = Request(rashba().crystal, *axes)
    weights = (k / k.sum()).ravel()
    raw = tuple(sum_block(Gas(n), points, weights, request, slice(None)) for n in n_hat)
    empty = run_sums(rashba(), np.zeros((1, 3)), ENERGIES, gammas=GAMMAS)
    return replace(empty, n_hat=n_hat, raw=raw)


@pytest.fixture(scope="module")
def turned() -> RunSums:
    """With n̂ at ten of the angles in the plane, over half a turn, and along z."""
    phi = 2.0 * np.pi * np.arange(TURNS // 2) / TURNS
    around = np.stack([np.cos(phi), np.sin(phi), 0.0 * phi], axis=1)
    return gas(np.concatenate([around, [[0.0, 0.0, 1.0]]]))


def test_isotropic_film(turned: RunSums) -> None:
    """Longitudinal and transverse amplitude are equal, there are no fourth harmonics, and the AMR is (ρ_∥ − ρ_⊥)/ρ̄."""
    found = Magnetoresistance().compute(turned)
    harmonics = found["resistivity_harmonics"][0, :, :, :, 0]  # of n̂ in the plane xy
    size = np.abs(harmonics[1, 0, 0]).min()
    assert size > 1e-3 * harmonics[0, 0, 0].max()
    for element, expected in (((0, 0), 1.0), ((1, 1), -1.0)):
        np.testing.assert_allclose(harmonics[1][element], expected * harmonics[2, 0, 1], rtol=1e-9)
        np.testing.assert_allclose(harmonics[2][element], 0.0, atol=1e-10 * size)
    np.testing.assert_allclose(harmonics[3:], 0.0, atol=1e-10 * size)
    assert found["resistivity_harmonics_residual"][0].max() < 1e-9
    rho = resistivity(turned)[:, :, :, 0]
    along, across = rho[0, 0, 0], rho[0, 1, 1]  # n̂ = x
    for values in (found["amr"][0, 0, 0], found["amr"][0, 1, 0], found["planar_hall"][0, 0]):
        np.testing.assert_allclose(values, 2.0 * (along - across) / (along + across), rtol=1e-9)
    assert np.isnan(found["amr"][1:]).all()
    assert np.isnan(found["planar_hall"][1:]).all()


def test_resistivity_is_the_inverse_of_the_whole_conductivity(turned: RunSums) -> None:
    """With n̂ = z: ρ_xx = σ_xx/(σ_xx² + σ_xy²)."""
    symmetric, hall = (part[-1, 0, :, :, 0] for part in conductivity_parts(turned))
    assert abs(hall[0, 1]) > 1e-3 * symmetric[0, 0]
    expected = symmetric[0, 0] / (symmetric[0, 0] ** 2 + hall[0, 1] ** 2)
    assert resistivity(turned)[-1, 0, 0, 0, 0] == pytest.approx(expected, rel=1e-12)


def test_directions_that_determine_nothing(turned: RunSums) -> None:
    """Two directions do not; three determine the second harmonics, and say nothing of how good they are."""
    response = Magnetoresistance()
    two = replace(turned, n_hat=turned.n_hat[:2], raw=turned.raw[:2])
    assert "needs three or more n_hat in one of the planes" in response.unfit(two.n_hat)
    assert all(np.isnan(values).all() for values in response.compute(two).values())
    three = replace(turned, n_hat=turned.n_hat[[0, 3, 6]], raw=tuple(turned.raw[i] for i in (0, 3, 6)))
    found, every = response.compute(three), response.compute(turned)
    np.testing.assert_allclose(found["amr"][0], every["amr"][0], rtol=1e-9)
    assert np.isnan(found["resistivity_harmonics"][0, 3:]).all()
    assert np.isnan(found["resistivity_harmonics_residual"]).all()
