"""One magnet in the layouts of all programs: every reader gives the same torkance, to the digits of its files."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from opened import opened_below
from wannier_files import position_matrix, write_hr, write_spin, write_tb, write_win

import hpcalo.api
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.exchange import odd_part, pauli_on_pairs
from hpcalo.hamiltonian.loading import files, section_for
from hpcalo.hamiltonian.types import Crystal, WannierModel

SETTINGS = {
    "quantities": ["torkance", "anomalous_hall"],
    "gamma": [0.15],
    "k": {"grid": [6, 6, 1]},
    "energies": {"minimum": -1.0, "maximum": 1.0, "points": 3, "reference": 0.0},
}
NAMES = ("torkance_even", "torkance_odd", "anomalous_hall")


def magnet() -> WannierModel:
    """Two unlike atoms, a plane each: exchange along z, Rashba coupling in the planes, hopping between them. Spin pairs
    interleaved, numbers with few digits, so that no file rounds them.
    """
    s0, sx, sy, sz = np.eye(2), *np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    cells = [(x, y, 0) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    H = np.zeros((9, 4, 4), dtype=complex)
    for i, (x, y, _) in enumerate(cells):
        if (x, y) == (0, 0):
            H[i, :2, :2], H[i, 2:, 2:] = 0.25 * s0 + 0.5 * sz, -0.125 * s0 + 0.375 * sz
            H[i, :2, 2:] = H[i, 2:, :2] = -0.5 * s0
        elif abs(x) + abs(y) == 1:
            rashba = 0.25j * (x * sy - y * sx)
            H[i, :2, :2], H[i, 2:, 2:] = -0.75 * s0 + rashba, -0.5 * s0 - 0.5 * rashba
    crystal = Crystal(
        lattice=np.diag([3.0, 3.0, 20.0]),
        periodic=(True, True, False),
        positions=np.array([[0.0, 0.0, 8.0], [1.5, 1.5, 10.0]]),
        symbols=("Fe", "Pt"),
        moments=np.zeros(2),
        thickness=4.0,
    )
    up, down = np.array([0, 2]), np.array([1, 3])
    return WannierModel(
        crystal=crystal,
        R=np.array(cells),
        H_Rnn=H,
        centres=np.repeat(crystal.positions, 2, axis=0),
        up=up,
        down=down,
        odd_Rnn=odd_part(H, up, down),
    )


MAGNET = magnet()


def tb(folder: Path) -> Path:
    write_tb(folder / "x_tb.dat", MAGNET)
    write_win(folder / "x.win", MAGNET)
    return folder / "x_tb.dat"


def tb_spin_files(folder: Path) -> Path:
    write_spin(folder, "x", MAGNET)
    return tb(folder)


def hr_and_r(folder: Path) -> Path:
    """WF1_hr.dat and WF1_r.dat in FLEUR's layout, without spin matrices."""
    write_hr(folder / "WF1_hr.dat", MAGNET)
    write_win(folder / "WF1.win", MAGNET)
    N, A = MAGNET.size, position_matrix(MAGNET)
    lines = [" written by a test", f"{N:12d}", f"{len(MAGNET.R):12d}"]
    for r, X in zip(MAGNET.R, A, strict=True):
        for n in range(N):
            for m in range(N):
                cells = "".join(f"{i:5d}" for i in (*r, m + 1, n + 1))
                lines.append(cells + "".join(f"{x.real:12.6f}{x.imag:12.6f}" for x in X[:, m, n]))
    (folder / "WF1_r.dat").write_text("\n".join(lines) + "\n")
    return folder / "WF1_hr.dat"


def fleur(folder: Path) -> Path:
    """With rspauli.1: H, r and σ in one folder."""
    main = hr_and_r(folder)
    lines = []
    sigma = np.zeros((len(MAGNET.R), 3, 4, 4), dtype=complex)
    sigma[MAGNET.home] = pauli_on_pairs(MAGNET.up, MAGNET.down)
    for r, X in zip(MAGNET.R, sigma, strict=True):
        for n, m, v in np.ndindex(4, 4, 3):
            numbers = " ".join(f"{i:3d}" for i in (*r, m + 1, n + 1, v + 1))
            lines.append(f"{numbers} {X[v, m, n].real:20.8f} {X[v, m, n].imag:20.8f}")
    (folder / "rspauli.1").write_text("\n".join(lines) + "\n")
    return main


def wannierberri(folder: Path, cells_last: bool = False, centres_apart: bool = True) -> Path:
    A = position_matrix(MAGNET).transpose(0, 2, 3, 1).copy()
    if centres_apart:
        A[MAGNET.home, range(4), range(4)] -= MAGNET.centres
    sigma = np.zeros((len(MAGNET.R), 4, 4, 3), dtype=complex)
    sigma[MAGNET.home] = pauli_on_pairs(MAGNET.up, MAGNET.down).transpose(1, 2, 0)
    arrays = {
        "num_wann": np.array(4),
        "real_lattice": MAGNET.crystal.lattice,
        "iRvec": MAGNET.R,
        "periodic": np.array(MAGNET.crystal.periodic),
        "wannier_centers_cart": MAGNET.centres,
        "positions": MAGNET.crystal.positions @ np.linalg.inv(MAGNET.crystal.lattice),
        "atom_labels": np.array(MAGNET.crystal.symbols),
    }
    for name, X in (("Ham", MAGNET.H_Rnn), ("AA", A), ("SS", sigma)):
        arrays[f"_XX_R_{name}"] = np.moveaxis(X, 0, 2) if cells_last else X
    (folder / "system").mkdir()
    for name, value in arrays.items():
        np.savez(folder / "system" / f"{name}.npz", value)
    return folder / "system"


def wannierberri_old(folder: Path) -> Path:
    return wannierberri(folder, cells_last=True, centres_apart=False)


def pythtb(folder: Path) -> Path:
    library = pytest.importorskip("pythtb")
    reduced = MAGNET.crystal.positions @ np.linalg.inv(MAGNET.crystal.lattice)
    with contextlib.redirect_stdout(io.StringIO()):
        model = library.tb_model(2, 3, MAGNET.crystal.lattice, reduced, nspin=2)
        model.set_onsite([MAGNET.H_Rnn[MAGNET.home, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] for i in range(2)])
        for r, H in zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True):
            for i, j in np.ndindex(2, 2):
                if r > [0, 0, 0] or (r == [0, 0, 0] and i < j):
                    model.set_hop(H[2 * i : 2 * i + 2, 2 * j : 2 * j + 2], i, j, r, allow_conjugate_pair=True)
    (folder / "x.pickle").write_bytes(pickle.dumps(model))
    return folder / "x.pickle"


def tbmodels(folder: Path, sparse: bool = False) -> Path:
    """The layout of Model.to_hdf5: cells whose first nonzero number is positive, half of cell 0."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    with h5py.File(folder / "x.hdf5", "w") as file:
        file["type_tag"] = "tbmodels.model"
        file["uc"], file["occ"], file["size"], file["dim"] = MAGNET.crystal.lattice, 2, 4, 3
        file["pos"] = MAGNET.centres @ np.linalg.inv(MAGNET.crystal.lattice)
        file["sparse"] = sparse
        for i, (r, H) in enumerate(zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True)):
            if r < [0, 0, 0]:
                continue
            group = file.create_group(f"hop/{i}")
            group["R"] = r
            matrix = H if any(r) else 0.5 * H
            if sparse:
                packed = csr_matrix(matrix)
                for name in ("data", "indices", "indptr", "shape"):
                    group[name] = getattr(packed, name)
            else:
                group["mat"] = matrix
    return folder / "x.hdf5"


def tbmodels_sparse(folder: Path) -> Path:
    return tbmodels(folder, sparse=True)


def sisl(folder: Path) -> Path:
    """SIESTA's .TSHS without overlap is written by sisl itself."""
    library = pytest.importorskip("sisl")
    geometry = library.Geometry(
        MAGNET.crystal.positions,
        [library.Atom("Fe", R=4.0), library.Atom("Pt", R=4.0)],
        library.Lattice(MAGNET.crystal.lattice, nsc=[3, 3, 1]),
    )
    H = library.Hamiltonian(geometry, spin="spin-orbit")
    for r, X in zip(MAGNET.R.tolist(), MAGNET.H_Rnn, strict=True):
        for i, j in np.ndindex(2, 2):
            if np.abs(block := X[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]).max() > 0:
                uu, ud, du, dd = block.ravel()
                H[i, j, tuple(r)] = [uu.real, dd.real, ud.real, ud.imag, uu.imag, dd.imag, du.real, du.imag]
    H.write(str(folder / "x.TSHS"))
    return folder / "x.TSHS"


LAYOUTS = (tb, tb_spin_files, hr_and_r, fleur, wannierberri, wannierberri_old, pythtb, tbmodels, tbmodels_sparse, sisl)


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
        ("WF1.win", None, r"WF1\.win: not found .*: write its blocks unit_cell_cart and atoms_cart by hand"),
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
