"""Every energy term by itself, and the kernel that evaluates the standard ones together."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo.units import MU_0
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.config import Magnet, ThermalLaw, Zeeman
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.magnetism.terms.registry import FURTHER, STANDARD, labels
from hpcalo.wall.magnetism.terms.spin_orbit import SpinOrbit
from hpcalo.wall.magnetism.terms.term import LEFT, RIGHT

N, TIME = 7, 2.5e4
ENERGIES = [term.name for term in (*STANDARD, *FURTHER) if term.has_energy]


def everything():
    """All terms at once, M_s, A, K and D varying along the wire, in a field that varies in space and time."""
    further = {key: 1e5 for term in FURTHER for key in term.Keys.model_fields}
    magnet = Magnet(
        hard_anisotropy=2e5, interfacial_dmi=1e-3, bulk_dmi=-7e-4, demagnetization=(0.1, 0.2, 0.6),
        thermal=ThermalLaw(), **further,
    )  # fmt: skip
    zeeman = (
        Zeeman(field=(1e4, -2e4, 3e4), width=2.0, centre=3.0, frequency=3.0, phase=20.0),
        Zeeman(field=(0.0, 6e4, 1e4), pulse_centre=0.02, pulse_width=0.015),
    )
    tables = {"torkance_odd": np.array([2e-30]), "torkance_even": np.array([-3e-30]), "beta_odd": np.array([1e-35])}
    c = Coefficients(np.array([300.0]), tables, 1e-19, 5e-10, 1e-9)
    mesh = Mesh(MPI.COMM_SELF, N, 6.0)
    temperature = np.linspace(50.0, 500.0, N)
    return Magnetics(
        mesh, magnet, zeeman, temperature, c, gradient=np.full(N, 7.5e10), spin_orbit=SpinOrbit(c, 1e6)
    )  # fmt: skip


def with_ghosts(m):
    """Arbitrary values beyond the ends: no term may use them."""
    return np.concatenate([np.full((1, 3), 5.0), m, np.full((1, 3), -4.0)])


@pytest.fixture
def m():
    return np.random.default_rng(0).normal(size=(N, 3))


def named(magnetics, name):
    return next(term for term in magnetics.terms if term.name == name)


@pytest.mark.parametrize("name", ENERGIES)
def test_the_field_is_the_gradient_of_the_energy(name, m):
    """H = -(dE/dM)/(mu0 M_s dx) by central differences."""
    magnetics = everything()
    term = named(magnetics, name)
    h = term.field(with_ghosts(m), TIME)
    numeric = np.empty_like(h)
    for i in range(N):
        for c in range(3):
            step = np.zeros_like(m)
            step[i, c] = 1e-4
            difference = term.energy(with_ghosts(m + step), TIME).sum() - term.energy(with_ghosts(m - step), TIME).sum()
            numeric[i, c] = -difference / 2e-4 / (MU_0 * magnetics.ms[i] * magnetics.medium.dx)
    assert np.abs(h).max() > 1e3
    np.testing.assert_allclose(h, numeric, rtol=1e-7, atol=1e-7 * np.abs(h).max())


@pytest.mark.parametrize("name", [*ENERGIES, "spin_orbit"])
def test_the_jacobian_is_the_derivative_of_the_field(name, m):
    magnetics = everything()
    term = named(magnetics, name)
    stencil = np.zeros((N, 3, 3, 3))
    term.add_jacobian(with_ghosts(m), TIME, stencil)
    size = np.abs(term.field(with_ghosts(m), TIME)).max()
    for node in range(N):
        for c in range(3):
            step = np.zeros_like(m)
            step[node, c] = 1e-5
            column = (term.field(with_ghosts(m + step), TIME) - term.field(with_ghosts(m - step), TIME)) / 2e-5
            expected = np.zeros((N, 3))
            for offset in (LEFT, 1, RIGHT):
                row = node - (offset - 1)
                if 0 <= row < N:
                    expected[row] = stencil[row, offset, :, c]
            np.testing.assert_allclose(column, expected, rtol=1e-7, atol=1e-7 * size)


@pytest.mark.parametrize("name", ENERGIES)
def test_the_power_is_the_change_of_the_energy_in_time(name, m):
    """dE/dt at fixed M by central differences; terms without a power do not depend on time."""
    term = named(everything(), name)
    found = term.power(m, np.zeros_like(m), TIME)
    ahead, behind = (term.energy(with_ghosts(m), TIME + s) for s in (1.0, -1.0))
    numeric = (ahead - behind) / 2.0 * 1e15
    np.testing.assert_allclose(np.zeros(N) if found is None else found, numeric, rtol=1e-6, atol=1e-12)


def test_the_kernel_is_the_sum_of_the_standard_terms(m):
    magnetics = everything()
    ghost = with_ghosts(m)
    total = sum(term.field(ghost, TIME) for term in magnetics.terms)
    h = magnetics.field(ghost, TIME)
    np.testing.assert_allclose(h, total, rtol=1e-10, atol=1e-10 * np.abs(total).max())


def test_the_powers_add_up_to_the_change_of_the_energy():
    """dE/dt of a moving magnetization by differences is the power of damping and of all terms, torques included."""
    magnetics = everything()
    rng = np.random.default_rng(5)
    m = rng.normal(size=(N, 3))
    m /= np.linalg.norm(m, axis=1, keepdims=True)
    ghost, none = magnetics.mesh.magnetization_with_ghosts(m), np.zeros((N, 3))
    rate = magnetics.rate(ghost, TIME, none, np.zeros(N))
    step = 1e-2

    def energy(sign):
        moved = magnetics.mesh.magnetization_with_ghosts(m + sign * step * rate)
        return magnetics.energies(moved, TIME + sign * step).total

    powers = magnetics.term_powers(m, rate, TIME)
    assert set(powers) == {"zeeman", "spin_orbit"}
    damping = magnetics.powers(m, rate, none)[0]
    assert abs(powers["spin_orbit"]) > 1e-3 * abs(damping)
    numeric = (energy(1.0) - energy(-1.0)) / (2.0 * step) * 1e15
    assert damping + sum(powers.values()) == pytest.approx(numeric, rel=1e-6)


def test_names_and_labels():
    """Each term that has an energy is named once, and has a curve."""
    assert len(set(ENERGIES)) == len(ENERGIES)
    assert list(labels()) == ENERGIES
    assert list(everything().energies(with_ghosts(np.ones((N, 3))), 0.0).parts) == ENERGIES
