"""Thickness of a film: from its atoms or as given, also for a slab that has cells across its vacuum; never ignored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpcalo.app.verbs.convert import convert
from hpcalo.config.reader import validate
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.builtin import ferromagnet, rashba
from hpcalo.hamiltonian.film import as_film, layer_thickness
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.hamiltonian.types import LcaoModel, WannierModel


def test_layers() -> None:
    film, lattice = (True, True, False), np.diag([3.0, 3.0, 30.0])
    heights = np.array([[0, 0, z] for z in (1.0, 1.1, 3.0, 5.0)])
    assert layer_thickness(lattice, film, heights) == pytest.approx(6.0)
    assert layer_thickness(lattice, film, heights[:1]) is None
    assert layer_thickness(lattice, (True, True, True), heights) is None


def with_cells_across(model: WannierModel, size: float) -> WannierModel:
    """The film with matrix elements of this size (eV) to the cells above and below."""
    N = model.size
    R = np.concatenate([model.R, [(0, 0, 1), (0, 0, -1)]])
    H = np.concatenate([model.H_Rnn, np.full((2, N, N), size)])
    odd = np.concatenate([model.odd_Rnn, np.zeros((2, N, N))])
    crystal = replace(model.crystal, periodic=(True, True, True), thickness=None)
    return replace(model, crystal=crystal, R=R, H_Rnn=H, odd_Rnn=odd)


def test_a_slab_with_cells_across_its_vacuum_is_a_film_of_the_given_thickness(tmp_path: Path) -> None:
    film = rashba(thickness=4.0)
    write_model(tmp_path / "slab.h5", with_cells_across(film, 1e-7))
    model = load_model(validate(ModelSection, {"file": "slab.h5", "thickness": 4.0}, "x.toml", tmp_path))
    np.testing.assert_array_equal(model.R, film.R)
    np.testing.assert_array_equal(model.H_Rnn, film.H_Rnn)
    assert model.crystal.periodic == (True, True, False)
    assert model.crystal.volume == film.crystal.volume
    assert "film: matrix elements of at most 1e-07 eV along the third lattice vector left out" in model.notes


def test_a_thickness_of_a_bulk_crystal_is_refused(tmp_path: Path) -> None:
    for slab, words in ((with_cells_across(rashba(), 0.01), "third"), (ferromagnet(), "lattice vector")):
        with pytest.raises(ModelError, match=rf"three directions.*{words}.*leave thickness out"):
            as_film(slab, 4.0)
    write_model(tmp_path / "bulk.h5", ferromagnet())
    with pytest.raises(InputError, match=r"bulk\.h5: thickness: the cell repeats in three directions"):
        load_model(validate(ModelSection, {"file": "bulk.h5", "thickness": 4.0}, "x.toml", tmp_path))
    with pytest.raises(InputError, match="thickness: the cell repeats"):
        load_model(validate(ModelSection, {"builtin": "ferromagnet", "thickness": 4.0}, "x.toml"))
    with pytest.raises(ModelError, match="three directions"):
        replace(ferromagnet().crystal, thickness=4.0)


def test_an_lcao_slab_too(shipped: Path) -> None:
    film = read_model(shipped / "mnw3_dzp.h5")
    assert isinstance(film, LcaoModel)
    extra = {
        name: np.concatenate([getattr(film, name), 0.0 * getattr(film, name)[:2]])
        for name in ("up_Rnn", "down_Rnn", "S_Rnn")
    }
    across = {name: np.concatenate([x, 0.0 * x[:, :2]], axis=1) for name in ("soc_vRnn", "r_vRnn")
              if (x := getattr(film, name)) is not None}  # fmt: skip
    slab = replace(
        film,
        crystal=replace(film.crystal, periodic=(True, True, True), thickness=None),
        R=np.concatenate([film.R, [(0, 0, 1), (0, 0, -1)]]),
        **extra,
        **across,
    )
    again = as_film(slab, 8.0)
    for name in ("R", "up_Rnn", "S_Rnn", "soc_vRnn", "r_vRnn"):
        np.testing.assert_array_equal(getattr(again, name), getattr(film, name), err_msg=name)
    assert again.crystal.thickness == 8.0


def test_a_wannier90_slab_of_two_k_points_along_z(shared: Path, tmp_path: Path) -> None:
    options = {"spin": "interleaved", "thickness": "6 angstrom"}
    for case in ("19-film-with-two-k-along-z", "00-baseline"):
        convert(shared / "cases" / case / "x_tb.dat", tmp_path / f"{case}.h5", force=False, options=options)
    slab, film = (read_model(path) for path in sorted(tmp_path.glob("*.h5"), reverse=True))
    assert slab.crystal.volume == film.crystal.volume == pytest.approx(54.0)
    np.testing.assert_allclose(slab.H_Rnn, film.H_Rnn, atol=1e-9)
