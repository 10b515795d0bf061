"""The same results on 1, 2, 3, 4 ranks: steady solve, stepping, files, scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI
from program import alone

from hpcalo import app
from hpcalo.app.compute import compute
from hpcalo.engine import RunContext
from hpcalo.errors import ConvergenceError, InputError, Interrupted
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.timeseries import TimeSeries
from hpcalo.wall.config import Drive, Electrons, Magnet, Momentum, Time, WallInput, WallSection
from hpcalo.wall.config import Wire as WireSection
from hpcalo.wall.dynamics.simulation import Simulation, shifted
from hpcalo.wall.grid import Mesh

pytestmark = pytest.mark.mpi


@pytest.mark.ranks(2, 3, 4)
@pytest.mark.parametrize(
    "options", [{}, {"force": False}, {"tau": 10.0}, {"solver": {"method": "direct"}, "points": 8}]
)
def test_steady_solution_does_not_depend_on_ranks(comm, wire, options):
    """1e-10 relative, and the iteration count is the same."""
    options = {"cells": 61, "points": 12, **options}

    def solved(group):
        w = wire(comm=group, **options)
        return *w.solve(-8e-6, 3.0), w.steady.last_iterations

    e, _, q, _, iterations = alone(comm, solved)
    spread = wire(comm=comm, **options)
    e_own, _, q_own, _ = spread.solve(-8e-6, 3.0)
    own = slice(spread.mesh.first, spread.mesh.last)
    np.testing.assert_allclose(q_own, q[own], atol=1e-10 * np.abs(q).max())
    np.testing.assert_allclose(e_own, e[own], atol=1e-10 * np.abs(e).max())
    assert spread.steady.last_iterations == iterations


@pytest.mark.ranks(2, 3, 4)
def test_sweep_is_exact_on_long_mean_free_paths(comm, wire):
    """Every rank boundary is felt across the whole wire when the mean free path is longer than it."""
    rng = np.random.default_rng(1)
    one, spread = wire(comm=MPI.COMM_SELF, tau=400.0, cells=33), wire(comm=comm, tau=400.0, cells=33)
    r = rng.normal(size=one.kinetic.shape)
    for w in (one, spread):
        w.kinetic.set_magnetization(w.ghost)
        w.steady.sweep.factor()
    own = slice(spread.mesh.first, spread.mesh.last)
    whole, part = one.steady.sweep.solve(r), spread.steady.sweep.solve(np.ascontiguousarray(r[own]))
    np.testing.assert_allclose(part, whole[own], atol=1e-11 * np.abs(whole).max())


@pytest.mark.ranks(2, 3)
@pytest.mark.parametrize(
    ("mode", "integrator"),
    [("quasi-static", "rk"), ("quasi-static", "bdf"), ("time-dependent", "arkimex"), ("time-dependent", "bdf")],
)
def test_stepping_does_not_depend_on_ranks(comm, mode, integrator):
    """The same bits, through a hundred steps and their size control."""
    settings = WallInput(
        wall=WallSection(mode=mode),
        electrons=Electrons(conductivity=1.26e6),
        magnet=Magnet(hard_anisotropy=2e5),
        wire=WireSection(length=80.0, cells=41),
        momentum=Momentum(points=8),
        drive=Drive(gradient=2.0, circuit="current", current_density=-1e12),
        time=Time(integrator=integrator, tolerance=1e-7, refresh_interval=100.0),
    )

    def stepped(group):
        sim = Simulation(settings, group)
        start = sim.start()
        return sim.mesh.gather(start.m), sim.mesh.gather(sim.stepper.segment(start, 150.0).m)

    (start, expected), (_, found) = alone(comm, stepped), stepped(comm)
    assert np.abs(expected - start).max() > 3e-5
    np.testing.assert_array_equal(found, expected)


def test_window_shift(comm):
    mesh = Mesh(comm, 23, 22.0)
    m = np.zeros((mesh.n, 3))
    m[:, 0] = np.cos(0.1 * mesh.x)
    m[:, 1] = np.sin(0.1 * mesh.x)
    for cells in (3, -7):
        moved = mesh.gather(shifted(mesh, m, cells))
        expected = 0.1 * np.clip(np.arange(23) + cells, 0, 22)
        np.testing.assert_allclose(np.unwrap(np.arctan2(moved[:, 1], moved[:, 0])), expected, atol=1e-12)


def test_window_shift_of_the_distribution(comm):
    """e on nodes and o on faces move together, also the reservoir's face that only the last rank has."""
    settings = WallInput(
        wall=WallSection(mode="time-dependent"),
        wire=WireSection(length=40.0, cells=21),
        momentum=Momentum(points=6),
        time=Time(integrator="bdf"),
    )
    sim = Simulation(settings, comm)
    mesh, stepper = sim.mesh, sim.stepper
    rng = np.random.default_rng(3)
    e, o = rng.normal(size=(21, 4, 6)), rng.normal(size=(22, 4, 6))
    faces = slice(mesh.first, mesh.first + stepper.unknowns.faces)
    f = np.concatenate([e[mesh.first : mesh.last].reshape(-1), o[faces].reshape(-1)])
    for cells in (2, -5):
        moved = stepper.shifted(f, cells, sim.start().m)
        nodes, edges = np.clip(np.arange(21) + cells, 0, 20), np.clip(np.arange(22) + cells, 0, 21)
        expected = np.concatenate([e[nodes][mesh.first : mesh.last].reshape(-1), o[edges][faces].reshape(-1)])
        assert np.array_equal(moved, expected)


TEXT = """
[wall]
mode = "time-dependent"
[electrons]
conductivity = "1.26e6 S/m"
[wire]
length = "80 nm"
cells = 33
[momentum]
points = 9
[drive]
gradient = "2 K/nm"
circuit = "open"
[time]
end = "0.00004 ns"
output_every = "0.00001 ns"
integrator = "arkimex"
tolerance = 1e-6
[output]
step_error = false
"""


def run(comm, folder: Path, name: str, text: str, *overrides: str) -> Path:
    source, output = folder / f"{name}.toml", folder / f"{name}.h5"
    if comm.rank == 0:
        source.write_text(text)
    comm.Barrier()
    compute(*app.load_input(source, overrides), RunContext(comm, source, output, force=True, quiet=True))
    return output


@pytest.mark.ranks(2, 3)
def test_files_continuation_and_restart(comm, mpi_tmp_path, monkeypatch):
    """Written by all ranks, continued by all ranks from half-way, stopped after the third frame and restarted by all
    ranks: the same bits, in all that is written; and the same as on one. (The error of the steps would take longer than
    these runs; tests/system/restart has it.)
    """
    whole = run(comm, mpi_tmp_path, "whole", TEXT)
    half = run(comm, mpi_tmp_path, "half", TEXT, "time.end='0.00002 ns'")
    rest = run(comm, mpi_tmp_path, "rest", TEXT, f"wall.continue_from='{half}'")
    if comm.rank == 0:
        a, b = read_dataset(whole), read_dataset(rest)
        for name in a.variables:
            assert np.array_equal(a[name][2:], b[name], equal_nan=True), name
        one = read_dataset(run(MPI.COMM_SELF, mpi_tmp_path, "one", TEXT))
        for name in a.variables:
            assert np.array_equal(a[name], one[name], equal_nan=True), name
    written, append = [], TimeSeries.append

    def counted(self, *arguments):
        written.append(1)
        append(self, *arguments)

    def ask(self):
        if len(written) == 3:
            raise StopRequested("stopped by SIGTERM")

    with monkeypatch.context() as patch:
        patch.setattr(TimeSeries, "append", counted)
        patch.setattr(Keeper, "check", ask)
        with pytest.raises(Interrupted):
            run(comm, mpi_tmp_path, "part", TEXT)
    app.restart(comm, mpi_tmp_path / "part.h5", quiet=True)
    if comm.rank == 0:
        restarted = read_dataset(mpi_tmp_path / "part.h5")
        for name in a.variables:
            assert np.array_equal(a[name], restarted[name], equal_nan=True), name
    comm.Barrier()


@pytest.mark.ranks(3, 4)
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_scan_over_groups(comm, mpi_tmp_path, groups):
    text = TEXT.replace("time-dependent", "steady")
    scan = f'[scan]\nkey = "solver.iterations"\nvalues = [100, 1, 60]\ngroups = {groups}\n'
    path = run(comm, mpi_tmp_path, f"scan{groups}", text + scan)
    if comm.rank == 0:
        r = read_dataset(path)
        assert [bool(str(e)) for e in r["error"]] == [False, True, False]
        assert r["u"][0, 0] == pytest.approx(r["u"][2, 0], rel=1e-9)
        assert r["magnetization"].shape == (3, 1, 33, 3)
    comm.Barrier()


def test_failure_is_raised_on_all_ranks(comm, wire):
    w = wire(comm=comm, solver={"iterations": 1})
    with pytest.raises(ConvergenceError, match="stopped after 1 iterations"):
        w.solve(-8e-6, 0.0)


def test_too_many_ranks_for_the_wire(comm):
    if comm.size > 1:
        with pytest.raises(InputError, match="1 nodes cannot be divided"):
            Mesh(comm, 1, 1.0)
    else:
        assert Mesh(comm, 3, 2.0).n == 3
