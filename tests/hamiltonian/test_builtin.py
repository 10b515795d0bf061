"""Closed-form models against the formulas they state, and the exchange tools against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import BUILTIN, builtin_model, chain, ferromagnet, haldane, rashba
from hpcalo.hamiltonian.exchange import (
    PAULI,
    odd_part,
    pauli_on_pairs,
    spin_components,
    time_reversed,
    torque_from_spin,
    torque_Rvnn,
    unit_vector,
)
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import WannierModel

SX, SY, SZ = PAULI
MAGNETS = [rashba, chain, ferromagnet]


def bloch(model: WannierModel, X: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.einsum("r,r...->...", np.exp(2j * np.pi * (model.R @ k)), X)


def test_rashba_equals_its_formula() -> None:
    t, a_R, delta, a = 0.7, 0.31, 1.3, 2.5
    n = unit_vector((1.0, 2.0, -0.5))
    model = rashba(t, a_R, delta, a, n_hat=tuple(n))
    for k in np.random.default_rng(0).uniform(-1, 1, (5, 3)):
        x, y = 2 * np.pi * k[:2]
        expected = -2 * t * (np.cos(x) + np.cos(y)) * np.eye(2) + a_R * (SX * np.sin(y) - SY * np.sin(x))
        expected = expected + 0.5 * delta * (n[0] * SX + n[1] * SY + n[2] * SZ)
        np.testing.assert_allclose(bloch(model, model.H_Rnn, k), expected, atol=1e-14)
    assert model.crystal.volume == pytest.approx(a * a * 1.0)


def test_chain_equals_its_formula() -> None:
    model = chain(0.7, 0.31, 1.3)
    k = np.array([0.13, 0.4, 0.2])
    x = 2 * np.pi * k[0]
    expected = -1.4 * np.cos(x) * np.eye(2) - 0.31 * SY * np.sin(x) + 0.65 * SZ
    np.testing.assert_allclose(bloch(model, model.H_Rnn, k), expected, atol=1e-14)
    assert model.crystal.dimensions == 1


def test_haldane_gaps() -> None:
    """At K and K' the gap is 2|M ± 3√3 t2 sin φ| with M the on-site energy; the neighbours are all one bond away."""
    t2, onsite, phase = 0.2, 0.5, 0.3 * np.pi
    model = haldane(1.0, t2, onsite, phase, bond=1.42)
    gaps = []
    for k in ([1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]):
        levels = np.linalg.eigvalsh(bloch(model, model.H_Rnn, np.array(k)))
        gaps.append(levels[1] - levels[0])
    expected = [2 * abs(onsite + s * 3 * np.sqrt(3) * t2 * np.sin(phase)) for s in (1, -1)]
    np.testing.assert_allclose(sorted(gaps), sorted(expected), atol=1e-12)
    for r, H in zip(model.R, model.H_Rnn, strict=True):
        if abs(H[0, 1]) > 0:
            apart = r @ model.crystal.lattice + model.centres[1] - model.centres[0]
            assert np.linalg.norm(apart) == pytest.approx(1.42)


@pytest.mark.parametrize("make", MAGNETS)
def test_odd_part_is_the_exchange_that_was_put_in(make) -> None:
    model = make(n_hat=(0.3, -0.4, 0.5))
    np.testing.assert_allclose(odd_part(model.H_Rnn, model.up, model.down), model.odd_Rnn, atol=1e-14)
    even = model.H_Rnn - model.odd_Rnn
    np.testing.assert_allclose(time_reversed(even, model.up, model.down), even, atol=1e-14)


@pytest.mark.parametrize("make", MAGNETS)
def test_turned_model_equals_the_model_made_turned(make) -> None:
    start, n = (0.3, -0.4, 0.5), unit_vector((-1.0, 0.2, 0.7))
    turned = rotated(make(n_hat=start), n)
    np.testing.assert_allclose(turned.H_Rnn, make(n_hat=tuple(n)).H_Rnn, atol=1e-14)
    np.testing.assert_allclose(turned.n_hat, n)


@pytest.mark.parametrize("make", MAGNETS)
def test_reversal_is_time_reversal(make) -> None:
    model = make(n_hat=(0.0, 0.6, 0.8))
    back = rotated(model, -model.n_hat)
    np.testing.assert_allclose(back.H_Rnn, make(n_hat=(0.0, -0.6, -0.8)).H_Rnn, atol=1e-14)
    np.testing.assert_allclose(back.H_Rnn, time_reversed(model.H_Rnn, model.up, model.down), atol=1e-14)
    almost = rotated(model, -model.n_hat + np.array([1e-7, 0, 0]))
    np.testing.assert_allclose(almost.H_Rnn, back.H_Rnn, atol=1e-6)


@pytest.mark.parametrize("make", MAGNETS)
def test_torque_is_n_cross_dH_dn(make) -> None:
    """T = n × ∂H/∂n by central differences of models made with n tilted, against the commutator."""
    n = unit_vector((0.3, -0.4, 0.5))
    step = 1e-5
    model = make(n_hat=tuple(n))
    gradient = np.zeros((len(model.R), 3, model.size, model.size), dtype=complex)
    for e in (unit_vector(np.cross(n, [0, 0, 1])), unit_vector(np.cross(n, np.cross(n, [0, 0, 1])))):
        plus, minus = (make(n_hat=tuple(unit_vector(n + s * step * e))).H_Rnn for s in (1, -1))
        gradient += ((plus - minus) / (2 * step))[:, None] * e[None, :, None, None]
    numeric = np.cross(n[None, :, None, None], gradient, axis=1)
    torque = torque_Rvnn(model)
    np.testing.assert_allclose(torque, numeric, atol=1e-9)
    # the component along n vanishes for exchange along n
    np.testing.assert_allclose(np.einsum("v,rvmn->rmn", n, torque), 0, atol=1e-14)


def test_torque_in_k_space_with_pauli_matrices_is_the_same() -> None:
    model = ferromagnet(n_hat=(0.3, -0.4, 0.5))
    k = np.array([0.1, 0.2, 0.3])
    sigma = pauli_on_pairs(model.up, model.down)
    T = torque_from_spin(sigma[None], bloch(model, model.odd_Rnn, k)[None])
    np.testing.assert_allclose(T[0], bloch(model, torque_Rvnn(model), k), atol=1e-13)


def test_spin_components_rebuild_the_matrix() -> None:
    model = ferromagnet()
    x0, xv = spin_components(model.H_Rnn, model.up, model.down)
    rebuilt = np.kron(np.eye(2), x0[3]) + sum(np.kron(PAULI[v], xv[v, 3]) for v in range(3))
    np.testing.assert_allclose(rebuilt, model.H_Rnn[3], atol=1e-14)


def test_ferromagnet_is_reproducible_and_seeded() -> None:
    np.testing.assert_array_equal(ferromagnet().H_Rnn, ferromagnet().H_Rnn)
    assert np.abs(ferromagnet().H_Rnn - ferromagnet(seed=2).H_Rnn).max() > 0.1


def test_mistakes_are_named() -> None:
    with pytest.raises(ModelError, match="did you mean 'rashba'"):
        builtin_model("rashbaa")
    with pytest.raises(ModelError, match="lattice_constant"):
        rashba(lattice_constant=0.0)
    with pytest.raises(ModelError, match="direction"):
        rashba(n_hat=(0.0, 0.0, 0.0))
    with pytest.raises(ModelError, match="no exchange part"):
        rotated(haldane(), (1.0, 0.0, 0.0))
    assert set(BUILTIN) == {"rashba", "chain", "haldane", "ferromagnet", "antiferromagnet"}
