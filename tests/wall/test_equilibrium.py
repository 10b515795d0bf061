"""Equilibrium functions and bulk transport against independent quadrature and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy import constants as si
from scipy.integrate import quad

from hpcalo.config.reader import apply_overrides, validate
from hpcalo.errors import InputError
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.monitors.schedule import observe
from hpcalo.wall.units import K_B, M_E

TABLE = eq.Carriers(0.14, 0.106, M_E, 1.0, 1000.0)


def test_table_one_numbers():
    """Numbers that follow from the paper's Table I, by independent SI arithmetic."""
    assert TABLE.xi == pytest.approx(161.04, rel=1e-4)
    assert TABLE.precession * 1e15 == pytest.approx(0.106 * si.e / si.hbar, rel=1e-12)
    assert TABLE.fermi_velocity * 1e6 == pytest.approx(np.sqrt(2 * 0.14 * si.e / si.m_e), rel=1e-12)
    assert pytest.approx(0.2219, rel=1e-3) == TABLE.mean_free_path


def test_derivatives_by_finite_differences():
    p = np.linspace(0.05, 2.0, 40)
    t, step = 130.0, 1e-3
    d_t = (eq.occupation(TABLE, p, t + step) - eq.occupation(TABLE, p, t - step)) / (2 * step)
    np.testing.assert_allclose(eq.occupation_temperature(TABLE, p, t), d_t, rtol=1e-6, atol=1e-9 * np.abs(d_t).max())
    d_p = (eq.occupation(TABLE, p + 1e-6, t) - eq.occupation(TABLE, p - 1e-6, t)) / 2e-6
    np.testing.assert_allclose(eq.occupation_momentum(TABLE, p, t), d_p, rtol=1e-5, atol=1e-8 * np.abs(d_p).max())


def test_weights_are_normalized_on_the_mesh():
    p = eq.momentum_grid(TABLE, 13, 1.8)
    w = eq.weights(TABLE, p, np.array([90.0, 110.0]))
    np.testing.assert_allclose(2 * (p[1] - p[0]) * w.sum(axis=-1), 1.0, rtol=1e-14)


def density(temperature: float) -> float:
    """3D density of both bands in 1/nm^3 by energy quadrature, independent of the p_perp-integrated form."""
    hbar = si.hbar / si.e * 1e15
    total = 0.0
    for s in (-1, 1):

        def f(x, s=s):
            return np.sqrt(x) / (1 + np.exp((x - 0.14 - s * 0.053) / (K_B * temperature)))

        total += (2 * M_E) ** 1.5 / (4 * np.pi**2 * hbar**3) * quad(f, 0, 0.8, points=[0.087, 0.193], limit=400)[0]
    return total


@pytest.mark.parametrize("temperature", [100.0, 250.0])
def test_density_converges_to_the_three_dimensional_one(temperature):
    """Midpoint sums in p: error falls faster than any power once dp resolves kT."""
    exact = density(temperature)
    errors = []
    for points in (12, 24, 48, 96):
        c, p = TABLE, eq.momentum_grid(TABLE, points, 2.2)
        errors.append(abs(eq.bulk(c, p, temperature).density / exact - 1))
    assert errors[-1] < 1e-8
    assert errors[1] < 2e-3
    assert errors[2] < errors[1] / 8  # better than third order


@pytest.mark.parametrize("points", [24, 96])
def test_drude(points):
    """j = n e^2 tau E/m with the mesh's own n: exact up to the p derivative's boundary at the cutoff."""
    b = eq.bulk(TABLE, eq.momentum_grid(TABLE, points, 1.8), 100.0)
    drude = b.density * 1e27 * si.e**2 * 1e-15 / si.m_e
    assert b.conductivity == pytest.approx(drude, rel=2e-3 if points == 24 else 1e-8)


def test_polarization():
    """P = int g0/int F0; its T = 0 limit is [(E+J/2)^1.5 - (E-J/2)^1.5]/sum = 0.5353."""
    b = eq.bulk(TABLE, eq.momentum_grid(TABLE, 96, 1.8), 100.0)
    assert b.spin_per_field / (b.charge_per_field / (-2 * si.e * 1e33) * 1e9) == pytest.approx(b.polarization, rel=1e-8)
    up, down = (0.14 + 0.053) ** 1.5, (0.14 - 0.053) ** 1.5
    cold = eq.bulk(TABLE, eq.momentum_grid(TABLE, 600, 1.8), 10.0)
    assert cold.polarization == pytest.approx((up - down) / (up + down), rel=1e-4)
    assert b.polarization == pytest.approx(0.5319, abs=1e-4)


@pytest.mark.parametrize(("temperature", "listed"), [(100.0, -24.17), (200.0, -47.12), (300.0, -67.88)])
def test_seebeck(temperature, listed):
    """Against numbers found before with another program, and against the Sommerfeld form within its T^2 correction."""
    b = eq.bulk(TABLE, eq.momentum_grid(TABLE, 96, 2.4), temperature)
    assert b.seebeck == pytest.approx(listed, rel=3e-3)
    energies = np.array([0.193, 0.087])
    w = energies**1.5 / np.sum(energies**1.5)
    sommerfeld = -(np.pi**2 / 2) * np.sum(w / energies) * K_B**2 * temperature * 1e6
    assert b.seebeck == pytest.approx(sommerfeld, rel=0.5 * (np.pi * K_B * temperature / 0.087) ** 2)


def test_conductivity_fixes_the_number_of_bands():
    class E:
        fermi_energy, exchange_splitting, mass, relaxation_time, spin_flip_time = 0.14, 0.106, 1.0, 1.0, 1000.0
        conductivity = 1.26e6

    c = eq.carriers_from(E, 24, 1.8, 100.0)
    p = eq.momentum_grid(c, 24, 1.8)
    assert eq.bulk(c, p, 100.0).conductivity == pytest.approx(1.26e6, rel=1e-12)
    assert eq.bulk(c, p, 100.0).polarization == pytest.approx(eq.bulk(TABLE, p, 100.0).polarization, rel=1e-13)


def test_negative_temperature_is_refused():
    with pytest.raises(InputError, match=r"temperature: -3 K"):
        eq.occupation(TABLE, np.array([0.1, 0.2]), np.array([10.0, -3.0]))


def test_written_density():
    """Equilibrium along a ramp as by energy quadrature at each T, with what the drive adds to it."""
    wire = ("wire.length=80.0", "wire.cells=81", "drive.temperature=150.0")
    ramp = ("drive.profile=ramp", "drive.gradient=1.0", "momentum.points=96", "momentum.cutoff=2.4", "wall.mode=steady")
    data = apply_overrides({"wall": {}}, [*wire, *ramp])
    sim = Simulation(validate(WallInput, data, "test.toml"), MPI.COMM_SELF)
    o = {q.name: q.own for q in observe(sim, sim.start(), 0)["time"]}
    for node in (0, 40, 80):
        equilibrium = o["density"][node] - o["density_deviation"][node]
        assert equilibrium == pytest.approx(1e27 * density(o["temperature"][node]), rel=1e-6)
    assert o["temperature"][80] - o["temperature"][0] == pytest.approx(80.0)
    assert np.abs(o["density_deviation"]).max() > 0.0
