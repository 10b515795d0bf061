"""The table [model]: what it accepts, what it refuses, and the model it leads to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wannier_files import write_tb, write_win

from hpcalo.config.reader import validate
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.builtin import BUILTIN, ferromagnet, haldane, rashba
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.modelfile import write_model
from hpcalo.hamiltonian.registry import READERS
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.hamiltonian.types import LcaoModel, WannierModel


def section(folder: Path | None = None, **table: object) -> ModelSection:
    return validate(ModelSection, table, "x.toml", folder)


def wannier(table: ModelSection) -> WannierModel:
    model = load_model(table)
    assert isinstance(model, WannierModel)
    return model


@pytest.mark.parametrize("name", BUILTIN)
def test_defaults_of_built_in_models_are_written_out_and_right(name: str, tmp_path: Path) -> None:
    table = section(builtin=name)
    assert table.reader.parameters
    model = wannier(table)
    np.testing.assert_array_equal(model.H_Rnn, BUILTIN[name]().H_Rnn)
    others = set(BUILTIN) - {name}
    assert all(getattr(table, other) is None for other in others)
    again = section(**table.model_dump(exclude_none=True))
    assert again == table


def test_parameters_with_units(tmp_path: Path) -> None:
    table = section(
        builtin="rashba",
        rashba={"hopping": "800 meV", "exchange": 0.5, "lattice_constant": "0.25 nm"},
        thickness="1 nm",
        fermi_energy=-1,
        electrons=0.5,
    )
    model = wannier(table)
    np.testing.assert_allclose(model.H_Rnn, rashba(0.8, 0.4, 0.5, 2.5).H_Rnn, atol=1e-15)
    assert model.crystal.volume == pytest.approx(2.5**2 * 10)
    assert (model.fermi_energy, model.electrons) == (-1.0, 0.5)
    angle = section(builtin="haldane", haldane={"phase": "63 degree"})
    np.testing.assert_allclose(wannier(angle).H_Rnn, haldane().H_Rnn, atol=1e-14)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ({}, rf"expected exactly one of {', '.join(READERS)}, found none"),
        ({"file": "a.h5", "lcao": "b.npz"}, "found file and lcao"),
        ({"builtin": "rashbo"}, "did you mean 'rashba'"),
        ({"fil": "a.h5"}, "did you mean 'file'"),
        ({"builtin": "rashba", "rashba": {"hoping": 1}}, "did you mean 'hopping'"),
        ({"builtin": "rashba", "haldane": {}}, "parameters of haldane given"),
        ({"file": "a.h5", "rashba": {}}, "rashba has no meaning for a model from file"),
        ({"file": "a.h5", "format": "hr"}, "format has no meaning for a model from file"),
        ({"builtin": "rashba", "replicas": True}, "replicas has no meaning"),
        ({"lcao": "a.npz", "spin": "none"}, "spin has no meaning"),
        ({"wannier90": "a", "position_file": "b"}, "position_file has no meaning"),
        ({"wannier90": "a", "format": "wf"}, "format"),
        ({"wannier90": "a", "replicas": "yes"}, "replicas"),
        ({"file": "a.h5", "thickness": 0}, "thickness"),
        ({"file": "a.h5", "thickness": "3 eV"}, "eV cannot be converted to angstrom"),
        ({"file": "a.h5", "fermi_energy": float("nan")}, "fermi_energy"),
        ({"file": "a.h5", "electrons": -1}, "electrons"),
        ({"file": 3}, "file"),
        ({"builtin": "ferromagnet", "ferromagnet": {"orbitals": 0}}, "orbitals"),
        ({"builtin": "rashba", "rashba": {"lattice_constant": -2.0}}, "lattice_constant"),
    ],
)
def test_mistakes(table: dict, match: str) -> None:
    with pytest.raises(InputError, match=match) as error:
        section(**table)
    assert "\n" not in str(error.value)


def test_model_files(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    write_model(tmp_path / "models" / "m.h5", ferromagnet())
    model = wannier(section(tmp_path, file="models/m.h5"))
    assert model.A_Rvnn is not None
    assert wannier(section(tmp_path, file="models/m.h5", position_matrix=False)).A_Rvnn is None
    with pytest.raises(InputError, match="no minimal-distance replicas"):
        load_model(section(tmp_path, file="models/m.h5", replicas=True))
    with pytest.raises(ModelError, match=r"absent\.h5: not found"):
        load_model(section(tmp_path, file="absent.h5"))


def test_wannier90_files(tmp_path: Path) -> None:
    source = ferromagnet()
    write_tb(tmp_path / "x_tb.dat", source)
    write_win(tmp_path / "x.win", source)
    model = wannier(section(tmp_path, wannier90="x", spin="blocks", electrons=3.0))
    np.testing.assert_allclose(model.odd_Rnn, source.odd_Rnn, atol=1e-8)
    assert model.electrons == 3.0
    assert wannier(section(tmp_path, wannier90="x", spin="blocks", position_matrix=False)).A_Rvnn is None


def test_lcao_files(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/mnw001"
    model = load_model(section(folder, lcao="mnw3_dzp.npz", thickness=7.0, fermi_energy=2.5))
    assert isinstance(model, LcaoModel)
    assert model.r_vRnn is not None  # found beside it
    assert model.crystal.volume == pytest.approx(7.0 * 3.165**2)
    assert model.fermi_energy == 2.5
    assert not model.notes  # both notes were about values that the table replaces
    bare = load_model(section(folder, lcao="mnw3_dzp.npz", position_matrix=False))
    assert isinstance(bare, LcaoModel)
    assert bare.r_vRnn is None
    with pytest.raises(ModelError, match=r"absent\.npz"):
        load_model(section(folder, lcao="mnw3_dzp.npz", position_file="absent.npz"))
