"""The free choices of the published model: what each means is formed here once more, by eigenvectors and by loops."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy.constants import elementary_charge, physical_constants

from hpcalo import app
from hpcalo.config.reader import apply_overrides, validate
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.io.hdf5 import read_dataset
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import Drive, Electrons, Magnet, Momentum, Paper, Texture, Time, WallInput, WallSection, Wire
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.monitors.schedule import observe
from hpcalo.wall.published.evolution import evolve
from hpcalo.wall.published.model import PaperModel
from hpcalo.wall.published.steady import SteadyEquation
from hpcalo.wall.validity.settings import check_settings

CONSERVING = {"collision": "bgk3d", "force": True}
CONSISTENT = {
    **CONSERVING, "convention": "moment", "equilibrium": "+gM", "velocity": 0.0, "gradient_source": 0.0,
    "window": (-1.8, 1.8), "points": 32,
}  # fmt: skip
CURRENT = elementary_charge * 1e33  # A/m^2 in 1/(nm^2 fs)


def model(gradient=2.0, e_field=-8e3, temperature=100.0, electrons=None, width=5.0, drive=None, magnet=None, **options):
    given = drive or {"electric_field": e_field}
    return PaperModel(
        WallInput(
            wall=WallSection(model="paper"),
            drive=Drive(gradient=gradient, temperature=temperature, **given),
            texture=Texture(width=width),
            electrons=electrons or Electrons(),
            magnet=magnet or Magnet(),
            paper=Paper(**{"cells": 31, "points": 12, "steps": 6, **options}),
        )
    )


def halves(direction, along, across):
    """Parts of [[along, across n^T], [across n, along]] with positive and with negative eigenvalues."""
    matrix = along * np.eye(4)
    matrix[0, 1:] = matrix[1:, 0] = across * np.asarray(direction)
    values, vectors = np.linalg.eigh(matrix)
    return [(vectors * part(values, 0.0)) @ vectors.T for part in (np.maximum, np.minimum)]


class Flows:
    """What crosses the sides of the cells: in x (points, nodes + 1, 4), in p (points + 1, nodes, 4)."""

    def __init__(self, p, m, f):
        sign = -1.0 if p.options.convention == "moment" else 1.0
        u = sign * p.options.velocity * 1e-6
        pf = p.c.fermi_momentum
        n, points = m.shape[0], p.v.size
        f0, (below, above) = p.equilibrium(m, p.p), p.equilibrium(m, np.array([p.p[0] - p.dp, p.p[-1] + p.dp]))
        self.middle = np.array([m[0], *(m[1:] + m[:-1]), m[-1]])
        self.middle /= np.linalg.norm(self.middle, axis=1)[:, None]
        wide = np.concatenate([f0[:, :1], f, f0[:, -1:]], axis=1)
        tall = np.concatenate([below[None], f, above[None]])
        self.x, self.p = np.zeros((points, n + 1, 4)), np.zeros((points + 1, n, 4))
        for j in range(points):
            for i in range(n + 1):
                plus, minus = halves(self.middle[i], p.v[j], u)
                self.x[j, i] = plus @ wide[j, i] + minus @ wide[j, i + 1]
        for j in range(points + 1):
            split = p.c.exchange / 2 + sign * u * (p.p[0] + (j - 0.5) * p.dp - pf)  # J(p)/2, J' = 2 u of the spin
            for i in range(n):
                slope = (self.middle[i + 1] - self.middle[i]) / p.dx
                plus, minus = halves(slope, p.force, -sign * split)
                self.p[j, i] = plus @ tall[j, i] + minus @ tall[j + 1, i]

    def left_over(self, p):
        """Their sums over each cell, (points, nodes, 4)."""
        return np.diff(self.x, axis=1) / p.dx + np.diff(self.p, axis=0) / p.dp


@pytest.mark.parametrize(
    "o",
    [
        {"force": True},
        {"force": True, "convention": "moment", "equilibrium": "+gM", "window": (-1.5, 1.5)},
        {**CONSERVING, "equilibrium": "-gM"},
        {**CONSERVING, "equilibrium": "-gz", "convention": "moment"},
    ],
)
def test_kinetic_equation_is_solved(o):
    """Every term of the equation, in every cell: flows through its sides, precession, collisions."""
    p = model(cells=9, points=10, **o)
    s = p.steady(p.m0)
    m, c, f0 = p.m0, p.c, p.equilibrium(p.m0, p.p)
    terms = [Flows(p, m, s.f).left_over(p), np.zeros_like(f0), np.zeros_like(f0)]
    terms[1][:, :, 1:] = -c.precession * np.cross(m, s.f[:, :, 1:])
    g = s.f - f0
    if o.get("collision") == "bgk3d":
        up, down = eq.occupation_mu(c, p.p, p.temperature)
        moment = -1.0 if p.options.convention == "printed" else 1.0  # G of the up band along M
        for i in range(m.shape[0]):
            w = [w[i] / (w[i].sum() * p.dp) for w in (up, down)]
            n, spin = p.dp * g[:, i, 0].sum(), p.dp * g[:, i, 1:].sum(axis=0)
            share = [0.5 * (n + moment * side * (m[i] @ spin)) for side in (1, -1)]
            across = spin - m[i] * (m[i] @ spin)
            kept = g[:, i].copy()
            kept[:, 0] -= w[0] * share[0] + w[1] * share[1]
            kept[:, 1:] -= moment * np.outer(w[0] * share[0] - w[1] * share[1], m[i])
            kept[:, 1:] -= np.outer((w[0] + w[1]) / 2, across)
            terms[2][:, i] = kept / c.tau
            terms[2][:, i, 1:] += np.outer((w[0] + w[1]) / 2, spin) / c.tau_sf
    else:
        terms[2] = g * np.array([1 / c.tau, *[1 / c.tau_sf] * 3])
    assert np.abs(sum(terms)).max() < 1e-10 * max(np.abs(t).max() for t in terms)


@pytest.mark.parametrize(
    "o",
    [{"force": True}, {**CONSERVING, "equilibrium": "-gz"}, {"collision": "bgk3d", "equilibrium": "-gM"}, CONSISTENT],
)
def test_iteration_gives_what_the_elimination_gives(o):
    krylov, direct = (model(method=method, **o) for method in ("krylov", "direct"))
    a, b = krylov.steady(krylov.m0), direct.steady(direct.m0)
    np.testing.assert_allclose(a.f, b.f, atol=1e-10 * np.abs(b.f).max())
    np.testing.assert_allclose(a.torque, b.torque, atol=1e-8 * np.abs(b.torque).max())
    assert np.abs(b.torque - b.torque_divergence).max() < 1e-9 * np.abs(b.torque).max()


@pytest.mark.parametrize(
    "o", [{}, {"equilibrium": "-gM", "window": (-1.5, 1.5)}, {"force": True, "equilibrium": "+gM"}]
)
def test_spin_and_moment_are_one_physics(o):
    """G is the electron spin or the moment: the same magnetization, every flow of G the other way."""
    spin, moment = (evolve(model(convention=name, **o)) for name in ("spin", "moment"))
    np.testing.assert_allclose(spin.m, moment.m, atol=1e-12)
    for a, b in ((spin.initial, moment.initial), (spin.final, moment.final)):
        size = np.abs(b.m).max()
        np.testing.assert_allclose(a.m, -b.m, atol=1e-10 * size)
        np.testing.assert_allclose(a.spin_current, -b.spin_current, atol=1e-10 * np.abs(b.spin_current).max())
        np.testing.assert_allclose(a.n, b.n, rtol=1e-10)
        np.testing.assert_allclose(a.charge_current, b.charge_current, atol=1e-10 * np.abs(b.charge_current).max())


def test_printed_signs_are_a_mixture():
    """They are those of the moment but for u_x and for what g0 stands for."""
    printed = evolve(model(equilibrium="-gM", velocity=-1.93e5))
    moment = evolve(model(equilibrium="+gM", convention="moment"))
    np.testing.assert_array_equal(printed.m, moment.m)
    other = evolve(model(equilibrium="-gM"))
    assert np.abs(other.m - moment.m).max() > 1e-4


@pytest.mark.parametrize("convention", ["printed", "moment"])
def test_the_force_restores_charge_and_spin(convention):
    """With the force the sources of (14) and (15) are gone: what enters a cell leaves it, precesses or flips."""
    kind = "-gM" if convention == "printed" else "+gM"
    p = model(convention=convention, equilibrium=kind, window=(-1.8, 1.8), points=24, cells=21, **CONSERVING)
    s, c = p.steady(p.m0), p.c
    flows = Flows(p, p.m0, s.f)
    x, ends = p.dp * flows.x.sum(axis=0), flows.p[-1] - flows.p[0]
    left = np.diff(x, axis=0) / p.dx + ends
    assert np.abs(left[:, 0]).max() < 1e-9 * np.abs(x[:, 0]).max()
    change = s.m - p.dp * p.equilibrium(p.m0, p.p)[:, :, 1:].sum(axis=0)
    right = c.precession * np.cross(p.m0, s.m) - change / c.tau_sf
    assert np.abs(left[:, 1:] - right).max() < 1e-9 * np.abs(right).max()
    # That is what the printed currents are made of: int v F + u M.G and int v G + u F M.
    assert np.abs(-s.charge_current / 2 - 0.5 * (x[1:, 0] + x[:-1, 0])).max() < 1e-9 * np.abs(x[:, 0]).max()
    np.testing.assert_allclose(s.spin_current, 0.5 * (x[1:, 1:] + x[:-1, 1:]), atol=1e-9 * np.abs(x).max())


def test_without_the_force_charge_appears():
    """d_x j = int u M'.G of (14) remains of collisions that keep charge: first order in the spacing."""
    gaps = []
    for cells in (31, 61):
        p = model(equilibrium="-gM", window=(-1.8, 1.8), points=16, cells=cells, collision="bgk3d")
        s = p.steady(p.m0)
        divergence = np.gradient(-s.charge_current / 2, p.dx)
        source = p.u * np.einsum("ic,ic->i", np.gradient(p.m0, p.dx, axis=0), s.m)
        inner = slice(cells // 5, -(cells // 5))
        gaps.append(np.abs(divergence - source)[inner].max() / np.abs(source)[inner].max())
    assert gaps[1] < 0.6 * gaps[0] < 0.1


def test_all_choices_of_the_default_model_give_its_torque():
    """First-order upwind on nodes and all momenta against the default model's elimination on the same wall."""
    electrons = Electrons(relaxation_time=10.0, spin_flip_time=20.0)
    drive = Drive(electric_field=-8e3)
    wire = WallInput(
        wall=WallSection(mode="steady"), electrons=electrons, momentum=Momentum(points=16), drive=drive,
        wire=Wire(length=80.0, cells=201), texture=Texture(width=5.0),
    )  # fmt: skip
    sim = Simulation(wire, MPI.COMM_SELF)
    state = sim.start()
    found = {q.name: q.own for q in observe(sim, state, 0)["time"]}
    p = model(gradient=0.0, width=80.0, cells=201, electrons=electrons, **CONSISTENT)
    s = p.steady(state.m)
    j = CURRENT * s.charge_current.mean()
    assert j == pytest.approx(found["mean_charge_current"], rel=0.06)  # the reservoirs' resistance differs
    torque = np.cross(state.m, s.m) / j
    expected = 1e-27 * np.cross(state.m, found["spin_accumulation"]) / found["mean_charge_current"]
    assert np.abs(torque - expected).max() < 0.02 * np.abs(expected).max()
    slope = np.gradient(state.m, p.dx, axis=0)
    beta = -np.sum(torque * np.cross(state.m, slope)) / np.sum(torque * slope)
    assert beta == pytest.approx(found["beta"], rel=5e-3)
    assert beta == pytest.approx(1.0 / p.c.xi, rel=0.03)


@pytest.mark.parametrize("o", [{"equilibrium": "-gM"}, {"equilibrium": "-gM", "force": True}, CONSISTENT])
def test_gradient_source(o):
    """Without what the turning equilibrium drives there is no torque in equilibrium; in between it is linear."""
    quiet = {**o, "gradient": 0.0, "e_field": 0.0}
    torques = []
    for weight in (0.0, 0.5, 1.0):
        p = model(**{**quiet, "gradient_source": weight})
        torques.append(p.steady(p.m0).torque)
    assert np.abs(torques[0]).max() < 1e-12 * np.abs(torques[2]).max()
    np.testing.assert_allclose(torques[1], torques[2] / 2, atol=1e-9 * np.abs(torques[2]).max())
    p = model(**{**o, "gradient_source": 0.0})
    driven = p.steady(p.m0)
    assert 0.0 < np.abs(driven.torque).max() < 0.01 * np.abs(torques[2]).max()
    assert np.abs(driven.torque - driven.torque_divergence).max() < 1e-8 * np.abs(driven.torque).max()


OPEN = {"electrons": Electrons(relaxation_time=10.0), "width": 30.0, **CONSISTENT, "window": (-2.2, 2.2)}


def test_open_circuit_has_the_thermopower_field():
    """A uniform magnet: E = S kappa with S of the default model's bulk, to first order in the spacing."""
    fields = []
    for cells in (51, 101):
        p = model(gradient=0.05, temperature=300.0, drive={"circuit": "open"}, **{**OPEN, "cells": cells})
        s = p.steady(np.tile([0.0, 0.0, 1.0], (cells, 1)))
        thermal = SteadyEquation(p, np.tile([0.0, 0.0, 1.0], (cells, 1)), 0.0).solution()[0].charge_current
        assert np.abs(s.charge_current).max() < 1e-5 * np.abs(thermal).max()
        fields.append(s.electric_field)
    seebeck = eq.bulk(p.c, p.p[p.p > 0], 300.0 + 0.05 * 15.0).seebeck
    assert 2 * fields[1] - fields[0] == pytest.approx(1e3 * seebeck * 0.05, rel=0.02)


def test_given_current_flows():
    p = model(gradient=0.0, drive={"circuit": "current", "current_density": -2e9}, **{**OPEN, "cells": 51})
    s = p.steady(p.m0)
    np.testing.assert_allclose(CURRENT * s.charge_current, -2e9, rtol=1e-5)
    given = model(gradient=0.0, drive={"electric_field": s.electric_field}, **{**OPEN, "cells": 51}).steady(p.m0)
    np.testing.assert_allclose(given.torque, s.torque, atol=1e-12 * np.abs(s.torque).max())


def test_full_field_moves_the_magnetization_as_the_default_model_does():
    """C so small that the torque does nothing: exchange and anisotropies alone, against the default model's stepper."""
    magnet = Magnet(hard_anisotropy=2e5)
    p = model(effective_field="full", normalization=1e-7, cells=21, steps=2, step=4e-6, points=4, magnet=magnet)
    r = evolve(p)
    end = r.unit_ns * r.s[-1]
    wire = WallInput(
        electrons=Electrons(spin_torque=False), magnet=magnet, wire=Wire(length=5.0, cells=21),
        texture=Texture(kind="half-circle", width=5.0), time=Time(end=end, output_every=end),
    )  # fmt: skip
    sim = Simulation(wire, MPI.COMM_SELF)
    (last,) = sim.run(sim.start())
    assert np.abs(last.m - p.m0).max() > 0.3
    np.testing.assert_allclose(r.m[-1], last.m, atol=1e-4)


def test_the_box_is_too_short_for_its_wall():
    """With exchange the wall of the box straightens at once; no spin is left for the published reason."""
    r = evolve(model(effective_field="full", cells=21, points=6, steps=6))
    assert np.abs(np.diff(r.m[-1], axis=0)).max() < 0.05 < np.abs(np.diff(r.m[0], axis=0)).max()
    assert r.m[-1, :, 2].max() < 0.5


@pytest.mark.parametrize("o", [{"force": True}, {**CONSERVING, "equilibrium": "-gM"}, {"effective_field": "full"}])
def test_going_on_gives_the_same_bits(o):
    p = model(cells=15, points=6, steps=4, **o)
    r = evolve(p)
    again = evolve(p, begun=r.m[:3])
    np.testing.assert_array_equal(r.m, again.m)
    np.testing.assert_array_equal(r.final.m, again.final.m)


def test_an_iteration_that_fails_says_so():
    with pytest.raises(ConvergenceError, match=r"after 2 iterations: relative residual .* paper\.method = 'direct'"):
        model(iterations=2, method="krylov", equilibrium="-gM", **CONSERVING).steady(model().m0)


@pytest.mark.filterwarnings("ignore")  # of numbers that overflow
@pytest.mark.parametrize(
    ("o", "match"),
    [
        ({"step": 1e3}, r"step to s = 1000: not done after 40 evaluations; use a shorter paper\.step"),
        ({"magnet": Magnet(exchange_stiffness=1e300)}, r"step to s = 0\.25: the rate is not finite"),
        ({"normalization": 1e-300}, r"step to s = 0\.25: "),
    ],
)
def test_a_step_that_cannot_be_taken(monkeypatch, o, match):
    monkeypatch.setattr("hpcalo.wall.published.field.MOST", 40)
    with pytest.raises(ConvergenceError, match=match):
        evolve(model(**{"effective_field": "full", "cells": 7, "points": 4, **o}))


def read(*overrides):
    data = apply_overrides({}, ["wall.model=paper", *overrides])
    return validate(WallInput, data, "input.toml")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["paper.collision=bgk3d"], r"equilibrium: 'cosM' is not defined for .* allows \+gM, -gM, \+gz, -gz"),
        (["paper.gradient_source=0", "paper.equilibrium=+gz"], r"gradient_source: .* does not rotate along the wall"),
        (["paper.effective_field=full", "paper.field=1"], r"field: applies to effective_field = 'cM0'"),
        (["paper.torque=centred", "paper.gradient_source=0.5"], r"torque: 'centred' .* gradient_source = 1 only"),
        (["electrons.exchange_splitting=0"], r"exchange_splitting: 0 gives no torque"),
        (["paper.tolerance=1e-6"], r"tolerance: applies to method = 'krylov' only; leave it out"),
        (["paper.force=true", "paper.iterations=7"], r"iterations: applies to method = 'krylov' only; leave it out"),
        (["paper.method=krylov"], r"method: .* nothing is iterated; leave it out"),
        (["paper.convention=momentum"], r"'momentum': unknown value; did you mean 'moment'"),
        (["drive.circuit=open", "paper.equilibrium=+gM"], r"circuit: the published collisions do not conserve charge"),
        (
            ["drive.circuit=open", "paper.collision=bgk3d", "paper.equilibrium=+gM"],
            r"circuit: u_x without the force .* 'open' needs paper\.force = true or paper\.velocity = 0",
        ),
        (
            ["drive.circuit=open", "paper.collision=bgk3d", "paper.equilibrium=+gM", "paper.force=true"],
            r"'open' needs electrons of both directions: a paper\.window from -w to w, not \[0\.9, 1\.1\]",
        ),
        (
            ["paper.collision=bgk3d", "paper.equilibrium=+gM", "electrons.spin_flip_time=0.5"],
            r"spin_flip_time: 0\.5 fs is shorter",
        ),
        (
            ["paper.effective_field=full", "magnet.thermal={curie_temperature=105}", "drive.gradient=2"],
            r"curie_temperature: 105 K is reached in the box",
        ),
    ],
)  # fmt: skip
def test_choices_that_do_not_go_together(given, match):
    with pytest.raises(InputError, match=match):
        check_settings(read(*given))


def test_what_a_choice_makes_use_of():
    """Keys of other tables are named where they are not used, and only there."""
    given = ("magnet.anisotropy=1e5", "drive.zeeman=[{field=[0,0,1e4]}]")
    assert "does not use magnet.anisotropy, drive.zeeman" in check_settings(read(*given))[0]
    assert check_settings(read(*given, "paper.effective_field=full")) == []
    circuit = ("paper.collision=bgk3d", "paper.equilibrium=+gM", "paper.force=true", "paper.window=[-1.8,1.8]")
    assert check_settings(read(*circuit, "drive.circuit=current", "drive.current_density=1e9")) == []


def test_open_circuit_warns_of_the_spacing():
    """What it says is added is about what the field is off by in `test_open_circuit_has_the_thermopower_field`."""
    given = (
        "paper.collision=bgk3d", "paper.equilibrium=+gM", "paper.velocity=0", "paper.window=[-2,2]",
        "texture.width=30", "electrons.relaxation_time=10", "drive.gradient=0.05",
    )  # fmt: skip
    assert check_settings(read(*given, "paper.cells=51")) == []
    (text,) = check_settings(read(*given, "drive.circuit=open", "paper.cells=51"))
    assert text.startswith("drive.circuit: first-order upwind adds about 14% to the thermal current")
    assert text.endswith("137 cells make that 5%")
    assert check_settings(read(*given, "drive.circuit=open", "paper.cells=137")) == []


def test_results_have_the_units_of_the_collisions(tmp_path):
    source, output = tmp_path / "a.toml", tmp_path / "a.h5"
    source.write_text(
        '[wall]\nmodel = "paper"\n[drive]\ngradient = 0.1\ncircuit = "open"\n[electrons]\nrelaxation_time = 5\n'
        '[paper]\ncells = 21\npoints = 12\nsteps = 1\nwindow = [-1.8, 1.8]\nconvention = "moment"\nforce = true\n'
        'equilibrium = "+gM"\nvelocity = 0\ncollision = "bgk3d"\n'
    )
    app.run(MPI.COMM_SELF, source, output=output, quiet=True)
    r = read_dataset(output)
    units = {name: r.variables[name].unit for name in ("m_initial", "j_s_initial", "j_e_final", "normalization")}
    assert units == {
        "m_initial": "1/nm^3", "j_s_initial": "1/(nm^2 fs)", "j_e_final": "A/m^2", "normalization": "nm^3",
    }  # fmt: skip
    assert float(r["electric_field_initial"]) < 0.0
    bohr = physical_constants["Bohr magneton"][0]
    assert float(r["normalization"]) == pytest.approx(2 * bohr * 1e27 / 8e5, rel=1e-9)  # g mu_B / M_s
    assert abs(float(r["j_e_initial"].mean())) < 1e-4 * CURRENT * 1e-6
    assert app.plot([output], output=tmp_path / "a.png", force=False).stat().st_size > 10_000
    with pytest.raises(InputError, match=r"paper\.collision cannot be scanned: its results have different units"):
        app.run(
            MPI.COMM_SELF, source, output=output, quiet=True, force=True,
            overrides=('scan={key="paper.collision", values=["paper", "bgk3d"]}',),
        )  # fmt: skip
