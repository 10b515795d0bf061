"""The order of up and down found from the Hamiltonian: real magnets in both orders, closed-form ones, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wannier_files import write_hr, write_tb, write_win

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.hamiltonian.exchange import PAULI
from hpcalo.hamiltonian.readers.wannier90.assemble import WannierOptions, read_wannier90
from hpcalo.hamiltonian.spin_order import find_order
from hpcalo.hamiltonian.types import WannierModel


def reordered(model: WannierModel, up: np.ndarray, down: np.ndarray, order: str) -> tuple[np.ndarray, np.ndarray]:
    """H and centres with the pairs in this order."""
    place = np.stack([up, down], axis=1).ravel() if order == "interleaved" else np.concatenate([up, down])
    return model.H_Rnn[:, place][:, :, place], model.centres[place]


@pytest.mark.parametrize("order", ["interleaved", "blocks"])
@pytest.mark.parametrize("name", ["fe/Fe", "fete/FeTe"])
def test_iron_and_fete_in_both_orders(shared: Path, name: str, order: str) -> None:
    """The pairs are known from the spin matrices, which the search does not see."""
    paired = read_wannier90(shared / "data" / name, WannierOptions(spin="files"))
    plain = read_wannier90(shared / "data" / name, WannierOptions(spin="none"))
    H, centres = reordered(plain, paired.up, paired.down, order)
    up, _, note = find_order(plain.R, H, centres, plain.crystal.lattice)
    assert up.tolist() == (list(range(0, plain.size, 2)) if order == "interleaved" else list(range(plain.size // 2)))
    assert float(note.partition("times better")[0].split()[-1]) > 8.0
    # Without the help of the centres, all of them at one place.
    again, _, _ = find_order(plain.R, H, np.zeros_like(centres), plain.crystal.lattice)
    assert again.tolist() == up.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_magnets_with_spin_orbit_coupling(seed: int) -> None:
    model = ferromagnet(orbitals=4, seed=seed, n_hat=(0.3, -0.5, 0.8))
    for order, first in (("interleaved", [0, 2, 4, 6]), ("blocks", [0, 1, 2, 3])):
        H, _ = reordered(model, model.up, model.down, order)
        assert find_order(model.R, H, np.zeros((8, 3)), model.crystal.lattice)[0].tolist() == first


def test_the_reader_finds_it_and_says_so(tmp_path: Path) -> None:
    model = ferromagnet(orbitals=3, n_hat=(0.0, 0.6, 0.8))
    write_tb(tmp_path / "x_tb.dat", model)
    write_win(tmp_path / "x.win", model)
    found = read_wannier90(tmp_path / "x")
    assert found.up.tolist() == model.up.tolist()
    np.testing.assert_allclose(found.n_hat, model.n_hat, atol=0.05)
    assert any(note.startswith("spin order found: blocks") and "times better" in note for note in found.notes)
    assert read_wannier90(tmp_path / "x", WannierOptions(spin="none")).odd_Rnn is None


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    model = ferromagnet(orbitals=4)
    rng = np.random.default_rng(3)
    gauge = np.linalg.qr(rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8)))[0]
    with pytest.raises(ModelError, match=r"no order gives a real, local exchange field \(.*\); give spin = "):
        find_order(model.R, gauge.conj().T @ model.H_Rnn @ gauge, np.zeros((8, 3)), model.crystal.lattice)
    # Two levels that hop alike, apart in energy by what may be a crystal field or an exchange.
    R = np.array([(-1, 0, 0), (0, 0, 0), (1, 0, 0)])
    H = np.stack([-np.eye(4), np.kron(PAULI[2], np.eye(2)), -np.eye(4)]).astype(complex)
    with pytest.raises(ModelError, match="both orders fit equally well"):
        find_order(R, H, np.zeros((4, 3)), np.eye(3))
    one = rashba()
    assert "the same in both orders" in find_order(one.R, one.H_Rnn, one.centres, one.crystal.lattice)[2]
    # Files that say nothing of spin are read without it.
    twice = WannierModel(model.crystal, R, H, np.zeros((4, 3)))
    write_hr(tmp_path / "x_hr.dat", twice)
    write_win(tmp_path / "x.win", twice)
    write = (tmp_path / "x.win").read_text().replace("spinors = .true.", "")
    (tmp_path / "x_centres.xyz").write_text("5\n\n" + "X 0 0 0\n" * 4 + "Fe 0 0 0\n")
    options = WannierOptions(format="hr")
    with pytest.raises(ModelError, match=r"x_hr\.dat: spin order not found"):
        read_wannier90(tmp_path / "x", options)
    (tmp_path / "x.win").write_text(write)
    assert "both orders fit equally well" in str(read_wannier90(tmp_path / "x", options).notes)
