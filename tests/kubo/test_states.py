"""Lattice sums, eigenstates and operators against direct constructions and finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from places import MODELS
from scipy.linalg import eigh

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.hamiltonian.turning import rotated
from hpcalo.hamiltonian.types import Crystal, LcaoModel, WannierModel
from hpcalo.kubo.states.lattice_sum import LatticeSum
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import CURVATURE, SPIN, TORQUE, VELOCITY
from hpcalo.kubo.states.point_sum import PointSum
from hpcalo.kubo.states.pool import Pool
from hpcalo.kubo.states.solver import PointSolver
from hpcalo.kubo.states.wannier import WannierStates

ALL = frozenset({VELOCITY, TORQUE, SPIN})
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


@pytest.fixture(scope="module")
def film():
    """Mn on three layers of W in a small basis."""
    return read_model(MODELS / "mnw3_dzp.h5")


def cartesian_step(crystal, direction, step):
    """Change of fractional k for a step (1/Å) along a Cartesian direction."""
    return crystal.lattice @ (np.eye(3)[direction] * step) / (2.0 * np.pi)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_lattice_sum_equals_the_direct_sum(order, kind):
    rng = np.random.default_rng(3)
    R = np.unique(rng.integers(-3, 4, size=(40, 3)), axis=0)
    lattice = rng.normal(size=(3, 3))
    plain, graded = rng.normal(size=(len(R), 5)), rng.normal(size=(len(R), 4))
    if kind == "complex":
        plain, graded = plain + 1j * rng.normal(size=plain.shape), graded + 1j * rng.normal(size=graded.shape)
    directions = np.array([[1.0, 0.0, 0.0], [1j, 0.0, 0.3], [0.0, 1.0, 0.0]])
    sums = LatticeSum(R, lattice, plain, graded, order, directions)
    for first, second in ((0.1, 0.2), (0.1, 0.7), (0.9, 0.7)):
        last = np.array([0.3, 0.55, 0.0])
        value, value_g, gradient = sums.line(first, second, last)
        for i, k_last in enumerate(last):
            k = np.zeros(3)
            k[list(order)] = first, second, k_last
            phase = np.exp(2j * np.pi * R @ k)
            np.testing.assert_allclose(value[i], phase @ plain, atol=1e-12)
            np.testing.assert_allclose(value_g[i], phase @ graded, atol=1e-12)
            expected = np.einsum("r,rg,rc->gc", phase, 1j * (R @ lattice @ directions), graded)
            np.testing.assert_allclose(gradient[:, i], expected, atol=1e-11)


@pytest.mark.parametrize("n_hat", [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.36, 0.48, 0.8)])
def test_lcao_eigenvalues_velocity_and_torque(film, n_hat):
    """H built by hand; dE/dk by finite differences; T·δφ = δH as dE under a small rotation of n̂."""
    n = np.array(n_hat)
    solver = LcaoStates(film, n, ALL)
    k = np.array([0.11, 0.37, 0.0])

    def hand(k, n):
        phase = np.exp(2j * np.pi * film.R @ k)
        up, down, S = (np.tensordot(phase, X, 1) for X in (film.up_Rnn, film.down_Rnn, film.S_Rnn))
        soc = [1j * np.tensordot(phase, film.soc_vRnn[v], 1) for v in range(3)]
        s = -np.tensordot(n, SIGMA, 1)
        H = np.kron(np.eye(2), 0.5 * (up + down)) + np.kron(s, 0.5 * (up - down))
        return H + sum(np.kron(SIGMA[v], soc[v]) for v in range(3)), np.kron(np.eye(2), S)

    states = solver.line(0.0, k[0], k[1:2], ALL)
    H, S = hand(k, n)
    E, c = eigh(H, S)
    low = film.fermi_energy + 10.0 > E
    np.testing.assert_allclose(states.E_kn[0], E, atol=1e-9)
    spin = np.einsum("an,ab,bn->n", c.conj(), S @ np.kron(np.tensordot(n, SIGMA, 1), np.eye(len(E) // 2)), c).real
    np.testing.assert_allclose(states[SPIN][0][low], spin[low], atol=1e-6)

    step = 1e-4
    for i, direction in enumerate(solver.directions):
        dk = cartesian_step(film.crystal, direction, step)
        slope = (eigh(*hand(k + dk, n), eigvals_only=True) - eigh(*hand(k - dk, n), eigvals_only=True)) / (2 * step)
        diagonal = np.einsum("nn->n", states[VELOCITY][0, :, i, :])
        assert np.abs(diagonal.imag).max() < 1e-12
        assert np.abs(diagonal.real - slope)[low].max() < 2e-4
    for axis in range(3):
        turn = np.cross(np.eye(3)[axis], n) * step
        slope = (eigh(*hand(k, n + turn), eigvals_only=True) - eigh(*hand(k, n - turn), eigvals_only=True)) / (2 * step)
        diagonal = np.einsum("nn->n", states[TORQUE][0, :, axis, :])
        assert np.abs(diagonal.real - slope)[low].max() < 2e-5
    for X in (states[VELOCITY][0], states[TORQUE][0]):
        np.testing.assert_allclose(X, X.conj().transpose(2, 1, 0), atol=1e-10)


def test_orthogonal_orbitals_without_position_matrix_are_a_wannier_model():
    """S = 1, r = 0: the generalized problem is the ordinary one, with every orbital at its centre."""
    rng = np.random.default_rng(7)
    N, n_hat = 4, np.array([0.36, 0.48, 0.8])
    half = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
    R = np.array(half + [(-a, -b, -c) for a, b, c in half[1:]])

    def hopping(sign):
        blocks = [rng.normal(size=(N, N)) for _ in half]
        blocks[0] = blocks[0] + sign * blocks[0].T
        return np.array(blocks + [sign * b.T for b in blocks[1:]])

    up, down, soc = hopping(1), hopping(1), np.stack([hopping(-1) for _ in range(3)])
    S = np.zeros_like(up)
    S[0] = np.eye(N)
    tau = rng.normal(size=(N, 3))
    crystal = Crystal(np.diag([3.0, 4.0, 20.0]), (True, True, False), np.zeros((1, 3)), ("Fe",), np.ones(1), 5.0)
    lcao = LcaoStates(LcaoModel(crystal, R, up, down, S, soc, tau), n_hat, ALL)
    odd = np.array([np.kron(np.tensordot(n_hat, SIGMA, 1), 0.5 * (d - u)) for u, d in zip(up, down, strict=True)])
    H = odd + np.array([np.kron(np.eye(2), 0.5 * (u + d)) for u, d in zip(up, down, strict=True)])
    H = H + sum(np.array([np.kron(SIGMA[v], 1j * x) for x in soc[v]]) for v in range(3))
    pairs = np.arange(N), N + np.arange(N)
    wannier = WannierStates(
        WannierModel(crystal, R, H, np.tile(tau, (2, 1)), up=pairs[0], down=pairs[1], odd_Rnn=odd, n_hat=n_hat), ALL
    )
    a, b = (s.line(0.0, 0.12, np.array([0.3, 0.41]), ALL) for s in (lcao, wannier))
    np.testing.assert_allclose(a.E_kn, b.E_kn, atol=1e-12)
    np.testing.assert_allclose(a[SPIN], b[SPIN], atol=1e-11)
    np.testing.assert_allclose(np.abs(a[VELOCITY]), np.abs(b[VELOCITY]), atol=1e-10)
    np.testing.assert_allclose(np.abs(a[TORQUE]), np.abs(b[TORQUE]), atol=1e-11)


def test_singular_overlap_is_named(film):
    S = film.S_Rnn.copy()
    S[:, :, 1], S[:, 1, :] = S[:, :, 0], S[:, 0, :]
    solver = LcaoStates(replace(film, S_Rnn=S), np.array([0.0, 0.0, 1.0]), frozenset())
    with pytest.raises(ModelError, match="overlap matrix is singular"):
        solver.line(0.0, 0.1, np.array([0.2]), frozenset())


@pytest.mark.parametrize("true_spin", [True, False])
def test_wannier_velocity_is_the_band_slope(true_spin):
    model = read_model(MODELS / "fete.h5", True)
    need = ALL | {CURVATURE}
    solver = WannierStates(model, need, true_spin=true_spin)
    k = np.array([0.13, 0.21, 0.34])
    states = solver.line(*k[:2], k[2:], need)
    step = 1e-4
    for direction in range(3):
        dk = cartesian_step(model.crystal, direction, step)
        E = [solver.line(*(k + s * dk)[:2], (k + s * dk)[2:], frozenset()).E_kn[0] for s in (1, -1)]
        slope = (E[0] - E[1]) / (2 * step)
        np.testing.assert_allclose(np.einsum("nn->n", states[VELOCITY][0, :, direction, :]).real, slope, atol=1e-5)
    for X in (states[VELOCITY][0], states[TORQUE][0]):
        np.testing.assert_allclose(X, X.conj().transpose(2, 1, 0), atol=1e-10)
    assert np.abs(states[SPIN]).max() < 1.02


def test_wannier_torque_is_the_slope_of_the_bands_with_the_magnetization():
    """T·δφ = δH, through the bands of turned magnets."""
    model = ferromagnet()
    k = np.array([0.13, 0.21, 0.34])
    n = np.array([0.6, 0.0, 0.8])
    states = WannierStates(rotated(model, n), ALL).line(*k[:2], k[2:], ALL)
    step = 1e-4
    for axis in range(3):
        turn = np.cross(np.eye(3)[axis], n) * step
        E = [WannierStates(rotated(model, n + s * turn), ALL).line(*k[:2], k[2:], frozenset()).E_kn[0] for s in (1, -1)]
        np.testing.assert_allclose(
            np.einsum("nn->n", states[TORQUE][0, :, axis, :]).real, (E[0] - E[1]) / (2 * step), atol=1e-6
        )


def test_berry_curvature_does_not_depend_on_the_gauge_of_the_orbitals():
    """Shifting an orbital by a lattice vector changes H(R), A(R) and nothing that can be measured."""
    model = read_model(MODELS / "fe.h5", False)
    k, need = np.array([0.13, 0.21, 0.34]), frozenset({VELOCITY, CURVATURE})
    first = WannierStates(model, need).line(*k[:2], k[2:], need)
    shift = np.zeros((model.size, 3), dtype=int)
    shift[4] = (1, 0, -1)
    cells = {tuple(r): i for i, r in enumerate(model.R.tolist())}
    R = sorted({tuple(r + s) for r in model.R for s in (shift[4], -shift[4], 0 * shift[4])})
    H = np.zeros((len(R), model.size, model.size), dtype=complex)
    A = np.zeros((len(R), 3, model.size, model.size), dtype=complex)
    for i, r in enumerate(R):
        for m in range(model.size):
            for n in range(model.size):
                old = cells.get(tuple(np.array(r) + shift[n] - shift[m]))
                if old is not None:
                    H[i, m, n], A[i, :, m, n] = model.H_Rnn[old, m, n], model.A_Rvnn[old, :, m, n]
    centre = R.index((0, 0, 0))
    moved = shift @ model.crystal.lattice
    A[centre, :, 4, 4] += moved[4]
    other = replace(
        model,
        R=np.array(R),
        H_Rnn=H,
        A_Rvnn=A,
        centres=model.centres + moved,
        odd_Rnn=None,
        spin_Rvnn=None,
        up=model.up[:0],
        down=model.up[:0],
    )
    second = WannierStates(other, need).line(*k[:2], k[2:], need)
    np.testing.assert_allclose(second.E_kn, first.E_kn, atol=1e-10)
    np.testing.assert_allclose(np.abs(second[VELOCITY]), np.abs(first[VELOCITY]), atol=1e-8)
    np.testing.assert_allclose(second[CURVATURE], first[CURVATURE], atol=1e-7)


def test_states_outlive_the_next_line():
    """Memory is used again only when nobody refers to it; a line in pieces is the line of its points."""
    model = read_model(MODELS / "fe.h5", False)
    need = frozenset({VELOCITY, CURVATURE})
    solver, k = WannierStates(model, need), np.linspace(0.0, 0.9, 60)
    kept = solver.line(0.1, 0.2, k, need)
    copies = {observable: values.copy() for observable, values in kept.observables.items()}
    for first in (0.3, 0.4, 0.5):
        solver.line(first, 0.2, k[:7], need)
        solver.line(first, 0.3, k, need)
    for observable, values in copies.items():
        np.testing.assert_array_equal(kept[observable], values)
        for i in (0, 17, 59):
            alone = WannierStates(model, need).line(0.1, 0.2, k[i : i + 1], need)[observable][0]
            np.testing.assert_allclose(np.abs(alone), np.abs(values[i]), rtol=0, atol=1e-6)


def test_sums_of_points_equal_the_direct_sum():
    """Also where a cell has no partner −R."""
    rng = np.random.default_rng(3)
    R = np.unique(rng.integers(-3, 4, size=(40, 3)), axis=0)
    for cells in (R, np.unique(np.concatenate([R, -R, np.zeros((1, 3), dtype=int)]), axis=0)):
        X, k = rng.normal(size=(len(cells), 5)) + 1j * rng.normal(size=(len(cells), 5)), rng.random((70, 3))
        values = PointSum(cells, X).values(k, np.empty((128, 5), dtype=complex))
        np.testing.assert_allclose(values, np.exp(2j * np.pi * k @ cells.T) @ X, atol=1e-12)


@pytest.mark.parametrize("model", ["fe.h5", "ferromagnet"])
def test_points_of_different_lines_are_those_of_their_lines(model):
    """Points taken together have the states of their lines, and the same bits in any company."""
    model = read_model(MODELS / "fe.h5", False) if model == "fe.h5" else ferromagnet()
    need = frozenset({VELOCITY, TORQUE, SPIN} | ({CURVATURE} if model.A_Rvnn is not None else set()))
    solver, k = WannierStates(model, need), np.random.default_rng(2).random((70, 3))
    together = solver.points(k, need)
    assert isinstance(solver, PointSolver)
    for i in (0, 33, 69):
        alone = solver.points(k[i : i + 1], need)
        on_line = solver.line(*k[i, list(solver.order[:2])], k[i, [solver.order[2]]], need)
        np.testing.assert_array_equal(alone.E_kn[0], together.E_kn[i])
        np.testing.assert_allclose(on_line.E_kn[0], together.E_kn[i], atol=1e-11)
        for observable in need:
            np.testing.assert_array_equal(alone[observable][0], together[observable][i])
            np.testing.assert_allclose(np.abs(on_line[observable][0]), np.abs(together[observable][i]), atol=1e-7)


def test_memory_is_used_again():
    pool = Pool()
    first, second = pool.array(3, 4), pool.array(3, 4)
    assert not np.shares_memory(first, second)
    part, where = first[1:, 2:], first.__array_interface__["data"][0]
    del first
    assert not np.shares_memory(pool.array(3, 4), part)
    del part
    assert pool.array(2, 6).__array_interface__["data"][0] == where
