"""Scans over any key of the input: units, lists, axes that differ from point to point, refusals, failures."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo import app
from hpcalo.config.reader import read_toml, validate
from hpcalo.coupling.engine import WallEngine
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.io import checkpoint
from hpcalo.io.dataset import Result, Variable
from hpcalo.io.exporters.csv import curves_as_csv
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.scanned import single_point
from hpcalo.io.wire import wire_frames
from hpcalo.scan.merge import merged
from hpcalo.scan.points import Axis, points_of, unit_of
from hpcalo.wall.checks import report as wall_checks
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.plot.data import last
from hpcalo.wall.wire import WIRE

TEXT = """
[wall]
mode = "steady"
[electrons]
conductivity = "1.26e6 S/m"
[wire]
length = "60 nm"
cells = 33
[momentum]
points = 9
[drive]
gradient = "2 K/nm"
circuit = "current"
current_density = "-1e12 A/m^2"
zeeman = [{field = ["1 mT", 0.0, 5.0], frequency = 3.0}]
[time]
end = "0.0002 ns"
output_every = "0.0001 ns"
tolerance = 1e-6
"""


def write(folder: Path, key: str, values: str, more: str = "", text: str = TEXT) -> Path:
    source = folder / "a.toml"
    source.write_text(f'{text}[scan]\nkey = "{key}"\nvalues = {values}\n{more}')
    return source


def settings_of(source: Path) -> WallInput:
    return validate(WallInput, read_toml(source), str(source))


def run(folder: Path, key: str, values: str, *overrides: str):
    output = folder / "a.h5"
    app.run(MPI.COMM_SELF, write(folder, key, values), output=output, quiet=True, overrides=overrides)
    return read_dataset(output)


def alone(folder: Path, *overrides: str):
    source, output = folder / "one.toml", folder / "one.h5"
    source.write_text(TEXT)
    app.run(MPI.COMM_SELF, source, output=output, quiet=True, force=True, overrides=overrides)
    return read_dataset(output)


def assert_same(point: Result, run: Result) -> None:
    """All that the run has, and its input."""
    assert set(point.variables) == {n for n, v in run.variables.items() if not np.isnan(v.data).all()}
    for name, variable in point.variables.items():
        assert variable.dims == run.variables[name].dims
        np.testing.assert_array_equal(variable.data, run[name], err_msg=name)
    for name, coordinate in run.coordinates.items():
        np.testing.assert_array_equal(point[name], coordinate.data, err_msg=name)
    assert tomllib.loads(point.texts["resolved_input"]) == tomllib.loads(run.texts["resolved_input"])
    assert point.attrs["kind"] == run.attrs["kind"]


@pytest.mark.parametrize(
    ("key", "values", "unit", "held"),
    [
        ("drive.gradient", '[1, "2e9 K/m"]', "K/nm", [1.0, 2.0]),
        ("magnet.thermal.curie_temperature", '[900, "1 kK"]', "K", [900.0, 1000.0]),
        ("texture.width", '["10 nm", 12]', "nm", [10.0, 12.0]),
        ("drive.zeeman.0.frequency", '["1 GHz", "500 MHz"]', "GHz", [1.0, 0.5]),
        ("drive.zeeman.0.field.2", '[3, "1 kA/m"]', "A/m", [3.0, 1000.0]),
        ("texture.direction.2", "[1, 0.5]", "", [1.0, 0.5]),
        ("texture.direction", "[[0, 0, 1], [0, 1.5, 0]]", "", ["[0, 0, 1]", "[0, 1.5, 0]"]),
        ("solver.petsc.ksp_type", '["gmres", "fgmres"]', "", ["gmres", "fgmres"]),
        ("solver.petsc.ksp_max_it", "[100, 200]", "", [100, 200]),
        ("electrons.force", "[true, false]", "", ["true", "false"]),
        ("wall.mode", '["steady", "quasi-static"]', "", ["steady", "quasi-static"]),
    ],
)
def test_keys_of_every_kind(tmp_path, key, values, unit, held):
    source = write(tmp_path, key, values)
    points = points_of(settings_of(source), source)
    axis = points.axis
    assert (axis.name, axis.unit, axis.values.tolist()) == (key.replace(".", "_"), unit, held)
    assert len({p.model_dump_json() for p in points.settings}) == 2


def test_units_of_keys_that_may_be_left_out():
    found = {
        k: unit_of(WallInput, f"electronic_structure.{k}") for k in ("gamma", "chemical_potential", "dmi", "residual")
    }
    assert found == {"gamma": "eV", "chemical_potential": "eV", "dmi": "", "residual": ""}
    assert unit_of(WallInput, "no.such.key") == unit_of(WallInput, "solver.petsc.ts_type") == ""


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        (
            "drive.zeeman.1.frequency",
            "[1]",
            r"scan\.key: the list 'drive\.zeeman' has 1 item, counted from 0; there is no item '1'",
        ),
        ("drive.zeeman.first", "[1]", "no item 'first'"),
        ("drive.gradient.x", "[1]", "'gradient' is a value, not a table"),
        ("texture.direction", "[[0, 1]]", r"texture\.direction = \[0, 1\]: .*expected 3 values"),
        ("drive.gradient", "[{a = 1}]", "each value must be a number, a string, true, false or a list of these"),
        ("drive.temperature", "[100, -5.0]", r"drive\.temperature = -5\.0: .*must be larger than 0"),
        ("wire.cells", "[33, 9]", r"scan\.key: wire\.cells = 9: wire\.cells: .*at least 25 cells"),
        ("wall.model", '["consistent", "paper"]', "the models have different results"),
        ("output.monitors.0.every", "[1, 2]", "'magnetization' at different output times"),
        (
            "output.monitors.0.name",
            '["wall", "heat"]',
            r"output\.monitors\.0\.name = wall: .*each name may appear only once",
        ),
        ("output.file", '["b.h5"]', "all points are in one result"),
        ("scan.groups", "[1]", "a scan cannot scan itself"),
        ("execution.checkpoint_interval", "[1, 2]", "the same for all points"),
    ],
)
def test_refused_before_anything_is_computed(tmp_path, monkeypatch, key, values, message):
    monkeypatch.setattr(WallEngine, "scan_point", None)
    with pytest.raises(InputError, match=rf"a\.toml: .*{message}"):
        run(tmp_path, key, values)
    assert [p.name for p in tmp_path.iterdir()] == ["a.toml"]


def test_points_with_different_meshes(tmp_path):
    """Padded with NaN, the places of the nodes beside: each point is the run that it would be alone."""
    r = run(tmp_path, "wire.cells", "[33, 41]")
    assert r["magnetization"].shape == (2, 1, 41, 3)
    assert r.coordinates["x_of_point"].dims == ("wire_cells", "x")
    assert "x" not in r.coordinates
    for index, cells in enumerate((33, 41)):
        one = alone(tmp_path, f"wire.cells={cells}")
        np.testing.assert_array_equal(r["x_of_point"][index, :cells], one["x"])
        np.testing.assert_array_equal(r["x_face_of_point"][index, : cells + 1], one["x_face"])
        np.testing.assert_array_equal(r["torque"][index, :, :cells], one["torque"])
        np.testing.assert_array_equal(r["spin_current"][index, :, : cells + 1], one["spin_current"])
        assert_same(single_point(r, index), one)
    assert r["x_length"].tolist() == [33, 41]
    assert np.isnan(r["x_of_point"][0, 33:]).all()
    assert np.isnan(r["torque"][0, :, 33:]).all()
    assert not np.isnan(r["torque"][1]).any()


def test_points_with_different_times(tmp_path):
    """Where the shorter ones are a part of the longest the axis keeps its labels, else each point has its own."""
    quasi = "wall.mode='quasi-static'"
    r = run(tmp_path, "time.end", '["0.0001 ns", "0.0002 ns"]', quasi)
    np.testing.assert_allclose(r["time"], [0.0, 1e-4, 2e-4])
    one = alone(tmp_path, quasi)
    np.testing.assert_array_equal(r["wall_position"][1], one["wall_position"])
    np.testing.assert_array_equal(r["wall_position"][0, :2], one["wall_position"][:2])
    assert np.isnan(r["wall_position"][0, 2])
    assert r.coordinates["time_end"].unit == "ns"
    assert r["time_length"].tolist() == [2, 3]
    assert_same(single_point(r, 1), one)
    np.testing.assert_array_equal(last(r, "wall_position"), [r["wall_position"][0, 1], r["wall_position"][1, 2]])


def test_export_of_points_with_different_meshes(tmp_path):
    """A chosen point comes with its own mesh and nothing beyond it."""
    r = run(tmp_path, "wire.cells", "[33, 41]")
    frames = wire_frames(r, WIRE, ["torque"], select={"wire_cells": "33"})
    np.testing.assert_array_equal(frames.nodes, r["x_of_point"][0, :33])
    np.testing.assert_array_equal(frames.fields[0].data, r["torque"][0, :, :33])
    with pytest.raises(InputError, match="have different axes; choose one with --select wire_cells="):
        wire_frames(r, WIRE, ["torque"])
    text = curves_as_csv(r, ["torque"], select={"wire_cells": "33", "component": "x"}, along="x").splitlines()
    rows = [line.split(",") for line in text if not line.startswith("#")]
    assert (text[1], rows[0][0], len(rows)) == ("# wire_cells = 33", "x (nm)", 34)
    np.testing.assert_allclose([float(row[1]) for row in rows[1:]], r["torque"][0, 0, :33, 0], rtol=1e-11)


def test_report_on_points_with_different_meshes(tmp_path):
    """Each point is checked by itself, with its own spacing, and the worst is told."""
    r = run(tmp_path, "wire.cells", "[33, 41]")
    found = {c.name: c for c in wall_checks.checks(r)}
    assert {c.status for c in found.values()} == {"passed"}
    assert {"Conservation of spin", "Conservation of charge", "The given current flows"} <= set(found)
    current = r.variables["spin_current"]
    tilted = current.data * np.where(np.arange(2) == 1, 1.0 + 1e-4, 1.0).reshape(2, 1, 1, 1)  # the second point alone
    wrong = replace(r, variables={**r.variables, "spin_current": replace(current, data=tilted)})
    assert {c.name for c in wall_checks.checks(wrong) if c.status == "failed"} == {"Conservation of spin"}
    failed = replace(r.variables["error"], data=np.array(["", "ConvergenceError: no"], dtype=object))
    left = wall_checks.checks(replace(wrong, variables={**wrong.variables, "error": failed}))
    assert {c.name for c in left if c.status == "failed"} == {"All 2 points of the scan"}


def test_points_with_different_models_of_motion(tmp_path):
    r = run(tmp_path, "wall.mode", '["steady", "quasi-static"]')
    assert r.attrs["kind"] == "steady/quasi-static"
    assert r["u"].shape == (2, 3)
    np.testing.assert_array_equal(r["u"][0], [r["u"][1, 0], np.nan, np.nan])


def test_what_a_point_warns_of_while_it_is_computed(tmp_path, monkeypatch, capsys):
    """With its value, on standard error."""
    look = Simulation.start
    monkeypatch.setattr(Simulation, "start", lambda sim: [sim.on_warning("the wall is near"), look(sim)][1])
    run(tmp_path, "drive.gradient", "[1, 2]")
    assert "hpcalo: warning: drive.gradient = 2: the wall is near\n" in capsys.readouterr().err


def test_variables_are_paired_by_name():
    axis = Axis("a.b", np.array([1, 2, 3, 4]), "", ("1", "2", "3", "4"))
    x = Variable("x", ("x",), np.arange(2.0), "nm")
    two = ([Variable("p", ("x",), np.array([1.0, 2.0])), Variable("q", (), np.array(7.0))], [x])
    one = ([Variable("q", (), np.array(8.0)), Variable("r", (), np.array(9.0), "eV")], [])
    swapped = (two[0][::-1], [x])
    variables, coordinates = merged(axis, [two, one, "ConvergenceError: no", swapped])
    held = {v.name: v for v in variables}
    np.testing.assert_array_equal(held["p"].data, [[1, 2], [np.nan] * 2, [np.nan] * 2, [1, 2]])
    np.testing.assert_array_equal(held["q"].data, [7, 8, np.nan, 7])
    np.testing.assert_array_equal(held["r"].data, [np.nan, 9, np.nan, np.nan])
    assert (held["p"].dims, held["r"].unit) == (("a_b", "x"), "eV")
    assert [c.name for c in coordinates] == ["a_b", "x"]


def scan(comm, folder: Path, key: str, values: str, *overrides: str, groups: int = 3) -> Exception | None:
    """What a scan over groups ends with on this rank; there is no result then, and no part of one."""
    if comm.rank == 0:
        write(folder, key, values, f"groups = {groups}\n")
    comm.Barrier()
    try:
        app.run(comm, folder / "a.toml", output=folder / "a.h5", quiet=True, force=True, overrides=overrides)
    except (InputError, ConvergenceError) as problem:
        comm.Barrier()
        assert not (folder / "a.h5").exists()
        assert not checkpoint.exists(folder / "a.h5")
        assert not list(folder.glob("a.h5*point*"))
        return problem
    return None


@pytest.mark.mpi
@pytest.mark.ranks(1, 3)
def test_all_points_fail(comm, mpi_tmp_path):
    problem = scan(comm, mpi_tmp_path, "solver.iterations", "[1, 2]")
    assert isinstance(problem, ConvergenceError)
    assert "all 2 points of the scan failed, nothing is written; solver.iterations = 1: " in str(problem)
    assert "stopped after 1 iterations" in str(problem)


@pytest.mark.mpi
@pytest.mark.ranks(2, 4)
def test_refused_by_all_points_or_by_one(comm, mpi_tmp_path):
    """An option that no point knows is told once; one of the scanned values is that point's own failure."""
    problem = scan(comm, mpi_tmp_path, "drive.gradient", "[1, 2]", "solver.petsc={ksp_tipe='gmres'}")
    assert isinstance(problem, InputError)
    assert "a.toml: all 2 points of the scan failed, nothing is written; drive.gradient = 1: " in str(problem)
    assert "solver.petsc.ksp_tipe: no solver of this run knows this option" in str(problem)
    assert scan(comm, mpi_tmp_path, "solver.petsc.ksp_type", '["none such", "fgmres"]') is None
    if comm.rank == 0:
        r = read_dataset(mpi_tmp_path / "a.h5")
        assert [bool(str(e)) for e in r["error"]] == [True, False]
        assert np.isfinite(r["u"][1]).all()
    comm.Barrier()


def test_the_former_name_of_the_table(tmp_path, capsys):
    """[sweep] is read as [scan], in the input and in --set, with one note; new results say [scan]."""
    source = write(tmp_path, "drive.gradient", "[1, 2]")
    source.write_text(source.read_text().replace("[scan]", "[sweep]"))
    app.run(MPI.COMM_SELF, source, output=tmp_path / "a.h5", overrides=("sweep.groups=1",))
    assert capsys.readouterr().err.count("note: the table [sweep] is now called [scan]") == 1
    result = read_dataset(tmp_path / "a.h5")
    assert result.settings["scan"] == {"key": "drive.gradient", "values": [1, 2], "groups": 1}
    assert "sweep" not in result.settings
    assert app.check(source).endswith("\nnote: the table [sweep] is now called [scan]; the old name still works")
    assert app.load_input(source)[1] == app.load_input(write(tmp_path, "drive.gradient", "[1, 2]"))[1]
    source.write_text(source.read_text() + "[sweep]\n")
    with pytest.raises(
        InputError, match=r"a\.toml: .*\[scan\] and \[sweep\] are two names of one table; give one of them"
    ):
        app.load_input(source)
