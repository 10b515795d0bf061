"""hpcalo from Python: results, models, calculations, and what is said about wrong ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tomli_w
from places import MODELS

import hpcalo
from hpcalo import app
from hpcalo.config.reader import validate
from hpcalo.engine import RunContext
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.run import run_kubo

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

SETTINGS = {
    "model": {"builtin": "rashba", "fermi_energy": -1.0},
    "kubo": {
        "quantities": ["torkance", "density_of_states"],
        "gamma": ["50 meV"],
        "energies": {"minimum": -1.0, "maximum": 1.0, "points": 5},
        "k": {"grid": [12, 12, 1]},
    },
}


def test_importing_is_light(launch):
    code = (
        "import hpcalo, sys; print([m for m in ('numpy', 'mpi4py', 'h5py', 'xarray', 'pydantic') if m in sys.modules])"
    )
    assert launch(0, "-c", code).stdout.strip() == "[]"


def test_attributes_of_the_package():
    assert {"api", "open"} <= set(dir(hpcalo))
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        hpcalo.opne  # noqa: B018


def test_what_is_written_is_what_comes_back(comm, tmp_path):
    """`run` and the command line take the same way: same numbers, axes, attributes; `open` reads them."""
    path = tmp_path / "a.h5"
    run_kubo(validate(KuboInput, SETTINGS, "test"), RunContext(comm, tmp_path / "a.toml", path, quiet=True))
    computed = hpcalo.api.run(SETTINGS)
    with hpcalo.open(path) as read:
        assert set(read.data_vars) == set(computed.data_vars)
        for name, variable in read.variables.items():
            np.testing.assert_array_equal(variable.values, computed[name].values)
            assert variable.attrs == computed[name].attrs
        assert read.torkance_even.dims == ("n_hat", "gamma", "torque", "field", "energy")
        assert "n_vector" in read.coords
        np.testing.assert_array_equal(read.n_vector, [[0, 0, 1]])
        assert "gamma = [" in read.attrs["resolved_input"]
        assert read.torkance_even.attrs["units"] == "e*a0"


def test_a_model_given_as_an_object_is_the_one_that_is_computed():
    model = hpcalo.api.load_model("rashba", exchange=0.5, fermi_energy=-1.0)
    given = hpcalo.api.run({"kubo": SETTINGS["kubo"]}, model=model)
    named = hpcalo.api.run({**SETTINGS, "model": {**SETTINGS["model"], "rashba": {"exchange": 0.5}}})
    np.testing.assert_array_equal(given.torkance_even, named.torkance_even)
    assert np.abs(given.torkance_even).max() > 1e-3
    assert float(np.abs(given.torkance_even - hpcalo.api.run(SETTINGS).torkance_even).max()) > 1e-3


def test_settings_are_left_alone_and_overrides_apply():
    before = repr(SETTINGS)
    result = hpcalo.api.run(SETTINGS, overrides=("kubo.energies.points=3",))
    assert result.sizes["energy"] == 3
    assert repr(SETTINGS) == before


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    hpcalo.api.run(SETTINGS)
    with pytest.raises(InputError):
        hpcalo.api.run({**SETTINGS, "kubo": {**SETTINGS["kubo"], "gamma": [-1.0]}})
    assert list(tmp_path.iterdir()) == []


def test_paths_of_an_input_file_are_relative_to_it(tmp_path):
    from hpcalo.hamiltonian.modelfile import write_model  # noqa: PLC0415

    (tmp_path / "folder").mkdir()
    write_model(tmp_path / "folder" / "m.h5", hpcalo.api.load_model("rashba", fermi_energy=-1.0))
    source = tmp_path / "folder" / "a.toml"
    source.write_text('[model]\nfile = "m.h5"\n[kubo]\nquantities = ["torkance"]\n[kubo.k]\ngrid = [4, 4, 1]\n')
    result = hpcalo.api.run(source, overrides=("kubo.energies.points=3",))
    assert result.attrs["title"] == "a"


def test_the_wall_runs_too():
    result = hpcalo.api.run(
        {
            "wall": {"mode": "steady"},
            "wire": {"length": "80 nm", "cells": 41},
            "drive": {"electric_field": -8e3},
            "momentum": {"points": 12},
        }
    )
    assert result.attrs["engine"] == "wall"
    assert result.sizes["x"] == 41


@pytest.mark.parametrize(
    ("source", "options", "kind"),
    [
        ("rashba", {}, WannierModel),
        ("haldane", {"phase": 0.3}, WannierModel),
        ("input/models/fe.h5", {"replicas": False}, WannierModel),
        ("input/models/mnw3_dzp.h5", {"thickness": "8 angstrom", "electrons": 30.0}, LcaoModel),
    ],
)
def test_models(source, options, kind, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    model = hpcalo.api.load_model(source, **options)
    assert isinstance(model, kind)
    if "thickness" in options:
        assert (model.crystal.thickness, model.electrons) == (8.0, 30.0)


def test_wannier90_files_by_name_or_seed(shared):
    seed = shared / "data" / "fe" / "Fe"
    sizes = [
        hpcalo.api.load_model(name, spin="none").A_Rvnn is not None
        for name in (seed, f"{seed}_tb.dat", f"{seed}_hr.dat")
    ]
    assert sizes == [True, True, False]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: hpcalo.open("nothing.h5"), "nothing.h5: cannot be read"),
        (lambda: hpcalo.open("input/rashba.toml"), "is an input file, not a result"),
        (lambda: hpcalo.open("README.md"), "is not an HDF5 file"),
        (lambda: hpcalo.open("input/models/fe.h5"), "is a model, not a result; hpcalo.api.load_model"),
        (lambda: hpcalo.api.load_model("rashba", exchang=1), "did you mean 'exchange'"),
        (lambda: hpcalo.api.run({"kobu": {}}), "did you mean 'kubo'"),
        (lambda: hpcalo.api.run({"kubo": {}, "wall": {}}), "has a [kubo] and a [wall] table"),
        (
            lambda: hpcalo.api.run({**SETTINGS, "kubo": {**SETTINGS["kubo"], "quantities": ["torkanc"]}}),
            "did you mean 'torkance'",
        ),
        (lambda: hpcalo.api.run("nothing.toml"), "nothing.toml: cannot be read"),
    ],
)
def test_mistakes_are_one_clear_line(call, words, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    with pytest.raises(InputError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["xarray", "h5netcdf"])
def test_without_xarray_it_says_what_to_install(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match="pip install xarray h5netcdf"):
        hpcalo.open("a.h5")
    with pytest.raises(ImportError, match="pip install xarray h5netcdf"):
        hpcalo.api.run(SETTINGS)


@pytest.mark.mpi
def test_all_ranks_get_the_same_whole_result(comm, mpi_tmp_path, monkeypatch):
    monkeypatch.chdir(mpi_tmp_path)
    result = hpcalo.api.run(SETTINGS, comm)
    assert result.attrs["ranks"] == comm.size
    everyone = comm.allgather(result.torkance_even.values.tobytes())
    assert len(set(everyone)) == 1
    comm.Barrier()
    assert list(mpi_tmp_path.iterdir()) == []


@pytest.mark.mpi
def test_a_mistake_is_one_on_all_ranks(comm, mpi_tmp_path, monkeypatch):
    monkeypatch.chdir(mpi_tmp_path)
    with pytest.raises(InputError, match=r"gamma.*larger than 0"):
        hpcalo.api.run({**SETTINGS, "kubo": {**SETTINGS["kubo"], "gamma": [-1.0]}}, comm)


def square_magnet(order: str) -> dict[str, object]:
    """The Rashba magnet as arrays, twice in a cell so that the order of its functions matters."""
    model = rashba(rashba=0.3, exchange=0.8)
    nR = len(model.R)
    H = np.zeros((nR, 2, 2, 2, 2), dtype=complex)  # (R, site, spin, site, spin)
    for site in range(2):
        H[:, site, :, site] = model.H_Rnn
    home = model.home
    H[home, 0, :, 1] = H[home, 1, :, 0] = 0.1 * np.eye(2)
    if order == "blocks":
        H = H.transpose(0, 2, 1, 4, 3)
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5]])
    centres = np.repeat(centres, 2, axis=0) if order == "interleaved" else np.tile(centres, (2, 1))
    lattice = np.array(model.crystal.lattice)
    lattice[2] = [0.0, 0.0, 20.0]
    return {"lattice": lattice, "R": model.R, "H": H.reshape(nR, 4, 4), "centres": centres, "fermi_energy": 0.0}


def test_a_model_from_arrays():
    """Both orders of the spins are found and give the same torkance; what is wrong is named."""
    settings = {
        "quantities": ["torkance"],
        "gamma": [0.1],
        "k": {"grid": [8, 8, 1]},
        "energies": {"minimum": -3.0, "maximum": -2.0, "points": 3},
    }
    found = []
    for order in ("interleaved", "blocks"):
        model = hpcalo.api.from_arrays(**square_magnet(order))
        assert any(order in note for note in model.notes)
        np.testing.assert_allclose(model.n_hat, [0.0, 0.0, 1.0], atol=1e-12)
        found.append(hpcalo.api.run({"kubo": settings}, model=model).torkance_even)
    scale = float(np.abs(found[0]).max())
    assert scale > 1e-3
    np.testing.assert_allclose(found[0], found[1], atol=1e-11 * scale)
    wrong = square_magnet("blocks")
    for change, words in (
        ({"H": np.zeros((5, 4, 3))}, r"H: shape \(5, 4, 3\)"),
        ({"R": np.zeros((3, 3))}, "H: shape"),
        ({"order": "block"}, "did you mean 'blocks'"),
        ({"H": wrong["H"] + np.triu(np.ones((4, 4)))}, "not Hermitian"),
    ):
        with pytest.raises(ModelError, match=words):
            hpcalo.api.from_arrays(**{**wrong, **change})


def test_verbs_as_functions(comm, tmp_path, monkeypatch):
    """convert, check, plot, export do what the commands do."""
    monkeypatch.chdir(tmp_path)
    model = hpcalo.api.convert(MODELS / "fe.h5", tmp_path / "sym.h5", symmetrize=0.1)
    assert model.size == 18
    (tmp_path / "a.toml").write_text(tomli_w.dumps(SETTINGS))
    assert "a.toml: valid" in hpcalo.api.check("a.toml")
    app.run(comm, tmp_path / "a.toml", quiet=True)
    assert hpcalo.api.plot("a.h5", "a.pdf", quantities=["torkance_even"]).stat().st_size > 5_000
    assert "a.csv" in hpcalo.api.export("a.h5", "csv", ["torkance_even"])
    assert (tmp_path / "a.csv").read_text().startswith("#")
