"""Maps: their mean is what a Kubo run gives, spectral functions by direct sums, ranks, refusals, pictures."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from places import INPUTS, MODELS, REPOSITORY
from program import on_some
from wannier_files import bloch

import hpcalo
from hpcalo import app
from hpcalo.commands import cli
from hpcalo.errors import InputError
from hpcalo.hamiltonian.builtin import haldane, rashba
from hpcalo.io.hdf5 import read_dataset

RASHBA = {"builtin": "rashba", "fermi_energy": 0.0, "rashba": {"rashba": 0.3, "exchange": 0.8}}


def test_the_mean_of_a_map_is_the_response_of_a_run():
    """Over a whole cell of the reciprocal lattice, the points of the map being the run's half-shifted mesh."""
    names = ["torkance", "anomalous_hall", "spiralization", "orbital_magnetization", "density_of_states"]
    names += ["energy_current", "torque_coefficients", "orbital_coefficients", "inverse_nernst"]
    n_hat = [0.36, 0.48, 0.8]
    maps = {"quantities": names, "energy": -2.4, "gamma": 0.1, "points": [12, 10], "n_hat": n_hat}
    found = hpcalo.api.run({"model": RASHBA, "maps": maps})
    kubo = {
        "quantities": names,
        "gamma": 0.1,
        "temperatures": 1e-3,
        "chemical_potentials": -2.4,
        "n_hat": n_hat,
        "energies": {"minimum": -2.5, "maximum": -2.3, "points": 3},
        "k": {"grid": [12, 10, 1], "shift": [0.5, 0.5, 0.0], "symmetry": "off"},
        "smearing": 0.01,
    }
    run = hpcalo.api.run({"model": RASHBA, "kubo": kubo})
    # The density of states counts levels between edges that start elsewhere; the electrons are exact.
    compared = [name for name in found.data_vars if name in run.data_vars and name != "density_of_states"]
    assert len(compared) >= 13
    for name in compared:
        whole = run[name].isel(n_hat=0, energy=1)
        expected = np.asarray(whole.isel(gamma=0) if "gamma" in whole.dims else whole)
        mean = np.asarray(found[name]).mean(axis=(0, 1))
        np.testing.assert_allclose(mean, expected, atol=1e-10 * np.abs(found[name]).max(), err_msg=name)


def test_coefficients_of_occupied_bands_add_up_to_those_of_all():
    """A, B and the moments of single bands, and the same as sums over occupied bands, at every point of a map."""
    names = ["torque_coefficients", "orbital_coefficients"]
    maps = {"quantities": names, "energy": -2.4, "gamma": 1.0, "points": [6, 5], "per_band": True}
    found = hpcalo.api.run({"model": RASHBA, "maps": maps | {"n_hat": [0.36, 0.48, 0.8]}})
    assert len(found["band"]) == 2
    occupied = (np.asarray(found["energy"]) < 0.0).astype(float)
    for name in ("twist_torque_moment", "mixed_berry_curvature"):
        total = np.einsum("uvijn,uvn->uvij", np.asarray(found[f"band_{name}"]), occupied)[..., :2]
        assert np.abs(total).max() > 1e-3
        np.testing.assert_allclose(total, np.asarray(found[name]), atol=1e-9 * np.abs(total).max())
    moment = np.einsum("uvn,uvn->uv", np.asarray(found["band_orbital_moment"])[:, :, 2], occupied)
    tensor = np.asarray(found["orbital_moment_tensor"])
    np.testing.assert_allclose(moment, -tensor[..., 0, 1], atol=1e-9 * np.abs(tensor).max())  # m_z = −M_xy


def test_spectral_weight_and_spin_by_direct_sums():
    """Also on a plane across the axes of the reciprocal lattice."""
    model = rashba(rashba=0.3, exchange=0.8)
    plane = {"first": [1.0, 1.0, 0.0], "second": [-0.5, 0.5, 0.0], "centre": [0.5, 0.0, 0.0], "points": [4, 3]}
    data = hpcalo.api.run({"model": RASHBA, "maps": {"energy": -2.4, "gamma": 0.2, **plane}})
    u, v = (np.arange(4) + 0.5) / 4 - 0.5, (np.arange(3) + 0.5) / 3 - 0.5
    k = np.array([0.5, 0, 0]) + u[:, None, None] * [1.0, 1.0, 0.0] + v[:, None] * np.array([-0.5, 0.5, 0.0])
    np.testing.assert_allclose(data["k_point"], k, atol=1e-12)
    E, c = np.linalg.eigh(bloch(model, model.H_Rnn, k.reshape(-1, 3)))
    weight = 0.2 / np.pi / ((E + 2.4) ** 2 + 0.2**2)
    np.testing.assert_allclose(np.ravel(data["spectral_weight"]), weight.sum(axis=1), rtol=1e-10)
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    spin = np.einsum("kn,kan,vab,kbn->kv", weight, c.conj(), pauli, c).real
    np.testing.assert_allclose(np.reshape(np.asarray(data["spin_texture"]), (-1, 3)), spin, atol=1e-10)
    across = np.asarray(data["k_y"])[0, 1] - np.asarray(data["k_y"])[0, 0]
    assert across == pytest.approx(np.pi / model.crystal.lattice[0, 0] * np.sqrt(2.0) / 3.0)
    near = np.sort(np.asarray(data["energy"]), axis=-1).reshape(-1, len(data["band_number"]))
    np.testing.assert_allclose(near, (E + 2.4)[:, np.asarray(data["band_number"]) - 1], atol=1e-10)


def test_lines_that_look_like_beads_are_warned_of():
    sharp = {"model": RASHBA, "maps": {"energy": -2.4, "gamma": 1e-3, "points": [11, 11]}}
    assert "lines look like beads" in hpcalo.api.run(sharp).attrs["warnings"]
    sharp["maps"]["gamma"] = 2.0
    assert hpcalo.api.run(sharp).attrs["warnings"] == ""


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        ({"quantities": ["nernst"]}, "'nernst': no such quantity"),
        ({"quantities": ["torknce"]}, "did you mean 'torkance'"),
        ({"first": [0.0, 0.0, 1.0]}, "maps.first: .*: the model does not repeat"),
        ({"first": [0.0, 2.0, 0.0]}, "do not span a plane"),
        ({"n_hat": [0.0, 0.0, 0.0]}, "n_hat: .*a direction must not be zero"),
        ({"points": [1, 5]}, "at least 2 along each edge"),
        ({"points": [10_000, 10_000]}, "at most 4,000,000"),
    ],
)
def test_what_cannot_be_drawn_is_refused(maps, words):
    with pytest.raises(InputError, match=words):
        hpcalo.api.run({"model": RASHBA, "maps": maps})


def test_a_model_without_spin():
    data = hpcalo.api.run({"maps": {"points": [5, 5], "reference": 0.0}}, model=haldane())
    assert "spectral_weight" in data
    assert "spin_texture" not in data
    with pytest.raises(InputError, match="spin_texture: the model has no spin"):
        hpcalo.api.run({"maps": {"quantities": "spin_texture", "reference": 0.0}}, model=haldane())
    with pytest.raises(InputError, match=r"maps.reference: the model has no Fermi energy"):
        hpcalo.api.run({"maps": {}}, model=haldane())


@pytest.mark.mpi
@pytest.mark.ranks(2, 4)
def test_any_number_of_ranks_gives_the_same_result(comm, mpi_tmp_path):
    options = {"points": [11, 11], "quantities": ["spectral_weight", "spin_texture", "torkance"]}
    files = {ranks: mpi_tmp_path / f"maps{ranks}.h5" for ranks in {1, comm.size}}
    for ranks, file in files.items():
        answer = on_some(
            comm,
            ranks,
            lambda part, file=file: app.maps(part, MODELS / "fe.h5", options, output=file, quiet=True),
        )
        assert answer is None or "picture" in answer, answer
    if comm.rank == 0:
        one, other = (read_dataset(files[n]) for n in (1, comm.size))
        assert {"torkance_even", "spin_texture", "energy"} < set(one.variables)
        for name in one.variables:
            np.testing.assert_array_equal(one[name], other[name])


def test_the_page_in_the_guide(tmp_path, monkeypatch):
    """Its commands for one process, as they stand there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input").symlink_to(INPUTS)
    page = (REPOSITORY / "docs" / "guide" / "maps.md").read_text()
    lines = re.findall(r"(?m)^hpcalo maps .*$", page)
    assert len(lines) == 2
    for line in lines:
        done = CliRunner().invoke(cli, [*shlex.split(line)[1:], "--quiet"])
        assert done.exit_code == 0, done.output + str(done.exception)
    assert all(path.stat().st_size > 30_000 for path in tmp_path.glob("*.png"))
    with pytest.raises(InputError, match="'anomalous_hall_xz': anomalous_hall has the elements yz, zx, xy"):
        app.plot([tmp_path / "fe_maps.h5"], output=None, force=True, quantities=("anomalous_hall_xz",))
    with pytest.raises(InputError, match="'anomalous' is no map; did you mean 'anomalous_hall'"):
        app.plot([tmp_path / "fe_maps.h5"], output=None, force=True, quantities=("anomalous",))
