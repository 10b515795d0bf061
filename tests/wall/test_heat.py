"""[heat]: T(x, t) against closed forms, the energy ledger, order in x and t, restart, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heated import EVERYTHING, FIXED, PULSE, T0, numbers, settings, unbalanced
from mpi4py import MPI
from scipy.optimize import brentq

from hpcalo import app
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.io.checkpoint import Checkpoint
from hpcalo.io.hdf5 import read_dataset
from hpcalo.units import MU_0
from hpcalo.wall.checks.report import checks
from hpcalo.wall.config import (
    Drive,
    Electrons,
    Heat,
    HeatEnd,
    HeatTable,
    Magnet,
    Momentum,
    Texture,
    ThermalLaw,
    Time,
    WallSection,
    Wire,
)
from hpcalo.wall.dynamics.saved_state import restored, saved_arrays, saved_numbers
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.heat.equation import Current, HeatEquation
from hpcalo.wall.heat.ledger import FROM_OUTSIDE
from hpcalo.wall.heat.material import Material
from hpcalo.wall.heat.step import heat_step
from hpcalo.wall.monitors.schedule import observe
from hpcalo.wall.validity.settings import check_settings

C, K, SIGMA, J, DX = 3e6, 20.0, 1e6, 5e11, 1e-9


def equation(cells: int = 41, dx: float = DX, j: float = J, sigma: float = SIGMA, **keys) -> HeatEquation:
    heat = Heat(**{"heat_capacity": C, "thermal_conductivity": K, **keys})
    return HeatEquation(heat, Material(heat, T0), Current(j, sigma), cells, dx)


def steady(e: HeatEquation, theta=None):
    """theta at rest, and the powers there: steps so long that one is enough, as the method is L-stable."""
    theta = np.zeros(e.cells) if theta is None else theta
    for _ in range(12):
        theta, energies = heat_step(e, theta, np.zeros(e.cells), 1.0)
    return theta, energies


def between_reservoirs(e: HeatEquation):
    """Distance from the left reservoir, and that of both reservoirs (m)."""
    return (np.arange(e.cells) + 1.0) * e.dx, (e.cells + 1) * e.dx


def test_joule_parabola():
    """T0 + (j^2/sigma) x (L - x)/2k between two reservoirs; what enters leaves through the ends."""
    e = equation(left=FIXED, right=FIXED)
    theta, energies = steady(e)
    x, length = between_reservoirs(e)
    np.testing.assert_allclose(theta, J**2 / SIGMA * x * (length - x) / (2.0 * K), rtol=1e-11)
    supply, _, left, right, *_ = energies
    np.testing.assert_allclose([left, right], -0.5 * supply, rtol=1e-11)


def test_heat_resistance_at_an_end():
    """All heat leaves on the left, through R and the spacing before it."""
    e = equation(left=HeatEnd(kind="resistance", resistance=2e-9, temperature=T0 + 5.0))
    theta, _ = steady(e)
    heat = J**2 / SIGMA * e.cells * DX
    np.testing.assert_allclose(theta[0], 5.0 + heat * (2e-9 + DX / K), rtol=1e-11)


def test_peltier_heat_of_a_junction():
    """-j T (S_right - S_left) at the junction, with the T that it makes itself: a tent between two reservoirs."""
    left, right = 20e-6, -15e-6
    e = equation(sigma=1e30, left=FIXED, right=FIXED, seebeck=left, seebeck_right=right, junction=12.3)
    theta, energies = steady(e)
    x, length = between_reservoirs(e)
    at = 12  # the node of the cell in which the junction is
    a = x[at]
    gain = -J * (right - left) * a * (length - a) / (K * length)
    top = gain * T0 / (1.0 - gain)
    np.testing.assert_allclose(theta, top * np.minimum(x / a, (length - x) / (length - a)), rtol=1e-10)
    np.testing.assert_allclose(energies[6], -J * (T0 + top) * (right - left), rtol=1e-10)


def test_thomson_heat():
    """-j T (dS/dT) d_x T: k T' - j s T^2/2 is constant, T a tangent; second order in dx."""
    slope, hot = -3e-7, 60.0
    length, half = 81.0 * DX, 0.5 * J * slope

    def end(first: float) -> float:  # T at the right reservoir for T' = first at the left one
        constant = K * first - half * T0**2
        w = np.sqrt(complex(constant / half))
        return float((w * np.tan(constant / w * length / K + np.arctan(T0 / w))).real)

    first = brentq(lambda v: end(v) - T0 - hot, 0.3 * hot / length, 3.0 * hot / length)
    constant = K * first - half * T0**2
    w = np.sqrt(complex(constant / half))
    errors = []
    for cells in (26, 80):
        dx = length / (cells + 1)
        e = equation(
            cells, dx, sigma=1e30, seebeck=1e-5, seebeck_slope=slope, left=FIXED,
            right=HeatEnd(kind="fixed", temperature=T0 + hot),
        )  # fmt: skip
        theta, (supply, leads, *_, joule, thomson) = steady(e)
        x, _ = between_reservoirs(e)
        exact = (w * np.tan(constant / w * x / K + np.arctan(T0 / w))).real - T0
        errors.append(np.abs(theta - exact).max())
        np.testing.assert_allclose(supply + leads, joule + thomson, rtol=1e-9)
        bend = np.abs(exact - hot * x / length).max()
    assert errors[1] < 1e-3 * bend
    np.testing.assert_allclose(errors[0] / errors[1], 9.0, rtol=0.05)


def test_order_in_time_and_l_stability():
    """A mode of the wire between reservoirs decays at its rate, second order; one that no step resolves is gone."""
    e = equation(j=0.0, left=FIXED, right=FIXED, substrate_conductance=1e16)
    x, length = between_reservoirs(e)
    errors = []
    for mode, periods in ((1, None), (e.cells, 1e7)):
        shape = np.sin(mode * np.pi * x / length)
        rate = (4.0 * K / DX**2 * np.sin(0.5 * mode * np.pi * DX / length) ** 2 + 1e16) / C
        if periods:
            theta, _ = heat_step(e, shape, np.zeros(e.cells), periods / rate)
            assert np.abs(theta).max() < 1e-6
            continue
        for steps in (16, 32):
            theta = shape
            for _ in range(steps):
                theta, _ = heat_step(e, theta, np.zeros(e.cells), 1.0 / (rate * steps))
            errors.append(np.abs(theta - np.exp(-1.0) * shape).max())
    np.testing.assert_allclose(errors[0] / errors[1], 4.0, rtol=0.05)


def test_tables_of_c_and_k():
    """Energy of a linear c(T) exactly; the heat flow of a linear k(T) is the difference of its integral."""
    table = HeatTable(temperature=(250.0, 350.0), heat_capacity=(2e6, 4e6), thermal_conductivity=(10.0, 30.0))
    e = equation(table=table)
    theta, t = np.zeros(e.cells), 4e-10
    for _ in range(3):
        theta, _ = heat_step(e, theta, np.zeros(e.cells), t / 3.0)
    heat = J**2 / SIGMA * t  # c = 3e6 + 2e4 theta
    np.testing.assert_allclose(theta, (np.sqrt(9e12 + 4e4 * heat) - 3e6) / 2e4, rtol=1e-12)
    e = equation(j=0.0, table=table, left=FIXED, right=HeatEnd(kind="fixed", temperature=340.0))
    _, energies = steady(e)
    _, length = between_reservoirs(e)
    np.testing.assert_allclose(energies[3], (20.0 * 40.0 + 0.1 * 40.0**2) / length, rtol=1e-10)
    below, above = (e.material.energy(np.array([-1e-9, 1e-9])) / 1e-9).tolist()
    np.testing.assert_allclose([-below, above], 3e6, rtol=1e-11)
    with pytest.raises(ConvergenceError, match=r"T = 351 K at x = 7 nm and 2 ns: heat.table.temperature goes from"):
        e.material.check(np.array([0.0, 51.0]), np.array([0.0, 7.0]), 2.0)


def test_heat_of_a_wall_driven_by_a_field():
    """2 mu0 M_s H v below Walker, all of it from damping; a closed wire keeps its energy."""
    magnet = Magnet(anisotropy=5.2e5, hard_anisotropy=1e6, damping=0.3)
    sim = Simulation(settings(magnet=magnet, time=Time(end=0.15, output_every=0.05)), MPI.COMM_SELF)
    found, places = [], []
    for state in sim.run(sim.start()):
        found.append(numbers(sim, state))
        places.append(float(np.interp(0.0, -np.arctanh(state.m[20:60, 2]), sim.mesh.x[20:60])))
    a, b = found[-2], found[-1]
    moved = (places[-1] - places[-2]) * 1e-9
    gained = b["ledger_damping"] - a["ledger_damping"]
    np.testing.assert_allclose(gained, 2.0 * MU_0 * 8e5 * 8e3 * moved, rtol=1e-3)
    assert b["ledger_bath"] == pytest.approx(b["ledger_damping"], rel=1e-12)
    assert b["ledger_magnet"] == pytest.approx(-b["ledger_damping"], rel=1e-12)
    assert unbalanced(b) < 1e-12


@pytest.mark.parametrize(
    ("integrator", "damping", "lost"), [("rk", 0.1, 1e-7), ("rk", 0.0, 1e-7), ("bdf", 0.1, 2e-3), ("cn", 0.02, 2e-4)]
)
def test_ledger_closes(integrator, damping, lost):
    """To 1e-10 of what was exchanged, with every term at once and any integrator; the damping is that of the power."""
    s = settings(
        magnet=Magnet(anisotropy=5.2e5, hard_anisotropy=2e5, damping=damping),
        drive=Drive(temperature=T0, circuit="current", current_density=2e11, zeeman=(PULSE,)),
        heat=EVERYTHING,
        time=Time(
            end=0.012, output_every=0.012, integrator=integrator, fixed_step=integrator != "rk", first_step=100.0
        ),
    )
    sim = Simulation(s, MPI.COMM_SELF)
    (state,) = sim.run(sim.start())
    found = numbers(sim, state)
    assert unbalanced(found) < 1e-10
    every = {*FROM_OUTSIDE, "joule", "thermoelectric"} - {"motive"}
    assert all(found[f"ledger_{name}"] != 0.0 for name in every)
    variables = {v.name: v for v in observe(sim, state, 1)["time"]}
    doubt = float(np.asarray(variables["ledger_damping"].error))
    assert doubt < lost * abs(found["ledger_field"])  # what M's own integrator loses of it
    assert damping == 0.0 or found["ledger_damping"] > 100.0 * doubt


def test_order_of_the_coupled_steps():
    """T under a moving wall: second order in heat.step."""
    ends = []
    for step in (1000.0, 500.0, 100.0):
        time = Time(end=0.01, output_every=0.01, first_step=100.0, fixed_step=True)
        sim = Simulation(settings(heat=Heat(step=step, left=FIXED), time=time), MPI.COMM_SELF)
        (state,) = sim.run(sim.start())
        ends.append(state.thermal.theta)
    coarse, fine = (np.abs(end - ends[-1]).max() for end in ends[:-1])
    assert fine < 1e-2 * np.abs(ends[-1]).max()
    np.testing.assert_allclose(coarse / fine, 99.0 / 24.0, rtol=0.1)  # the reference has a hundredth of the error


def test_errors_of_the_steps():
    """What the steps of T leave out of it and of the ledger: known to a factor of two."""
    hot = {"left": HeatEnd(kind="fixed", temperature=360.0), "thermal_conductivity": 60.0, "heat_capacity": 5e5}
    found, thetas = [], []
    for step in (400.0, 20.0):
        s = settings(
            heat=Heat(**hot, step=step),
            texture=Texture(kind="uniform"),
            wire=Wire(length=40.0, cells=21),
            time=Time(end=0.008, output_every=0.008, first_step=20.0, fixed_step=True),
        )
        sim = Simulation(s, MPI.COMM_SELF)
        (state,) = sim.run(sim.start())
        thetas.append(state.thermal.theta)
        found.append({v.name: v for v in observe(sim, state, 1)["time"] if not v.dims})
    off = np.abs(thetas[0] - thetas[1]).max()
    assert 0.5 * off < float(np.asarray(found[0]["temperature_peak"].error)) < 3.0 * off
    for name in ("ledger_left", "ledger_bath"):
        value, exact = (float(np.asarray(f[name].data)) for f in found)
        error = float(np.asarray(found[0][name].error))
        assert 0.5 * abs(value - exact) < error < 3.0 * abs(value - exact)


def test_far_from_the_temperature_of_the_constants():
    """A run says once that other coefficients do not follow; T is that of the adiabatic start, j^2 t/(sigma c)."""
    hot = Drive(temperature=T0, circuit="current", current_density=1.26e13)
    still = Texture(kind="uniform")
    sim = Simulation(settings(drive=hot, texture=still, time=Time(end=0.008, output_every=0.002)), MPI.COMM_SELF)
    state = list(sim.run(sim.start()))[-1]
    np.testing.assert_allclose(state.thermal.theta, 1.26e13**2 * 8e-12 / (1.26e6 * 3.8e6), rtol=1e-9)
    (text,) = sim.warnings
    assert text.startswith("heat: at 0.006 ns T is more than 150 K away from drive.temperature = 300 K somewhere")


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_temperature_and_ledger_do_not_depend_on_ranks_or_restarts(comm):
    """The same bits as alone, although the run goes on from a saved state at each piece."""
    s = settings(
        heat=EVERYTHING,
        drive=Drive(temperature=T0, circuit="current", current_density=2e12, zeeman=(PULSE,)),
        electrons=Electrons(conductivity=1.26e6),
        magnet=Magnet(hard_anisotropy=2e5, damping=0.1, thermal=ThermalLaw()),
        momentum=Momentum(points=8),
        wire=Wire(length=60.0, cells=41),
        time=Time(end=0.008, output_every=0.008),
    )
    alone = Simulation(s, MPI.COMM_SELF)
    (expected,) = alone.run(alone.start())
    kept: Checkpoint | None = None
    now = 0.0
    while now < s.time.end * 1e6:
        sim = Simulation(s, comm)
        state = sim.start() if kept is None else restored(sim, kept, Path("kept.h5"))
        state, _ = next(sim.pieces(state))
        now = state.t
        whole = {v.name: np.concatenate(comm.allgather(v.data.data)) for v in saved_arrays(sim, state)}
        kept = Checkpoint(whole, {"state": json.dumps(saved_numbers(sim, state))})
    own = slice(sim.mesh.first, sim.mesh.last)
    np.testing.assert_array_equal(state.thermal.theta, expected.thermal.theta[own])
    np.testing.assert_array_equal(state.thermal.ledger, expected.thermal.ledger)
    np.testing.assert_array_equal(state.m, expected.m[own])


HOT = """
[wall]
[electrons]
spin_torque = false
[wire]
length = "60 nm"
cells = 41
[drive]
circuit = "current"
current_density = "1e12 A/m^2"
[[drive.zeeman]]
field = [0, "10 mT", "50 mT"]
[heat]
thermal_conductivity = "15 W/m/K"
left = { kind = "fixed", temperature = "120 K" }
[time]
end = "0.002 ns"
output_every = "0.001 ns"
"""


def test_report_checks_the_ledger(tmp_path):
    """From the file alone: all pass, and one wrong joule is noticed."""
    (tmp_path / "hot.toml").write_text(HOT)
    app.run(MPI.COMM_SELF, tmp_path / "hot.toml", output=tmp_path / "hot.h5", quiet=True)
    result = read_dataset(tmp_path / "hot.h5")
    names = ["Energy ledger closes", "Heat of the bath", "Heat capacity", "Damping heat is its power"]
    assert [c.status for c in checks(result) if c.name in names] == ["passed"] * 4
    wrong = replace(result.variables["ledger_left"], data=1.001 * np.asarray(result["ledger_left"]))
    result = replace(result, variables={**result.variables, "ledger_left": wrong})
    assert {c.name for c in checks(result) if c.status == "failed"} == set(names[:2])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"wall": WallSection(mode="steady")}, "wall.mode: 'steady' does not go with"),
        ({"wire": Wire(follow=True)}, "wire.follow: true does not go with"),
        ({"drive": Drive(gradient=1.0)}, "drive.gradient: with .heat. the temperature is computed"),
        ({"wall": WallSection(model="paper")}, "heat: needs wall.model = 'consistent'"),
        (
            {"heat": EVERYTHING, "drive": Drive(temperature=100.0, circuit="open")},
            "drive.temperature: 100 K is outside of heat.table.temperature, 200 to 400 K",
        ),
    ],
)
def test_refused(keys, message):
    """One line that says why: nothing is left out silently."""
    with pytest.raises(InputError, match=message):
        check_settings(settings(**keys))


def test_continued_with_another_drive():
    """T is kept, the ledger begins anew."""
    sim = Simulation(settings(), MPI.COMM_SELF)
    state = sim.start()
    state = replace(state, thermal=replace(state.thermal, theta=np.full(81, 2.0)))
    found = numbers(sim, sim.ready(state))
    assert found["temperature_peak"] == 302.0
    assert found["ledger_magnet"] == 0.0
    assert found["ledger_residual"] == 0.0
