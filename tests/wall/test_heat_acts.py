"""T(x, t) acts on electrons and magnet: the balance of it all, spin motive force, pumped and magnetocaloric heat."""

from __future__ import annotations

import numpy as np
import pytest
from heated import EVERYTHING, FIXED, PULSE, T0, numbers, settings, unbalanced
from mpi4py import MPI
from scipy.optimize import brentq

from hpcalo.errors import ConvergenceError
from hpcalo.units import BOHR_MAGNETON, E_CHARGE, MU_0
from hpcalo.wall.config import (
    Drive,
    Electrons,
    Heat,
    HeatEnd,
    Magnet,
    Momentum,
    MonitorEntry,
    Output,
    Texture,
    ThermalLaw,
    Time,
    Wire,
    Zeeman,
)
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.electrons.pumping import spin_motive, torque_power
from hpcalo.wall.electrons.zhang_li import zhang_li
from hpcalo.wall.monitors.schedule import observe

ELECTRONS = Electrons(conductivity=1.26e6)
COARSE = Momentum(points=10)
WIRE = Wire(length=60.0, cells=41)
LAW = ThermalLaw(curie_temperature=900.0)
MAGNET = Magnet(
    hard_anisotropy=2e5, damping=0.1, interfacial_dmi=2e-4, bulk_dmi=1e-4, demagnetization=(0.1, 0.1, 0.2), thermal=LAW
)
ACTING = {"electrons": ELECTRONS, "momentum": COARSE, "wire": WIRE, "magnet": MAGNET}


def test_electrons_see_t_and_its_gradient():
    """A given T(x) is the ramp that the drive can give as well: the same response."""
    keys = {**ACTING, "magnet": Magnet(), "heat": None, "texture": Texture(angle=30.0), "output": Output()}
    ramp = Drive(temperature=T0, gradient=2.0, profile="ramp", ramp_length=200.0, circuit="open")
    given = Simulation(settings(**keys, drive=ramp), MPI.COMM_SELF)
    state = given.start()
    expected = given.electrons(state).thermal.q
    sim = Simulation(settings(**keys, drive=Drive(temperature=T0, circuit="open")), MPI.COMM_SELF)
    faces = T0 + 2.0 * ((np.arange(42) - 0.5) * 1.5 - 30.0)
    sim.transport.set_temperature(given.transport.temperature, faces, np.full(42, 2.0), uneven=True)
    np.testing.assert_allclose(sim.electrons(state).thermal.q, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(sim.transport.node_gradient, 2e9)


@pytest.mark.parametrize(
    ("circuit", "drive", "integrator", "refresh"),
    [
        ("current", {"current_density": 2e12}, "rk", "interval"),
        ("field", {"electric_field": 1.5e6}, "bdf", "step"),
        ("open", {}, "cn", "interval"),
        ("current", {"current_density": -2e12}, "rk", "stage"),
    ],
)
def test_balance_of_everything(circuit, drive, integrator, refresh):
    """Closes to 1e-10 with electrons and coefficients that follow T, in every circuit; damping is its power."""
    s = settings(
        **ACTING,
        drive=Drive(temperature=T0, circuit=circuit, zeeman=(PULSE,), **drive),
        heat=EVERYTHING,
        time=Time(
            end=0.003, output_every=0.003, integrator=integrator, fixed_step=True, first_step=50.0, refresh=refresh
        ),
    )
    sim = Simulation(s, MPI.COMM_SELF)
    (state,) = sim.run(sim.start())
    found = numbers(sim, state)
    assert unbalanced(found) < 1e-10
    names = ["transfer", "caloric", "entropy", "damping", *(["motive", "joule", "thermoelectric"] if drive else [])]
    assert all(found[f"ledger_{name}"] != 0.0 for name in names)
    variables = {v.name: v for v in observe(sim, state, 1)["time"]}
    assert float(np.asarray(variables["ledger_damping"].error)) < 2e-3 * found["ledger_damping"]


def test_closed_wire_keeps_its_energy():
    """u_b + f + T s_m of an insulated wire, to 1e-10 of what the magnet exchanges with its bath."""
    sim = Simulation(
        settings(**ACTING, drive=Drive(temperature=T0, circuit="open"), time=Time(end=0.004, output_every=0.004)),
        MPI.COMM_SELF,
    )
    (state,) = sim.run(sim.start())
    found = numbers(sim, state)
    assert unbalanced(found) < 1e-10
    kept = [found[f"ledger_{name}"] for name in ("bath", "magnet", "entropy")]
    assert abs(sum(kept)) < 1e-10 * max(map(abs, kept))
    assert min(map(abs, kept)) > 1e-6


def test_magnetization_in_a_field_warms():
    """Adiabatic, M at rest along a rising field: c ln(T/T0) = mu0 M_s/T_C (3/2) sqrt(T/T_C) H, second order."""
    curie, c, h = 400.0, 3e6, 2e7

    def entropy(t: float, field: float) -> float:
        return c * np.log(t) - MU_0 * 8e5 * 1.5 * np.sqrt(t / curie) / curie * field

    before = entropy(T0, h * np.exp(-8.0))
    exact = brentq(lambda t: entropy(t, h) - before, T0, 350.0) - T0
    errors = []
    for step in (200.0, 100.0):
        s = settings(
            magnet=Magnet(thermal=ThermalLaw(curie_temperature=curie)),
            texture=Texture(kind="uniform"),
            wire=Wire(length=20.0, cells=9),
            drive=Drive(temperature=T0, zeeman=(Zeeman(field=(0.0, 0.0, h), pulse_centre=0.004, pulse_width=0.001),)),
            heat=Heat(heat_capacity=c, step=step),
            time=Time(end=0.004, output_every=0.004, fixed_step=True, first_step=step),
        )
        sim = Simulation(s, MPI.COMM_SELF)
        (state,) = sim.run(sim.start())
        assert np.ptp(state.thermal.theta) < 1e-9
        errors.append(float(state.thermal.theta[0]) - exact)
    assert exact > 5.0
    assert abs(errors[1]) < 1e-5 * exact
    assert errors[0] / errors[1] > 3.6


@pytest.mark.parametrize(("flip", "circuit"), [(1000.0, "open"), (10.0, "field")])
def test_spin_motive_force_and_pumped_heat(flip, circuit):
    """(hbar/e) P (dphi/dt + beta v/D) times xi^2/(1 + xi^2); heat by Onsager from the thermal torque as measured."""
    width = 20.0
    s = settings(
        electrons=Electrons(conductivity=1.26e6, spin_flip_time=flip),
        wire=Wire(length=16.0 * width, cells=161),
        texture=Texture(width=width, angle=20.0),
        drive=Drive(temperature=T0, circuit=circuit, gradient=2.0),
        momentum=Momentum(points=16),
        heat=None,
        output=Output(monitors=(MonitorEntry(name="motive"),)),
    )
    sim = Simulation(s, MPI.COMM_SELF)
    state, transport = sim.start(), sim.transport
    m, ghost = state.m, sim.mesh.magnetization_with_ghosts(state.m)
    torques = sim.electrons(state)
    u, beta_u = zhang_li(sim.mesh, ghost, transport.torque(m, torques.unit.q))
    turning = np.cross([0.0, 0.0, 1e-5], m)  # rad/fs
    moving = 1e-4 / width * np.cross(m, np.cross([0.0, 0.0, 1.0], m))  # 100 m/s
    volts, heat = zip(
        *(spin_motive(transport, sim.magnetics, ghost, rate, torques) for rate in (turning, moving)), strict=True
    )
    quantum = 2.0 * BOHR_MAGNETON * MU_0 / (2.21e5 * E_CHARGE) * torques.polarization  # hbar P/e of the gamma in use
    xi2 = transport.carriers.xi**2
    np.testing.assert_allclose(volts[0], quantum * 1e10 * xi2 / (1.0 + xi2), rtol=2e-4)
    np.testing.assert_allclose(volts[1], volts[0] * beta_u / u * (1e-4 / width) / 1e-5, rtol=2e-4)
    thermal = transport.torque(m, torques.thermal.q)
    for rate, flow in zip((turning, moving), heat, strict=True):
        power = torque_power(sim.magnetics, ghost, rate, thermal).odd
        by_heat = flow * 2e9 / T0 * sim.mesh.dx * 1e-9
        np.testing.assert_allclose(by_heat, power, atol=3e-3 * np.abs(power).max())


def test_order_of_the_steps_that_act():
    """T and M: second order in heat.step although each holds the other fixed meanwhile."""
    hot = Heat(heat_capacity=4e4, left=HeatEnd(kind="fixed", temperature=330.0), right=FIXED)
    drive = Drive(temperature=T0, circuit="current", current_density=2e12, zeeman=(Zeeman(field=(0.0, 0.0, 3e4)),))
    ends = []
    for step in (400.0, 200.0, 40.0):
        s = settings(
            **ACTING,
            drive=drive,
            heat=hot.model_copy(update={"step": step}),
            time=Time(end=0.002, output_every=0.002, first_step=40.0, fixed_step=True, refresh="step"),
        )
        sim = Simulation(s, MPI.COMM_SELF)
        (state,) = sim.run(sim.start())
        ends.append((state.thermal.theta, state.m))
    for k in (0, 1):
        coarse, fine = (np.abs(end[k] - ends[-1][k]).max() for end in ends[:-1])
        np.testing.assert_allclose(coarse / fine, 99.0 / 24.0, rtol=0.25)


def test_current_of_a_given_field():
    """j = sigma (E - S dT/L) between a hot and a cold contact, T and j at rest."""
    hot = HeatEnd(kind="fixed", temperature=400.0)
    heat = Heat(seebeck=5e-5, left=FIXED, right=hot, heat_capacity=1e3, thermal_conductivity=100.0, step=1e4)
    s = settings(
        texture=Texture(kind="uniform"),
        wire=WIRE,
        drive=Drive(temperature=T0, electric_field=1e5),
        heat=heat,
        time=Time(end=0.2, output_every=0.1, integrator="bdf"),
        output=Output(monitors=(MonitorEntry(name="ledger"),)),
    )
    sim = Simulation(s, MPI.COMM_SELF)
    first, last = [numbers(sim, state) for state in sim.run(sim.start())]
    steady = 100.0 * 40.0 / 42.0  # K between the end nodes; the reservoirs are one spacing away
    j = 1.26e6 * (1e5 - 5e-5 * steady / (41 * 1.5e-9))
    np.testing.assert_allclose(last["ledger_supply"] - first["ledger_supply"], j * 1e5 * 41 * 1.5e-9 * 1e-10, rtol=1e-3)
    assert unbalanced(last) < 1e-10


def test_no_magnet_above_its_curie_temperature():
    """One line, on all ranks alike."""
    s = settings(magnet=Magnet(thermal=ThermalLaw(curie_temperature=310.0)), wire=WIRE)
    sim = Simulation(s, MPI.COMM_SELF)
    theta = np.zeros(41)
    theta[4] = 11.0
    with pytest.raises(
        ConvergenceError, match=r"T = 311 K at x = 6 nm reaches magnet.thermal.curie_temperature = 310 K"
    ):
        sim.heat.acting.set(theta)
