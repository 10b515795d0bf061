"""Functions that are no spin pairs: exchange part and torque as those of the same model in pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kubo_runs import grid, run_sums
from wannier_files import bloch, write_spin, write_tb, write_win

from hpcalo.errors import InputError
from hpcalo.hamiltonian import reversal
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.magnetization import with_magnetization
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.readers.matrices import from_arrays
from hpcalo.hamiltonian.readers.wannier90.assemble import WannierOptions, read_wannier90
from hpcalo.hamiltonian.types import WannierModel
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.states.operators import TORQUE
from hpcalo.kubo.states.solvers import magnetization_directions
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.request import TORQUE_VELOCITY

N_HAT = (0.0, 0.6, 0.8)
NONE = np.zeros(0, dtype=np.int64)


def with_spin(model: WannierModel) -> WannierModel:
    spin = np.zeros((len(model.R), 3, model.size, model.size), dtype=complex)
    spin[model.home] = pauli_on_pairs(model.up, model.down)
    return replace(model, spin_Rvnn=spin)


def unitary(N: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.linalg.qr(rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N)))[0]


def mixed(model: WannierModel, W: np.ndarray) -> WannierModel:
    """The same model in the functions W, its pairs and exchange part forgotten."""
    H, A, spin = (W.conj().T @ X @ W for X in (model.H_Rnn, model.A_Rvnn, model.spin_Rvnn))
    centres = np.einsum("vnn->nv", A[model.home]).real.copy()
    return replace(model, H_Rnn=H, A_Rvnn=A, spin_Rvnn=spin, centres=centres, up=NONE, down=NONE, odd_Rnn=None)


def mixed_by_k(model: WannierModel, n: int) -> WannierModel:
    """The same film in functions W(k) = exp(iG(k)) with G between nearest cells, on the cells of a mesh n × n."""
    N, rng = model.size, np.random.default_rng(0)
    R = np.array([(i, j, 0) for i in range(-(n // 2), n // 2 + 1) for j in range(-(n // 2), n // 2 + 1)])
    k = R / n
    G = np.zeros((len(k), N, N), dtype=complex)
    for r in model.R:
        g = rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N))
        size = 0.2 if not r.any() else 0.02 * np.exp(-np.linalg.norm(r))
        G += size * np.exp(2j * np.pi * k @ r)[:, None, None] * g
    angles, vectors = np.linalg.eigh(G + G.conj().mT)
    W = (vectors * np.exp(1j * angles)[:, None]) @ vectors.conj().mT
    there, back = np.exp(2j * np.pi * k @ R.T), np.exp(-2j * np.pi * R @ k.T) / len(k)
    W_R, r = np.tensordot(back, W, 1), R @ model.crystal.lattice
    gradient = np.stack([np.tensordot(there, 1j * r[:, v, None, None] * W_R, 1) for v in range(3)], axis=1)
    centres = np.stack([np.diag(model.centres[:, v]) for v in range(3)])
    dagger = W.conj().mT
    A = np.tensordot(back, dagger[:, None] @ (centres @ W[:, None] + 1j * gradient), 1)
    H_k = np.tensordot(np.exp(2j * np.pi * k @ model.R.T), model.H_Rnn, 1)
    sigma = pauli_on_pairs(model.up, model.down)
    return replace(
        model,
        R=R,
        H_Rnn=np.tensordot(back, dagger @ H_k @ W, 1),
        A_Rvnn=A,
        spin_Rvnn=np.tensordot(back, dagger[:, None] @ sigma @ W[:, None], 1),
        centres=np.einsum("vnn->nv", A[len(R) // 2]).real.copy(),
        up=NONE,
        down=NONE,
        odd_Rnn=None,
    )


def torkances(model: WannierModel, k: np.ndarray) -> np.ndarray:
    run = run_sums(model, k, [-1.0, 0.4], broadened=(TORQUE_VELOCITY,))
    return np.stack(torkance_parts(run))


def test_functions_mixed_alike_in_every_cell() -> None:
    """A random unitary of all functions: the torkance of the model in pairs, to rounding; n̂ and moments are found."""
    model = with_spin(ferromagnet(orbitals=3, n_hat=N_HAT))
    found, measures = reversal.with_exchange(mixed(model, unitary(6)))
    assert max(measures.square, measures.mixed, measures.twice, measures.odd, measures.even) < 1e-11
    expected = torkances(model, grid(3, 2, 2))
    np.testing.assert_allclose(torkances(found, grid(3, 2, 2)), expected, atol=1e-11 * np.abs(expected).max())
    np.testing.assert_allclose(with_magnetization(found).n_hat, model.n_hat, atol=1e-10)
    # reversed, the even part stays and the odd one changes sign; another direction is refused
    both = run_sums(found, grid(3, 2, 2), [-1.0, 0.4], broadened=(TORQUE_VELOCITY,), n_hat=[N_HAT, [0.0, -0.6, -0.8]])
    for part, sign in zip(torkance_parts(both), (1.0, -1.0), strict=True):
        np.testing.assert_allclose(part[1], sign * part[0], atol=1e-11 * np.abs(expected).max())
    with pytest.raises(InputError, match=r"kubo\.n_hat: .* no spin pairs, so .* can be reversed but not"):
        magnetization_directions(found, [[1.0, 0.0, 0.0]])


@pytest.mark.parametrize("N", [6, 7])
def test_functions_that_are_no_pairs_from_arrays(N: int) -> None:
    """Arrays of a mixed gauge, also with a function more than pairs, give the torkance of the model in pairs."""
    model = with_spin(ferromagnet(orbitals=3, n_hat=N_HAT))
    H, A, spin = model.H_Rnn, model.A_Rvnn, model.spin_Rvnn
    if A is None or spin is None:
        raise AssertionError("the model has both")
    alone = N - 6

    def wider(X: np.ndarray) -> np.ndarray:
        return np.pad(X, [(0, 0)] * (X.ndim - 2) + [(0, alone)] * 2)

    H, A, spin, W = wider(H), wider(A), wider(spin), unitary(N)
    if alone:
        H[model.home, 6, 6], spin[model.home, :, 6, 6] = 30.0, (0.0, 0.0, 1.0)
    H, A, spin = (W.conj().T @ X @ W for X in (H, A, spin))
    found = from_arrays(model.crystal.lattice, model.R, H, r=A, spin=spin, periodic=model.crystal.periodic)
    assert not len(found.up)
    assert any("time reversal Θ found" in note for note in found.notes)
    assert any("have no partner" in note for note in found.notes) == bool(alone)
    np.testing.assert_allclose(found.n_hat, model.n_hat, atol=1e-9)
    expected = torkances(model, grid(3, 2, 2))
    np.testing.assert_allclose(torkances(found, grid(3, 2, 2)), expected, atol=1e-6 * np.abs(expected).max())


def test_functions_mixed_from_cell_to_cell() -> None:
    """As exact as the mixed model, whose far cells are cut off: its levels, relative to the broadening of 0.1 eV."""
    model = antiferromagnet(n_hat=N_HAT)
    other = mixed_by_k(model, 7)
    found, measures = reversal.with_exchange(other)
    assert max(measures.square, measures.mixed, measures.twice, measures.odd, measures.even) < 2e-5
    expected = torkances(with_spin(model), grid(5, 4))
    assert np.abs(expected).max() > 0.05
    levels = [np.linalg.eigvalsh(bloch(m, m.H_Rnn, grid(5, 4))) for m in (model, other)]
    cut = np.abs(levels[1] - levels[0]).max()
    assert cut < 1e-3
    np.testing.assert_allclose(torkances(found, grid(5, 4)), expected, atol=cut / 0.1 * np.abs(expected).max())


def test_an_odd_number_of_functions() -> None:
    """A function without a partner has no torque; the others keep theirs, and both is said."""
    model = with_spin(ferromagnet(orbitals=2, n_hat=N_HAT))
    N = model.size

    def more(X: np.ndarray, *diagonal: float) -> np.ndarray:
        whole = np.zeros((*X.shape[:-2], N + 1, N + 1), dtype=complex)
        whole[..., :N, :N] = X
        whole[model.home, ..., N, N] = np.array(diagonal) if len(diagonal) > 1 else diagonal[0]
        return whole

    odd = replace(
        model,
        H_Rnn=more(model.H_Rnn, 5.0),
        A_Rvnn=more(model.A_Rvnn, 0.1, 0.2, 0.3),
        spin_Rvnn=more(model.spin_Rvnn, 0.0, 0.0, 1.0),
        centres=np.concatenate([model.centres, [[0.1, 0.2, 0.3]]]),
        up=NONE,
        down=NONE,
        odd_Rnn=None,
    )
    found, measures = reversal.with_exchange(mixed(odd, unitary(N + 1)))
    assert measures.alone == 1
    assert measures.square == pytest.approx(1.0)
    assert any(note.startswith("warning: 1 of the functions") for note in measures.notes())
    k = np.array([0.13, 0.37, 0.21])
    need = frozenset({TORQUE})
    torques = [WannierStates(m, need).line(k[0], k[1], k[2:], need)[TORQUE][0] for m in (model, found)]
    np.testing.assert_allclose(np.abs(torques[1][:N, :, :N]), np.abs(torques[0]), atol=1e-10)


def test_iron_without_its_pairs(shared: Path) -> None:
    """Mixed by a random unitary: torques differ from those in pairs by 0.06 %, and Θ is as exact as is said."""
    paired = read_wannier90(shared / "data/fe/Fe", WannierOptions(spin="files", replicas=False))
    found, measures = reversal.with_exchange(mixed(paired, unitary(paired.size)))
    assert measures.alone == 0
    assert 1e-3 < measures.odd < 0.1
    need = frozenset({TORQUE})
    torques = [WannierStates(m, need).line(0.13, 0.37, np.array([0.21]), need)[TORQUE][0] for m in (paired, found)]
    assert np.abs(np.abs(torques[1]) - np.abs(torques[0])).max() < 2e-3 * np.abs(torques[0]).max()


def test_the_reader_falls_back_and_the_file_keeps_it(tmp_path: Path) -> None:
    model = ferromagnet(orbitals=3, n_hat=N_HAT)
    W = unitary(6)
    write_tb(tmp_path / "x_tb.dat", mixed(with_spin(model), W))
    write_win(tmp_path / "x.win", model)
    write_spin(tmp_path, "x", mixed(with_spin(model), W), gauge=W)
    found = read_wannier90(tmp_path / "x")
    assert not len(found.up)
    assert any("no spin pairs: torque from the spin matrices" in note for note in found.notes)
    np.testing.assert_allclose(found.n_hat, model.n_hat, atol=0.05)
    levels = [np.linalg.eigvalsh(m.odd_Rnn[m.home]) for m in (found, model)]
    np.testing.assert_allclose(levels[0], levels[1], atol=1e-6)
    write_model(tmp_path / "x.h5", found)
    back = read_model(tmp_path / "x.h5")
    np.testing.assert_allclose(back.odd_Rnn, found.odd_Rnn, atol=1e-12)
