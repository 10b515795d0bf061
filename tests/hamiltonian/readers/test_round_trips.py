"""One magnet in the layouts of all programs: every reader gives the same torkance, to the digits of its files."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from layouts import LAYOUTS, MAGNET, fleur, fplo, tbmodels, wannierberri
from opened import opened_below

import hpcalo.api
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import odd_part
from hpcalo.hamiltonian.loading import files, section_for

SETTINGS = {
    "quantities": ["torkance", "anomalous_hall"],
    "gamma": [0.15],
    "k": {"grid": [6, 6, 1]},
    "energies": {"minimum": -1.0, "maximum": 1.0, "points": 3, "reference": 0.0},
}
NAMES = ("torkance_even", "torkance_odd", "anomalous_hall")


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    data = hpcalo.api.run({"kubo": SETTINGS}, model=MAGNET)
    values = {name: np.asarray(data[name]) for name in NAMES}
    assert all(np.abs(value).max() > 1e-3 for value in values.values())
    return values


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_the_same_magnet(layout: Callable[[Path], Path], tmp_path: Path, expected: dict[str, np.ndarray]) -> None:
    """Also: what is opened is what `files` names."""
    path = layout(tmp_path)
    named = {file.name for file in files(section_for(str(path), {}, "test"))}
    with opened_below(tmp_path) as opened:
        model = hpcalo.api.load_model(path, thickness=4.0)
    assert opened - {path.name} == named - {path.name}  # sisl's Fortran opens the main file unseen
    assert all((path if path.is_dir() else path.parent).joinpath(name).is_file() for name in named)
    np.testing.assert_allclose(np.asarray(model.n_hat), [0, 0, 1], atol=1e-12)
    data = hpcalo.api.run({"kubo": SETTINGS}, model=model)
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(data[name]), value, atol=1e-9 * np.abs(value).max())


def test_spin_orbit_coupling_apart(tmp_path: Path) -> None:
    """rssocmat.1, in hartree and in four blocks: the exchange is the odd part of H without it; zeros are named."""
    main = fleur(tmp_path)
    soc = np.zeros_like(MAGNET.H_Rnn)
    soc[MAGNET.home, 0, 0], soc[MAGNET.home, 1, 1] = 0.03125, 0.0625

    def write(scale: float) -> None:
        lines = []
        for r, X in zip(MAGNET.R, soc * scale / 27.211386245981, strict=True):
            for m, n, ii, jj in np.ndindex(4, 4, 2, 2):
                numbers = " ".join(f"{i:3d}" for i in (*r, m + 1, n + 1, jj + 1, ii + 1))
                share = X[m, n] if ii == jj == m % 2 else 0.0
                lines.append(f"{numbers} {np.real(share):20.12f} {np.imag(share):20.12f}")
        (tmp_path / "rssocmat.1").write_text("\n".join(lines) + "\n")

    write(1.0)
    model = hpcalo.api.load_model(main)
    np.testing.assert_allclose(model.H_Rnn, MAGNET.H_Rnn, atol=1e-12)
    np.testing.assert_allclose(model.odd_Rnn, odd_part(MAGNET.H_Rnn - soc, MAGNET.up, MAGNET.down), atol=1e-10)
    assert any(note.startswith("spin-orbit coupling known apart") for note in model.notes)
    write(0.0)
    model = hpcalo.api.load_model(main)
    np.testing.assert_allclose(model.odd_Rnn, MAGNET.odd_Rnn, atol=1e-12)
    assert any("rssocmat.1 holds only zeros" in note for note in model.notes)


INP = """<fleurInput><cell><filmLattice scale="1.0" dVac="9" dTilda="37.8">
<bravaisMatrix><row-1>{a} 0 .0</row-1><row-2>0 {a} 0</row-2><row-3>0 0 {c}</row-3></bravaisMatrix></filmLattice></cell>
<atomSpecies><species name="Fe-1" element="Fe"/><species name="Pt-2" element="Pt"/></atomSpecies>
<atomGroups><atomGroup species="Fe-1"><filmPos>0 .0 {z}</filmPos></atomGroup>
<atomGroup species="Pt-2"><relPos>1.000/2.000 0.5 0.5</relPos></atomGroup></atomGroups></fleurInput>
"""


def test_structure_of_fleur_input(tmp_path: Path) -> None:
    """inp.xml in bohr, with fractions, instead of WF1.win."""
    main, bohr = fleur(tmp_path), 0.529177210544
    (tmp_path / "WF1.win").unlink()
    (tmp_path / "inp.xml").write_text(INP.format(a=3 / bohr, c=20 / bohr, z=8 / bohr))
    model = hpcalo.api.load_model(main)
    np.testing.assert_allclose(model.crystal.lattice, MAGNET.crystal.lattice, atol=1e-10)
    np.testing.assert_allclose(model.crystal.positions, MAGNET.crystal.positions, atol=1e-10)
    assert model.crystal.symbols == ("Fe", "Pt")
    for old, new, message in (
        ("<cell>", "<cel>", r"inp\.xml: is no XML file"),
        ("row-3", "row-4", r"inp\.xml: no lattice as bravaisMatrix"),
        ("0.5 0.5<", "0.5<", r"inp\.xml: '1\.000/2\.000 0\.5': expected three numbers or fractions"),
    ):
        (tmp_path / "inp.xml").write_text(INP.format(a=3 / bohr, c=20 / bohr, z=8 / bohr).replace(old, new))
        with pytest.raises(ModelError, match=message):
            hpcalo.api.load_model(main)


def edited(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("rspauli.1", lambda t: t[: len(t) // 2].rpartition("\n")[0], r"rspauli\.1: \d+ elements, .* truncated"),
        ("rspauli.1", lambda t: t.replace(" -1  -1   0", " -3  -1   0"), r"rspauli\.1: names the cell \(-3, -1, 0\)"),
        (
            "rspauli.1",
            lambda t: t.replace("  4   4   3 ", "  4   5   3 "),
            r"line with the numbers \[4, 5, 3\], expected",
        ),
        (
            "rspauli.1",
            lambda t: t.replace("1.00000000", "1.0000000X", 1),
            r"rspauli\.1: line \d+: '1\.0000000X' is not",
        ),
        ("rspauli.1", lambda _: "1 2 3\n", r"rspauli\.1: 3 numbers are no lines of 8"),
        (
            "WF1_r.dat",
            lambda t: t.replace("           4", "           6", 1),
            r"_r\.dat: is for 6 functions, the .* has 4",
        ),
        ("WF1.win", None, r"WF1\.win: not found .*, no inp\.xml\): lattice and atoms must be in one"),
        ("WF1_r.dat", None, r"WF1\.wout: not found \(and no WF1_r\.dat\): where the functions sit is not known"),
    ],
)
def test_damaged_operators(tmp_path: Path, file: str, change: Callable[[str], str] | None, message: str) -> None:
    main = fleur(tmp_path)
    if change is None:
        (tmp_path / file).unlink()
    else:
        edited(tmp_path / file, change)
    with pytest.raises(ModelError, match=message):
        hpcalo.api.load_model(main)


def test_wannierberri_mistakes(tmp_path: Path) -> None:
    folder = wannierberri(tmp_path)
    np.savez(folder / "_XX_R_SS.npz", np.zeros((9, 3, 3, 3), dtype=complex))
    with pytest.raises(
        ModelError, match=r"_XX_R_SS\.npz: shape \(9, 3, 3, 3\) of complex128, expected \(9 cells, 4, 4"
    ):
        hpcalo.api.load_model(folder)
    (folder / "_XX_R_SS.npz").unlink()
    with pytest.raises(InputError, match=r"system: has no spin matrices beside it, but spin = 'files'"):
        hpcalo.api.load_model(folder, spin="files")
    (folder / "iRvec.npz").unlink()
    with pytest.raises(ModelError, match=r"iRvec\.npz: cannot be read: No such file"):
        hpcalo.api.load_model(folder)


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("true",)


def test_pickles_of_something_else_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    for content, message in (
        (pickle.dumps(Evil()), r"x\.pkl: names (posix|nt)\.system: it is no PythTB model, and is not opened"),
        (pickle.dumps({"a": np.arange(3)}), r"x\.pkl: expected a pythtb\.tb_model or pythtb\.TBModel, not dict"),
        (b"rubbish", r"x\.pkl: is not an intact pickle"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=message):
            hpcalo.api.load_model(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("end spin:", "", r"hamdata: no line 'end spin:': truncated"),
        ("nspin:\n    1", "nspin:\n    2", r"hamdata: is of two spins without spin-orbit coupling"),
        ("nwan:", "mwan:", r"hamdata: 'nwan:' with 1 numbers not found"),
        ("wancenters:\n", "wancenters:\n 1.0 0.0 0.0\n", r"hamdata: vectors between functions are off the lattice"),
        ("\nspin:", "", r"hamdata: no block 'spin:'"),
    ],
)
def test_damaged_hamdata(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = fplo(tmp_path)
    assert old in path.read_text()
    edited(path, lambda text: text.replace(old, new, 1))
    with pytest.raises(ModelError, match=message):
        hpcalo.api.load_model(path)


def test_tbmodels_mistakes(tmp_path: Path) -> None:
    path = tbmodels(tmp_path)
    assert hpcalo.api.load_model(path).electrons == 2.0
    with h5py.File(path, "r+") as file:
        del file["uc"]
    with pytest.raises(ModelError, match=r"x\.hdf5: has no lattice \(uc\)"):
        hpcalo.api.load_model(path)
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"x\.hdf5: is not a model of TBmodels"):
        hpcalo.api.load_model(path)
