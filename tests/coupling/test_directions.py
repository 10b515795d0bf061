"""Tensors with more orders in the direction of the magnetization: read from a Kubo result, on the moving wall.

Against responses computed at other directions, closed forms, finite differences, and balances.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from coupled_films import AREA, DEPTH, THICKNESS, film, heat_of, moving, simulation
from mpi4py import MPI
from places import INPUTS

from hpcalo import app
from hpcalo.coupling import angular
from hpcalo.coupling import currents as wall_currents
from hpcalo.coupling import heat as wall_heat
from hpcalo.coupling.selection import Selection
from hpcalo.coupling.source import read_source
from hpcalo.errors import InputError
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.hamiltonian.symmetry import parent
from hpcalo.io.hdf5 import read_dataset, write_dataset
from hpcalo.kubo.expansion import powers
from hpcalo.kubo.expansion.operations import restored, stored
from hpcalo.units import E_A0, MU_0
from hpcalo.wall.config import Drive, Texture, Time
from hpcalo.wall.directions import Directional, monomials

E = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
"""x × z and y × z."""


def odd_field(n):
    """n × v with v = e (1 + n_z²/2) + (e_x n_x², e_y n_y², 0), e = E × z: of the square lattice; (A, i, torque)."""
    fourfold = E * n[:, None, :] ** 2
    return np.cross(n[:, None, :], E * (1.0 + 0.5 * n[:, 2] ** 2)[:, None, None] + fourfold)


def even_field(n):
    """n × (n × e) (1 − 0.6 n_z²) + 0.4 n × z (E·n)."""
    first = np.cross(n[:, None, :], np.cross(n[:, None, :], E)) * (1.0 - 0.6 * n[:, 2] ** 2)[:, None, None]
    return first + 0.4 * n[:, :2, None] * np.cross(n, [0.0, 0.0, 1.0])[:, None, :]


def directional(fields, table, temperatures=(300.0,), errors=0.0):
    """The sum of the fields times the rows of the table, in monomials by least squares over all space."""
    exponents = np.concatenate([powers.exponents(p) for p in range(6)])
    points = np.random.default_rng(0).normal(size=(200, 3))
    forms = []
    for field in fields:
        values = field(points).reshape(200, 6)
        found, rest, *_ = np.linalg.lstsq(monomials(points, exponents), values, rcond=None)
        assert rest.max() < 1e-20
        forms.append(found.T.reshape(2, 3, -1))
    t = np.asarray(temperatures)
    table = np.broadcast_to(np.asarray(table, dtype=float).reshape(len(forms), -1), (len(forms), len(t)))
    weights = np.eye(len(forms))
    return Directional(t, exponents, np.array(forms), table, weights, errors * np.abs(table), 5, 0.0)


def with_tensors(c, **tensors):
    return replace(c, angular=tensors)


TEMPERATURES = np.array([200.0, 300.0, 400.0])
RISING = np.array([0.7, 1.0, 1.6])


def strong_film(**more):
    """Everything depends on n and T."""
    volume = AREA * DEPTH
    inverse = {
        "beta_tilde_odd": directional([odd_field], 1e-34 * RISING * TEMPERATURES / volume, TEMPERATURES, 0.1),
        "beta_tilde_even": directional([even_field], 4e-34 * RISING * TEMPERATURES / volume, TEMPERATURES, 0.1),
    }
    return with_tensors(
        film(TEMPERATURES, **more),
        torkance_odd=directional([odd_field], 3e-30 * RISING, TEMPERATURES),
        torkance_even=directional([even_field], -5e-30 * RISING, TEMPERATURES),
        beta_odd=directional([odd_field], 1e-34 * RISING, TEMPERATURES),
        beta_even=directional([even_field], -4e-34 * RISING, TEMPERATURES),
        spiralization=directional([even_field], 2e-3 * RISING, TEMPERATURES, 0.1),
        **inverse,
    )


RAMP = Drive(temperature=300.0, gradient=1.0, profile="ramp", electric_field=2e5)


def texture(x):
    raw = np.stack([np.sin(x / 9 + 1), np.cos(x / 14), 0.4 + np.sin(x / 11)], axis=1)
    return raw / np.linalg.norm(raw, axis=1)[:, None]


def motion(x, n):
    turn = np.stack([np.cos(x / 8), np.sin(x / 13), np.cos(x / 7 + 2)], axis=1) * 1e-5
    return np.cross(turn, n)


# -- read from a Kubo result -----------------------------------------------------------------------------------------

RASHBA = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[model.rashba]
hopping = 1.0
rashba = 0.4
exchange = 0.8
[kubo]
quantities = ["torkance", "thermal_torkance", "inverse_thermal_torque", "spiralization", "expansion"]
n_hat = {n_hat}
gamma = [0.3]
temperatures = [1000, 1200]
chemical_potentials = [-2.0]
[kubo.energies]
minimum = -3.6
maximum = -0.4
points = 41
[kubo.k]
grid = [32, 32, 1]
shift = [0.5, 0.5, 0.0]
"""
MANY = [[0, 0, 1], [0.3, 0, 0.95], [0.6, 0, 0.8], [0.8, 0, 0.6], [0.95, 0, 0.3], [1, 0, 0], [0.3, 0.3, 0.9],
        [0.5, 0.5, 0.7], [0.65, 0.65, 0.4], [1, 1, 0], [0.5, 0.2, 0.84], [0.84, 0.35, 0.4]]  # fmt: skip
OTHERS = [[0.565, 0.1, 0.819], [0.814, 0.47, 0.342]]


def unit(n):
    return np.array(n) / np.linalg.norm(n, axis=1)[:, None]


def run_rashba(folder, name, n_hat):
    path = folder / f"{name}.toml"
    path.write_text(RASHBA.format(n_hat=n_hat))
    app.run(MPI.COMM_SELF, path, output=folder / f"{name}.h5", quiet=True)
    return folder / f"{name}.h5"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rashba")
    return run_rashba(folder, "many", MANY), run_rashba(folder, "others", OTHERS)


def settings(path, order):
    given = {"result": f"'{path}'", "order": order, "chemical_potential": -2, "residual": 1.0}
    given |= {"damping": "input", "saturation": "input"}
    texts = [f"electronic_structure.{key}={value}" for key, value in given.items()]
    return app.load_input(INPUTS / "mnw001_wall.toml", [*texts, "drive.profile=uniform", "drive.temperature=1000"])[1]


def as_calculated(path, names):
    """(A, direction, torque, T) in SI, from the file, by name."""
    selection = Selection(settings(path, 2), read_dataset(path), path)
    out = {}
    for name in names:
        if name.startswith("torkance"):
            out[name] = selection.averaged(name, "field", "torque").values * E_A0
        else:
            second = "field" if name in ("beta_odd", "beta_even") else "current"
            out[name] = selection.thermal(name, second, "torque").values
    return out


def relative(values, exact):
    return np.sqrt(((values - exact) ** 2).mean() / (exact**2).mean())


def test_tensors_of_a_result_give_those_at_other_directions(results):
    """Rashba's magnet: 12 directions tell what a calculation at two others finds; the lowest order does not.

    Of the odd β the mesh makes a tenth; its residual says so.
    """
    many, others = results
    found = read_source(settings(many, 4)).coefficients
    n, at = unit(OTHERS), np.full(2, 1000.0)
    direct, inside = as_calculated(others, found.angular), as_calculated(many, found.angular)
    assert len(found.angular) == 7
    for name, tensor in found.angular.items():
        uncertain = name in ("beta_odd", "beta_tilde_odd")
        assert tensor.residual < (0.1 if uncertain else 0.03), name
        error = relative(tensor.tensor(n, at), direct[name][..., 0])
        assert error < (0.2 if uncertain else 0.045), name
        form = angular.field_like(n) if "odd" in name else angular.damping_like(n)
        sign = -1.0 if name in ("beta_tilde_even", "spiralization") else 1.0
        plain = relative(sign * found.tables[name][0] * form, direct[name][..., 0])
        assert plain > error
        if not uncertain and name != "spiralization":
            assert plain > 0.14, name
        for k, temperature in enumerate((1000.0, 1200.0)):
            values = tensor.tensor(unit(MANY), np.full(len(MANY), temperature))
            assert relative(values, inside[name][..., k]) < 3.0 * tensor.residual, name


def test_tensors_are_written_as_those_of_the_kubo_result(results, tmp_path):
    """The table of the first order is that of `expansion`, averaged over energies; its sign is that of (57)."""
    tables = {v.name: v for v in read_source(settings(results[0], 4)).tables()}
    r = read_dataset(results[0])
    t = tables["coefficient_torkance_odd_order_1"]
    assert list(tables["coefficient_indices_1"].data) == ["x", "y", "z"]
    selection = Selection(settings(results[0], 4), r, results[0])
    weights = selection._weights()
    expected = np.einsum("aike,te->aikt", r["torkance_order_1"][..., 0, :], weights) * E_A0
    np.testing.assert_allclose(t.data, expected, atol=1e-9 * np.abs(expected).max())
    assert t.error.shape == t.data.shape
    assert np.nanmin(t.error) >= 0.0
    # t_xx(n = z) of n × (E × z) is 1: the single coefficient of the wall, of n × (z × E), has the other sign.
    assert t.data[0, 0, 2, 0] * tables["coefficient_torkance_odd"].data[0] < 0.0


def test_operations_come_back_from_the_attributes():
    for crystal in (
        rashba().crystal,
        replace(rashba().crystal, positions=np.zeros((0, 3)), symbols=(), moments=np.zeros(0)),
    ):
        found = restored(stored(crystal))
        assert len(found) == len(parent(crystal)) > 1
        for a, b in zip(found, parent(crystal), strict=True):
            np.testing.assert_allclose(a.cartesian, b.cartesian, atol=1e-12)
            assert a.exchanges == b.exchanges


def test_refused_and_told(results, tmp_path):
    """A file without the crystal's operations; too few directions to tell what is outside; a residual too large."""
    r = read_dataset(results[0])
    dropped = ("format", "format_version", "Conventions", "point_operations")
    attrs = {k: v for k, v in r.attrs.items() if k not in dropped}
    needed = (
        "torkance_odd",
        "torkance_even",
        "beta_odd",
        "beta_even",
        "beta_tilde_odd",
        "beta_tilde_even",
        "spiralization",
    )
    variables = [r.variables[name] for name in needed]
    axes = list(r.coordinates.values())
    write_dataset(tmp_path / "old.h5", MPI.COMM_SELF, variables, axes, attrs=attrs, texts=r.texts)
    assert read_source(settings(tmp_path / "old.h5", 2)).coefficients.angular == {}
    with pytest.raises(InputError, match=r"operations of its crystal, which electronic_structure\.order > 2 needs"):
        read_source(settings(tmp_path / "old.h5", 4))
    kept = [replace(v, data=v.data[:1], error=v.error if v.error is None else v.error[:1])
            if v.dims[:1] == ("n_hat",) else v for v in (*variables, *axes)]  # fmt: skip
    few = kept[: len(variables)], kept[len(variables) :]
    attrs |= {"point_operations": r.attrs["point_operations"]}
    write_dataset(tmp_path / "few.h5", MPI.COMM_SELF, *few, attrs=attrs, texts=r.texts)
    told = read_source(settings(tmp_path / "few.h5", 4)).warnings
    assert any("no more directions than the coefficients of torkance_odd (1)" in w for w in told)
    strict = settings(results[0], 3)
    strict = strict.model_copy(
        update={"electronic_structure": strict.electronic_structure.model_copy(update={"residual": 0.02})}
    )
    with pytest.raises(InputError, match=r"lies outside order [23] in the direction"):
        read_source(strict)


# -- on the wall -----------------------------------------------------------------------------------------------------


def test_lowest_order_as_tensors_is_the_lowest_order():
    """The same motion, energies and currents as by the single coefficients, to rounding."""
    t = {"torkance_odd": 3e-30, "torkance_even": -5e-30, "beta_odd": 1e-34, "beta_even": 4e-34,
         "beta_tilde_odd": 2e-4, "beta_tilde_even": -1e-4, "spiralization": 2e-3}  # fmt: skip
    plain = film(TEMPERATURES, **{name: value * RISING for name, value in t.items()})
    forms = {name: angular.field_like if "odd" in name else angular.damping_like for name in t}
    forms |= {"beta_tilde_even": angular.across, "spiralization": angular.across}
    tensors = {name: directional([forms[name]], value * RISING, TEMPERATURES) for name, value in t.items()}
    found = []
    for c in (plain, with_tensors(plain, **tensors)):
        sim = simulation(c, drive=RAMP, cells=81)
        state = replace(sim.start(), m=texture(sim.mesh.x))
        found.append((moving(sim, state.m), heat_of(sim, state)))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-11 * np.abs(found[0][0]).max())
    for name in ("heat_current", "heat_current_transverse", "dmi_current", "dmi_energy", "power_spin_orbit_electrical",
                 "power_spin_orbit_thermal_even", "power_spin_orbit_thermal_odd", "dmi_balance"):  # fmt: skip
        size = np.abs(found[0][1][name]).max()
        np.testing.assert_allclose(found[1][1][name], found[0][1][name], atol=1e-9 * size, err_msg=name)


def test_torque_of_the_tensors():
    """mu dn/dt = -gamma_e tau with tau = t(n) E - beta(n) dT/dx per cell; the sign of (57): e = E × z."""
    n = np.array([[0.3, -0.5, 0.8]]) / np.sqrt(0.98)
    c = with_tensors(film(), torkance_odd=directional([odd_field], 2e-30), beta_even=directional([even_field], 7e-35))
    from hpcalo.wall.config import Magnet  # noqa: PLC0415

    magnet = Magnet(anisotropy=0.0, damping=0.0)
    drive = Drive(temperature=300.0, gradient=2.0, electric_field=4e5)
    sim = simulation(c, cells=5, length=4.0, drive=drive, magnet=magnet, texture=Texture(width=1.0))
    rate = moving(sim, np.tile(n, (5, 1)))[2] * 1e15
    torque = 2e-30 * 4e5 * odd_field(n)[0, 0] - 7e-35 * 2e9 * even_field(n)[0, 0]
    np.testing.assert_allclose(rate, -2.21e5 / MU_0 * torque / (8e5 * AREA * THICKNESS), rtol=1e-11)


def test_dmi_field_is_the_derivative_of_its_energy():
    """In all three components, M of any length; the energy is that of D(n, T).(n × n') integrated by itself."""
    sim = simulation(strong_film(), cells=7, length=6.0, drive=RAMP, texture=Texture(width=1.0))
    dmi, mesh = sim.magnetics.dmi, sim.mesh
    m = np.random.default_rng(2).normal(size=(7, 3))
    field = dmi.field(mesh.with_ghosts(m), 0.0)
    scale = -1.0 / (MU_0 * sim.magnetics.ms * mesh.dx * 1e-9)
    for node in range(7):
        for k in range(3):
            step = np.zeros_like(m)
            step[node, k] = 1e-5
            up, down = (dmi.energy(mesh.with_ghosts(m + s), 0.0).sum() for s in (step, -step))
            assert field[node, k] == pytest.approx(scale[node] * (up - down) / 2e-5, abs=1e-7 * np.abs(field).max())
    fine = simulation(strong_film(), cells=1601, drive=RAMP)
    x = fine.mesh.x
    n = texture(x)
    strength = np.interp(fine.transport.temperature, TEMPERATURES, 2e-3 * RISING) * DEPTH / THICKNESS
    density = (even_field(n)[:, 0] * np.cross(n, np.gradient(n, x * 1e-9, axis=0))).sum(axis=1)
    exact = fine.magnetics.medium.coefficients.angular["spiralization"].strengths(fine.transport.temperature)[:, 0]
    assert np.abs(exact * DEPTH / THICKNESS - strength).max() < 0.05 * strength.max()
    energy = fine.magnetics.energies(fine.mesh.magnetization_with_ghosts(n), 0.0)["dmi"]
    assert energy == pytest.approx(np.trapezoid(exact * DEPTH / THICKNESS * density, x * 1e-9), rel=1e-3)


def test_jacobian_of_the_tensors():
    """By central differences, torques and DMI together."""
    sim = simulation(strong_film(), cells=6, length=5.0, drive=RAMP, texture=Texture(width=1.0))
    m, spin, scale = np.random.default_rng(1).normal(size=(6, 3)), np.zeros((6, 3)), np.zeros(6)

    def rate(x):
        return sim.magnetics.rate(sim.mesh.with_ghosts(x), 0.0, spin, scale)

    blocks = sim.magnetics.jacobian(sim.mesh.with_ghosts(m), 0.0, spin, scale)
    largest = np.abs(blocks).max()
    for node in range(6):
        for k in range(3):
            step = np.zeros_like(m)
            step[node, k] = 1e-5
            column = (rate(m + step) - rate(m - step)) / 2e-5
            expected = np.zeros((6, 3))
            for row in range(max(0, node - 1), min(6, node + 2)):
                expected[row] = blocks[row, node - row + 1, :, k]
            np.testing.assert_allclose(column, expected, rtol=1e-6, atol=1e-8 * largest)


def test_balances_of_the_tensors():
    """dE/dt is the sum of the powers; DMI energy (8) to second order in the mesh."""
    sim = simulation(strong_film(), drive=RAMP, time=Time(tolerance=1e-9), texture=Texture(angle=20.0), cells=81)
    middle = sim.stepper.segment(sim.start(), 2e3)
    states = [sim.stepper.segment(sim.start(), 2e3 + s) for s in (-20.0, 20.0)]
    energies = [sim.magnetics.energies(sim.mesh.magnetization_with_ghosts(s.m), s.t).total for s in states]
    o = heat_of(sim, middle)
    given = sum(o[f"power_spin_orbit_{p}"] for p in ("electrical", "thermal_even", "thermal_odd")) / THICKNESS
    assert (energies[1] - energies[0]) / 40e-15 == pytest.approx(o["power_damping"] + given, rel=1e-4)
    assert abs(given) > 0.003 * abs(o["power_damping"])
    errors = []
    for cells in (161, 321, 641):
        fine = simulation(strong_film(), cells=cells, drive=RAMP)
        n = texture(fine.mesh.x / 3.0)
        rate = motion(fine.mesh.x / 3.0, n)
        errors.append(wall_heat.dmi_balance(fine, n, rate, wall_currents.currents(fine, n, rate).dmi)[1])
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / np.array(errors[1:])), 2.0, atol=0.25)


def test_reciprocity_of_the_tensors():
    """At a temperature of the result: the work of the thermal torques is what (40) makes of the heat currents."""
    drive = Drive(temperature=300.0, gradient=3.0)
    sim = simulation(strong_film(), drive=drive, texture=Texture(angle=25.0), cells=81)
    o = heat_of(sim, replace(sim.start(), m=texture(sim.mesh.x)))
    for part in ("even", "odd"):
        assert abs(o[f"heat_work_{part}"]) > 1e-9
        assert o[f"power_spin_orbit_thermal_{part}"] == pytest.approx(o[f"heat_work_{part}"], rel=1e-9)


def test_errors_of_the_tensors():
    """One coefficient with an error of 10 %: so has its current."""
    sim = simulation(strong_film(), drive=Drive(temperature=300.0), cells=81)
    n = texture(sim.mesh.x)
    rate = motion(sim.mesh.x, n)
    j, errors = wall_currents.currents(sim, n, rate), wall_currents.current_errors(sim, n, rate)
    for name in ("heat_even", "heat_odd"):
        np.testing.assert_allclose(getattr(errors, name), 0.1 * np.abs(getattr(j, name)), rtol=1e-9)
    np.testing.assert_allclose(errors.dmi, 0.1 * np.abs(j.dmi), rtol=1e-9)


@pytest.mark.mpi
@pytest.mark.ranks(2, 4)
def test_tensors_do_not_depend_on_ranks(comm):
    found = []
    for group in (MPI.COMM_SELF, comm):
        sim = simulation(strong_film(), cells=41, length=80.0, drive=RAMP, comm=group)
        state = sim.stepper.segment(sim.start(), 2e3)
        j, errors = (f(sim, state.m, sim.rate(state, sim.electrons(state))) for f in (
            wall_currents.currents, wall_currents.current_errors))  # fmt: skip
        found.append([sim.mesh.gather(x) for x in (state.m, j.heat, j.dmi, errors.heat, errors.dmi)])
    for a, b in zip(*found, strict=True):
        assert np.array_equal(a, b)
