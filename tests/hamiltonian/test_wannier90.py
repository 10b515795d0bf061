"""Wannier90 readers against the ab-initio files, other codes' results and independent constructions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wannier_files import bloch, write_hr, write_tb, write_win

from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.exchange import torque_from_spin, torque_Rvnn
from hpcalo.hamiltonian.magnetization import occupied_spin, snapped
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.chk import read_chk, to_cells
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.readers.wannier90.hr import read_hr
from hpcalo.hamiltonian.readers.wannier90.spn import read_spn
from hpcalo.hamiltonian.readers.wannier90.tb import read_tb
from hpcalo.hamiltonian.readers.wannier90.win_wout import read_centres, read_win, read_wout
from hpcalo.hamiltonian.readers.wannier90.wsvec import replica_folding
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import check_hermitian

FE = ("fe", "Fe", 12.6312, 30.0)  # folder, seed, Fermi energy, top of the frozen window (Fe.win)
FETE = ("fete", "FeTe", 6.4264, 13.0)
BOTH = pytest.mark.parametrize("case", [FE, FETE], ids=["Fe", "FeTe"])


def grid(n: int) -> np.ndarray:
    axis = np.arange(n) / n
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


@BOTH
def test_tb_agrees_with_hr(shared: Path, case) -> None:
    folder, seed, *_ = case
    tb = read_tb(shared / "data" / folder / f"{seed}_tb.dat")
    hr = read_hr(shared / "data" / folder / f"{seed}_hr.dat")
    np.testing.assert_array_equal(tb.R, hr.R)
    np.testing.assert_array_equal(tb.degeneracy, hr.degeneracy)
    assert np.abs(tb.H_Rnn - hr.H_Rnn).max() < 1e-6  # hr keeps six decimals


def test_single_lines_of_the_files(shared: Path) -> None:
    """A few lines picked out with nothing but str.split, against the arrays."""
    folder = shared / "data" / "fe"
    tb, hr = read_tb(folder / "Fe_tb.dat"), read_hr(folder / "Fe_hr.dat")
    lines = (folder / "Fe_tb.dat").read_text().splitlines()
    cells = [i for i, line in enumerate(lines) if len(line.split()) == 3 and i > 10]
    assert len(cells) == 2 * len(tb.R)
    for c in (0, 17, 88):
        m, n, re, im = lines[cells[c] + 1 + 18 * 5 + 3].split()
        assert tb.H_Rnn[c, int(m) - 1, int(n) - 1] == complex(float(re), float(im))
        m, n, *r = lines[cells[c + 89] + 1 + 18 * 5 + 3].split()
        assert (m, n) == ("4", "6")
        assert tb.A_Rvnn is not None
        assert tb.A_Rvnn[c, 2, 3, 5] == complex(float(r[4]), float(r[5]))
    for line in (folder / "Fe_hr.dat").read_text().splitlines()[20:20000:777]:
        *r, m, n, re, im = line.split()
        c = tb.R.tolist().index([int(x) for x in r])
        assert hr.H_Rnn[c, int(m) - 1, int(n) - 1] == complex(float(re), float(im))


@BOTH
@pytest.mark.parametrize("replicas", [False, True])
def test_bands_on_the_ab_initio_mesh(shared: Path, case, replicas: bool) -> None:
    """On the mesh of the Wannier functions H(k) reproduces the ab-initio energies of the frozen window."""
    folder, seed, _, frozen = case
    model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=replicas))
    energies = np.loadtxt(shared / "data" / folder / f"{seed}.eig")[:, 2].reshape(64, -1)
    levels = np.linalg.eigvalsh(bloch(model, model.H_Rnn, grid(4)))
    worst, count = 0.0, 0
    for mine, theirs in zip(levels, energies, strict=True):
        n = int((theirs < frozen).sum())
        worst, count = max(worst, float(np.abs(mine[:n] - theirs[:n]).max())), count + n
    assert count > 64 * 10
    assert worst < 2e-6


@BOTH
def test_hamiltonian_from_the_checkpoint(shared: Path, case) -> None:
    """V† E V of checkpoint and .eig, transformed to the cells, is the H(R) that Wannier90 wrote."""
    folder, seed, *_ = case
    tb, chk = (
        read(shared / "data" / folder / f"{seed}{end}") for read, end in ((read_tb, "_tb.dat"), (read_chk, ".chk"))
    )
    energies = np.loadtxt(shared / "data" / folder / f"{seed}.eig")[:, 2].reshape(64, chk.bands)
    H = to_cells(chk.V_kbn.conj().mT @ (energies[:, :, None] * chk.V_kbn), chk.k, tb.R)
    assert np.abs(H - tb.H_Rnn).max() < 1e-6


@BOTH
def test_centres_and_structure(shared: Path, case) -> None:
    folder, seed, *_ = case
    path = shared / "data" / folder / seed
    model = read_wannier90(path)
    structure, centres = read_wout(path.with_suffix(".wout"))
    win = read_win(path.with_suffix(".win"))
    assert np.abs(model.centres - centres).max() < 2e-6
    assert np.abs(read_chk(path.with_suffix(".chk")).centres - centres).max() < 2e-6
    assert structure.symbols == win.symbols == model.crystal.symbols
    assert np.abs(structure.lattice - win.lattice).max() < 2e-6
    assert np.abs(structure.positions - win.positions).max() < 2e-5
    assert win.spinors is True


@BOTH
def test_position_matrix_is_hermitian_after_reading(shared: Path, case) -> None:
    folder, seed, *_ = case
    for replicas in (False, True):
        model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=replicas))
        assert model.A_Rvnn is not None
        for v in range(3):
            check_hermitian("r", model.R, model.A_Rvnn[:, v] * 1e8)
        assert any("made Hermitian" in note for note in model.notes)


@BOTH
def test_replicas_are_the_nearest_images(shared: Path, case) -> None:
    """Each element sits on the images of its pair that are nearest within the 4×4×4 supercell, found by trying them."""
    folder, seed, *_ = case
    path = shared / "data" / folder
    tb = read_tb(path / f"{seed}_tb.dat")
    centres = read_wout(path / f"{seed}.wout")[1]
    folding = replica_folding(path / f"{seed}_wsvec.dat", tb.R, len(centres))
    assert tb.lattice is not None
    images = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) * 4 @ tb.lattice
    rng = np.random.default_rng(0)
    for e in rng.integers(0, len(folding.cell), 500):
        apart = centres[folding.n[e]] - centres[folding.m[e]]
        here = np.linalg.norm(folding.R[folding.cell[e]] @ tb.lattice + apart)
        best = np.linalg.norm(tb.R[folding.source[e]] @ tb.lattice + images + apart, axis=1).min()
        assert here <= best + 2e-3
        assert ((folding.R[folding.cell[e]] - tb.R[folding.source[e]]) % 4 == 0).all()
    ones = folding.apply(np.ones((len(tb.R), len(centres), len(centres))))
    np.testing.assert_allclose(ones.sum(axis=0), len(tb.R), atol=1e-9)


@BOTH
def test_spin_matrices_are_spin(shared: Path, case) -> None:
    folder, seed, *_ = case
    path = shared / "data" / folder / seed
    chk = read_chk(path.with_suffix(".chk"))
    bloch_spin = read_spn(path.with_suffix(".spn"), chk.bands, len(chk.k))
    np.testing.assert_array_equal(bloch_spin, bloch_spin.conj().mT)
    V = chk.V_kbn[:, None]
    s = V.conj().mT @ bloch_spin @ V
    square = np.linalg.eigvalsh((s @ s).sum(axis=1) / 3)
    assert square.max() < 1.0001  # 1 but for the part that leaves the space of the Wannier functions
    assert square.min() > 0.85
    # σ_x σ_y = iσ_z tells <a|σ|b> from <b|σ|a>
    assert np.abs(s[:, 0] @ s[:, 1] - 1j * s[:, 2]).max() < 0.12


def test_spin_and_electrons_of_iron_equal_the_reference(shared: Path) -> None:
    """Electrons and spin against Fermi energy on the 24³ grid, computed by WannierBerri from the same files."""
    model = read_wannier90(shared / "data/fe/Fe", WannierOptions(replicas=True))
    table = np.loadtxt(shared / "reference/fe_morb_24.csv", delimiter=",")
    for row in (0, 100, 200):
        electrons, spin = occupied_spin(model, table[row, 0], mesh=24)
        assert electrons == pytest.approx(table[row, 4], abs=1e-6)
        np.testing.assert_allclose(spin.sum(axis=1), table[row, 5:8], atol=2e-6)


@pytest.mark.parametrize(("case", "size", "sign"), [(FE, 2.24, 1), (FETE, 3.06, -1)], ids=["Fe", "FeTe"])
def test_moment_has_the_published_size(shared: Path, case, size: float, sign: int) -> None:
    """The moment of the self-consistent calculation, and its direction: opposite to the spin."""
    folder, seed, fermi, _ = case
    model = read_wannier90(shared / "data" / folder / seed, WannierOptions(fermi_energy=fermi))
    spin = occupied_spin(model, fermi, mesh=24)[1].sum(axis=1)
    assert np.linalg.norm(spin) == pytest.approx(size, rel=0.04)  # interpolated from 4×4×4: no better than this
    np.testing.assert_array_equal(model.n_hat, [0, 0, sign])
    assert -sign * spin[2] > 2
    assert model.crystal.moments[0] > 2.2
    without = read_wannier90(shared / "data" / folder / seed)  # no Fermi energy: from the exchange part
    np.testing.assert_array_equal(without.n_hat, [0, 0, sign])


@BOTH
def test_spin_on_the_ab_initio_mesh(shared: Path, case) -> None:
    """Occupied states lie in the frozen window: their spin on the mesh is the sum over .eig and .spn alone."""
    folder, seed, fermi, _ = case
    path = shared / "data" / folder / seed
    model = read_wannier90(path)
    energies = np.loadtxt(path.with_suffix(".eig"))[:, 2].reshape(64, -1)
    diagonal = np.einsum("kvbb->kvb", read_spn(path.with_suffix(".spn"), energies.shape[1], 64)).real
    expected = np.einsum("kvb,kb->v", diagonal, energies < fermi) / 64
    electrons, spin = occupied_spin(model, fermi, mesh=4)
    assert electrons == (energies < fermi).sum() / 64
    np.testing.assert_allclose(spin.sum(axis=1), expected, atol=1e-5)


def test_anomalous_hall_of_iron_equals_the_reference(shared: Path) -> None:
    """H and r together: σ_xy of 24³ points with all position-matrix terms (Wang et al., PRB 74, 195118)."""
    model = read_wannier90(shared / "data/fe/Fe", WannierOptions(replicas=False))
    table = np.loadtxt(shared / "reference/fe_ahc_24.csv", delimiter=",")
    fermi, expected = table[100, 0], table[100, 3]
    assert model.A_Rvnn is not None
    cells = model.R @ model.crystal.lattice
    total = 0.0
    for k in np.array_split(grid(24), 48):
        dH = np.stack([bloch(model, 1j * cells[:, v, None, None] * model.H_Rnn, k) for v in (0, 1)])
        A = np.stack([bloch(model, model.A_Rvnn[:, v], k) for v in (0, 1)])
        curl = bloch(
            model, 1j * (cells[:, 0, None, None] * model.A_Rvnn[:, 1] - cells[:, 1, None, None] * model.A_Rvnn[:, 0]), k
        )
        E, U = np.linalg.eigh(bloch(model, model.H_Rnn, k))
        dH, A, curl = (U.conj().mT @ X @ U for X in (dH, A, curl))
        gap = E[:, None, :] - E[:, :, None]
        D = dH / np.where(np.abs(gap) < 1e-9, np.inf, gap)
        f = (fermi > E).astype(float)
        pair = D[0] * A[1].mT - D[1] * A[0].mT + 1j * D[0] * D[1].mT
        total += float((f * np.einsum("knn->kn", curl).real).sum())
        total += float(((f[:, None, :] - f[:, :, None]) * pair).sum().real)
    sigma = -total / 24**3 / model.crystal.volume * 2.434134807e-4 * 1e8  # e²/ħ in S, 1/Å in 1/cm
    assert sigma == pytest.approx(expected, abs=1e-4)


def test_formatted_spn_equals_unformatted(shared: Path, tmp_path: Path) -> None:
    path = shared / "data/fe/Fe"
    chk = read_chk(path.with_suffix(".chk"))
    spin = read_spn(path.with_suffix(".spn"), chk.bands, 64)
    row, column = np.tril_indices(chk.bands)
    packed = spin[:, :, column, row].transpose(0, 2, 1).reshape(-1)
    lines = [f"{z.real:26.16E}{z.imag:26.16E}" for z in packed]
    (tmp_path / "Fe.spn").write_text("\n".join(["a remark", f"{chk.bands:12d}{64:12d}", *lines]) + "\n")
    np.testing.assert_allclose(read_spn(tmp_path / "Fe.spn", chk.bands, 64), spin, atol=1e-15)


@BOTH
def test_pairs_of_the_data_fit(shared: Path, case) -> None:
    folder, seed, *_ = case
    model = read_wannier90(shared / "data" / folder / seed)
    np.testing.assert_array_equal(model.up, np.arange(0, model.size, 2))
    np.testing.assert_array_equal(model.down, np.arange(1, model.size, 2))
    assert not [n for n in model.notes if n.startswith("warning")]


@pytest.mark.parametrize("degeneracy", [1, 4])
def test_written_tb_comes_back(tmp_path: Path, degeneracy: int) -> None:
    """A file made from a built-in model; pairs named by hand give its exchange part and direction."""
    model = ferromagnet(n_hat=(0.0, 0.6, 0.8))
    write_tb(tmp_path / "x_tb.dat", model, degeneracy)
    write_win(tmp_path / "x.win", model)
    back = read_wannier90(tmp_path / "x", WannierOptions(spin="blocks"))
    np.testing.assert_allclose(back.H_Rnn, model.H_Rnn, atol=1e-8)
    np.testing.assert_allclose(back.A_Rvnn, model.A_Rvnn, atol=1e-8)
    np.testing.assert_allclose(back.centres, model.centres, atol=1e-7)
    np.testing.assert_allclose(back.odd_Rnn, model.odd_Rnn, atol=1e-8)
    np.testing.assert_allclose(back.n_hat, model.n_hat, atol=1e-7)
    np.testing.assert_array_equal(read_wannier90(tmp_path / "x").odd_Rnn, back.odd_Rnn)


def test_hr_takes_centres_from_xyz(tmp_path: Path) -> None:
    model = ferromagnet()
    write_hr(tmp_path / "x_hr.dat", model)
    write_win(tmp_path / "x.win", model)
    rows = ["X " + " ".join(f"{c:.8f}" for c in r) for r in model.centres]
    (tmp_path / "x_centres.xyz").write_text("\n".join(["7", "a remark", *rows, "Fe 0 0 0"]) + "\n")
    np.testing.assert_allclose(read_centres(tmp_path / "x_centres.xyz"), model.centres, atol=1e-7)
    back = read_wannier90(tmp_path / "x", WannierOptions(format="hr"))
    np.testing.assert_allclose(back.H_Rnn, model.H_Rnn, atol=1e-6)
    assert back.A_Rvnn is None


@pytest.mark.parametrize("unit", ["bohr", "Ang", None])
@pytest.mark.parametrize("kind", ["atoms_frac", "atoms_cart"])
def test_win_units(tmp_path: Path, unit: str | None, kind: str) -> None:
    text = [
        "! a remark",
        "BEGIN Unit_Cell_Cart",
        *([unit] if unit else []),
        "2 0 0 # x",
        "0 2.0d0 0",
        "0 0 2",
        "end unit_cell_cart",
    ]
    in_cart = [unit] if unit and kind == "atoms_cart" else []
    text += [f"begin {kind}", *in_cart, "fe1 0.5 0 0", "TE2\t0 0.25 0", f"end {kind}", "spinors : .FALSE."]
    (tmp_path / "x.win").write_text("\n".join(text))
    structure = read_win(tmp_path / "x.win")
    scale = 0.529177210903 if unit == "bohr" else 1.0
    np.testing.assert_allclose(structure.lattice, 2 * scale * np.eye(3), rtol=1e-8)
    expected = np.array([[0.5, 0, 0], [0, 0.25, 0]]) * scale * (2 if kind == "atoms_frac" else 1)
    np.testing.assert_allclose(structure.positions, expected, rtol=1e-8)
    assert structure.symbols == ("Fe", "Te")
    assert structure.spinors is False


def test_directions_are_snapped_only_when_close() -> None:
    np.testing.assert_array_equal(snapped(np.array([1e-5, 0, -1.0])), [0, 0, -1])
    tilted = np.array([0.0, 0.01, 1.0]) / np.hypot(0.01, 1.0)
    np.testing.assert_array_equal(snapped(tilted), tilted)


@BOTH
def test_torque_of_wannier_models_is_the_derivative(shared: Path, case) -> None:
    """T = n × ∂H/∂n with H of the turned model, by central differences; T along n is only what H_odd has across n."""
    folder, seed, *_ = case
    model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=False, position_matrix=False))
    n, step = model.n_hat, 1e-5
    gradient = np.zeros((len(model.R), 3, model.size, model.size), dtype=complex)
    for e in np.eye(3)[:2]:  # n is along z
        plus, minus = (rotated(model, n + s * step * e).H_Rnn for s in (1, -1))
        gradient += ((plus - minus) / (2 * step))[:, None] * e[None, :, None, None]
    torque = torque_Rvnn(model)
    np.testing.assert_allclose(torque[:, :2], np.cross(n[None, :, None, None], gradient, axis=1)[:, :2], atol=1e-7)
    assert np.linalg.norm(torque[:, 2]) < 0.05 * np.linalg.norm(torque[:, :2])


@BOTH
def test_torque_from_true_spin_matrices_is_close(shared: Path, case) -> None:
    """Pauli matrices on the pairs against the spin matrices of the calculation: a few per cent."""
    folder, seed, *_ = case
    model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=True))
    k = grid(3) + 0.05
    assert model.odd_Rnn is not None
    assert model.spin_Rvnn is not None
    true = torque_from_spin(bloch(model, model.spin_Rvnn, k), bloch(model, model.odd_Rnn, k))
    pauli = bloch(model, torque_Rvnn(model), k)
    assert np.linalg.norm(true - pauli) < 0.02 * np.linalg.norm(pauli)
    np.testing.assert_allclose(true, true.conj().mT, atol=1e-6)


@BOTH
def test_reversed_magnet_has_the_levels_at_minus_k(shared: Path, case) -> None:
    """Time reversal: E(k) of −n̂ is E(−k) of n̂; turning by nearly a half turn comes close (spin across n is left)."""
    folder, seed, *_ = case
    model = read_wannier90(shared / "data" / folder / seed, WannierOptions(replicas=False))
    back, k = rotated(model, -model.n_hat), grid(3) + 0.07
    levels = np.linalg.eigvalsh(bloch(model, model.H_Rnn, -k))
    np.testing.assert_allclose(np.linalg.eigvalsh(bloch(back, back.H_Rnn, k)), levels, atol=1e-6)
    almost = rotated(model, -model.n_hat + np.array([1e-6, 0, 0]))
    gap = np.linalg.eigvalsh(bloch(almost, almost.H_Rnn, k)) - levels
    assert np.sqrt((gap**2).mean()) < 0.03
