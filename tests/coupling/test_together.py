"""Coefficients of an electronic structure on the moving wall: torques, chirality, heat and DMI energy currents.

Against closed forms and balances that share no code with what they check; films with made-up coefficients.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from coupled_films import AREA, DELTA, DEPTH, GAMMA, MS, THICKNESS, A, K, film, heat_of, moving, simulation
from mpi4py import MPI

from hpcalo.coupling import currents as wall_currents
from hpcalo.coupling import heat as wall_heat
from hpcalo.kubo.responses.dmi_continuity import MovingTexture
from hpcalo.units import BOHR_MAGNETON, MU_0
from hpcalo.wall.config import Drive, Electrons, Magnet, Texture, Time, Wire
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.magnetism.texture import measure, velocity
from hpcalo.wall.monitors.schedule import observe


def rigid(sim, speed, width=5.0, angle=0.0, centre=80.0):
    """A tanh wall and its rate (1/fs) when it moves with `speed` (m/s) without changing."""
    s = (sim.mesh.x - centre) / width
    sech, tanh = 1.0 / np.cosh(s), np.tanh(s)
    across = np.array([np.cos(angle), np.sin(angle), 0.0])
    m = sech[:, None] * across - tanh[:, None] * np.array([0.0, 0.0, 1.0])
    slope = (-tanh * sech / width)[:, None] * across - (sech**2 / width)[:, None] * np.array([0.0, 0.0, 1.0])
    return m, -speed * 1e-6 * slope


# -- the torques on the magnetization --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [(0, 0, 1), (1, 0, 0), (0.3, -0.5, 0.8)])
def test_torque_on_a_uniform_magnetization(n):
    """mu dn/dt = -gamma_e tau with tau per cell written out, gamma_e = gamma/mu0, mu the magnet's moment per cell."""
    n = np.array(n) / np.linalg.norm(n)
    t_odd, t_even, b_odd, b_even, field, slope = 2e-30, -5e-30, 3e-35, 7e-35, 4e5, 2.0
    c = film(torkance_odd=t_odd, torkance_even=t_even, beta_odd=b_odd, beta_even=b_even)
    sim = simulation(
        c, magnet=Magnet(anisotropy=0.0, damping=0.0), cells=5, length=4.0, drive=Drive(
            temperature=300.0, gradient=slope, electric_field=field), texture=Texture(width=1.0))  # fmt: skip
    rate = moving(sim, np.tile(n, (5, 1)))[2] * 1e15
    y = np.array([0.0, 1.0, 0.0])
    per_cell = (t_odd * field - b_odd * slope * 1e9) * np.cross(n, y)
    per_cell += (t_even * field - b_even * slope * 1e9) * np.cross(n, np.cross(n, y))
    moment = MS * AREA * THICKNESS
    np.testing.assert_allclose(rate, -GAMMA / MU_0 * per_cell / moment, rtol=1e-12)


def test_jacobian_of_the_spin_orbit_fields():
    """By central differences, damping alpha(x) included."""
    temperatures = np.array([250.0, 300.0, 350.0])
    c = film(temperatures, torkance_odd=[1e-30, 2e-30, 4e-30], torkance_even=-3e-30, damping=[0.1, 0.2, 0.4])
    drive = Drive(temperature=300.0, gradient=10.0, profile="ramp", electric_field=1e6)
    sim = simulation(c, cells=6, length=5.0, drive=drive, texture=Texture(width=1.0))
    assert np.ptp(sim.magnetics.alpha) > 0.05
    m, spin, scale = np.random.default_rng(1).normal(size=(6, 3)), np.zeros((6, 3)), np.zeros(6)

    def rate(x):
        return sim.magnetics.rate(sim.mesh.with_ghosts(x), 0.0, spin, scale)

    blocks = sim.magnetics.jacobian(sim.mesh.with_ghosts(m), 0.0, spin, scale)
    for node in range(6):
        for k in range(3):
            step = np.zeros_like(m)
            step[node, k] = 1e-5
            column = (rate(m + step) - rate(m - step)) / 2e-5
            expected = np.zeros((6, 3))
            for row in range(max(0, node - 1), min(6, node + 2)):
                expected[row] = blocks[row, node - row + 1, :, k]
            np.testing.assert_allclose(column, expected, rtol=1e-6, atol=1e-9)


def test_damping_of_the_electronic_structure():
    """A spin in a field along z: tan(theta/2) ~ exp(-alpha gamma H t/(1 + alpha^2)) with the alpha of its place."""
    from hpcalo.wall.config import Zeeman  # noqa: PLC0415

    c = film([290.0, 300.0, 310.0], damping=[0.05, 0.1, 0.3])
    drive = Drive(temperature=300.0, gradient=10.0, profile="ramp", zeeman=(Zeeman(field=(0.0, 0.0, 1e5)),))
    magnet = Magnet(anisotropy=0.0, exchange_stiffness=1e-30)
    sim = simulation(c, cells=3, length=2.0, drive=drive, magnet=magnet, texture=Texture(width=1.0),
                     time=Time(tolerance=1e-8))  # fmt: skip
    state = sim.stepper.segment(State(np.tile([np.sin(1.2), 0.0, np.cos(1.2)], (3, 1)), 0.0, 10.0), 1e5)
    for alpha, n in zip((0.05, 0.1, 0.3), state.m, strict=True):
        w = GAMMA * 1e5 * 1e-15 / (1 + alpha**2)
        theta = 2 * np.arctan(np.tan(0.6) * np.exp(-alpha * w * 1e5))
        assert n[2] == pytest.approx(np.cos(theta), abs=1e-6)


# -- chirality and velocity ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spiralization", "angle"), [(-2e-3, 0.0), (2e-3, 180.0)])
def test_spiralization_sets_energy_and_chirality(spiralization, angle):
    """4 sqrt(AK) - pi |D d/t|, reached from 100 degrees; D > 0 turns the wall's middle to -x."""
    c = film(spiralization=spiralization)
    sim = simulation(c, texture=Texture(angle=100.0), cells=201, length=120.0, magnet=Magnet(damping=1.0))
    state = sim.stepper.segment(sim.start(), 4e5)
    energy = sim.magnetics.energies(sim.mesh.magnetization_with_ghosts(state.m), 0.0).total
    wall = measure(sim.mesh, state.m)
    assert abs(np.rad2deg(wall.angle)) == pytest.approx(angle, abs=0.1)
    ends = -((spiralization * DEPTH / THICKNESS) ** 2) / (2 * K * DELTA)  # both ends tilt: D^2 Delta/(4 A) each
    exact = 4 * np.sqrt(A * K) - np.pi * abs(spiralization) * DEPTH / THICKNESS + ends
    assert energy == pytest.approx(exact, rel=2e-3)


def test_spiralization_is_the_energy_of_any_texture():
    """sum_j D_xj e_j.(n x d_x n) of a smooth n(x), integrated apart from the program, with D_xy = D(T(x)) d/t."""
    c = film([200.0, 300.0, 400.0], spiralization=[1e-3, 2e-3, 4e-3])
    drive = Drive(temperature=300.0, gradient=1.0, profile="ramp")
    sim = simulation(c, cells=1601, drive=drive)
    x = sim.mesh.x
    raw = np.stack([np.sin(x / 9 + 1), np.cos(x / 14), 0.4 + np.sin(x / 11)], axis=1)
    n = raw / np.linalg.norm(raw, axis=1)[:, None]
    slope = np.gradient(n, x * 1e-9, axis=0)
    strength = c.at("spiralization", 300.0 + x - 80.0) * DEPTH / THICKNESS
    density = strength * np.cross(n, slope)[:, 1]
    energy = sim.magnetics.energies(sim.mesh.magnetization_with_ghosts(n), 0.0)["dmi"]
    assert energy == pytest.approx(np.trapezoid(density, x * 1e-9), rel=1e-4)


def driven(c, angle, end, magnet=None, **drive):
    sim = simulation(
        c, cells=161, length=160.0, magnet=magnet or Magnet(), drive=Drive(temperature=300.0, **drive),
        texture=Texture(angle=angle, centre=50.0 if np.cos(np.deg2rad(angle)) > 0 else 110.0),
    )  # fmt: skip
    state = sim.stepper.segment(sim.start(), end)
    rate = moving(sim, state.m)
    speed = velocity(sim.mesh, sim.mesh.magnetization_with_ghosts(state.m), rate)
    return sim, state, speed


@pytest.mark.parametrize(("sign", "drive"), [(-1, "field"), (1, "gradient")])
def test_velocity_by_the_damping_like_torque(sign, drive):
    """v = (pi/2) gamma Delta H cos(phi)/alpha, tan(phi) = -H/(alpha H_DMI), H_DMI = D/(mu0 M_s Delta) (Thiaville et
    al., EPL 100, 57002); the chirality gives the direction. Within 2 %.
    """
    d = sign * 1e-3
    per_field = 1.0 / (MU_0 * MS * AREA * THICKNESS)
    tables = {"torkance_even": 5e-30} if drive == "field" else {"beta_even": -1e-33}
    given = {"electric_field": 2e5} if drive == "field" else {"gradient": 1.0}
    h = 1e-24 * per_field
    h_dmi = d / (MU_0 * MS * DELTA)
    tilt = np.arctan(-h / (0.2 * h_dmi))
    phi = np.rad2deg(tilt) + (180.0 if sign > 0 else 0.0)
    exact = 0.5 * np.pi * GAMMA * DELTA * h * np.cos(np.deg2rad(phi)) / 0.2
    c = film(spiralization=d * THICKNESS / DEPTH, **tables)
    _, state, speed = driven(c, phi, 2.5e5, **given)
    assert abs(exact) > 50.0
    assert speed == pytest.approx(exact, rel=2e-2)
    assert np.isfinite(state.m).all()


def test_field_like_torque_turns_and_does_not_drive():
    """tan(phi) = -H/H_DMI, no motion; A and K ten times larger, so that the field hardly tilts the domains."""
    h, d = 6e4, -1e-3
    h_dmi = d / (MU_0 * MS * DELTA)
    c = film(spiralization=d * THICKNESS / DEPTH, torkance_odd=h * MU_0 * MS * AREA * THICKNESS / 1e5)
    hard = Magnet(exchange_stiffness=10 * A, anisotropy=10 * K)
    _, state, speed = driven(c, 10.0, 6e5, magnet=hard, electric_field=1e5)
    assert abs(speed) < 1e-3 * 0.5 * np.pi * GAMMA * DELTA * h / 0.2  # what a damping-like field of this size drives
    middle = int(np.abs(state.m[:, 2]).argmin())
    assert state.m[middle, 1] / state.m[middle, 0] == pytest.approx(-h / h_dmi, rel=0.03)


# -- what comes back out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 40.0, 180.0])
def test_currents_of_a_rigidly_moving_wall(angle):
    """n x dn/dt = -(v/Delta) sech e_phi: J^DMI = D (v/Delta) sech cos(phi), even J^Q = b (v/Delta) sech cos(phi), the
    odd one -b_odd (n x y).(n x dn/dt) = b_odd (v/Delta) sech n_z sin(phi).
    """
    speed, d, even, odd = 70.0, 1.3e-3, 4e-4, -2.5e-4
    c = film(spiralization=d, beta_tilde_even=even, beta_tilde_odd=odd)
    sim = simulation(c, cells=321)
    phi = np.deg2rad(angle)
    m, rate = rigid(sim, speed, angle=phi)
    j = wall_currents.currents(sim, m, rate)
    sech = speed / 5e-9 / np.cosh((sim.mesh.x - 80.0) / 5.0)
    np.testing.assert_allclose(j.dmi, DEPTH * d * sech * np.cos(phi), atol=1e-9)
    np.testing.assert_allclose(j.heat_even, DEPTH * even * sech * np.cos(phi), atol=1e-9)
    np.testing.assert_allclose(j.heat_odd, DEPTH * odd * sech * m[:, 2] * np.sin(phi), atol=1e-9)
    whole = np.pi * speed * d * DEPTH * np.cos(phi)  # int sech dx = pi Delta
    assert sim.mesh.total(j.dmi) * sim.mesh.dx * 1e-9 == pytest.approx(whole, rel=1e-6)


def test_errors_of_the_currents():
    """What the currents change by when each coefficient changes by its error; peaks and integrals have errors, too."""
    temperatures = np.array([200.0, 300.0, 400.0])
    tables = {
        "spiralization": [1e-3, 2e-3, 3e-3],
        "beta_tilde_even": [4e-4, 5e-4, 3e-4],
        "beta_tilde_odd": [-2e-4, 1e-4, 0.0],
    }
    errors = {
        "spiralization": np.full(3, 1e-5),
        "beta_tilde_even": np.full(3, 3e-5),
        "beta_tilde_odd": np.full(3, 2e-5),
    }
    drive = Drive(temperature=300.0, gradient=0.5, profile="ramp")
    known = replace(film(temperatures, **tables), errors=errors)
    sim = simulation(known, drive=drive)
    m, rate = rigid(sim, 70.0, angle=np.deg2rad(40.0))
    j, found = wall_currents.currents(sim, m, rate), wall_currents.current_errors(sim, m, rate)
    for name, part in (("spiralization", "dmi"), ("beta_tilde_even", "heat_even"), ("beta_tilde_odd", "heat_odd")):
        moved = {n: np.array(v) + (errors[n] if n == name else 0.0) for n, v in tables.items()}
        other = wall_currents.currents(simulation(film(temperatures, **moved), drive=drive), m, rate)
        change = np.abs(getattr(other, part) - getattr(j, part))
        np.testing.assert_allclose(getattr(found, part), change, rtol=1e-9, atol=1e-12 * change.max())
        assert change.max() > 0.0
    variables = {v.name: v for v in observe(sim, State(m, 0.0, 1.0), 0, {"heat": wall_heat.Heat()})["time"]}
    for name in ("heat_current", "dmi_current", "heat_current_peak", "dmi_current_integral"):
        assert variables[name].companion().name == f"{name}_error"
        assert np.isfinite(getattr(variables[name].error, "data", variables[name].error)).all(), name
    unknown = wall_currents.current_errors(simulation(film(temperatures, **tables), drive=drive), m, rate)
    assert np.isnan(unknown.heat).all()
    none = wall_currents.current_errors(simulation(film(temperatures, beta_even=1e-35), drive=drive), m, rate)
    assert not none.heat.any()


def test_spiral_of_the_paper():
    """beta-tilde_xy = -99.49 uJ/m^2, wavelength 2.3 nm, 1 m/s: J_x = -270 kW/m^2 (63)."""
    c = film(beta_tilde_even=-99.49e-6)
    sim = simulation(c, cells=401, length=46.0)
    q = 2 * np.pi / 2.3
    phase = q * sim.mesh.x
    zero = np.zeros_like(phase)
    n = np.stack([np.sin(phase), zero, np.cos(phase)], axis=1)
    rate = -1e-6 * q * np.stack([np.cos(phase), zero, -np.sin(phase)], axis=1)
    j = wall_currents.currents(sim, n, rate).heat
    np.testing.assert_allclose(j, j[0], rtol=1e-10)
    assert j[0] / DEPTH == pytest.approx(-270e3, rel=0.01)


def test_dmi_current_and_work_are_those_of_any_texture():
    """On the wire, by the functions for general textures: D_i and D_b, a wall that turns while it moves."""
    tensor = wall_currents.dmi_tensor(np.array(2e-3), np.array(0.7e-3))

    def texture(r, t):
        s, phi = r[..., 0] * 1e9 / 5.0 - 60.0 * t * 1e9 / 5.0, 0.3 + 2e9 * t + 0.02 * r[..., 0] * 1e9
        return np.stack([np.cos(phi) / np.cosh(s), np.sin(phi) / np.cosh(s), -np.tanh(s)], axis=-1)

    moving = MovingTexture(texture, lambda n, r: np.broadcast_to(tensor, (*n.shape[:-1], 1, 3)), 1e-11, 1e-13)
    x = np.linspace(-20e-9, 20e-9, 41)[:, None]
    terms = moving.continuity(x, 0.0)
    assert np.abs(terms.source).max() > 0.01 * np.abs(terms.divergence).max()  # a turning wall does work
    assert terms.gap < 1e-4
    sim = simulation(film(spiralization=2e-3 * THICKNESS / DEPTH), cells=321)
    at = (sim.mesh.x - 80.0)[:, None] * 1e-9
    plain = MovingTexture(
        texture,
        lambda n, r: np.broadcast_to(wall_currents.dmi_tensor(np.array(2e-3), np.array(0.0)), (*n.shape[:-1], 1, 3)),
        1e-11,
        1e-13,
    )
    j = wall_currents.currents(sim, texture(at, 0.0), plain.rate(at, 0.0) * 1e-15).dmi
    np.testing.assert_allclose(j, THICKNESS * plain.current(at, 0.0)[:, 0], atol=1e-9 * np.abs(j).max())


def test_dmi_energy_balance():
    """dF/dt + dJ/dx = w closes to second order in the mesh for any motion in any D(x), and w = 0 for a rigid one."""
    c = film([200.0, 300.0, 400.0], spiralization=[1e-3, 2e-3, 4e-3])
    errors = []
    for cells in (161, 321, 641):
        sim = simulation(c, cells=cells, drive=Drive(temperature=300.0, gradient=1.0, profile="ramp"))
        x = sim.mesh.x
        raw = np.stack([np.sin(x / 9 + 1), np.cos(x / 14), 0.4 + np.sin(x / 11)], axis=1)
        n = raw / np.linalg.norm(raw, axis=1)[:, None]
        turn = np.stack([np.cos(x / 8), np.sin(x / 13), np.cos(x / 7 + 2)], axis=1) * 1e-5
        rate = np.cross(turn, n)
        errors.append(wall_heat.dmi_balance(sim, n, rate, wall_currents.currents(sim, n, rate).dmi)[1])
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / np.array(errors[1:])), 2.0, atol=0.25)
    # (8) itself: the energy of a rigidly moving wall in uniform D, from two positions of it, against J between them.
    sim = simulation(film(spiralization=2e-3), cells=641)
    m, rate = rigid(sim, 50.0)
    j = wall_currents.currents(sim, m, rate).dmi
    ahead, behind = (rigid(sim, 50.0, centre=80.0 + s)[0] for s in (0.5e-3, -0.5e-3))  # 1 pm, that is 20 fs
    before, after = (wall_heat.dmi_balance(sim, n, rate, j)[0] for n in (behind, ahead))
    change = (after - before)[1:-1] / 20e-15
    flow = np.diff(j) / (sim.mesh.dx * 1e-9)
    assert np.abs(change + flow).max() < 5e-3 * np.abs(flow).max()


def test_reciprocity_of_torque_and_heat():
    """The power of the thermal torque, from the LLG's energy balance, is what (40) makes of the heat current:
    -int J_even dT/T for the even part, +int J_odd dT/T for the odd one; beta and beta-tilde given apart.
    """
    t = np.array([250.0, 300.0, 350.0])
    volume = AREA * DEPTH
    b_even, b_odd = np.array([4e-35, 8e-35, 9e-35]), np.array([-2e-35, 5e-35, 1e-35])
    inverse = {"beta_tilde_even": t / volume * b_even, "beta_tilde_odd": t / volume * b_odd}
    c = film(t, beta_even=b_even, beta_odd=b_odd, spiralization=-1e-3, **inverse)
    sim = simulation(c, drive=Drive(temperature=300.0, gradient=3.0), texture=Texture(angle=25.0))
    state = sim.stepper.segment(sim.start(), 2e4)
    o = heat_of(sim, state)
    for part in ("even", "odd"):
        assert abs(o[f"heat_work_{part}"]) > 1e-9
        assert o[f"power_spin_orbit_thermal_{part}"] == pytest.approx(o[f"heat_work_{part}"], rel=1e-9)


def test_energy_balance_of_the_driven_wall():
    """dE/dt of the run by differences is the power of damping plus those of the spin-orbit torques."""
    c = film([200.0, 300.0, 400.0], torkance_even=5e-30, torkance_odd=3e-30, beta_even=-5e-34, beta_odd=2e-34,
             spiralization=-2e-3, damping=[0.1, 0.2, 0.3])  # fmt: skip
    drive = Drive(temperature=300.0, gradient=1.0, profile="ramp", electric_field=2e5)
    sim = simulation(c, drive=drive, time=Time(tolerance=1e-9), texture=Texture(angle=20.0))
    middle = sim.stepper.segment(sim.start(), 5e3)
    states = [sim.stepper.segment(sim.start(), 5e3 + s) for s in (-20.0, 20.0)]
    energies = [sim.magnetics.energies(sim.mesh.magnetization_with_ghosts(s.m), s.t).total for s in states]
    o = heat_of(sim, middle)
    given = sum(o[f"power_spin_orbit_{p}"] for p in ("electrical", "thermal_even", "thermal_odd")) / THICKNESS
    assert (energies[1] - energies[0]) / 40e-15 == pytest.approx(o["power_damping"] + given, rel=1e-4)
    assert abs(given) > 0.01 * abs(o["power_damping"])


# -- the drive of the circuit, and the electrons beside it -----------------------------------------------------------


def test_field_of_the_circuit():
    """E of the torkance: given, or j/sigma + S kappa of the electrons; with their torque on the same field."""
    electrons = Electrons(spin_torque=False, conductivity=1e6)
    c = film(torkance_even=1e-30)
    for drive, expected in (
        (Drive(temperature=300.0, electric_field=3e4), 3e4),
        (Drive(temperature=300.0, circuit="current", current_density=2e10), 2e4),
    ):
        sim = simulation(c, electrons=electrons, drive=drive)
        assert sim.magnetics.spin_orbit.electric_field == pytest.approx(expected, rel=1e-12)
    drive = Drive(temperature=300.0, circuit="open", gradient=2.0)
    sim = simulation(c, electrons=Electrons(conductivity=1e6), drive=drive)
    solved = sim.electrons(sim.start())
    assert sim.magnetics.spin_orbit.electric_field == pytest.approx(solved.field, rel=2e-3)
    assert np.abs(solved.total.q).max() > 0.0
    quiet = simulation(c, electrons=electrons, drive=drive).electrons(sim.start())
    assert np.abs(quiet.total.q).max() == 0.0
    assert quiet.current == pytest.approx(0.0, abs=1e-6 * 1e6 * abs(quiet.field))


def test_moment_sets_the_saturation():
    c = film([200.0, 400.0], moment=[2.0, 3.0])
    sim = simulation(c, drive=Drive(temperature=300.0, gradient=0.5, profile="ramp"))
    t = sim.transport.temperature
    np.testing.assert_allclose(sim.magnetics.ms, (2.0 + (t - 200.0) / 200.0) * BOHR_MAGNETON / (AREA * THICKNESS))


def test_window_carries_the_coefficients_along():
    """In a moved window the fields are those of the place in the wire."""
    c = film([200.0, 300.0, 400.0], torkance_even=[1e-30, 2e-30, 4e-30], spiralization=[1e-3, 2e-3, 3e-3])
    drive = Drive(temperature=300.0, gradient=1.0, profile="ramp", ramp_length=160.0, electric_field=1e5)
    sim = simulation(c, drive=drive, wire=Wire(length=80.0, cells=81, follow=True))
    before = sim.magnetics.spin_orbit.damping_like.copy(), sim.magnetics.dmi.interfacial.copy()
    sim.move_window(20.0)
    np.testing.assert_allclose(sim.magnetics.spin_orbit.damping_like[:-20], before[0][20:], rtol=1e-12)
    np.testing.assert_allclose(sim.magnetics.dmi.interfacial[:-20], before[1][20:], rtol=1e-12)
    o = heat_of(sim, replace(sim.start(), origin=20.0))
    assert o["damping_like_field"][-1] > before[0][-1]


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_currents_do_not_depend_on_ranks(comm):
    """The same bits of everything the group writes, after some steps."""
    c = film([200.0, 300.0, 400.0], torkance_even=5e-30, torkance_odd=3e-30, beta_even=-5e-34, beta_tilde_even=2e-4,
             beta_tilde_odd=1e-4, spiralization=[-1e-3, -2e-3, -3e-3], damping=[0.1, 0.2, 0.3])  # fmt: skip
    drive = Drive(temperature=300.0, gradient=1.0, profile="ramp", electric_field=2e5)
    found = []
    for group in (MPI.COMM_SELF, comm):
        sim = simulation(c, cells=41, length=80.0, drive=drive, comm=group)
        state = sim.stepper.segment(sim.start(), 2e3)
        o = {}
        for q in observe(sim, state, 0, {"heat": wall_heat.Heat()})["time"]:
            on_nodes = q.dims[:1] == ("x",)
            o[q.name] = sim.mesh.gather(np.ascontiguousarray(q.own)) if on_nodes else q.own
        found.append(o)
    for name in ("magnetization", "heat_current", "dmi_current", "heat_current_peak", "dmi_current_integral",
                 "dmi_balance", "power_spin_orbit_electrical", "heat_work_even"):  # fmt: skip
        assert np.array_equal(found[0][name], found[1][name]), name
    assert abs(found[0]["heat_current_peak"]) > 0.0
