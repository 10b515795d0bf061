"""Hamiltonians of sisl: bands, spins and band slopes are sisl's own; torques are the change of sisl's bands."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import hpcalo
from hpcalo.config.reader import validate
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.loading import files, load_model
from hpcalo.hamiltonian.modelfile import read_model, write_model
from hpcalo.hamiltonian.readers.sisl_hamiltonian import from_sisl
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.hamiltonian.types import LcaoModel, WannierModel
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import SPIN, TORQUE, VELOCITY
from hpcalo.kubo.states.wannier import WannierStates

sisl = pytest.importorskip("sisl")

HBAR = 6.582119569e-4  # eV ps
ALL = frozenset({VELOCITY, SPIN, TORQUE})
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
HALF = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
K = np.random.default_rng(5).random((6, 3)) * (1, 1, 0)


def geometry():
    """A skew film with an atom of two orbitals and one of one."""
    atoms = [sisl.Atom("Fe", R=[2.6, 2.6]), sisl.Atom("W", R=[2.6])]
    lattice = sisl.Lattice([[2.9, 0, 0], [0.4, 3.1, 0], [0, 0, 14]], nsc=[3, 3, 1])
    return sisl.Geometry([[0, 0, 0], [0.3, 0.1, 1.9]], atoms, lattice=lattice)


def matrices(*, canted=0.3, seed=3):
    """Random real h_0, exchange (3), spin-orbit (3) and overlap of each cell of one half: (cells, 8, 3, 3)."""
    rng = np.random.default_rng(seed)
    parts = 0.3 * rng.normal(size=(len(HALF), 8, 3, 3))
    parts[:, 1:3] *= canted
    parts[:, 7] *= 0.15
    for m in (0, 1, 2, 3, 7):
        parts[0, m] += parts[0, m].T
    for m in (4, 5, 6):
        parts[0, m] -= parts[0, m].T
    parts[0, 3] += 0.8 * np.eye(3)
    parts[0, 7] += np.eye(3) - np.diag(np.diag(parts[0, 7]))
    return parts


def hamiltonian(parts, *, orthogonal=False, spin="spin-orbit"):
    """The sisl object, element by element: H = h_0 + Σ_v (B_v + i s_v) ⊗ σ_v."""
    H = sisl.Hamiltonian(geometry(), spin=spin, orthogonal=orthogonal)
    for R, (plain, *vector, overlap) in zip(HALF, parts, strict=True):
        h = plain[:, :, None, None] * np.eye(2)
        for v in range(3):
            h = h + (vector[v] + 1j * vector[3 + v])[:, :, None, None] * PAULI[v]
        back = tuple(-n for n in R)
        for i, j in product(range(3), repeat=2):
            for cell, x, row, column in ((R, h[i, j], i, j), (back, h[i, j].conj().T, j, i)):
                e = [x[0, 0].real, x[1, 1].real, x[0, 1].real, x[0, 1].imag]
                e += [x[0, 0].imag, x[1, 1].imag, x[1, 0].real, x[1, 0].imag] if spin == "spin-orbit" else []
                place = column + 3 * H.geometry.lattice.sc_index(cell)
                H[row, place] = e if orthogonal else [*e, overlap[i, j]]
    return H


def states(model, k, n_hat=None):
    if isinstance(model, LcaoModel):
        solver = LcaoStates(model, model.n_hat if n_hat is None else n_hat, ALL)
    else:
        solver = WannierStates(model, ALL)
    a, b, c = solver.order
    return solver, solver.line(k[a], k[b], k[[c]], ALL)


@pytest.mark.parametrize("orthogonal", [True, False])
def test_bands_spins_and_slopes_are_those_of_sisl(orthogonal):
    H = hamiltonian(matrices(), orthogonal=orthogonal)
    model = from_sisl(H)
    assert isinstance(model, WannierModel if orthogonal else LcaoModel)
    assert model.crystal.periodic == (True, True, False)
    assert model.crystal.symbols == ("Fe", "W")
    for k in K:
        solver, own = states(model, k)
        theirs = H.eigenstate(k)
        np.testing.assert_allclose(own.E_kn[0], H.eigh(k), atol=1e-12)
        np.testing.assert_allclose(own[SPIN][0], model.n_hat @ theirs.spin_moment(), atol=1e-10)
        slopes = HBAR * theirs.velocity().real  # eV Å
        for i, v in enumerate(solver.directions):
            np.testing.assert_allclose(np.diagonal(own[VELOCITY][0, :, i]).real, slopes[v], atol=1e-8)


def test_order_of_orbitals_and_cells():
    """One element, at a place that no symmetry hides."""
    H = sisl.Hamiltonian(geometry(), spin="spin-orbit", orthogonal=True)
    H[0, 0], H[1, 1], H[2, 2] = ([e, e + 0.5, 0, 0, 0, 0, 0, 0] for e in (1.0, 2.0, 3.0))
    H[0, 2, (1, 0)] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    H[2, 0, (-1, 0)] = [0.1, 0.2, 0.7, -0.8, -0.5, -0.6, 0.3, -0.4]
    model = from_sisl(H)
    at = {tuple(r): h for r, h in zip(model.R.tolist(), model.H_Rnn, strict=True)}
    assert set(at) == {(0, 0, 0), (1, 0, 0), (-1, 0, 0)}
    assert np.diag(at[0, 0, 0]).tolist() == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    expected = np.zeros((6, 6), dtype=complex)
    expected[0:2, 4:6] = [[0.1 + 0.5j, 0.3 + 0.4j], [0.7 + 0.8j, 0.2 + 0.6j]]
    np.testing.assert_array_equal(at[1, 0, 0], expected)
    np.testing.assert_array_equal(model.centres[[0, 1, 2, 4]], [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0.3, 0.1, 1.9]])


@pytest.mark.parametrize("n_hat", [(0.0, 0.0, 1.0), (0.36, 0.48, 0.8), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)])
def test_turned_exchange_and_torque(n_hat):
    """Bands of the sisl object made with turned exchange; torque = what they do under a small rotation of all of it."""
    parts, n = matrices(), np.array(n_hat)
    model = from_sisl(hamiltonian(parts), n_hat=(0.0, 0.0, 1.0))
    assert model.canted_vRnn is not None

    def bands(k, turn):
        turned = parts.copy()
        turned[:, 1:4] = np.einsum("vw,cwij->cvij", turn, parts[:, 1:4])
        return hamiltonian(turned).eigh(k)

    def rotation(axis, angle):
        x, y, z = np.asarray(axis) * angle
        generator = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        term = whole = np.eye(3)
        for i in range(1, 30):
            term = term @ generator / i
            whole = whole + term
        return whole

    if n[2] == -1.0:
        turn = -np.eye(3)
    else:
        axis = np.cross([0, 0, 1], n)
        turn = np.eye(3) if n[2] == 1.0 else rotation(axis / np.linalg.norm(axis), np.arccos(n[2]))
    step = 1e-4
    for k in K[:2]:
        _, own = states(model, k, n)
        np.testing.assert_allclose(own.E_kn[0], bands(k, turn), atol=1e-10)
        for v in range(3):
            slope = (bands(k, rotation(np.eye(3)[v], step) @ turn) - bands(k, rotation(np.eye(3)[v], -step) @ turn)) / (
                2 * step
            )
            np.testing.assert_allclose(np.diagonal(own[TORQUE][0, :, v]).real, slope, atol=2e-7)
        np.testing.assert_allclose(own[TORQUE][0], own[TORQUE][0].conj().transpose(2, 1, 0), atol=1e-12)


def test_direction_and_what_is_across_it():
    collinear = from_sisl(hamiltonian(matrices(canted=0.0)))
    assert collinear.canted_vRnn is None
    assert collinear.n_hat.tolist() == [0.0, 0.0, 1.0]
    parts = matrices()
    for swap, n in ((parts[:, [0, 3, 1, 2, 4, 5, 6, 7]], 0), (parts, 2)):
        assert np.argmax(from_sisl(hamiltonian(swap)).n_hat) == n
    parts[0, 3] -= 1.6 * np.eye(3)
    assert from_sisl(hamiltonian(parts)).n_hat[2] < 0
    cancelling = matrices()
    cancelling[0, 1:4] = 0.0
    cancelling[0, 3] = np.diag([1.0, 1.0, -2.0])
    found = from_sisl(hamiltonian(cancelling))
    assert any(note.startswith("warning: antiferromagnet") and "give n_hat" in note for note in found.notes)
    assert found.n_hat.tolist() == [0.0, 0.0, 1.0]
    model = from_sisl(hamiltonian(cancelling), n_hat=(1.0, 0.0, 0.0))
    np.testing.assert_allclose(states(model, K[0])[1].E_kn[0], hamiltonian(cancelling).eigh(K[0]), atol=1e-12)


def test_non_collinear_without_spin_orbit():
    parts = matrices()
    parts[:, 4:7] = 0.0
    H = hamiltonian(parts, spin="non-collinear")
    model = from_sisl(H)
    assert not model.soc_vRnn.any()
    np.testing.assert_allclose(states(model, K[1])[1].E_kn[0], H.eigh(K[1]), atol=1e-12)


def test_file_of_siesta_to_model_file_to_result(tmp_path, launch):
    """TSHS as sisl writes it; the same bands after `hpcalo convert`, and a run with it."""
    H = hamiltonian(matrices())
    H.write(tmp_path / "film.TSHS")
    done = launch(0, "-m", "hpcalo", "convert", "film.TSHS", "--thickness", "5 angstrom", "--electrons", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "model: film.h5"
    assert "note: from sisl: every orbital sits at its atom" in done.stdout
    model = read_model(tmp_path / "film.h5")
    assert (model.fermi_energy, model.electrons, model.crystal.thickness) == (0.0, 3.0, 5.0)
    theirs = sisl.get_sile(str(tmp_path / "film.TSHS")).read_hamiltonian()
    for k in K[:3]:
        np.testing.assert_allclose(states(model, k)[1].E_kn[0], theirs.eigh(k), atol=1e-10)
    kubo = {"quantities": ["torkance"], "gamma": [0.1], "k": {"grid": [6, 6, 1]}}
    kubo["energies"] = {"minimum": -1.0, "maximum": 1.0, "points": 5}
    result = hpcalo.api.run({"kubo": kubo}, model=model)
    np.testing.assert_allclose(result.n_vector.values[0], model.n_hat, atol=1e-12)
    direct = hpcalo.api.run({"kubo": kubo}, model=hpcalo.api.load_model(tmp_path / "film.TSHS", thickness=5.0))
    np.testing.assert_allclose(result.torkance_even, direct.torkance_even, atol=1e-12)
    assert float(np.abs(result.torkance_even).max()) > 1e-3


def test_input_names_a_file_of_siesta(tmp_path):
    """[model] sisl; of an .fdf all files count that sisl may read for it."""
    H = hamiltonian(matrices())
    H.write(tmp_path / "film.TSHS")
    (tmp_path / "film.fdf").write_text("SystemLabel film\n%include atoms.fdf\n")
    (tmp_path / "atoms.fdf").write_text("LatticeConstant 1.0 Ang\n")
    H.geometry.write(tmp_path / "film.XV")
    (tmp_path / "film.out").touch()
    section = validate(ModelSection, {"sisl": "film.TSHS", "thickness": "5 angstrom"}, "x.toml", tmp_path)
    assert files(section) == [tmp_path / "film.TSHS"]
    model = load_model(section)
    assert (model.crystal.thickness, model.fermi_energy, model.size) == (5.0, 0.0, H.no * 2)
    section = validate(ModelSection, {"sisl": "film.fdf"}, "x.toml", tmp_path)
    assert {path.name for path in files(section)} == {"film.fdf", "atoms.fdf", "film.TSHS", "film.XV"}
    np.testing.assert_array_equal(load_model(section).up_Rnn, model.up_Rnn)


def test_model_file_keeps_all_of_it(tmp_path):
    model = from_sisl(hamiltonian(matrices()), fermi_energy=0.25)
    write_model(tmp_path / "m.h5", model)
    read = read_model(tmp_path / "m.h5")
    for name in ("canted_vRnn", "n_hat", "up_Rnn", "soc_vRnn", "S_Rnn"):
        np.testing.assert_allclose(getattr(read, name), getattr(model, name), rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sisl.Hamiltonian(geometry()), r"is unpolarized.*Spin spin-orbit"),
        (lambda: sisl.Hamiltonian(geometry(), spin="polarized"), "is polarized: spin up and down do not mix"),
        (lambda: sisl.Hamiltonian(geometry(), spin="nambu"), "superconductors"),
        (lambda: np.eye(3), "expected a sisl.Hamiltonian, not ndarray"),
    ],
)
def test_what_it_cannot_be_is_refused_with_a_reason(make, words):
    with pytest.raises(ModelError, match=words):
        from_sisl(make())


def test_complex_orbitals_and_bad_overlap():
    parts = matrices()
    H = hamiltonian(parts)
    H[0, 1, (1, 0)] = [0.1, 0.1, 0, 0, 0.3, 0.3, 0, 0, 0.0]
    H[1, 0, (-1, 0)] = [0.1, 0.1, 0, 0, -0.3, -0.3, 0, 0, 0.0]
    with pytest.raises(ModelError, match=r"imaginary \(up to 0.3 eV\)"):
        from_sisl(H)
    parts[1, 7] += np.eye(3)
    with pytest.raises(ModelError, match="must be positive"):
        from_sisl(hamiltonian(parts))


def test_files_that_are_not_there_or_damaged(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"a\.TSHS: not found"):
        hpcalo.api.load_model(tmp_path / "a.TSHS")
    (tmp_path / "a.HSX").write_bytes(b"rubbish" * 100)
    hamiltonian(matrices()).write(tmp_path / "b.TSHS")
    whole = (tmp_path / "b.TSHS").read_bytes()
    (tmp_path / "c.TSHS").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "d.TSHS").write_bytes(b"")
    for name, words in (("a.HSX", "damaged"), ("c.TSHS", "damaged"), ("d.TSHS", "empty")):
        with pytest.raises(ModelError, match=rf"{name}: is {words}"):
            hpcalo.api.load_model(tmp_path / name)
    (tmp_path / "e.fdf").write_text("SystemLabel nothing\n")
    with pytest.raises(ModelError, match=r"e\.fdf: sisl cannot read a Hamiltonian"):
        hpcalo.api.load_model(tmp_path / "e.fdf")
    with pytest.raises(InputError, match="spin has no meaning"):
        hpcalo.api.load_model(tmp_path / "a.HSX", spin="none")
    monkeypatch.setitem(sys.modules, "sisl", None)
    with pytest.raises(InputError, match=r"a\.HSX: needs sisl, which is not installed: pip install sisl"):
        hpcalo.api.load_model(tmp_path / "a.HSX")


def test_velocity_without_a_position_matrix_in_another_direction_of_magnetization():
    """Slopes of all bands by finite differences, for a model whose overlap matters."""
    parts = matrices()
    model = replace(from_sisl(hamiltonian(parts)), name="slopes")
    solver, own = states(model, K[3], np.array([1.0, 0.0, 0.0]))
    step = 1e-5
    for i, v in enumerate(solver.directions):
        dk = model.crystal.lattice[:, v] * step / (2 * np.pi)
        E = [states(model, K[3] + s * dk, np.array([1.0, 0.0, 0.0]))[1].E_kn[0] for s in (1, -1)]
        np.testing.assert_allclose(np.diagonal(own[VELOCITY][0, :, i]).real, (E[0] - E[1]) / (2 * step), atol=1e-6)
