"""Bad input: one clear line each, with the number that would do; and what deserves a warning."""

from __future__ import annotations

import pytest

from hpcalo.config.reader import apply_overrides, validate
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.wall.config import WallInput
from hpcalo.wall.validity.settings import check_settings


def read(*overrides):
    return validate(WallInput, apply_overrides({"wall": {}}, overrides), "test.toml")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("electrons.relaxation_time=0", r"electrons.relaxation_time: 0.*(greater|larger) than 0"),
        ("electrons.relaxation_time=-1.0", "(greater|larger) than 0"),
        ("electrons.spin_flip_time='1 nm'", r"convert(ed|ible) to fs"),
        ("electrons.mass=-1.0", "(greater|larger) than 0"),
        ("drive.temperature=-5", "(greater|larger) than 0"),
        ("drive.circuit='closed'", "'field', 'current' or 'open'"),
        ("drive.circuit=current", None),
        ("magnet.damping=-0.1", "at least 0"),
        ("magnet.demagnetization=[0.5,0.5,0.5]", "sum <= 1"),
        ("wall.model='papre'", "did you mean 'paper'"),
        ("wire.cell=3", "did you mean 'cells'"),
        ("momentum.cutoff=0.5", "(greater|larger) than 1"),
        ("output.monitors=[{name='wall'},{name='wall'}]", "each name may appear only once"),
        ("paper.window=[1.1,0.9]", "lower bound must be below"),
        ("texture.direction=[0,0,0]", "zero vector"),
        ("time.end='0 ns'", "(greater|larger) than 0"),
    ],
)
def test_schema(override, message):
    if message is None:
        assert read(override).drive.circuit == "current"
        return
    with pytest.raises(InputError, match=message) as caught:
        read(override)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["drive.circuit=open", "drive.electric_field=-8e3"], "determines the field"),
        (["drive.current_density=1e10"], "needs circuit = 'current'"),
    ],
)
def test_circuit(overrides, message):
    with pytest.raises(InputError, match=message):
        read(*overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["drive.gradient=6", "drive.profile=ramp", "wire.length=100"], r"T\(x\) falls to -200 K.*33.33 nm"),
        (["wire.cells=21", "wire.length=100"], r"dx = 5 nm is too coarse for D = 5 nm; at least 41 cells"),
        (["texture.width=60", "wire.length=100"], r"the wall \(2 D = 120 nm\) is wider than the wire"),
        (["texture.kind=half-circle", "texture.width=150"], "wider than the wire"),
        (["texture.kind=spiral", "texture.width=3", "wire.cells=51"], "neighbouring spins differ"),
        (["texture.centre=200"], "outside the wire"),
        (["momentum.points=8"], r"do not resolve the Fermi edge at 100 K; at least \d+ are needed"),
        (["momentum.cutoff=1.2", "drive.temperature=300"], "cuts occupied states off at 300 K; at least"),
        (["wall.mode=time-dependent"], "takes arkimex, bdf, rosw or cn"),
        (["time.refresh=stage", "time.integrator=bdf"], "needs time.integrator = 'rk'"),
        (["time.output_every=2"], "longer than time.end"),
        (["magnet.anisotropy=0"], "texture.width: is required"),
        (["wall.model=paper", "drive.gradient=-30"], r"T\(x\) falls to -50 K in the box"),
        (["wall.model=paper", "drive.circuit=open"], r"do not conserve charge.*needs paper\.collision = 'bgk3d'"),
    ],
)
def test_whole_input(overrides, message):
    with pytest.raises(InputError, match=message) as caught:
        check_settings(read(*overrides))
    assert "\n" not in str(caught.value)


def test_named_number_is_enough():
    """The number an error asks for passes the check."""
    for overrides in (
        ["wire.cells=41", "wire.length=100"],
        ["drive.gradient=6", "drive.profile=ramp", "drive.ramp_length=33", "momentum.points=900"],
    ):
        check_settings(read(*overrides))
    with pytest.raises(InputError) as caught:
        check_settings(read("momentum.points=8"))
    need = int(str(caught.value).split("at least ")[1].split()[0])
    check_settings(read(f"momentum.points={need}"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["electrons.exchange_splitting=0.3", "momentum.cutoff=2"], "J_ex = 0.3 eV > 2 E_F"),
        (["wire.length=60", "wire.cells=121"], "reservoirs are 6.0 D from the wall"),
        (["wire.cells=51"], "only 2.5 cells per wall parameter"),
        (["electrons.relaxation_time=190"], "mean free path"),
        (["momentum.points=18"], "quadrature error"),
    ],
)
def test_warnings(overrides, message):
    assert any(message in w for w in check_settings(read(*overrides)))


def test_default_input_is_clean():
    assert check_settings(read("wire.length=160")) == []


def test_unstable_step_is_an_error():
    from mpi4py import MPI  # noqa: PLC0415

    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415

    sim = Simulation(read("time.fixed_step=true", "time.first_step=2000", "wire.length=160"), MPI.COMM_SELF)
    with pytest.raises(ConvergenceError, match=r"Landau-Lifshitz-Gilbert|magnetization"):
        list(sim.run(sim.start()))


@pytest.mark.parametrize("mode", ["steady", "time-dependent"])
def test_no_exchange_no_torque(mode):
    """J = 0: both bands are one, nothing is polarized and nothing turns the magnetization, but the current flows."""
    from mpi4py import MPI  # noqa: PLC0415

    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415
    from hpcalo.wall.monitors.schedule import observe  # noqa: PLC0415

    settings = read(
        "electrons.exchange_splitting=0.0", "electrons.conductivity=1.26e6", "drive.electric_field=-8e3",
        "drive.gradient=1.0", f"wall.mode='{mode}'", "wire.cells=65", "wire.length=80", "time.integrator='cn'",
        "momentum.points=20",
    )  # fmt: skip
    check_settings(settings)
    sim = Simulation(settings, MPI.COMM_SELF)
    o = {q.name: q.own for group in observe(sim, sim.start(), 0).values() for q in group}
    for part in ("", "_electrical", "_thermal"):
        assert (o[f"torque{part}"] == 0.0).all()
        assert o[f"u{part}"] == o[f"u0{part}"] == 0.0
    electric = 1.26e6 * -8e3
    assert abs(o["mean_charge_current"] - electric) > 0.01 * abs(electric)  # the gradient drives a part of its own
    assert o["polarization"] == pytest.approx(0.0, abs=1e-12)


def test_spin_flip_is_a_part_of_scattering():
    with pytest.raises(InputError, match=r"spin_flip_time: 5 fs is shorter than relaxation_time = 10 fs"):
        check_settings(read("electrons.spin_flip_time=5.0", "electrons.relaxation_time=10.0"))
    check_settings(read("electrons.spin_flip_time=10.0", "electrons.relaxation_time=10.0"))


def test_linear_response_says_how_far_it_reaches():
    """T0 + kappa x > 0 for |x| < T0/kappa; one line, and only where the wire is longer and T is not the ramp's."""
    wire = ("wire.length=160", "drive.temperature=100")
    (text,) = check_settings(read(*wire, "drive.gradient=-2"))
    assert "at 100 K" in text
    assert "50 nm of the middle of the wire, 100 nm of its 160 nm" in text
    assert check_settings(read(*wire, "drive.gradient=1.2")) == []


def test_warnings_of_a_scan_are_one_line():
    """What differs between the points in its numbers only is one line."""
    from pathlib import Path  # noqa: PLC0415

    from hpcalo.scan.points import Points  # noqa: PLC0415
    from hpcalo.wall.prepare import physics_warnings  # noqa: PLC0415

    points = [read("wire.length=160", f"drive.gradient={k}") for k in (0.5, 2.0, 3.0, 4.0)]
    (text,) = physics_warnings(Points(tuple(points)), Path("test.toml"))
    assert "within 50 nm" in text
    assert text.endswith("(and so for 2 other values of the scan)")
    assert physics_warnings(Points((points[1],)), Path("test.toml")) == check_settings(points[1])


@pytest.mark.parametrize(("tau", "flip"), [(4.0, 5000.0), (1.0, 50_000.0)])
def test_mesh_error_of_the_nonadiabaticity(tau, flip):
    """The error that is told is that of the mesh, by Richardson's extrapolation, and the cells named make it 2 %."""
    from mpi4py import MPI  # noqa: PLC0415

    from hpcalo.wall.dynamics.simulation import Simulation  # noqa: PLC0415
    from hpcalo.wall.monitors.schedule import observe  # noqa: PLC0415

    given = (
        f"electrons.relaxation_time={tau}", f"electrons.spin_flip_time={flip}", "electrons.exchange_splitting=0.02",
        "drive.electric_field=-8e3", "wall.mode=steady", "wire.length=80",
        "texture.width=5.0", "solver.method=direct", "output.monitors=[{name='torques'}]",
    )  # fmt: skip

    def beta(cells):
        sim = Simulation(read(*given, f"wire.cells={cells}"), MPI.COMM_SELF)
        return next(q.own for q in observe(sim, sim.start(), 0)["time"] if q.name == "beta")

    coarse, fine = beta(65), beta(129)
    exact = fine + (fine - coarse) / 3.0
    (text,) = [w for w in check_settings(read(*given, "wire.cells=65")) if "nonadiabaticity" in w]
    told = float(text.split("about ")[1].split("%")[0]) / 100.0
    assert told == pytest.approx(abs(coarse / exact - 1.0), rel=0.4)
    need = int(text.split("; ")[1].split()[0])
    assert 65 < need < 129
    assert abs(beta(need) / exact - 1.0) < 0.03
    assert not any("nonadiabaticity" in w for w in check_settings(read(*given, f"wire.cells={need}")))


def test_published_model_says_what_it_ignores():
    used = ("wall.model=paper", "drive.gradient=2", "electrons.mass=1.1", "magnet.damping=0.1", "paper.cells=201")
    assert check_settings(read(*used)) == []
    ignored = (
        "drive.zeeman=[{field=[0,0,1e4]}]", "wall.mode=steady", "texture.kind=uniform", "solver.petsc={ts_type='rk'}",
        "magnet.bulk_dmi=1e-3", "wire.cells=99", "time.end=2",
    )  # fmt: skip
    (text,) = check_settings(read(*used, *ignored))
    assert text == (
        "wall.model: the published model does not use wall.mode, magnet.bulk_dmi, wire.cells, texture.kind, "
        "drive.zeeman, time.end, solver.petsc"
    )
    with pytest.raises(InputError, match=r"wall\.continue_from: the published model"):
        check_settings(read(*used, "wall.continue_from=gone.h5"))


def test_dmi_and_the_sense_of_rotation():
    """The input's DMI against 4 sqrt(AK)/pi = 3.31 mJ/m^2; the angle at which a wall starts against the best one."""
    (text,) = check_settings(read("magnet.interfacial_dmi=-4e-3"))
    assert text.startswith("magnet.interfacial_dmi: |D| = 4 mJ/m^2 is above 4 sqrt(AK)/pi = 3.31 mJ/m^2")
    (text,) = check_settings(read("magnet.interfacial_dmi=1e-3"))
    assert "raises the wall's energy by 3.14 mJ/m^2" in text
    assert "180 degree is best" in text
    (text,) = check_settings(read("magnet.bulk_dmi=-1e-3", "texture.angle=-80"))
    assert "90 degree is best" in text
    for settled in ("texture.angle=180", "texture.relax=true", "texture.angle=120"):
        assert check_settings(read("magnet.interfacial_dmi=1e-3", settled)) == []
