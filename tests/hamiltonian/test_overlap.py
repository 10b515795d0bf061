"""Near-singular overlaps: the smallest eigenvalue of S(k) is found, and what the digits of a file do there is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.overlap import require_positive_overlap, resolution, smallest_overlap
from hpcalo.hamiltonian.types import Crystal, LcaoModel


def chain(gap: float, k_0: float = 0.3) -> LcaoModel:
    """Two orbitals whose S(k) has the smallest eigenvalue `gap` + 1 − cos 2π(k − k_0) minus rounding: off-site elements
    rotate, so that the minimum lies at no point of symmetry.
    """
    c, s = 0.5 * np.cos(2 * np.pi * k_0), 0.5 * np.sin(2 * np.pi * k_0)
    hop = -np.array([[c, s], [-s, c]])  # eigenvectors (1, ±i): −cos 2π(k ∓ k_0)
    R = np.array([(-1, 0, 0), (0, 0, 0), (1, 0, 0)])
    S = np.stack([hop.T, (1.0 + gap) * np.eye(2), hop])
    crystal = Crystal(np.diag([3.0, 9.0, 9.0]), (True, False, False), np.zeros((1, 3)), ("Mn",), np.ones(1))
    H = np.zeros_like(S)
    H[1] = np.diag([-1 / 3, 2 / 3])
    return LcaoModel(crystal, R, H, H, S, np.zeros((3, *S.shape)), np.zeros((2, 3)))


@pytest.mark.parametrize("k_0", [0.3, 0.07, 0.5])
def test_the_smallest_eigenvalue_is_found_where_it_is(k_0: float) -> None:
    value, k = smallest_overlap(chain(2e-5, k_0))
    assert value == pytest.approx(2e-5, rel=0.05)
    assert min(abs(k[0] - k_0), abs(k[0] - (1 - k_0))) < 1e-3
    assert not k[1:].any()


def test_what_lost_digits_do_is_said() -> None:
    assert not require_positive_overlap(chain(2e-5)).notes
    (note,) = require_positive_overlap(chain(2e-6)).notes
    assert note.startswith("overlap matrix nearly singular: smallest eigenvalue 2")
    model = chain(2e-5)
    rounded = replace(model, up_Rnn=np.round(model.up_Rnn, 6), down_Rnn=np.round(model.down_Rnn, 6))
    (note,) = require_positive_overlap(rounded).notes
    assert note.startswith("warning: overlap matrix nearly singular")
    assert "the digits of the file (5e-07 eV) can shift levels of the highest bands by up to 0.03 eV" in note
    assert require_positive_overlap(require_positive_overlap(rounded)).notes == (note,)
    assert not require_positive_overlap(chain(0.1)).notes
    with pytest.raises(ModelError, match=r"smallest eigenvalue -0\.001 at k = .*must be positive"):
        require_positive_overlap(chain(-1e-3))


def test_the_shift_that_is_told_bounds_the_shift_there_is() -> None:
    """Levels of H c = E S c before and after rounding H to six decimals, at the worst k."""
    model = chain(2e-5)
    _, k = smallest_overlap(model)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(3, 2, 2))
    noise = noise + noise[::-1].transpose(0, 2, 1)
    phases = np.exp(2j * np.pi * model.R @ k)
    S = np.tensordot(phases, model.S_Rnn, 1)
    low = np.linalg.inv(np.linalg.cholesky(S))
    worst = 0.0
    for H in (model.up_Rnn + noise, np.round(model.up_Rnn + noise, 6)):
        E = np.linalg.eigvalsh(low @ np.tensordot(phases, H, 1) @ low.conj().T)
        worst = E - worst
    assert 1e-5 < np.abs(worst).max() < 2 * 3 * resolution(np.round(noise, 6)) / 2e-5


def test_the_digits_of_a_file_are_recognized() -> None:
    x = np.random.default_rng(2).normal(size=1000)
    assert resolution(np.round(x, 6)) == pytest.approx(5e-7)
    assert resolution(np.round(x, 8)) == pytest.approx(5e-9)
    assert resolution(x.astype(np.float32).astype(np.float64)) == pytest.approx(6e-8 * np.abs(x).max(), rel=0.01)
    assert resolution(x) < 1e-15
