"""Damaged Wannier90 files: one line that names the file, what was found and what is needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from wannier_files import write_hr, write_tb, write_win

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.chk import read_chk
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.spn import read_spn
from hpcalo.hamiltonian.readers.wannier90.text import numbers
from hpcalo.hamiltonian.readers.wannier90.win_wout import read_centres, read_win, read_wout
from hpcalo.hamiltonian.types import WannierModel


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """tb, hr and win files of a small model."""
    model = ferromagnet(orbitals=2)
    write_tb(tmp_path / "x_tb.dat", model)
    write_hr(tmp_path / "x_hr.dat", model)
    write_win(tmp_path / "x.win", model)
    return tmp_path / "x"


def refused(seed: Path, match: str, **options: object) -> str:
    with pytest.raises(ModelError, match=match) as error:
        read_wannier90(seed, WannierOptions(**options))  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    assert str(seed.parent) in text
    assert len(text) < 300
    return text


def edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().split("\n"))))


def replaced(line: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        assert old in lines[line - 1]
        return [*lines[: line - 1], lines[line - 1].replace(old, new, 1), *lines[line:]]

    return change


FIRST = 11  # the line of the first element in the tb file of this model: 27 degeneracies fill two lines


@pytest.mark.parametrize("form", ["tb", "hr"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.77, 0.99])
def test_truncated(seed: Path, form: str, part: float) -> None:
    path = seed.with_name(f"x_{form}.dat")
    text = path.read_text()
    path.write_text(text[: int(part * len(text))])
    refused(seed, "truncated|expected|lattice has 9|not a number", format=form)


@pytest.mark.parametrize("form", ["tb", "hr"])
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"garbage\n" * 50, "not a number|expected"),
        (bytes(range(256)) * 10, "is not text"),
        (b"\xff\xfe\x00" * 50, "is not text|lattice has 9|expected"),
        (b"one line only", "expected|lattice"),
        (b"x\n1 0 0\n0 1 0\n0 0 1\n10000000\n99\n", "10000000 Wannier functions, expected 1 to|0 cells R"),
        (b"x\n10000000\n99\n", "10000000 Wannier functions, expected 1 to|lattice has 9"),
        (b"x\n1 0 0\n0 1 0\n0 0 1\n-3\n99\n", "-3 Wannier functions, expected 1 to|0 cells R"),
    ],
)
def test_garbage(seed: Path, form: str, content: bytes, match: str) -> None:
    seed.with_name(f"x_{form}.dat").write_bytes(content)
    refused(seed, match, format=form)


def test_missing_files(seed: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "nothing_tb.dat: cannot read .*No such file")
    refused(seed, "x_wsvec.dat: cannot read", replicas=True)
    refused(seed, "x.chk: cannot read", spin="files")
    refused(seed, r"x.wout: not found \(and no x_r.dat, x_centres.xyz\)", format="hr")
    seed.with_suffix(".win").unlink()
    refused(seed, r"x.win: not found \(and no x.wout\): x_hr.dat does not hold the lattice", format="hr")
    (tmp_path / "y_tb.dat").mkdir()
    refused(tmp_path / "y", "is a folder")


def test_wrong_options(seed: Path) -> None:
    with pytest.raises(ModelError, match="format 'wf'"):
        read_wannier90(seed, WannierOptions(format="wf"))
    with pytest.raises(ModelError, match="spin 'up'"):
        read_wannier90(seed, WannierOptions(spin="up"))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (replaced(FIRST, "1    1", "2    1"), r"\(1, 1\) of the cell \(-1, -1, -1\) is missing"),
        (replaced(FIRST, "E", "****"), f"line {FIRST}: .*did not fit into its Fortran field"),
        (replaced(FIRST, "E", "x"), f"line {FIRST}: .*is not a number"),
        (replaced(FIRST, "1    1   ", "1    1    NaN "), f"line {FIRST}: 'NaN' is not a finite number"),
        (replaced(FIRST, "1    1   ", "1    1    1.0 "), "has numbers after its end"),
        (replaced(FIRST - 1, "1", "9"), "cells of H and of the position matrix differ"),
        (replaced(7, "    1", "    0"), "degeneracy 0 of a cell"),
        (replaced(7, "    1", "  1.5"), "not a whole number"),
        (replaced(3, " ", " 7.0 "), "lines 2 to 4 hold 10 numbers"),
        (replaced(5, "4", "5"), "5 Wannier functions and 27 cells need"),
        (replaced(6, "27", "26"), "26 cells need"),
    ],
)
def test_wrong_lines_of_tb(seed: Path, change: Callable, match: str) -> None:
    edit(seed.with_name("x_tb.dat"), change)
    refused(seed, match)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (replaced(7, "2    1", "9    1"), "orbital number 9, expected 1 to 4"),
        (replaced(8, "   -1   -1   -1", "   -1   -1    0"), r"cell \(-1, -1, -1\) is missing"),
        (replaced(6, "-1", "**"), "did not fit"),
        (replaced(4, "    1", "   -1"), "degeneracy -1"),
    ],
)
def test_wrong_lines_of_hr(seed: Path, change: Callable, match: str) -> None:
    edit(seed.with_name("x_hr.dat"), change)
    refused(seed, match, format="hr")


def test_not_hermitian(seed: Path) -> None:
    model = ferromagnet(orbitals=2)
    H = model.H_Rnn.copy()
    H[0, 1, 2] += 0.01
    broken = object.__new__(WannierModel)  # the checks would refuse to make it
    for name in ("crystal", "R", "centres", "A_Rvnn"):
        object.__setattr__(broken, name, getattr(model, name))
    object.__setattr__(broken, "H_Rnn", H)
    write_tb(seed.with_name("x_tb.dat"), broken)
    refused(seed, r"x_tb.dat: H: not Hermitian: differs by 0.01 at R = \(-1, -1, -1\), orbitals 2 and 3")


def test_a_cell_named_twice_and_no_home(seed: Path) -> None:
    model = ferromagnet(orbitals=2)
    write_tb(seed.with_name("x_tb.dat"), replace(model, R=model.R * 2 + np.array([0, 0, 0])))
    read_wannier90(seed)
    text = seed.with_name("x_tb.dat").read_text()
    seed.with_name("x_tb.dat").write_text(text.replace("    0    0    0\n", "    0    0    2\n"))
    refused(seed, "26 different cells R are named, 27 announced")


def test_lattices_must_agree(seed: Path) -> None:
    edit(seed.with_suffix(".win"), replaced(3, "3.0", "4.0"))
    refused(seed, "its lattice differs")


def test_an_odd_number_of_functions_has_no_pairs(tmp_path: Path) -> None:
    model = ferromagnet(orbitals=2)
    cut = replace(
        model,
        H_Rnn=model.H_Rnn[:, :3, :3],
        A_Rvnn=None,
        centres=model.centres[:3],
        up=model.up[:0],
        down=model.down[:0],
        odd_Rnn=None,
    )
    write_tb(tmp_path / "x_tb.dat", cut)
    write_win(tmp_path / "x.win", model)
    with pytest.raises(ModelError, match="3 functions cannot form spin pairs"):
        read_wannier90(tmp_path / "x", WannierOptions(spin="interleaved"))


def test_fortran_habits(tmp_path: Path) -> None:
    """Exponents without their letter, glued numbers, D exponents."""
    path = tmp_path / "x"
    np.testing.assert_array_equal(numbers("0.12345678-100 1.5", path), [0.12345678e-100, 1.5])
    np.testing.assert_array_equal(numbers("1.0D+01 2d0", path), [10.0, 2.0])
    np.testing.assert_array_equal(numbers("  12.345678-1234.123456", path), [12.345678, -1234.123456])
    with pytest.raises(ModelError, match=r"line 8: '\*\*\*\*\*': a number did not fit"):
        numbers("1.0\n*****", path, 7)


CELL = "begin unit_cell_cart\n1 0 0\n0 1 0\n0 0 1\nend unit_cell_cart\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("begin atoms_frac\nend atoms_frac\n", "no block unit_cell_cart"),
        ("begin unit_cell_cart\n1 0 0\n0 1 0\nend unit_cell_cart\n", "has 2 lines"),
        ("begin unit_cell_cart\n1 0 0\n0 1 0\n0 0 x\nend unit_cell_cart\n", "three finite numbers"),
        ("begin unit_cell_cart\n1 0 0\n0 1 0\n0 0 1\n", "does not begin and end"),
        (
            CELL + "begin atoms_frac\nFe\nend atoms_frac",
            "three finite numbers",
        ),
        (
            CELL + "begin atoms_frac\nA inf 0 0\nend atoms_frac\n",
            "three finite numbers",
        ),
    ],
)
def test_win(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "x.win").write_text(text)
    with pytest.raises(ModelError, match=match):
        read_win(tmp_path / "x.win")


def test_wout_and_centres(shared: Path, tmp_path: Path) -> None:
    text = (shared / "data/fete/FeTe.wout").read_text()
    for cut, match in ((text[:2000], "lattice vectors were not found|no final state"), (text[:9000], "no final state")):
        (tmp_path / "x.wout").write_text(cut)
        with pytest.raises(ModelError, match=match):
            read_wout(tmp_path / "x.wout")
    (tmp_path / "x_centres.xyz").write_text("1\nremark\nFe 0 0 0\n")
    with pytest.raises(ModelError, match="no line with a centre"):
        read_centres(tmp_path / "x_centres.xyz")


@pytest.fixture
def iron(shared: Path, tmp_path: Path) -> Path:
    """A copy of the iron files that may be damaged."""
    for path in (shared / "data/fe").glob("Fe*"):
        shutil.copyfile(path, tmp_path / path.name)
    return tmp_path / "Fe"


@pytest.mark.parametrize("part", [0.0, 1e-6, 1e-5, 0.001, 0.3, 0.9999])
@pytest.mark.parametrize("ending", [".chk", ".spn", "_wsvec.dat"])
def test_truncated_files_of_iron(iron: Path, ending: str, part: float) -> None:
    path = iron.with_name("Fe" + ending)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    refused(iron, f"Fe{ending}: .*(truncated|empty|ends|expected|not a)", replicas=True, spin="files")


@pytest.mark.parametrize("ending", [".chk", ".spn", "_wsvec.dat"])
def test_garbage_files_of_iron(iron: Path, ending: str) -> None:
    path = iron.with_name("Fe" + ending)
    rng = np.random.default_rng(1)
    contents = [rng.bytes(5000), b"\0" * 5000, b"text\n" * 500, b"\x3c\0\0\0" + rng.bytes(60) + b"\x3c\0\0\0"]
    for content in (*contents, iron.with_name("Fe.eig").read_bytes()):
        path.write_bytes(content)
        refused(iron, f"Fe{ending}: ", replicas=True, spin="files")


def test_flipped_bytes_of_checkpoint_and_spin(iron: Path) -> None:
    """Damage is refused in one line or changes numbers only: no traceback of another kind."""
    rng = np.random.default_rng(2)
    for ending, top in ((".chk", 6000), (".spn", 300)):
        path = iron.with_suffix(ending)
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        refusals = 0
        for _ in range(40):
            broken = data.copy()
            broken[rng.integers(0, top)] ^= rng.integers(1, 255, dtype=np.uint8)
            path.write_bytes(broken.tobytes())
            try:
                if ending == ".chk":
                    read_chk(path)
                else:
                    read_spn(path, 28, 64)
            except ModelError:
                refusals += 1
        assert refusals > 0
        path.write_bytes(data.tobytes())


def test_spin_of_another_run(shared: Path, iron: Path) -> None:
    """Wrong number of bands, another crystal's checkpoint, other replicas."""
    for ending in (".spn", ".chk"):
        shutil.copyfile(shared / f"data/fete/FeTe{ending}", iron.with_suffix(ending))
        text = refused(iron, "Fe.(chk|spn): ", spin="files")
        assert ("42 bands" in text) or ("24 Wannier functions" in text)
    shutil.copyfile(shared / "data/fete/FeTe_wsvec.dat", iron.with_name("Fe_wsvec.dat"))
    refused(iron, "Fe_wsvec.dat: ", replicas=True, spin="none")


def test_bands_without_pairs_are_refused(iron: Path) -> None:
    """All spin matrices zero: a file of the right shape whose functions are no spinors."""
    path = iron.with_suffix(".spn")
    data = bytearray(path.read_bytes())
    half = 28 * 29 // 2 * 48
    for k in range(64):
        start = 68 + 16 + k * (half + 8) + 4
        data[start : start + half] = bytes(half)
    path.write_bytes(bytes(data))
    refused(iron, "not the spin of these functions", spin="files")
