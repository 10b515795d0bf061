"""PETSc's options on the command line: where they go, and that they end up in the record of the result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inputs import small_wall
from limits import HANG
from mpi4py import MPI

from hpcalo import app
from hpcalo.__main__ import petsc_options
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.io.hdf5 import read_dataset
from hpcalo.scan.points import Points
from hpcalo.wall import estimate as wall_estimate
from hpcalo.wall.config import Drive, Electrons, Magnet, Momentum, Solver, Time, WallInput, WallSection
from hpcalo.wall.config import Wire as WireTable
from hpcalo.wall.dynamics import timestepper
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers import direct as direct_method
from hpcalo.wall.solvers.options import OWNED, SolverOptions


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("run a.toml -q", "run a.toml -q"),
        ("run a.toml -hpcalo_wall_ts_type rk -q", "run a.toml --set solver.petsc.ts_type=rk -q"),
        ("run a.toml -q -- -hpcalo_wall_ts_monitor", "run a.toml -q --set solver.petsc.ts_monitor=true"),
        ("run a.toml -hpcalo_wall_a -hpcalo_wall_b -1", "run a.toml --set solver.petsc.a=true --set solver.petsc.b=-1"),
    ],
)
def test_they_are_settings_of_the_input(given, expected):
    assert petsc_options(given.split()) == expected.split()


def test_command_line(tmp_path):
    def hpcalo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hpcalo", "run", "a.toml", "-q", "--force", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=False)

    text = small_wall().replace('end = "0.004 ns"', 'end = "0.0004 ns"').replace('"0.001 ns"', '"0.0004 ns"')
    (tmp_path / "a.toml").write_text(text)
    done = hpcalo("--", "-hpcalo_wall_ts_rk_type", "3bs")
    assert done.returncode == 0, done.stderr
    result = read_dataset(tmp_path / "a.h5")
    assert 'ts_rk_type = "3bs"' in result.texts["resolved_input"]
    assert "solver.petsc.ts_rk_type=3bs" in result.texts["overrides"]
    wrong = hpcalo("-hpcalo_wall_ts_rk_tipe", "3bs")
    assert wrong.returncode == 2
    (line,) = [x for x in wrong.stderr.splitlines() if x.startswith("hpcalo: error")]
    assert line.endswith("knows this option; did you mean 'ts_rk_type'?")


def simulation(mode="quasi-static", integrator="rk", method="krylov", points=8, cells=33, force=True, **petsc):
    settings = WallInput(
        wall=WallSection(mode=mode),
        electrons=Electrons(conductivity=1.26e6, force=force),
        magnet=Magnet(hard_anisotropy=2e5),
        wire=WireTable(length=80.0, cells=cells),
        momentum=Momentum(points=points),
        drive=Drive(electric_field=-8e3),
        time=Time(integrator=integrator, end=2e-5, output_every=1e-5, tolerance=1e-5, first_step=1.0),
        solver=Solver(method=method, petsc=petsc),
    )
    return Simulation(settings, MPI.COMM_SELF)


ELSEWHERE = r"^time stepping stopped at t = \S+ ns instead of 5\.3e-06 ns \(CONVERGED_"
MODES = [("quasi-static", "rk"), ("time-dependent", "arkimex")]


@pytest.mark.parametrize("name", OWNED)
def test_the_program_owns_start_and_end(name):
    with pytest.raises(InputError, match=rf"^solver\.petsc\.{name}: .* begins and ends; use (time|wall)\.") as e:
        simulation(**{name: 100})
    assert "\n" not in str(e.value)
    database = PETSc.Options()
    database[f"hpcalo_wall_{name}"] = "100"
    try:
        with pytest.raises(InputError, match=rf"^-hpcalo_wall_{name}: .* begins and ends"):
            SolverOptions()
    finally:
        database.delValue(f"hpcalo_wall_{name}")


OWNED_KEY = "solver.petsc.ts_max_time"


@pytest.mark.parametrize(
    ("override", "where"),
    [
        (f"{OWNED_KEY}=1e9", f"{OWNED_KEY}: "),
        (f"scan={{key='{OWNED_KEY}', values=[1, 2]}}", f"scan.key: {OWNED_KEY} = 1: {OWNED_KEY}: "),
        ("", "-hpcalo_wall_ts_max_time: "),
    ],
)
def test_check_refuses_what_run_refuses(tmp_path, monkeypatch, override, where):
    """The same line from both, before anything is built: from the input, one point of a scan, or the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr("hpcalo.wall.dynamics.simulation.Simulation.__init__")
    source, overrides = tmp_path / "a.toml", (override,) if override else ()
    source.write_text(small_wall())
    database = PETSc.Options()
    if not override:
        database["hpcalo_wall_ts_max_time"] = "1e9"
    try:
        with pytest.raises(InputError) as checked:
            app.check(source, overrides)
        with pytest.raises(InputError) as run:
            app.run(MPI.COMM_SELF, source, overrides=overrides, quiet=True)
    finally:
        database.delValue("hpcalo_wall_ts_max_time")
    assert str(checked.value) == str(run.value)
    assert str(run.value).startswith(f"{source}: {where}the program sets where time stepping begins and ends")


@pytest.mark.parametrize(("mode", "integrator"), MODES)
def test_a_piece_that_ends_elsewhere_is_no_result(monkeypatch, mode, integrator):
    """No step, a step beyond the end, an end of its own: none is taken for the state at the end."""
    module = "hpcalo.wall.dynamics.coupled" if mode == "time-dependent" else "hpcalo.wall.dynamics.quasi_static"
    made = timestepper.make_ts

    def changed(change):
        def make(*arguments):
            ts = made(*arguments)
            change(ts)
            return ts

        monkeypatch.setattr(f"{module}.make_ts", make)
        sim = simulation(mode, integrator)
        return sim.stepper.segment(sim.start(), 5.3)

    assert changed(lambda ts: None).t == 5.3
    with pytest.raises(ConvergenceError, match=r"^time stepping made no step from t = 0 ns$"):
        changed(lambda ts: ts.setMaxSteps(0))
    over = PETSc.TS.ExactFinalTime.STEPOVER
    with pytest.raises(ConvergenceError, match=ELSEWHERE):
        changed(lambda ts: ts.setExactFinalTime(over))
    for other in (2.0, 1e9):
        with pytest.raises(ConvergenceError, match=ELSEWHERE):
            changed(lambda ts, other=other: ts.setMaxTime(other))


def test_an_explicit_method_for_the_coupled_equations_says_why():
    sim = simulation("time-dependent", "arkimex", ts_type="rk")
    with pytest.raises(ConvergenceError, match=r"time stepping failed at t = 0 ns: PETSc error \d+: [A-Z].*[a-z]{3}"):
        list(sim.run(sim.start()))


def test_python_ends_in_order_after_a_failure():
    """PETSc calls nothing of a solver that has failed when both end: the error is what a script ends with."""
    script = (
        "from test_petsc_options import simulation\n"
        "sim = simulation('time-dependent', 'arkimex', ts_type='rk')\n"
        "list(sim.run(sim.start()))\n"
    )
    command, folder = [sys.executable, "-c", script], Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 1, done.stderr
    assert "ConvergenceError" in done.stderr.splitlines()[-1]


def test_no_suggestion_of_what_was_given():
    """An option of time stepping where nothing is stepped in time."""
    sim = simulation("steady", ts_type="rk")
    with pytest.raises(InputError, match=r"^solver\.petsc\.ts_type: no solver of this run knows this option$"):
        list(sim.run(sim.start()))


def test_a_krylov_method_is_unknown_to_the_direct_one():
    """Choosing the precision of the sweep asks PETSc for its KSP type, and what is asked for counts as used."""
    sim = simulation("steady", method="direct", ksp_type="gmres")
    with pytest.raises(InputError, match=r"^solver\.petsc\.ksp_type: no solver of this run knows this option"):
        list(sim.run(sim.start()))


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize(
    "petsc",
    [
        {"ksp_type": "preonly"},
        {"ksp_type": "gmres", "ksp_convergence_test": "skip", "ksp_max_it": 2},
        {"ksp_type": "bcgsl"},  # preconditioned from the right, PETSc 3.18 hands out P^-1 x and calls it converged
    ],
)
def test_what_petsc_calls_converged_is_looked_at(force, petsc):
    """The residual that counts is the true one, of the even equation and of the moments."""
    sim = simulation("steady", force=force, **petsc)
    with pytest.raises(ConvergenceError, match=r"stopped after \d+ iterations, CONVERGED_\w+, with a residual of "):
        sim.electrons(sim.start())


def test_a_direct_method_that_is_none_is_found():
    sim = simulation("steady", method="direct", direct_pc_type="jacobi")
    with pytest.raises(ConvergenceError, match=r"a residual of .* \(with solver\.petsc\.direct_pc_type = jacobi\)"):
        sim.electrons(sim.start())


@pytest.mark.parametrize("mode", ["steady", "time-dependent"])
@pytest.mark.parametrize(
    ("method", "petsc", "reason"),
    [
        ("krylov", {"ksp_type": "richardson"}, r"solver\.petsc\.ksp_type = richardson: .*preconditioner side RIGHT"),
        ("krylov", {"ksp_type": "gmres", "pc_type": "lu"}, r"solver\.petsc\.ksp_type = gmres, .*pc_type = lu: \S"),
        ("direct", {"direct_pc_factor_mat_solver_type": "super"}, r"direct_pc_factor_mat_solver_type = super: .*super"),
    ],
)
def test_options_that_do_not_go_together(mode, method, petsc, reason):
    sim = simulation(mode, "arkimex", method=method, **petsc)
    with pytest.raises(InputError, match=reason) as e:
        sim.electrons(sim.start()) if mode == "steady" else list(sim.run(sim.start()))
    assert "\n" not in str(e.value)


def test_a_method_of_petsc_that_needs_the_other_side():
    """Richardson iteration works with the preconditioner on the left, and its result is that of the program's own."""
    responses = [
        (sim := simulation("steady", **petsc)).electrons(sim.start()).total.q
        for petsc in ({}, {"ksp_type": "richardson", "ksp_pc_side": "left"})
    ]
    np.testing.assert_allclose(responses[0], responses[1], rtol=0, atol=1e-8 * np.abs(responses[0]).max())


class Refusing:
    """A module of which one name refuses memory when it is called."""

    def __init__(self, module, name, problem):
        self.module, self.name, self.problem = module, name, problem

    def __getattr__(self, name):
        return self.refused if name == self.name else getattr(self.module, name)

    def refused(self, *_, **__):
        raise self.problem


def test_memory_of_the_direct_method(monkeypatch):
    """Said before it is asked for, and where the system refuses it."""
    sim = simulation("steady", method="direct")
    state, needed = sim.start(), 48 * 3 * 33 * 32**2
    monkeypatch.setattr(direct_method, "free_memory", lambda: needed - 1.0)
    large = r"^solver\.method: 'direct' needs about 0\.0045 GiB per rank, .*"
    with pytest.raises(InputError, match=large + r", more than the 0\.0045 GiB"):
        sim.electrons(state)
    monkeypatch.setattr(direct_method, "free_memory", lambda: needed + 1.0)
    sim.electrons(state)
    for where, what, name, problem in (
        ("np", np, "zeros", MemoryError()),
        ("PETSc", PETSc, "Mat", PETSc.Error(55)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(direct_method, where, Refusing(what, name, problem))
            with pytest.raises(InputError, match=large + r"there is not enough memory; use 'krylov'"):
                sim.electrons(state)


def test_estimate_knows_of_the_direct_method(tmp_path):
    """`check` and `submit` count the matrix that the solver itself asks room for."""
    assert wall_estimate.DIRECT_BYTES == direct_method.DIRECT_BYTES
    krylov, direct = (
        wall_estimate.work_wall(
            Points((simulation("steady", method=method, points=12).settings,)), source=tmp_path / "a.toml"
        )
        for method in ("krylov", "direct")
    )
    for ranks in (1, 3):
        assert direct.memory(ranks) - krylov.memory(ranks) == pytest.approx(48 * 3 * 33 * 48**2 / ranks)
