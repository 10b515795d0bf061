"""LCAO files: the model against a construction from the raw arrays that shares no code with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import eigh

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.film import nearest_atoms
from hpcalo.hamiltonian.overlap import smallest_overlap
from hpcalo.hamiltonian.readers.lcao_npz import read_lcao
from hpcalo.hamiltonian.types import LcaoModel


@cache
def raw(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an npz file, unpacked once."""
    return dict(np.load(path))


@cache
def film(shared: Path) -> LcaoModel:
    """The model of the small film."""
    return read_lcao(shared / "data/mnw001/mnw3_dzp.npz")


def spinor(model: LcaoModel, k: tuple[float, float], n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H(k) and S(k) for the moment along n by the docstring of LcaoModel."""
    phase = np.exp(2j * np.pi * (model.R @ np.array([*k, 0.0])))
    up, down, S, *soc = (
        np.tensordot(phase, X, 1) for X in (model.up_Rnn, model.down_Rnn, model.S_Rnn, *model.soc_vRnn)
    )
    x, y, z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
    spin = -(n[0] * x + n[1] * y + n[2] * z)
    H = np.kron(np.eye(2), 0.5 * (up + down)) + np.kron(spin, 0.5 * (up - down))
    for s, X in zip((x, y, z), soc, strict=True):
        H = H + 1j * np.kron(s, X)
    return H, np.kron(np.eye(2), S)


@pytest.mark.parametrize("k", [(0.0, 0.0), (0.25, 0.1), (0.5, 0.31)])
@pytest.mark.parametrize("theta", [0.0, 0.7, np.pi])
def test_levels_equal_a_direct_construction(shared: Path, k: tuple[float, float], theta: float) -> None:
    """Element by element from the npz: spin blocks written out, moment along (sin θ, 0, cos θ)."""
    model, data = film(shared), raw(shared / "data/mnw001/mnw3_dzp.npz")
    N = data["S"].shape[1]
    H, S = np.zeros((2 * N, 2 * N), complex), np.zeros((2 * N, 2 * N), complex)
    for i, R in enumerate(data["R"]):
        e = np.exp(2j * np.pi * (R[0] * k[0] + R[1] * k[1]))
        mean, half = (data["H_up"][i] + data["H_dn"][i]) / 2, (data["H_up"][i] - data["H_dn"][i]) / 2
        X, Y, Z = (1j * data[f"Hsoc_{v}"][i] for v in "xyz")
        H[:N, :N] += e * (mean - np.cos(theta) * half + Z)  # the majority spin points against the moment
        H[N:, N:] += e * (mean + np.cos(theta) * half - Z)
        H[:N, N:] += e * (-np.sin(theta) * half + X - 1j * Y)
        H[N:, :N] += e * (-np.sin(theta) * half + X + 1j * Y)
        S[:N, :N] += e * data["S"][i]
        S[N:, N:] += e * data["S"][i]
    mine = eigh(*spinor(model, k, np.array([np.sin(theta), 0, np.cos(theta)])), eigvals_only=True)
    np.testing.assert_allclose(mine, eigh(H, S, eigvals_only=True), atol=1e-8)
    np.testing.assert_allclose(H, H.conj().T, atol=1e-12)


def test_contents(shared: Path) -> None:
    folder = shared / "data/mnw001"
    model = read_lcao(folder / "mnw3_dzp.npz", folder / "mnw3_dzp_r.npz")
    assert model.size == 120
    assert model.crystal.periodic == (True, True, False)
    assert model.crystal.symbols == ("W", "W", "W", "Mn")
    assert model.electrons == 25
    assert model.crystal.moments[3] == pytest.approx(3.085, abs=1e-3)
    assert model.r_vRnn is not None
    assert model.r_vRnn.dtype == np.float32
    np.testing.assert_array_equal(model.tau[0], model.crystal.positions[0])
    np.testing.assert_array_equal(model.tau[-1], model.crystal.positions[3])
    assert smallest_overlap(model)[0] == pytest.approx(4.848e-5, rel=1e-3)


def test_electron_count_at_the_fermi_energy(shared: Path) -> None:
    """The small basis lies above the plane waves the Fermi energy is from: half an electron is missing, not more."""
    model = film(shared)
    mesh = [((i + 0.5) / 6, (j + 0.5) / 6) for i in range(6) for j in range(6)]
    levels = [eigh(*spinor(model, k, np.array([0, 0, 1.0])), eigvals_only=True) for k in mesh]
    assert model.fermi_energy is not None
    assert (np.array(levels) < model.fermi_energy).sum() / len(mesh) == pytest.approx(25, abs=0.6)


def test_position_matrix_is_that_of_a_hermitian_operator(shared: Path) -> None:
    """<0M|r|RN> = <0N|r|−RM> + R S_MN(R) for the whole operator, single precision."""
    folder = shared / "data/mnw001"
    m = read_lcao(folder / "mnw3_dzp.npz", folder / "mnw3_dzp_r.npz")
    index = {tuple(r): i for i, r in enumerate(m.R.tolist())}
    partner = [index[(-r[0], -r[1], -r[2])] for r in m.R.tolist()]
    cell = m.R @ m.crystal.lattice
    assert m.r_vRnn is not None
    for v in range(3):
        full = m.r_vRnn[v] + m.S_Rnn * (cell[:, v, None, None] + m.tau[None, None, :, v])
        np.testing.assert_allclose(full, full[partner].mT + cell[:, v, None, None] * m.S_Rnn, atol=2e-6)


def test_thickness(shared: Path) -> None:
    """Nine layers of bulk spacing and the film on top: within 1 % of the published volume 1.58e−28 m³; options win."""
    model = read_lcao(shared / "data/mnw001/mnw9.npz")
    assert model.crystal.volume == pytest.approx(158.0, rel=0.01)
    assert any(n.startswith("thickness") for n in model.notes)
    small = read_lcao(shared / "data/mnw001/mnw3_dzp.npz", thickness=5.0, fermi_energy=1.0, electrons=24.0)
    assert small.crystal.volume == pytest.approx(5.0 * 3.165**2)
    assert (small.fermi_energy, small.electrons) == (1.0, 24.0)
    assert not small.notes


def test_nearest_atoms_through_the_border() -> None:
    lattice = np.array([[4.0, 0, 0], [2.0, 3.5, 0], [0, 0, 5.0]])
    atoms = np.array([[0.1, 0.1, 0.1], [2.0, 1.5, 2.5]])
    assert nearest_atoms(atoms[:1] + lattice[0] + lattice[1] - 0.3, lattice, atoms).tolist() == [0]
    assert nearest_atoms(atoms - lattice[2] + 0.2, lattice, atoms).tolist() == [0, 1]


def damaged(shared: Path, target: Path, **changes: object) -> Path:
    data = dict(raw(shared / "data/mnw001/mnw3_dzp.npz"))
    for name, value in changes.items():
        if value is None:
            del data[name]
        else:
            data[name] = value(data[name].copy())  # type: ignore[operator]
    path = target / "bad.npz"
    np.savez(path, **data)
    return path


def set_nan(a: np.ndarray) -> np.ndarray:
    a[3, 4, 5] = np.nan
    return a


def shift_one(a: np.ndarray) -> np.ndarray:
    a[3, 4, 5] += 0.1
    return a


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"S": None}, "array S is missing"),
        ({"H_up": set_nan}, r"up_Rnn: element \(3, 4, 5\) is not finite"),
        ({"H_dn": shift_one}, "down_Rnn: not Hermitian.*orbitals 5 and 6"),
        ({"Hsoc_x": shift_one}, "spin-orbit part x: not anti-Hermitian"),
        ({"S": lambda a: -a}, "overlap matrix.*must be positive"),
        ({"H_up": lambda a: a[:, :-1]}, "shape"),
        ({"Hsoc_y": lambda a: a[:-1]}, "same shape|shape"),
        ({"R": lambda a: a + 0.5}, "R: expected whole numbers"),
        ({"R": lambda a: a[:, :2]}, "R: shape"),
        ({"orb_atom": lambda a: a + 9}, "orb_atom names atom 12"),
        ({"H_up": lambda a: a + 0j}, "H_up: expected real numbers"),
        ({"symbols": lambda a: a[:-1]}, "positions: shape"),
    ],
)
def test_damaged_files(shared: Path, tmp_path: Path, changes: dict, match: str) -> None:
    with pytest.raises(ModelError, match=match) as error:
        read_lcao(damaged(shared, tmp_path, **changes))
    assert "bad.npz" in str(error.value)
    assert "\n" not in str(error.value)


def test_truncated_and_garbage(shared: Path, tmp_path: Path) -> None:
    data = (shared / "data/mnw001/mnw3_dzp.npz").read_bytes()
    path = tmp_path / "bad.npz"
    for content in (b"", b"garbage", data[:1000], data[: len(data) // 2], data[:-10], b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="not an intact npz file"):
            read_lcao(path)
    with pytest.raises(ModelError, match="No such file"):
        read_lcao(tmp_path / "absent.npz")
    with pytest.raises(ModelError, match="directory"):
        read_lcao(tmp_path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", lattice=np.array([object()], dtype=object))
    with pytest.raises(ModelError, match="not an intact npz file"):
        read_lcao(tmp_path / "x.npz")


def test_position_file_of_another_model(shared: Path) -> None:
    folder = shared / "data/mnw001"
    with pytest.raises(ModelError, match=r"mnw3_r.npz: r_x: shape"):
        read_lcao(folder / "mnw3_dzp.npz", folder / "mnw3_r.npz")
    with pytest.raises(ModelError, match="r_x is missing"):
        read_lcao(folder / "mnw3_dzp.npz", folder / "mnw3.npz")


def test_position_matrix_in_other_cells_or_order_is_found_out(shared: Path, tmp_path: Path) -> None:
    data = dict(np.load(shared / "data/mnw001/mnw3_dzp_r.npz"))
    np.savez(tmp_path / "r.npz", **{**data, "r_x": data["r_x"][:, ::-1, ::-1]})
    with pytest.raises(ModelError, match=r"r\.npz: not the position matrix of mnw3_dzp\.npz"):
        read_lcao(shared / "data/mnw001/mnw3_dzp.npz", tmp_path / "r.npz")
