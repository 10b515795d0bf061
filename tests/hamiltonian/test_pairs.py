"""Spin pairs found again after the functions were shuffled, given phases, or quantized along another axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wannier_files import bloch

from hpcalo.errors import ModelError
from hpcalo.hamiltonian import pairs
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.exchange import odd_part, pauli_on_pairs, torque_Rvnn
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.readers.wannier90.assemble import with_pairs
from hpcalo.hamiltonian.types import WannierModel

K = np.array([[0.11, -0.2, 0.37]])


def with_spin(model: WannierModel) -> tuple[WannierModel, int]:
    """The model with explicit spin matrices (Pauli in cell 0), and the number of cell 0."""
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    spin = np.zeros((len(model.R), 3, model.size, model.size), dtype=complex)
    spin[home] = pauli_on_pairs(model.up, model.down)
    return replace(model, spin_Rvnn=spin), home


def scrambled(model: WannierModel, gauge: np.ndarray) -> WannierModel:
    """The same model in other functions, its pairs and exchange part forgotten."""
    none = np.zeros(0, dtype=np.int64)

    def turn(X: np.ndarray) -> np.ndarray:
        return gauge.conj().T @ X @ gauge

    return replace(
        model,
        H_Rnn=turn(model.H_Rnn),
        A_Rvnn=turn(model.A_Rvnn),
        spin_Rvnn=turn(model.spin_Rvnn),
        up=none,
        down=none,
        odd_Rnn=None,
    )


def gauge_of(kind: str, N: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    order = np.eye(N)[:, rng.permutation(N)]
    if kind == "order":
        return order
    if kind == "down phases":
        return np.diag(np.r_[np.ones(N // 2), np.exp(2j * np.pi * rng.random(N // 2))]) @ order
    if kind == "all phases":
        return np.diag(np.exp(2j * np.pi * rng.random(N))) @ order
    # spins quantized along a tilted axis, another one for each pair, and all phases
    gauge = np.zeros((N, N), dtype=complex)
    for i in range(N // 2):
        q = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
        gauge[np.ix_([i, i + N // 2], [i, i + N // 2])] = q
    return gauge @ order


@pytest.mark.parametrize("kind", ["order", "down phases", "all phases", "tilted axes"])
def test_exchange_part_is_found_in_any_gauge(kind: str) -> None:
    """Levels of H, H_odd and the torque do not depend on the gauge the functions came in."""
    original, home = with_spin(ferromagnet(orbitals=4, n_hat=(0.0, 0.6, 0.8)))
    mixed = scrambled(original, gauge_of(kind, original.size))
    up, down = pairs.find_pairs(mixed.spin_Rvnn[home])
    found, mixes = with_pairs(mixed, up, down, home)
    assert mixes == (kind == "tilted axes")
    assert found.odd_Rnn is not None
    assert original.odd_Rnn is not None
    for a, b in ((found.H_Rnn, original.H_Rnn), (found.odd_Rnn, original.odd_Rnn)):
        levels = [np.linalg.eigvalsh(bloch(m, X, K)) for m, X in ((found, a), (original, b))]
        np.testing.assert_allclose(levels[0], levels[1], atol=1e-10)
    torques = [np.linalg.eigvalsh(bloch(m, torque_Rvnn(m), K)) for m in (found, original)]
    np.testing.assert_allclose(torques[0], torques[1], atol=1e-10)
    np.testing.assert_allclose(found.spin_Rvnn[home], pauli_on_pairs(up, down), atol=1e-10)
    measures = pairs.quality(found.H_Rnn, found.spin_Rvnn, home, up, down)
    assert max(measures.pauli, measures.reversal, measures.imaginary) < 1e-10
    np.testing.assert_allclose(with_magnetization(found).n_hat, original.n_hat, atol=1e-10)


def test_without_real_phases_time_reversal_would_be_wrong() -> None:
    """The phases matter: skipping them leaves part of the even Hamiltonian in the odd part."""
    original, home = with_spin(ferromagnet(orbitals=4))
    mixed = scrambled(original, gauge_of("all phases", original.size))
    up, down = pairs.find_pairs(mixed.spin_Rvnn[home])
    gauge, _ = pairs.spin_gauge(mixed.spin_Rvnn[home], up, down)
    careless = odd_part(gauge.conj().T @ mixed.H_Rnn @ gauge, up, down)
    assert original.odd_Rnn is not None
    assert np.linalg.norm(careless) > 1.2 * np.linalg.norm(original.odd_Rnn)


def test_what_is_not_pairs_is_refused() -> None:
    with pytest.raises(ModelError, match="must be even"):
        pairs.find_pairs(np.zeros((3, 3, 3)))
    with pytest.raises(ModelError, match="no spin partner"):
        pairs.find_pairs(np.zeros((3, 4, 4)))
    with pytest.raises(ModelError, match="must be even"):
        pairs.layout_pairs(5, "blocks")
    original, home = with_spin(ferromagnet(orbitals=2))
    spin = original.spin_Rvnn.copy()
    spin[home, 2] = 0
    with pytest.raises(ModelError, match="no exchange part can be made"):
        pairs.quality(original.H_Rnn, spin, home, original.up, original.down)


def test_doubtful_pairs_are_noted() -> None:
    notes = pairs.PairQuality(pauli=0.3, reversal=0.1, imaginary=0.2).notes()
    assert len([n for n in notes if n.startswith("warning")]) == 2
