"""The circuit of the time-dependent mode: the mean current is the asked one at every moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI
from program import alone

from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import Drive, Electrons, Magnet, Momentum, Texture, Time, WallInput, WallSection, Wire
from hpcalo.wall.dynamics import timestepper
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.electrons.circuit import Circuit
from hpcalo.wall.monitors.schedule import observe

OPEN = Drive(circuit="open", gradient=2.0)
RAMP = Drive(circuit="open", gradient=2.0, profile="ramp", temperature=200.0)
CURRENT = Drive(circuit="current", current_density=-1e12, gradient=2.0)
SIGMA = 1.26e6


def stepped(drive, integrator="arkimex", *, comm=MPI.COMM_SELF, force=True, slow=1.0, tau=1.0, **tables):
    """A wire with a narrow wall, M_s `slow` times that of Table I."""
    length, cells, follow = tables.pop("wire", (40.0, 33, False))
    settings = WallInput(
        wall=WallSection(mode="time-dependent"),
        electrons=Electrons(
            conductivity=SIGMA, relaxation_time=tau, spin_flip_time=tables.pop("tau_sf", 50.0), force=force
        ),
        magnet=Magnet(hard_anisotropy=2e5, saturation_magnetization=8e5 * slow, damping=0.5),
        wire=Wire(length=length, cells=cells, follow=follow),
        texture=Texture(width=2.5, centre=tables.pop("centre", None)),
        momentum=Momentum(points=16),
        drive=drive,
        time=Time(**{"integrator": integrator, "tolerance": 1e-6, "first_step": 1.0, **tables.pop("time", {})}),
        **tables,
    )
    return Simulation(settings, comm)


def observed(sim, state):
    return {q.name: q.own for q in observe(sim, state, 0)["time"]}


@pytest.mark.parametrize("integrator", ["arkimex", "bdf", "rosw", "cn"])
@pytest.mark.parametrize("drive", [OPEN, RAMP, CURRENT])
def test_current_at_every_output(monkeypatch, integrator, drive):
    """The mean of what is written as charge_current is the asked current to round-off, between the output times, too,
    while j itself varies along the wire, and E is not that of the stationary wire.
    """
    monkeypatch.setitem(timestepper.STEPS_PER_PIECE, integrator, 10 if integrator == "bdf" else 2)
    sim = stepped(drive, integrator, time={"end": 6e-5, "output_every": 2e-5, "tolerance": 1e-4})
    start = sim.start()
    states = [start, *(state for state, _ in sim.pieces(start))]
    frames = [observed(sim, state) for state in states]
    driven = SIGMA * abs(frames[0]["electric_field"])
    assert len(frames) >= 4
    for frame in frames:
        j = frame["charge_current"]
        assert j.mean() == pytest.approx(drive.current_density, abs=1e-13 * driven)
        assert frame["mean_charge_current"] == pytest.approx(j.mean(), abs=1e-14 * driven)
    assert np.ptp(frames[-1]["charge_current"]) > 1e-7 * driven
    ends = frames[-1]["electric_field"], stationary(sim, states[-1].m)
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)
    assert abs(ends[0] - ends[1]) > 1e-12 * abs(ends[1])


def stationary(sim, m):
    """E in V/m of the stationary wire with this M."""
    unit = sim.transport.respond(sim.mesh.magnetization_with_ghosts(m))
    return sum(sim.transport.fields(unit)[:2]) * 1e9


@pytest.mark.parametrize("integrator", ["arkimex", "bdf"])
def test_field_without_the_force_at_the_wall(integrator):
    """Without it nothing acts on the charge but E and kappa: E = j/sigma + S kappa of the bulk, at any time."""
    sim = stepped(CURRENT, integrator, force=False)
    b = eq.bulk(sim.transport.carriers, sim.transport.p, 100.0)
    expected = (-1e12 - 2.0 * b.charge_per_gradient) / SIGMA
    state = sim.stepper.segment(sim.start(), 30.0)
    assert observed(sim, state)["electric_field"] == pytest.approx(expected, rel=1e-10)


def test_field_lags_behind_the_wall():
    """E differs from that of the stationary wire with the same M to first order in electron times over the wall's; the
    wall's own resistance, which the angle changes, is found on the way.
    """
    lags = []
    for slow in (4.0, 16.0):
        drive = changed(CURRENT, gradient=0.0, current_density=-1e13)
        sim = stepped(drive, slow=slow, tau=2.0, time={"tolerance": 1e-7})
        start = sim.start()
        state = sim.stepper.segment(start, 100.0 * slow)
        now = stationary(sim, state.m)
        lags.append(abs(observed(sim, state)["electric_field"] - now))
        assert lags[-1] < 0.2 * abs(stationary(sim, start.m) - now)
    assert np.log2(lags[0] / lags[1]) == pytest.approx(2.0, abs=0.1)


def changed(drive, **keys):
    return drive.model_copy(update=keys)


@pytest.mark.parametrize(("integrator", "accuracy"), [("arkimex", 1e-6), ("bdf", 1e-4), ("rosw", 1e-6)])
def test_another_current_is_there_after_tau(integrator, accuracy):
    """j(t) = j1 + (j0 - j1) exp(-t/tau) where a run goes on with another current: closed form, tau = 5 fs."""
    first = stepped(CURRENT, tau=5.0)
    start = first.start()
    f = first.stepper.steady(start.m)
    sim = stepped(changed(CURRENT, current_density=3e11), integrator, tau=5.0, time={"tolerance": 1e-6})
    state = replace(start, f=f * (first.stepper.scale / sim.stepper.scale), dt=0.05)
    for t in (0.0, 2.5, 10.0):
        state = sim.stepper.segment(state, t) if t else state
        expected = 3e11 - 1.3e12 * np.exp(-t / 5.0)
        assert observed(sim, state)["mean_charge_current"] == pytest.approx(expected, abs=accuracy * 1e12)


def moving(comm):
    """A wire whose window has followed the wall, at its output times."""
    time = {"end": 0.0004, "output_every": 0.0001, "tolerance": 1e-5}
    sim = stepped(changed(CURRENT, current_density=-1e13), comm=comm, wire=(60.0, 61, True), centre=33.0, time=time)
    states = list(sim.run(sim.start()))
    assert states[0].origin > 2.0
    return sim, states


def test_window_shift_keeps_the_current():
    """What comes in at an end of the window does not change it: of a distribution that is anything, and in a run."""
    sim, states = moving(MPI.COMM_SELF)
    for state in states:
        assert observed(sim, state)["charge_current"].mean() == pytest.approx(-1e13, rel=1e-13)
    f = np.random.default_rng(5).normal(1.0, 1.0, states[-1].f.shape)
    currents, wrong = [], []
    for cells in (0, 7, -4):
        moved = sim.stepper.shifted(f, cells, states[-1].m)
        currents.append(sim.stepper.electric(replace(states[-1], f=moved))[1])
        _, o = sim.stepper.parts(replace(states[-1], f=f))
        faces = np.clip(np.arange(62) + cells, 0, 61)
        wrong.append(sim.stepper.circuit.mean_flow(np.ascontiguousarray(o[faces])))
    np.testing.assert_allclose(currents[1:], currents[0], rtol=1e-12)
    assert np.abs(np.array(wrong[1:]) / wrong[0] - 1.0).min() > 1e-3


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_circuit_does_not_depend_on_ranks(comm):
    """The same bits of M, of the distribution, of E and of the current, with a window that moves."""

    def seen(group):
        sim, (*_, state) = moving(group)
        e, _ = sim.stepper.parts(state)
        return sim.mesh.gather(state.m), sim.mesh.gather(e), *sim.stepper.electric(state)

    for one, many in zip(alone(comm, seen), seen(comm), strict=True):
        np.testing.assert_array_equal(many, one)


def test_tolerance_means_the_same_in_every_circuit():
    """The unit of the distribution is what is driven: a given current takes the steps that its field would take."""
    current = changed(CURRENT, gradient=0.0)
    field = Drive(electric_field=-1e12 / SIGMA)
    steps = [(sim := stepped(drive)).stepper.segment(sim.start(), 60.0).steps for drive in (current, field)]
    assert steps[0] == steps[1] > 3


def test_a_given_field_is_taken_as_it_is(monkeypatch):
    """Nothing of the circuit is asked for, and the current is what flows."""
    for name in ("field", "with_mean"):
        monkeypatch.delattr(Circuit, name)
    sim = stepped(Drive(electric_field=-1e12 / SIGMA))
    o = observed(sim, sim.stepper.segment(sim.start(), 30.0))
    assert o["electric_field"] == -1e12 / SIGMA
    assert o["mean_charge_current"] == pytest.approx(-1e12, rel=1e-2)
    assert abs(o["mean_charge_current"] + 1e12) > 1e-7 * 1e12
