"""Γ by energy, spin and site, and a mean free path: against Green functions, and against runs with a constant Γ."""

from __future__ import annotations

import numpy as np
import pytest
from four_levels import FourLevels
from kubo_runs import grid, run_sums
from mpi4py import MPI
from places import MODELS
from scipy.integrate import quad_vec
from sites_apart import ORBITALS, part_of, two_sites_apart

from hpcalo import units
from hpcalo.errors import InputError
from hpcalo.hamiltonian import sites
from hpcalo.hamiltonian.antiferromagnet import antiferromagnet
from hpcalo.hamiltonian.builtin import chain, rashba
from hpcalo.hamiltonian.exchange import unit_vector
from hpcalo.hamiltonian.kgrid import KGrid
from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.kubo.kernels.damped import Damped, damped_pairs
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.states.broadening import Broadening
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.states.spin_current import SPIN_VECTOR
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.passes import sum_over_k
from hpcalo.kubo.sums.plan import plan
from hpcalo.kubo.sums.request import BROADENED, TORQUE_VELOCITY, VELOCITY_VELOCITY, Request, Sums, raw_name
from hpcalo.kubo.sums.scattering import scattering, speeds
from hpcalo.kubo.tables import Disorder

ENERGIES = np.array([-0.5, 0.2, 0.9])
N_HAT = unit_vector((0.48, -0.36, 0.8))
NONE = np.zeros(0)


def kubo_bastin(green, slope, X, Y, energy):
    """(26) at T = 0 and one energy, ħ = 1, from G^R(E) and its derivative: whole matrices, the sea by quadrature."""

    def sea(e):
        G, dG = green(e), slope(e)
        return np.trace(X @ G @ Y @ dG - X @ dG @ Y @ G).real

    G = green(energy)
    surface = np.trace(X @ G @ Y @ G.conj().T - X @ G @ Y @ G).real
    return (surface + quad_vec(sea, -np.inf, energy, epsabs=1e-11)[0]) / (2.0 * np.pi)


@pytest.mark.parametrize("case", ["generic", "near levels", "one level twice"])
def test_any_matrix_of_broadenings(case):
    """The closed form is the integral over Green functions, and its parts are even and odd under X ↔ Y."""
    levels = FourLevels(3)
    E, a = levels.E.copy(), levels.T[2]
    gamma = 0.06 * np.eye(4) + 0.01 * a @ a
    if case != "generic":
        E[2] = E[1] + (1e-4 if case == "near levels" else 0.0)
        gamma = np.diag([0.1, 0.2, 0.2, 0.3]).astype(complex)
    if case == "one level twice":  # coupled to the other levels, not to its twin
        gamma[0, 1:3] = gamma[1:3, 0] = 0.02
    X, Y = levels.T[0], levels.v[1]
    one, pair = Damped(E, gamma), np.array([[0, 0]], dtype=np.int32)
    found = damped_pairs(one, X[:, None], Y[:, None], pair, ENERGIES)[0]

    def green(e):
        return np.linalg.inv(np.diag(e - E) + 1j * gamma)

    for i, energy in enumerate(ENERGIES):
        expected = kubo_bastin(green, lambda e: -green(e) @ green(e), X, Y, energy)
        assert found[0, i] / np.pi + found[1, i] / (2.0 * np.pi) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    exchanged = damped_pairs(one, Y[:, None], X[:, None], pair, ENERGIES)[0]
    np.testing.assert_allclose(exchanged, found * [[1.0], [-1.0]], atol=1e-12 * np.abs(found).max())


def test_broadening_that_depends_on_energy():
    """The closed form with Γ(E_F) alone is exact for any Γ(E): the sea integrates an analytic function of E + iΓ(E)."""
    levels = FourLevels(5)

    def gamma(e):
        return 0.1 + 0.05 * np.tanh(2.0 * e)

    def green(e):
        return np.diag(1.0 / (e - levels.E + 1j * gamma(e)))

    def slope(e):
        return -(1.0 + 0.1j * (1.0 - np.tanh(2.0 * e) ** 2)) * green(e) @ green(e)

    table = [(float(e), float(gamma(e) / 0.1)) for e in ENERGIES]
    axes = (np.array([0.1]), NONE, NONE, Sums(broadened=(TORQUE_VELOCITY,)))
    one = np.ones(1)
    for factors in (table, [(0.0, 2.0)]):
        request = Request(
            levels.crystal, ENERGIES, *axes, scattering=scattering(Disorder(energies=factors), 0.0, levels.crystal)
        )
        found = sum_block(levels, np.zeros((1, 3)), one, request, slice(None))[raw_name(BROADENED, TORQUE_VELOCITY)][0]
        if factors == table:
            for i, energy in enumerate(ENERGIES):
                expected = kubo_bastin(green, slope, levels.T[1], levels.v[0], energy)
                sums = found[2, :, i]
                assert sums[0] / np.pi + sums[1] / (2.0 * np.pi) == pytest.approx(expected, rel=1e-8)
    plain = Request(levels.crystal, ENERGIES, np.array([0.2]), *axes[1:])
    same = sum_block(levels, np.zeros((1, 3)), one, plain, slice(None))
    np.testing.assert_array_equal(found, same[raw_name(BROADENED, TORQUE_VELOCITY)][0])


def test_equal_factors_are_a_constant_broadening():
    """Of a film of overlapping orbitals and of the Rashba magnet; unequal factors of spins are those of σ·n̂."""
    film, k = read_model(MODELS / "mnw3_dzp.h5"), np.array([[0.13, 0.29, 0.0]])
    E = np.array([film.fermi_energy])
    for model, energies in ((film, E), (rashba(n_hat=tuple(N_HAT)), ENERGIES)):
        axes = {"broadened": (TORQUE_VELOCITY,), "n_hat": [N_HAT]}
        plain = run_sums(model, k, energies, gammas=[0.1], **axes).raw[0]
        element = dict.fromkeys(model.crystal.symbols, 0.5)
        equal = {"majority": 4.0, "minority": 4.0, "sites": element}
        found = run_sums(model, k, energies, gammas=[0.05], disorder=equal, **axes).raw[0]
        for name, expected in plain.items():
            np.testing.assert_allclose(found[name], expected, atol=1e-9 * np.abs(expected).max())
    both = Broadening(0.5, 3.0, (1.0,) * 4)
    need = frozenset({both, SPIN_VECTOR})
    states = LcaoStates(film, N_HAT, need).line(*k[0, :2], np.zeros(1), need)
    along = np.einsum("v,nvm->nm", N_HAT, states[SPIN_VECTOR][0])
    np.testing.assert_allclose(states[both][0, :, 0], 1.75 * np.eye(film.size) + 1.25 * along, atol=1e-10)


def test_each_spin_has_the_conductivity_of_its_own():
    """Majority and minority bands ∓Δ/2 without coupling: half the conductivity of both spins at E ± Δ/2."""
    k, shift, axes = grid(8, 8), 0.4, {"broadened": (VELOCITY_VELOCITY,)}
    disorder = {"majority": 0.5, "minority": 2.0}
    magnet = rashba(rashba=0.0, exchange=2.0 * shift, n_hat=tuple(N_HAT))
    found = conductivity_parts(run_sums(magnet, k, ENERGIES, gammas=[0.2], disorder=disorder, **axes))[0]
    plain = rashba(rashba=0.0, exchange=0.0)
    expected = sum(
        0.5 * conductivity_parts(run_sums(plain, k, ENERGIES + sign * shift, gammas=[0.2 * factor], **axes))[0]
        for sign, factor in ((1.0, 0.5), (-1.0, 2.0))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


def test_sites_apart_have_each_the_broadening_of_its_own():
    """Two sites that no matrix element connects are two magnets, each with its own Γ."""
    whole = two_sites_apart(N_HAT)
    label = sites.labels(whole.crystal)[1]
    k, axes = grid(3, 2, 3), {"broadened": (TORQUE_VELOCITY,)}
    found = run_sums(whole, k, ENERGIES, gammas=[0.1], disorder={"sites": {label: 3.0}}, **axes).raw[0]
    parts = [
        run_sums(part_of(whole, chosen), k, ENERGIES, gammas=[gamma], **axes).raw[0]
        for chosen, gamma in zip(ORBITALS, (0.1, 0.3), strict=True)
    ]
    for name, values in found.items():
        expected = parts[0][name] + parts[1][name]
        np.testing.assert_allclose(values, expected, atol=1e-10 * np.abs(expected).max())


def test_mean_free_path_in_one_dimension():
    """Boltzmann: (2e²/h) ℓ of each spin at any energy of the band, to second order in Γ over the band's width."""
    path, thickness = 50.0, 2.0
    model = chain(rashba=0.0, exchange=0.0, thickness=thickness)
    axes = {"broadened": (VELOCITY_VELOCITY,), "gammas": [1e-7]}
    run = run_sums(model, grid(1000), [-1.0, 0.5], disorder={"mean_free_path": 0.1 * path}, **axes)
    conductance = 2.0 * 2.0 * units.CONDUCTANCE_QUANTUM_HALF / (2.0 * np.pi)
    expected = conductance * path / thickness**2 / units.ANGSTROM
    np.testing.assert_allclose(conductivity_parts(run)[0].ravel(), expected, rtol=1e-3)


def test_speeds_of_one_energy_do_not_depend_on_the_states():
    """Any rotation among levels of one energy gives the same |v|."""
    levels = FourLevels(7)
    E, velocity = np.array([-1.0, 0.5, 0.5, 0.5]), levels.v.transpose(1, 0, 2)
    turn = np.eye(4, dtype=complex)
    turn[1:, 1:] = np.linalg.qr(levels.T[0][1:, 1:])[0]
    turned = np.einsum("nm,nvp,pq->mvq", turn.conj(), velocity, turn)
    found = speeds(E, velocity)
    np.testing.assert_allclose(speeds(E, turned), found, rtol=1e-12)
    assert found[0] == pytest.approx(np.linalg.norm(velocity[0, :, 0]))


def test_symmetry_that_disorder_leaves():
    """Unequal sublattices: operations that exchange them are not used, and the wedge gives the sums of all points."""
    model = antiferromagnet(1.0, 0.3, 0.4, 0.8, n_hat=(1.0, 0.0, 0.0))
    first = sites.labels(model.crystal)[model.crystal.sublattices.index(1)]
    sums, used = [], []
    for table, symmetry in (({first: 3.0}, "auto"), ({first: 3.0}, "off"), ({}, "auto")):
        request = Request(
            model.crystal,
            ENERGIES,
            np.array([0.2]),
            NONE,
            NONE,
            Sums(broadened=(TORQUE_VELOCITY,)),
            scattering=scattering(Disorder(sites=table), 0.0, model.crystal),
        )
        task = plan(
            WannierStates(model, request.need()), request, KGrid(grid=(4, 4, 1), symmetry=symmetry), MPI.COMM_SELF
        )
        used.append(len(task.mesh.operations))
        sums.append(sum_over_k(task, MPI.COMM_SELF).total[raw_name(BROADENED, TORQUE_VELOCITY)])
    assert 1 < used[0] < used[2]
    np.testing.assert_allclose(sums[0], sums[1], atol=1e-10 * np.abs(sums[1]).max())
    assert np.abs(sums[0] - sums[2]).max() > 1e-2 * np.abs(sums[0]).max()


def test_what_disorder_cannot_be():
    """One line: what is wrong, and what there is."""
    film = antiferromagnet(1.0, 0.3, 0.4, 0.8).crystal
    with pytest.raises(ValueError, match="needs one Γ for all levels"):
        Disorder(energies=[(0.0, 1.0)], minority=2.0)
    with pytest.raises(ValueError, match="strictly ascending"):
        Disorder(energies=[(0.0, 1.0), (0.0, 2.0)])
    with pytest.raises(InputError, match=r"kubo\.disorder\.sites: 'Xx': the model has no such site or element"):
        scattering(Disorder(sites={"Xx": 2.0}), 0.0, film)
    with pytest.raises(InputError, match=r"kubo\.disorder\.layers: 9 factors are given, the model has \d layers"):
        scattering(Disorder(layers=(1.0,) * 9), 0.0, film)
    assert {TORQUE, VELOCITY} <= Request(film, ENERGIES, NONE, NONE, NONE, Sums(broadened=(TORQUE_VELOCITY,))).need()
