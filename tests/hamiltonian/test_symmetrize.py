"""Orbitals and their order, the representation, replicas, refusals: what makes a model symmetric, piece by piece."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from random_crystals import gauged, random_crystal, turned_on_sites
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y
from wannier_files import bloch, write_tb, write_win

from hpcalo import app
from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import chain, ferromagnet, haldane, rashba
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.orbitals import HARMONICS, Orbital, angular_functions, harmonics, rotation_of_harmonics
from hpcalo.hamiltonian.readers.wannier90.assemble import read_with_replicas
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.projections import read_orbitals
from hpcalo.hamiltonian.replicas import fold
from hpcalo.hamiltonian.symmetrize.images import centred_folding, supercell
from hpcalo.hamiltonian.symmetrize.model import symmetrized_model
from hpcalo.hamiltonian.symmetrize.wannier import symmetrized_wannier
from hpcalo.hamiltonian.types import LcaoModel, WannierModel

FE, FETE = ("fe/Fe", 12.6312), ("fete/FeTe", 6.4264)
BOTH = pytest.mark.parametrize("case", [FE, FETE], ids=["Fe", "FeTe"])


@cache
def files_of(shared: Path, case):
    seed, fermi = case
    path = shared / "data" / seed
    return *read_with_replicas(path, WannierOptions(fermi_energy=fermi)), read_orbitals(path.with_suffix(".win"))


def test_harmonics_are_those_of_scipy():
    """Wannier90's names against scipy's Y_lm: m > 0 cosines (√2 (−1)^m Re), m < 0 sines."""
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    theta, phi = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    orders = ([0], [0, 1, -1], [0, 1, -1, 2, -2], [0, 1, -1, 2, -2, 3, -3])
    expected = []
    for l, list_m in enumerate(orders):
        for m in list_m:
            Y = sph_harm_y(l, abs(m), theta, phi)
            real = Y.real if m == 0 else np.sqrt(2) * (-1) ** m * (Y.real if m > 0 else Y.imag)
            expected.append(np.sqrt(4 * np.pi) * real)
    assert [len(names) for names in HARMONICS] == [len(m) for m in orders]
    np.testing.assert_allclose(harmonics(directions), np.array(expected).T, atol=1e-13)


def test_rotations_of_harmonics_are_a_representation():
    first, second = -Rotation.random(random_state=1).as_matrix(), Rotation.random(random_state=2).as_matrix()
    product = rotation_of_harmonics(first) @ rotation_of_harmonics(second)
    np.testing.assert_allclose(rotation_of_harmonics(first @ second), product, atol=1e-13)
    assert np.linalg.det(rotation_of_harmonics(first)) == pytest.approx((-1) ** 10)  # p and f are odd


@pytest.mark.parametrize(
    ("l", "directions"),
    [
        (-1, [(1, 0, 0), (-1, 0, 0)]),
        (-2, [(-1, np.sqrt(3), 0), (-1, -np.sqrt(3), 0), (2, 0, 0)]),
        (-3, [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]),
        (-5, [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)]),
    ],
    ids=["sp", "sp2", "sp3", "sp3d2"],
)
def test_hybrids_are_orthonormal_and_point_where_wannier90_says(l, directions):
    functions = np.array([Orbital(l, mr, np.zeros(3)).coefficients() for mr in angular_functions(l)])
    np.testing.assert_allclose(functions @ functions.T, np.eye(len(functions)), atol=1e-14)
    for function, direction in zip(functions, np.array(directions, dtype=float), strict=True):
        p = function[[2, 3, 1]]  # x, y, z
        np.testing.assert_allclose(p / np.linalg.norm(p), direction / np.linalg.norm(direction), atol=1e-14)
    tilted = Orbital(l, 1, np.zeros(3), z_axis=np.array([0.0, 1.0, 1.0]), x_axis=np.array([1.0, 0.0, 0.0]))
    assert np.linalg.norm(tilted.coefficients()) == pytest.approx(1.0)


@BOTH
def test_projections_have_the_order_that_wannier90_prints(shared, case):
    """The block of .win, read, against the table of all functions in .wout."""
    path = shared / "data" / case[0]
    given, printed = (read_orbitals(path.with_suffix(ending)) for ending in (".win", ".wout"))
    assert given is not None
    assert printed is not None
    assert [(o.l, o.mr) for o in given] == [(o.l, o.mr) for o in printed]
    np.testing.assert_allclose([o.position for o in given], [o.position for o in printed], atol=1e-5)


def win(tmp_path: Path, projections: list[str], spinors: str = "t") -> Path:
    path = tmp_path / "s.win"
    atoms = ["begin atoms_frac", "Fe1 0 0 0", "O 0.5 0.5 0.5", "Fe1 0 0 0.5", "end atoms_frac"]
    cell = ["begin unit_cell_cart", "ang", "2 0 0", "0 2 0", "0 0 4", "end unit_cell_cart"]
    rows = [f"spinors = {spinors}", *cell, *atoms, "begin projections", *projections, "end projections"]
    path.write_text("\n".join(rows))
    return path


def test_projections_of_all_kinds(tmp_path):
    """Sites in the order of the atoms, l from −5 up, mr up, spins innermost; axes, radial parts, one spin alone."""
    path = win(tmp_path, ["fe1: dxy ; s; sp2 ! a comment", "f=0.5,0.5,0.5 : l=1,mr=3,1 : z=0,1,1 : x=1,0,0 : r=2 (u)"])
    found = read_orbitals(path)
    assert found is not None
    expected = [(-2, 1), (-2, 2), (-2, 3), (0, 1), (2, 5)]
    assert [(o.l, o.mr) for o in found] == [lm for _ in range(2) for lm in expected for _ in range(2)] + [
        (1, 1),
        (1, 3),
    ]
    np.testing.assert_allclose([found[0].position, found[10].position], [[0, 0, 0], [0, 0, 2]])
    np.testing.assert_allclose(found[-1].position, [1, 1, 2])
    np.testing.assert_allclose([found[-1].z_axis, found[-1].x_axis], [[0, 1, 1], [1, 0, 0]])
    assert found[-1].radial != found[0].radial
    spinless = read_orbitals(win(tmp_path, ["bohr", "c=1,0,0:p"], "f"))
    assert spinless is not None
    assert [(o.l, o.mr) for o in spinless] == [(1, 1), (1, 2), (1, 3)]
    assert spinless[0].position[0] == pytest.approx(0.529177, abs=1e-6)


@pytest.mark.parametrize("line", ["random", "Xx: d", "O: g", "O: l=2,mr=x", "O: s: w=3", "O"])
def test_projections_that_are_not_understood_count_as_unknown(tmp_path, line):
    assert read_orbitals(win(tmp_path, [line])) is None


@BOTH
def test_replicas_made_here_are_those_of_wannier90(shared, case):
    model, folding, _ = files_of(shared, case)
    again = centred_folding(folding, model.R, model.crystal.lattice, model.centres)
    np.testing.assert_array_equal(supercell(folding, model.R), [4, 4, 4])
    one, other = fold(model, folding), fold(model, again)
    np.testing.assert_array_equal(one.R, other.R)
    np.testing.assert_allclose(one.H_Rnn, other.H_Rnn, rtol=0, atol=1e-15)


@cache
def symmetric(shared: Path, case):
    return symmetrized_wannier(*files_of(shared, case))


def test_near_ties_of_replicas_are_mended(shared):
    """Centres that are off by 1e-4 Å choose between images that belong together: H is then wrong by 0.1 eV."""
    model, folding, _ = files_of(shared, FETE)
    right, _, _ = symmetric(shared, FETE)
    rng = np.random.default_rng(0)
    off = centred_folding(
        folding, model.R, model.crystal.lattice, model.centres + 1e-4 * rng.normal(size=model.centres.shape)
    )
    mended, _, report = symmetrized_wannier(model, off, None)
    k = rng.random((5, 3))
    broken = np.abs(bloch(fold(model, off), fold(model, off).H_Rnn, k) - bloch(right, right.H_Rnn, k)).max()
    assert broken > 0.05
    np.testing.assert_allclose(bloch(mended, mended.H_Rnn, k), bloch(right, right.H_Rnn, k), rtol=0, atol=1e-6)
    assert any("made again from centres" in note for note in report.notes())


@BOTH
def test_a_gauge_on_the_sites_is_recovered_from_the_data(shared, case):
    """The projections then fail by tenths of an electronvolt; the result is the same model in the other gauge."""
    model, folding, orbitals = files_of(shared, case)
    right, apart, straight = symmetric(shared, case)
    right = fold(right, apart) if apart is not None else right
    other, gauge = turned_on_sites(fold(model, folding))
    found, _, report = symmetrized_wannier(other, None, orbitals)
    assert "projections do not describe these functions" in report.source
    assert straight.source == "the projections"
    assert np.abs(found.H_Rnn - gauge.T @ right.H_Rnn @ gauge).max() < 2e-6
    assert found.spin_Rvnn is not None
    assert right.spin_Rvnn is not None
    assert np.abs(found.spin_Rvnn - gauge.T @ right.spin_Rvnn @ gauge).max() < 2e-7
    for deviation in report.after:
        assert deviation.size < 1e-12


@BOTH
def test_bands_stay_and_only_an_asymmetric_position_matrix_changes(shared, case):
    _, folding, _ = files_of(shared, case)
    _, apart, report = symmetric(shared, case)
    assert report.band_change() < 3e-7
    sizes = {d.name: d.size for d in report.before}
    assert sizes["H"] < 2e-6
    assert sizes["spin"] < 2e-7
    assert report.change_of_r is not None
    if case is FE:  # one site: Wigner-Seitz cells are symmetric by themselves, replicas stay apart
        assert apart is folding
        assert report.change_of_r < 1e-7
    else:
        assert apart is None
        assert 0.05 < report.change_of_r < 0.1 < sizes["r"] < 0.2


def test_convert_symmetrizes_refuses_and_yields(shared, tmp_path):
    """A Hamiltonian that breaks the symmetry by 10 meV is refused in one line; a limit averages it away."""
    model, folding, _ = files_of(shared, FE)
    model = fold(model, folding)
    H = model.H_Rnn.copy()
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    H[home, 12, 12] += 0.01
    broken = tmp_path / "broken.h5"
    write_model(broken, replace(model, H_Rnn=H))
    with pytest.raises(ModelError, match=r"^[^\n]*broken\.h5: symmetry: [^\n]*$"):
        app.convert(broken, tmp_path / "new.h5", force=False, options={}, symmetrize=1e-4)
    assert not (tmp_path / "new.h5").exists()
    path, _ = app.convert(broken, tmp_path / "new.h5", force=False, options={}, symmetrize=0.1)
    new = read_model(path)
    assert isinstance(new, WannierModel)
    assert sum(note.startswith("symmetrized") for note in new.notes) >= 4
    assert any("16 operations" in note for note in new.notes)


def test_files_without_projections_or_spin(tmp_path):
    """A p shell on a simple cubic lattice, from files: nothing tells the functions but the data."""
    model, orbitals = random_crystal(
        2.5 * np.eye(3), [("Fe", (0.0, 0.0, 0.0))], [[Orbital(1, mr, np.zeros(3)) for mr in (1, 2, 3)]], 2.6
    )
    new, _, _ = symmetrized_wannier(model, None, orbitals, limit=np.inf)
    write_tb(tmp_path / "s_tb.dat", new)
    write_win(tmp_path / "s.win", new)
    options = {"spin": "interleaved"}
    _, found = app.convert(tmp_path / "s", tmp_path / "s.h5", force=False, options=options, symmetrize=1e-4)
    assert isinstance(found, WannierModel)
    assert any("from H and spin" in note for note in found.notes)
    assert np.abs(found.H_Rnn - new.H_Rnn).max() < 1e-6


def test_functions_with_one_spin_first(shared):
    """Iron's functions in another order, all up before all down: the projections follow the pairs."""
    model, folding, orbitals = files_of(shared, FE)
    model = fold(model, folding)
    order = np.concatenate([model.up, model.down])
    N = model.size
    blocks = replace(gauged(model, np.eye(N)[:, order]), up=np.arange(N // 2), down=np.arange(N // 2, N))
    _, _, report = symmetrized_wannier(blocks, None, orbitals)
    assert report.source == "the projections"
    mixed = replace(blocks, up=np.roll(blocks.up, 1))
    with pytest.raises(ModelError, match=r"not compatible with time reversal on the spin pairs: off by .*join"):
        symmetrized_wannier(mixed, None, orbitals)


def test_cells_that_cannot_be_symmetric_are_refused(shared):
    """FeTe without replicas: two atoms, but cells that are symmetric about one."""
    model, _, orbitals = files_of(shared, FETE)
    for some in (orbitals, None):
        with pytest.raises(ModelError, match=r"^symmetry: [^\n]*replicas[^\n]*$"):
            symmetrized_wannier(model, None, some)


def test_closed_form_models_stay_as_they_are():
    """They are symmetric to rounding; one has no operation but the identity."""
    for model, count in ((rashba(), 8), (chain(), 4), (ferromagnet(), 1)):
        new, _, report = symmetrized_wannier(model, None, None)
        assert len(report.operations) == count
        np.testing.assert_allclose(new.H_Rnn, model.H_Rnn, rtol=0, atol=1e-13)


def test_a_model_that_breaks_time_reversal_without_spin_is_refused():
    with pytest.raises(ModelError, match="symmetry"):
        symmetrized_wannier(haldane(), None, None)


@pytest.mark.parametrize("named", [True, False], ids=["names", "data"])
def test_lcao_by_the_names_of_its_orbitals_or_from_the_data(shipped, named):
    """A film whose matrices are spoiled by 1e-5 is brought back to 1e-5 of the exact one, and to exact symmetry."""
    model = read_model(shipped / "mnw3_dzp.h5")
    assert isinstance(model, LcaoModel)
    noise = 1e-5 * (np.random.default_rng(0).random(model.up_Rnn.shape[1:]) - 0.5)
    home = int(np.flatnonzero((model.R == 0).all(axis=1))[0])
    up = model.up_Rnn.copy()
    up[home] += noise + noise.T
    names = model.orbital_names if named else ()
    new, _ = symmetrized_model(replace(model, up_Rnn=up, orbital_names=names))
    assert isinstance(new, LcaoModel)
    assert np.abs(new.up_Rnn - model.up_Rnn).max() < 1e-5
    assert np.abs(new.soc_vRnn - model.soc_vRnn).max() < (
        1e-12 if named else 1e-6
    )  # the spoiled data tell the orbitals
    assert any("8 operations" in note for note in new.notes)
    assert any(("from their names" if named else "from S, H and") in note for note in new.notes)
    after = next(note for note in new.notes if "after" in note).partition("after: ")[2]
    assert all(float(part.split()[-2 if part.endswith("eV") else -1]) < 1e-12 for part in after.split(", ")[:-1])
