"""One model in every layout that programs, compilers and people give Wannier90's files: the same numbers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wannier_dialects as dialects
from wannier_files import position_matrix, write_hr, write_records, write_spin, write_tb, write_win

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.exchange import pauli_on_pairs
from hpcalo.hamiltonian.readers.wannier90 import raw as raw_files
from hpcalo.hamiltonian.readers.wannier90 import stream
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.chk import read_chk
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.spn import read_spn
from hpcalo.hamiltonian.readers.wannier90.tb import read_tb
from hpcalo.hamiltonian.types import WannierModel

MODEL = ferromagnet(orbitals=2)


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """tb, hr, win, chk and spn of one model; its H has the six decimals of `_hr.dat`."""
    model = replace(MODEL, H_Rnn=MODEL.H_Rnn.round(6), odd_Rnn=None, up=MODEL.up[:0], down=MODEL.down[:0])
    write_tb(tmp_path / "x_tb.dat", model)
    write_hr(tmp_path / "x_hr.dat", model)
    write_win(tmp_path / "x.win", model)
    write_spin(tmp_path, "x", MODEL)
    return tmp_path / "x"


def read(seed: Path, **options: object) -> WannierModel:
    return read_wannier90(seed, WannierOptions(**options))  # type: ignore[arg-type]


def assert_same(model: WannierModel, other: WannierModel, atol: float = 1e-12) -> None:
    """Cells may be in another order."""
    order = [other.R.tolist().index(r) for r in model.R.tolist()]
    for name in ("H_Rnn", "A_Rvnn", "spin_Rvnn", "odd_Rnn"):
        mine, theirs = getattr(model, name), getattr(other, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            np.testing.assert_allclose(mine, theirs[order], atol=atol, err_msg=name)
    for name in ("centres", "n_hat", "up", "down"):
        np.testing.assert_allclose(getattr(model, name), getattr(other, name), atol=atol, err_msg=name)
    np.testing.assert_allclose(model.crystal.lattice, other.crystal.lattice, atol=1e-9)
    np.testing.assert_allclose(model.crystal.positions, other.crystal.positions, atol=1e-6)
    assert model.crystal.symbols == other.crystal.symbols


def crlf(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def utf_16(path: Path) -> None:
    path.write_text(path.read_text(), encoding="utf-16")


def one_line_of_degeneracies(path: Path) -> None:
    lines, _, first = dialects.lines_of_tb(path)
    path.write_text("\n".join([*lines[:6], "".join(lines[6:first]), *lines[first:]]))


def one_degeneracy_a_line(path: Path) -> None:
    lines, _, first = dialects.lines_of_tb(path)
    path.write_text("\n".join([*lines[:6], *" ".join(lines[6:first]).split(), *lines[first:]]))


@pytest.mark.parametrize(
    "change",
    [
        dialects.shuffled,
        dialects.with_d_exponents,
        dialects.list_directed,
        dialects.in_wannierberri_layout,
        one_line_of_degeneracies,
        one_degeneracy_a_line,
        crlf,
        utf_16,
    ],
)
def test_tb(seed: Path, change: Callable[[Path], None]) -> None:
    usual = read(seed)
    before = seed.with_name("x_tb.dat").read_bytes()
    change(seed.with_name("x_tb.dat"))
    assert seed.with_name("x_tb.dat").read_bytes() != before
    assert_same(read(seed), usual)


def test_tb_alone(seed: Path) -> None:
    """Lattice and centres are in it; atoms are sites where functions are. In small pieces, too."""
    usual = read(seed, spin="blocks")
    for ending in (".win", ".chk", ".spn", "_hr.dat"):
        seed.with_name(f"x{ending}").unlink()
    alone = read(seed, spin="blocks")
    assert_same(replace(alone, crystal=usual.crystal), usual)
    assert alone.crystal.symbols == ("X1", "X2")
    assert any("no file names the atoms: 2 sites" in note for note in alone.notes)
    without = read(seed, spin="none")
    assert without.A_Rvnn is not None
    np.testing.assert_array_equal(without.H_Rnn, read_tb(seed.with_name("x_tb.dat")).H_Rnn)


def test_pieces_of_any_length(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = read_tb(seed.with_name("x_tb.dat"))
    for size in (70, 1000):
        monkeypatch.setattr(stream, "PIECE", size)
        again = read_tb(seed.with_name("x_tb.dat"))
        np.testing.assert_array_equal(again.H_Rnn, usual.H_Rnn)
        np.testing.assert_array_equal(again.A_Rvnn, usual.A_Rvnn)


def test_tb_without_positions(seed: Path) -> None:
    """Centres as with `_hr.dat`: of the checkpoint here, which is the only file that has them."""
    usual = read(seed, position_matrix=False)
    dialects.without_positions(seed.with_name("x_tb.dat"))
    model = read(seed)
    assert_same(model, usual)
    assert any("no position matrix (x_tb.dat ends after H)" in note for note in model.notes)
    seed.with_suffix(".chk").unlink()
    with pytest.raises(ModelError, match=r"x\.wout: not found \(and no x\.chk\): x_tb\.dat does not hold the centres"):
        read(seed)


@pytest.mark.parametrize(
    "change", [dialects.second_index_fastest, dialects.shuffled_hr, dialects.with_d_exponents, crlf]
)
def test_hr(seed: Path, change: Callable[[Path], None]) -> None:
    usual = read(seed, format="hr")
    change(seed.with_name("x_hr.dat"))
    assert_same(read(seed, format="hr"), usual)


@pytest.mark.parametrize("counted", [True, False], ids=["version 3", "version 2"])
def test_hr_with_r_is_tb(seed: Path, counted: bool) -> None:
    usual = read(seed)
    r = seed.with_name("x_r.dat")
    dialects.write_r(r, MODEL, position_matrix(MODEL), counted)
    both = read(seed, format="hr")
    assert both.A_Rvnn is not None
    assert_same(both, usual, atol=2e-8)  # eight digits of _tb.dat
    assert read(seed, format="hr", position_matrix=False).A_Rvnn is None
    for text, match in (
        (r.read_text()[:-200], "x_r.dat: .*truncated"),
        (r.read_text().replace("-1   -1   -1", "-1   -1   -5"), "x_r.dat: the cells of H and of the position matrix"),
        (r.read_text().replace("4", "6", 1), "x_r.dat: is for 6 "),
    ):
        r.write_text(text)
        with pytest.raises(ModelError, match=match):
            read(seed, format="hr")
        dialects.write_r(r, MODEL, position_matrix(MODEL), counted)


WIN = """Num_Wann : 4
SPINORS = T   ! yes
mp_grid : 3, 3, 3
Begin Unit_Cell_Cart\t# the cell
  BOHR   ! unit
{cell}
End Unit_Cell_Cart
! {remark}
{atoms}"""


@pytest.mark.parametrize(
    ("encoding", "ends"),
    [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("latin-1", "\r"), ("utf-16", "\n"), ("utf-16", "\r\n")],
)
@pytest.mark.parametrize("atoms", ["cart", "frac", "none"])
def test_win(seed: Path, encoding: str, atoms: str, ends: str) -> None:
    usual = read(seed)
    bohr = 0.529177210903
    cell = "\n".join("\t".join(f"{x / bohr:.12f}D0" for x in v) + " ! a" for v in MODEL.crystal.lattice)
    rows = {
        "cart": [f"{s}1\t{p[0] / bohr:.12f} {p[1] / bohr:.12f}\t{p[2] / bohr:.12f}d0 # x" for s, p in _atoms()],
        "frac": [
            f"{s} " + " ".join(f"{x:.12f}" for x in p @ np.linalg.inv(MODEL.crystal.lattice)) for s, p in _atoms()
        ],
        "none": [],
    }[atoms]
    unit = ["bohr"] if atoms == "cart" else []
    block = [f"begin atoms_{atoms}", *unit, *rows, f"end atoms_{atoms}"] if rows else []
    text = WIN.format(cell=cell, remark="Å", atoms="\n".join(block)).replace("\n", ends)
    seed.with_suffix(".win").write_bytes(text.encode(encoding))
    model = read(seed)
    assert_same(replace(model, crystal=replace(model.crystal, symbols=usual.crystal.symbols)), usual)
    assert any("no file names the atoms" in note for note in model.notes) == (atoms == "none")


def _atoms() -> list[tuple[str, np.ndarray]]:
    return list(zip("XX", MODEL.crystal.positions, strict=True))


def test_the_unit_of_the_cell_is_named(seed: Path) -> None:
    text = seed.with_suffix(".win").read_text()
    seed.with_suffix(".win").write_text(text.replace("\nang\n", "\nbohr\n"))
    with pytest.raises(ModelError, match=r"x\.win: its lattice differs from that of x_tb\.dat as if it were in Å"):
        read(seed)


@pytest.mark.parametrize(
    "marks",
    [("<", 8, 0), (">", 4, 0), (">", 8, 0), ("<", 4, 1000), (">", 4, 1000)],
    ids=lambda m: f"{m[0]}{m[1]} {m[2]}",
)
def test_record_marks(seed: Path, marks: tuple[str, int, int]) -> None:
    """Other compilers and machines; long records in parts (of 2 GiB in life, of 1000 bytes here)."""
    usual = read(seed)
    for ending in (".chk", ".spn"):
        dialects.with_marks(seed.with_suffix(ending), *marks)
    assert_same(read(seed), usual)


def test_formatted_twins(seed: Path) -> None:
    """Either of `.chk` and `.spn`, or both, with `.fmt` or without; a stub says what it is."""
    usual = read(seed)
    chk = dialects.write_formatted_chk(seed.with_suffix(".chk"))
    seed.with_suffix(".chk").unlink()
    assert_same(read(seed), usual)
    dialects.write_formatted_spn(seed.with_suffix(".spn"))
    seed.with_suffix(".spn").unlink()
    assert_same(read(seed), usual)
    chk.rename(seed.with_suffix(".chk"))
    assert_same(read(seed, spin="files"), usual)
    seed.with_name("x.spn.fmt").rename(seed.with_suffix(".spn"))
    assert_same(read(seed), usual)
    lines = seed.with_suffix(".chk").read_text().split("\n")
    for count in (1, 2, 4, 7, 30, 60, len(lines) // 2, len(lines) - 3):
        seed.with_suffix(".chk").write_text("\n".join(lines[:count]))
        with pytest.raises(ModelError, match=r"x\.chk: ends before .*truncated; 'w90chk2chk\.x -export'"):
            read(seed)


def test_excluded_bands(seed: Path) -> None:
    """The spin file may have all bands, or those that the checkpoint kept; another number is refused."""
    usual = read(seed)
    chk, spn = seed.with_suffix(".chk"), seed.with_suffix(".spn")
    kept = spn.read_bytes()
    dialects.with_excluded(chk, spn, [1, 3, 6])
    model = read(seed)
    assert_same(model, usual)
    assert "x.spn has all bands: the 3 that x.chk excludes left out" in model.notes
    dialects.write_formatted_spn(spn)
    everything = spn.read_bytes()
    spn.unlink()
    assert_same(read(seed), usual)
    spn.write_bytes(kept)
    assert_same(read(seed), usual)
    spn.write_bytes(everything)
    found = read_chk(chk)
    np.testing.assert_array_equal(found.excluded, [1, 3, 6])
    with pytest.raises(ModelError, match=r"of 7 bands at 27 k-points, the checkpoint has 4 bands \(and 2 excluded"):
        read_spn(spn, 4, 27, found.excluded[:2])


def test_centres_modulo_the_supercell(seed: Path) -> None:
    """A function is known modulo the supercell of the k mesh: the checkpoint's centre is taken, and r moved with it."""
    usual, usual_blocks = read(seed), read(seed, spin="blocks")
    moved = replace(MODEL, A_Rvnn=position_matrix(MODEL).copy())
    shift = 3 * MODEL.crystal.lattice[2]
    assert moved.A_Rvnn is not None
    moved.A_Rvnn[moved.home][:, 1, 1] -= shift
    moved.A_Rvnn[moved.home][:, 3, 3] -= 2 * shift
    write_tb(seed.with_name("x_tb.dat"), replace(moved, H_Rnn=MODEL.H_Rnn.round(6)))
    model = read(seed)
    assert_same(model, usual, atol=1e-7)
    (note,) = (n for n in model.notes if "supercell" in n)
    assert note.startswith("centre of function 2 and of 1 more taken from x.chk: moved by (")
    assumed = read(seed, spin="blocks")  # of the checkpoint only the centres are read
    assert_same(assumed, usual_blocks, atol=1e-7)
    assert any("supercell" in n for n in assumed.notes)
    moved.A_Rvnn[moved.home][:, 1, 1] += shift / 3
    write_tb(seed.with_name("x_tb.dat"), moved)
    with pytest.raises(ModelError, match=r"x\.chk: the centre of function 2 differs by .* Å .*: .*different runs"):
        read(seed)
    other = read(seed, spin="blocks")  # where the checkpoint is not needed it is left out
    assert any(n.startswith("warning: centres not compared with those of another file") for n in other.notes)


def write_wout(path: Path, centres: np.ndarray, mesh: str = "3 x  3 x  3") -> None:
    """The lines of `.wout` that are read; it names no atoms."""
    vectors = [
        f"                    a_{i + 1} " + " ".join(f"{x:10.6f}" for x in v)
        for i, v in enumerate(MODEL.crystal.lattice)
    ]
    rows = [
        f"  WF centre and spread {n + 1:4d}  ( " + ", ".join(f"{x:.6f}" for x in c) + " )     1.0"
        for n, c in enumerate(centres)
    ]
    grid = f" Grid size = {mesh}      Total points =   27"
    path.write_text("\n".join([" SYSTEM", "Lattice Vectors (Ang)", *vectors, grid, " Final State", *rows]) + "\n")


def test_centres_of_wout_and_xyz(seed: Path) -> None:
    """Without a checkpoint `.wout` tells where a function is; `_centres.xyz`, moved to the home cell, only the run."""
    usual = read(seed, spin="blocks")
    for ending in (".chk", ".spn", ".win"):
        seed.with_suffix(ending).unlink()
    shift = 3 * MODEL.crystal.lattice[0]
    centres = MODEL.centres + np.array([0, 1, 0, -2])[:, None] * shift
    write_wout(seed.with_suffix(".wout"), centres)
    model = read(seed, spin="blocks")
    np.testing.assert_allclose(model.centres, centres, atol=1e-7)
    assert model.crystal.symbols == ("X1", "X2")
    write_wout(seed.with_suffix(".wout"), centres, mesh="6 x  3 x  3")
    other = read(seed, spin="blocks")  # function 2 is off by half of that supercell: another run
    assert any("warning: centres not compared" in note and "function 2" in note for note in other.notes)
    np.testing.assert_allclose(other.centres, usual.centres, atol=1e-7)
    bare = read(seed, format="hr", spin="blocks")
    np.testing.assert_allclose(bare.centres, centres, atol=1e-6)
    seed.with_suffix(".wout").unlink()
    rows = ["X " + " ".join(f"{x:.8f}" for x in c) for c in MODEL.centres + shift / 3]
    seed.with_name("x_centres.xyz").write_text("\n".join(["4", "centres", *rows]) + "\n")
    home = read(seed, spin="blocks")
    np.testing.assert_allclose(home.centres, usual.centres, atol=1e-7)
    assert not any("centres" in note for note in home.notes)


def test_an_odd_number_of_functions(tmp_path: Path) -> None:
    """No pairs: charge responses work, spin matrices are kept, torque says why not."""
    keep = [0, 1, 2]
    model = replace(
        MODEL,
        H_Rnn=MODEL.H_Rnn[:, :3, :3],
        A_Rvnn=None,
        centres=MODEL.centres[keep],
        odd_Rnn=None,
        up=MODEL.up[:0],
        down=MODEL.down[:0],
    )
    write_tb(tmp_path / "x_tb.dat", model)
    write_win(tmp_path / "x.win", MODEL)
    bare = read(tmp_path / "x")
    assert bare.odd_Rnn is None
    write_spin(tmp_path, "x", MODEL)
    items = dialects.records_of(tmp_path / "x.chk")
    nk = 27
    one = np.broadcast_to(np.eye(3, dtype=complex), (nk, 3, 3))
    words = [items[0], 3, *items[2:10], 3, items[11], 0, np.ascontiguousarray(one), np.ascontiguousarray(one)]
    write_records(tmp_path / "x.chk", [*words, np.ascontiguousarray(model.centres)])
    sigma = pauli_on_pairs(MODEL.up, MODEL.down)[:, :3, :3]
    row, column = np.tril_indices(3)
    states = [np.ascontiguousarray(sigma[:, column, row].T)] * nk
    write_records(tmp_path / "x.spn", [b"x".ljust(60), np.array([3, nk]), *states])
    for spin in ("auto", "files"):
        found = read(tmp_path / "x", spin=spin)
        assert found.spin_Rvnn is not None
        np.testing.assert_allclose(found.spin_Rvnn[found.home], sigma, atol=1e-12)
        assert not len(found.up)
        assert any("3 functions cannot form spin pairs" in n for n in found.notes)
        assert any("warning: 1 of the functions have no partner under time reversal" in n for n in found.notes)


def test_memory_is_that_of_the_matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 10 MB, three times its matrices, in pieces of 64 kB: they and a few pieces are all that is held."""
    monkeypatch.setattr(stream, "PIECE", 2**16)
    monkeypatch.setattr(raw_files, "AT_ONCE", 2**13)
    N, nR = 20, 125
    R = np.array([(i, j, k) for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)])
    rows = "".join(f"{m + 1:5d}{n + 1:5d}   {{0}}{{0}}\n" for n in range(N) for m in range(N))
    row_r = "".join(f"{m + 1:5d}{n + 1:5d}   {6 * '{0}'}\n" for n in range(N) for m in range(N))
    path = tmp_path / "big_tb.dat"
    value = f"{0.25:25.16E}"
    with path.open("w") as file:
        file.write("a test\n3 0 0\n0 3 0\n0 0 3\n" + f"{N}\n{nR}\n{nR}*1\n")
        for block in (rows, row_r):
            for r in R:
                file.write("\n" + "".join(f"{i:5d}" for i in r) + "\n" + block.format(value))
    size = path.stat().st_size
    matrices = 16 * 4 * nR * N * N
    assert size > 2.9 * matrices
    tracemalloc.start()
    try:
        raw = read_tb(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raw.A_Rvnn is not None
    assert raw.A_Rvnn.nbytes + raw.H_Rnn.nbytes == matrices
    assert raw.A_Rvnn.min() == raw.H_Rnn.max() == 0.25 + 0.25j
    assert peak < matrices + 2e6 < 0.6 * size
