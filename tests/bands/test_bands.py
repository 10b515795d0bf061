"""Levels against finite differences and plaquettes, paths through known zones, comparison with other bands."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from places import INPUTS, MODELS, REPOSITORY
from program import on_some
from wannier_files import bloch, write_tb, write_win

import hpcalo
from hpcalo import app
from hpcalo.bands import compare
from hpcalo.bands.compare import deviation
from hpcalo.bands.kpath import path_through
from hpcalo.bands.states import BandStates
from hpcalo.commands import cli
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.builtin import ferromagnet, haldane, rashba
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import Crystal
from hpcalo.io.hdf5 import read_dataset
from hpcalo.units import MU_B_PER_EV_A2


@pytest.fixture(scope="module")
def film():
    """Mn on three layers of W in a small basis: atomic orbitals with overlap."""
    return read_model(MODELS / "mnw3_dzp.h5")


def crystal(*lattice, periodic=(True, True, True), symbols=("Fe",)):
    """A crystal with all its atoms at the origin."""
    n = len(symbols)
    return Crystal(np.array(lattice, dtype=float), periodic, np.zeros((n, 3)), symbols, np.zeros(n))


# -- levels -----------------------------------------------------------------------------------------------------------


def states(model, n_hat=None):
    return BandStates(model, model.n_hat if n_hat is None else np.array(n_hat))


K = np.array([[0.123, 0.234, 0.0], [0.123, 0.310, 0.0], [0.4, 0.05, 0.0]])


@pytest.mark.parametrize("name", ["wannier", "lcao"])
def test_velocity_and_torque_are_derivatives_of_the_energy(name, film):
    """Of levels that are alone (Hellmann and Feynman); central differences of error O(step²)."""
    model = rashba(rashba=0.3, exchange=0.8) if name == "wannier" else film
    k, step = K[:2], 1e-5
    found = states(model).levels(k)
    alone = np.minimum(
        np.diff(found.E_kn, axis=1, prepend=-np.inf), np.diff(found.E_kn, axis=1, append=np.inf)
    ) > 0.02  # fmt: skip
    for v in range(2):
        shift = model.crystal.lattice @ (np.eye(3)[v] * step) / (2.0 * np.pi)
        up, down = (states(model).levels(k + sign * shift).E_kn for sign in (1, -1))
        np.testing.assert_allclose(found.values["velocity"][:, v][alone], ((up - down) / (2 * step))[alone], atol=2e-5)
    n = model.n_hat
    for v in range(3):
        turned = [n + sign * step * np.cross(np.eye(3)[v], n) for sign in (1, -1)]
        up, down = (
            states(rotated(model, m / np.linalg.norm(m)) if name == "wannier" else model, m / np.linalg.norm(m))
            .levels(k)
            .E_kn
            for m in turned
        )
        np.testing.assert_allclose(found.values["torque"][:, v][alone], ((up - down) / (2 * step))[alone], atol=2e-6)


@pytest.mark.parametrize("model", [rashba(rashba=0.3, exchange=0.8), haldane()], ids=["rashba", "haldane"])
def test_curvature_is_the_flux_through_a_small_plaquette(model):
    """T. Fukui, Y. Hatsugai, H. Suzuki, J. Phys. Soc. Jpn. 74, 1674 (2005); the error falls with the edge squared."""
    k = np.array([[0.13, 0.21, 0.0]])
    exact = states(model).levels(k).values["curvature"][0, 2]
    reciprocal = 2.0 * np.pi * np.linalg.inv(model.crystal.lattice).T
    tau = model.centres @ np.linalg.inv(model.crystal.lattice)

    def periodic_part(point):
        phase = np.exp(2j * np.pi * tau @ point)
        return np.linalg.eigh(phase.conj()[:, None] * bloch(model, model.H_Rnn, point[None])[0] * phase)[1]

    errors = []
    for edge in (4e-2, 2e-2):
        corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * edge / 2
        u = [periodic_part(k[0] + c) for c in corners]
        links = [np.einsum("an,an->n", u[i].conj(), u[(i + 1) % 4]) for i in range(4)]
        flux = -np.angle(np.prod(links, axis=0))
        area = edge**2 * np.cross(reciprocal[0], reciprocal[1])[2]
        errors.append(np.abs(flux / area - exact).max())
    assert errors[1] < 0.02 * np.abs(exact).max()
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)


def test_occupied_curvature_is_the_hall_conductivity():
    """−(e²/ħ) Σ f Ω over a mesh, with the part outside the model's bands, is what the Kubo sum gives."""
    model = read_model(MODELS / "fe.h5")
    E_F = model.fermi_energy
    data = hpcalo.api.run(
        {
            "kubo": {
                "quantities": ["anomalous_hall"],
                "k": {"grid": [4, 4, 4], "shift": [0.1, 0.2, 0.3], "symmetry": "off"},
                "energies": {"reference": E_F, "minimum": -0.1, "maximum": 0.1, "points": 3},
            }
        },
        model=model,
    )
    axes = [(np.arange(4) + s) / 4 for s in (0.1, 0.2, 0.3)]
    k = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    found = states(model).levels(k)
    e2_over_hbar = 1.602176634e-19**2 / 1.054571817e-34
    sums = [(found.values["curvature"] * (found.E_kn <= E_F + e)[:, None]).sum((0, 2)) for e in (-0.1, 0.0, 0.1)]
    sigma = -e2_over_hbar * np.array(sums) / len(k) / model.crystal.volume * 1e10 / 100.0  # S/cm
    np.testing.assert_allclose(data["anomalous_hall"][0].T, sigma, atol=1e-8 * np.abs(sigma).max())


def test_coefficients_of_bands():
    """Their sums over all bands: B and Ω of all levels cancel, moments of pairs agree; and the units of the file."""
    bands = {"coefficients": True, "points": 12, "path": "G-X", "n_hat": [0.36, 0.48, 0.8]}
    model = {"builtin": "rashba", "rashba": {"rashba": 0.3, "exchange": 0.8}}
    found = hpcalo.api.run({"model": model, "bands": bands})
    B, A = np.asarray(found["mixed_berry_curvature"]), np.asarray(found["twist_torque_moment"])
    assert np.abs(B).max() > 1e-2
    np.testing.assert_allclose(B[..., 0], -B[..., 1], atol=1e-12)
    np.testing.assert_allclose(A[..., 0], A[..., 1], atol=1e-12)
    gap = np.diff(np.asarray(found["energy"]), axis=1)[:, 0]
    np.testing.assert_allclose(A[..., 0], -0.5 * gap[:, None, None] * B[..., 0], atol=1e-12)
    moment, curvature = np.asarray(found["orbital_moment"])[:, 2], np.asarray(found["curvature"])[:, 2]
    in_e_hbar = 0.5 * gap[:, None] * np.abs(curvature)  # of two bands: |m| = (e/ħ)(gap/2)|Ω|
    np.testing.assert_allclose(np.abs(moment), MU_B_PER_EV_A2 * in_e_hbar, atol=1e-12)
    assert found["orbital_moment"].attrs["units"] == "mu_B"
    plain = hpcalo.api.run({"model": model, "bands": bands | {"coefficients": False}})
    assert "orbital_moment" not in plain
    assert "torque_component" not in plain.coords


def test_spin_of_the_rashba_magnet():
    """H = d·σ + …: the spin of the two levels is ∓d/|d|, with the d of the Hamiltonian itself."""
    model = rashba(rashba=0.3, exchange=0.8)
    found = states(model).levels(K)
    for i, k in enumerate(K):
        H = bloch(model, model.H_Rnn, k[None])[0]
        d = np.array([H[0, 1].real, -H[0, 1].imag, 0.5 * (H[0, 0] - H[1, 1]).real])
        expected = np.outer(d / np.linalg.norm(d), [-1.0, 1.0])
        np.testing.assert_allclose(found.values["spin_vector"][i], expected, atol=1e-12)
        np.testing.assert_allclose(found.values["spin"][i, 0], model.n_hat @ expected, atol=1e-12)


def test_weights_of_sites(film):
    """They add up to one for every level; without hopping between sites each level is on one of them."""
    found = states(film)
    weight = found.levels(K[:1]).values["site_weight"]
    assert [name.rstrip("0123456789") for name in found.sites] == list(film.crystal.symbols)
    np.testing.assert_allclose(weight.sum(axis=1), 1.0, atol=1e-10)
    model = haldane(hopping=1e-9, second_hopping=0.0)
    weight = states(model).levels(K[:1]).values["site_weight"]
    np.testing.assert_allclose(np.sort(weight, axis=1), [[[0.0, 0.0], [1.0, 1.0]]], atol=1e-6)


def test_levels_of_one_energy_share_their_values():
    """Twice the same film, uncoupled and mixed by any unitary matrix: the states differ, what is said of them not."""
    one = ferromagnet()
    two = {"H_Rnn": one.H_Rnn, "odd_Rnn": one.odd_Rnn}
    N = one.size
    doubled = {}
    for name, X in two.items():
        doubled[name] = np.zeros((len(one.R), 2 * N, 2 * N), dtype=complex)
        doubled[name][:, :N, :N] = doubled[name][:, N:, N:] = X
    model = replace(
        one,
        **doubled,
        centres=np.concatenate([one.centres, one.centres]),
        up=np.concatenate([one.up, one.up + N]),
        down=np.concatenate([one.down, one.down + N]),
        spin_Rvnn=None,
        A_Rvnn=None,
    )
    single = states(replace(one, A_Rvnn=None, spin_Rvnn=None)).levels(K)
    double = states(model).levels(K)
    for name in ("spin", "spin_vector", "torque", "velocity", "curvature"):
        np.testing.assert_allclose(
            double.values[name][:, :, ::2], single.values[name], atol=1e-8 * (1 + np.abs(single.values[name]).max())
        )
        np.testing.assert_array_equal(double.values[name][:, :, ::2], double.values[name][:, :, 1::2])


def test_a_model_without_spin_has_neither_spin_nor_torque():
    found = states(haldane()).levels(K).values
    assert set(found) == {"velocity", "curvature", "site_weight"}


# -- paths ------------------------------------------------------------------------------------------------------------


def test_usual_paths():
    bcc = crystal([-1.4, 1.4, 1.4], [1.4, -1.4, 1.4], [1.4, 1.4, -1.4])
    path = path_through(bcc, "auto", {}, 300)
    assert path.names == ("Γ", "H", "N", "Γ", "P", "H|P", "N")
    reciprocal = 2.0 * np.pi * np.linalg.inv(bcc.lattice).T
    at = {name: path.at(np.array([tick]))[0] @ reciprocal for name, tick in zip(path.names, path.ticks, strict=True)}
    edge = 2.0 * np.pi / 2.8
    assert np.sort(np.abs(at["H"])) == pytest.approx([0.0, 0.0, edge])
    assert np.abs(at["N"]) @ np.ones(3) == pytest.approx(edge)
    square = crystal([3, 0, 0], [0, 3, 0], [0, 0, 20], periodic=(True, True, False))
    path = path_through(square, "auto", {}, 100)
    assert set(path.names) == {"Γ", "X", "M"}
    upright = crystal([3, 0, 0], [0, 20, 0], [0, 0, 3], periodic=(True, False, True))
    np.testing.assert_allclose(path_through(upright, "auto", {}, 100).k[:, [0, 2, 1]], path.k)
    wire = crystal([20, 0, 0], [0, 20, 0], [0, 0, 2], periodic=(False, False, True))
    path = path_through(wire, "auto", {}, 11)
    np.testing.assert_allclose(path.k[-1], [0, 0, 0.5])
    assert path.distance[-1] == pytest.approx(np.pi / 2.0)


def test_a_path_by_names():
    square = crystal([3, 0, 0], [0, 3, 0], [0, 0, 20], periodic=(True, True, False))
    path = path_through(square, "Gamma - X | Q-M", {"Q": [0.25, 0.25, 0.0]}, 31)
    assert path.names == ("Γ", "X|Q", "M")
    assert len(path.k) == 32  # the jump is one distance and two points
    assert np.abs(np.diff(path.distance)).min() == 0.0
    assert np.all(np.diff(path.distance) >= 0.0)
    np.testing.assert_allclose(path.distance[-1], np.pi / 3 + np.pi / 3 * np.hypot(0.5, 0.5))
    np.testing.assert_allclose(path.at(path.ticks[1:]), [[0.25, 0.25, 0], [0.5, 0.5, 0]])
    for text, words in (("G-Y", "no k-point 'Y'"), ("G", "at least two"), ("G-G", "no length"), ("G-X|", "no k-point")):
        with pytest.raises(InputError, match=words):
            path_through(square, text, {}, 10)
    with pytest.raises(InputError, match="repeats in no direction"):
        path_through(replace(square, periodic=(False, False, False)), "auto", {}, 10)


# -- comparison -------------------------------------------------------------------------------------------------------


def test_deviation_finds_the_bands_below_and_the_worst_place():
    rng = np.random.default_rng(1)
    model = np.sort(rng.uniform(0.0, 10.0, (20, 4)), axis=1)
    other = np.concatenate([np.full((20, 2), -30.0), model - 0.01, np.full((20, 3), 20.0)], axis=1)
    other[7, 4] -= 0.2
    found = deviation(model, other, 0.0, 9.0)
    assert (found.skipped, found.k, found.band) == (2, 7, 4)
    assert found.largest == pytest.approx(0.21)
    assert found.count == np.count_nonzero((other >= 0.0) & (other <= 9.0))
    assert deviation(model, other[:, 3:5], 0.0, 9.0).skipped == -1
    with pytest.raises(InputError, match="no energy of the file lies between 50"):
        deviation(model, other, 50.0, 60.0)


@pytest.fixture(scope="module")
def magnet(tmp_path_factory):
    """Files of a magnet with Wannier functions: x_tb.dat, x.win with a mesh, x.eig of the same model, shifted."""
    folder = tmp_path_factory.mktemp("magnet")
    model = ferromagnet()
    write_tb(folder / "x_tb.dat", model)
    write_win(folder / "x.win", model)
    k = np.array([[0.0, 0.0, 0.0], [0.25, 0.5, 0.0], [0.5, 0.5, 0.0]])
    block = "\n".join(" ".join(f"{x:.8f}" for x in point) for point in k)
    with (folder / "x.win").open("a") as win:
        win.write(f"\nbegin kpoints\n{block}\nend kpoints\n")
    E_kn = np.array([np.linalg.eigvalsh(bloch(model, model.H_Rnn, point[None])[0]) for point in k]) + 0.025
    lines = [f"{n + 1} {i + 1} {E:.10f}" for i, row in enumerate(E_kn) for n, E in enumerate(row)]
    (folder / "x.eig").write_text("\n".join(lines) + "\n")
    return folder


def test_eigenvalues_of_wannier90(magnet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = hpcalo.api.run(
        {
            "model": {"wannier90": str(magnet / "x"), "spin": "interleaved"},
            "bands": {"points": 10, "compare": str(magnet / "x.eig")},
        }
    )
    assert data.attrs["deviation_largest_eV"] == pytest.approx(-0.025, abs=2e-6)
    assert data.attrs["deviation_rms_eV"] == pytest.approx(0.025, abs=2e-6)
    (tmp_path / "x.win").write_text((magnet / "x.win").read_text())
    (tmp_path / "x.eig").write_text("\n".join((magnet / "x.eig").read_text().splitlines()[:-1]))
    path = path_through(crystal([3, 0, 0], [0, 3, 0], [0, 0, 3]), "G-X", {}, 5)
    with pytest.raises(ModelError, match="missing or is there twice"):
        compare.read(tmp_path / "x.eig", path)


def test_blocks_of_two_columns(tmp_path):
    path = path_through(crystal([3, 0, 0], [0, 3, 0], [0, 0, 3]), "G-X-M", {}, 41)
    x = np.linspace(0.0, 7.7, 21)  # in a unit of its own
    bands = [np.cos(x), 2.0 + x]
    text = "\n\n".join("\n".join(f"  {a:.6f}  {b:.6f}" for a, b in zip(x, band, strict=True)) for band in bands)
    file = tmp_path / "bands.gnu"
    file.write_text("# k E\n" + text + "\n\n")
    found = compare.read(file, path)
    np.testing.assert_allclose(found.E_kn.T, bands, atol=1e-6)
    np.testing.assert_allclose(found.distance, x / x[-1] * path.distance[-1])
    np.testing.assert_allclose(found.k[-1], path.k[-1])
    for wrong, words in (
        (text[:-30], "same length"),
        (text.replace("7.700000", "7.600000", 1), "same for all bands"),
        ("1 2\n1 3", "no length"),
        ("1 x\n2 y", "line 1"),
    ):
        file.write_text(wrong)
        with pytest.raises(ModelError, match=words):
            compare.read(file, path)


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.mpi
@pytest.mark.ranks(2, 4)
def test_any_number_of_ranks_gives_the_same_result(comm, mpi_tmp_path):
    names = {}
    for ranks in {1, comm.size}:
        file = mpi_tmp_path / f"bands{ranks}.h5"
        answer = on_some(
            comm,
            ranks,
            lambda part, file=file: app.bands(part, MODELS / "mnw3_dzp.h5", {"points": 34}, output=file, quiet=True),
        )
        assert answer is None or "picture" in answer, answer
        names[ranks] = file
    if comm.rank == 0:
        one, other = (read_dataset(names[n]) for n in (1, comm.size))
        for name in one.variables:
            np.testing.assert_array_equal(one[name], other[name])
        assert names[1].with_suffix(".png").stat().st_size > 10_000


@pytest.mark.mpi
def test_wrong_settings_end_in_one_line(comm, mpi_tmp_path):
    for options, words in (
        ({"path": "G-Z"}, "no k-point 'Z'"),
        ({"compare": "nowhere.gnu"}, "nowhere.gnu"),
        ({"minimum": 1.0, "maximum": 0.0}, "maximum"),
        ({"points": 1}, "points"),
    ):
        with pytest.raises((InputError, ModelError), match=words):
            app.bands(comm, MODELS / "mnw3_dzp.h5", options, output=mpi_tmp_path / "no.h5", quiet=True)
    assert not (mpi_tmp_path / "no.h5").exists()


def test_the_page_in_the_guide(tmp_path, monkeypatch):
    """Its commands for one process, as they stand there, and what it says of their results."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input").symlink_to(INPUTS)
    page = (REPOSITORY / "docs" / "guide" / "bands.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("hpcalo bands")]
    for line in lines:
        done = CliRunner().invoke(cli, [*shlex.split(line)[1:], "--quiet"])
        assert done.exit_code == 0, done.output + str(done.exception)
    assert {path.name for path in tmp_path.glob("*.png")} == {"fe_bands.png", "film_bands.png"}
    result = read_dataset(tmp_path / "fe_bands.h5")
    rows = [row for row in re.findall(r"(?m)^\| `\w+`.*", page) if "with `bands.coefficients = true`" not in row]
    assert set(result.variables) - {"k_point", "n_hat"} == {row.split("`")[1] for row in rows} | {"spin_vector"}
    assert float(result["energy"].min()) < -8.0
    with pytest.raises(InputError, match="'torque_w' colours no bands; did you mean 'torque'"):
        app.plot([tmp_path / "fe_bands.h5"], output=None, force=True, quantities=("torque_w",))
    assert app.report(tmp_path / "fe_bands.h5", output=None, force=True).stat().st_size > 100_000
