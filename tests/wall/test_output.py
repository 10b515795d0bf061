"""Runs from input to result file: contents, continuation bit for bit, scans, schedules, the shipped inputs,
pictures."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from inputs import small_wall
from mpi4py import MPI
from places import INPUTS

from hpcalo import app
from hpcalo.errors import CheckpointError, InputError, Interrupted, OutputError
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.saved import read_state
from hpcalo.io.timeseries import TimeSeries


def run(folder: Path, name: str, text: str, *overrides: str, comm=MPI.COMM_SELF, force=False) -> Path:
    source, output = folder / f"{name}.toml", folder / f"{name}.h5"
    source.write_text(text)
    app.run(comm, source, output=output, quiet=True, force=force, overrides=overrides)
    return output


def test_contents(tmp_path):
    r = read_dataset(run(tmp_path, "a", small_wall()))
    assert r["time"].tolist() == pytest.approx([0.0, 0.001, 0.002, 0.003, 0.004], abs=1e-15)
    for name in (
        "magnetization", "spin_accumulation", "spin_current", "charge_current", "density_deviation",
        "torque_electrical", "torque_thermal", "torque_damping_like", "torque_field_like", "A", "B",
        "thermal_polarization", "beta_Q", "u",
        "beta", "temperature", "mean_mz", "wall_position", "wall_velocity", "wall_width", "wall_angle", "energy_total",
        "power_damping", "power_spin_torque",
    ):  # fmt: skip
        assert np.isfinite(r[name]).all(), name
    assert r["magnetization"].shape == (5, 81, 3)
    assert r["spin_current"].shape == (5, 82, 3)
    assert np.abs(np.linalg.norm(r["magnetization"], axis=2) - 1).max() < 1e-12
    np.testing.assert_allclose(
        r["torque_electrical"] + r["torque_thermal"], r["torque"], atol=1e-6 * np.abs(r["torque"]).max()
    )
    assert r.attrs["engine"] == "wall"
    assert "resolved_input" in r.texts
    assert r.attrs["linear_solves"] > 10
    # The energy balance over the run: what the powers say against what the energy does (trapezoid over 1 ps frames).
    power = r["power_damping"] + r["power_spin_torque"]
    work = np.sum(0.5 * (power[1:] + power[:-1])) * 1e-12
    assert np.diff(r["energy_total"]).sum() == pytest.approx(work, rel=0.02)


def test_energy_balance_of_a_slow_wall(tmp_path):
    """At the default tolerance the powers of a wall that hardly moves any more are what its energy does, within 1 %.

    With 1e-7 the damping's power is 50 times too large at the end: what is left of the error in M shakes at the rate of
    the exchange field, and the power is quadratic in dM/dt.
    """
    short = (
        "time.end='0.6 ns'", "time.output_every='0.01 ns'", "drive.gradient='0 K/nm'", "drive.current_density=0",
        "output.monitors=[{name='energies'}]",
    )  # fmt: skip
    text = (
        small_wall()
        .replace("tolerance = 1e-6\n", "")
        .replace("[magnet]\n", "[texture]\nwidth = 5.5\nangle = 5.0\n[magnet]\n")
    )
    r = read_dataset(run(tmp_path, "a", text, *short))
    change, power = np.diff(r["energy_total"]), r["power_damping"]
    late = slice(20, None)
    # exponential decay between two frames: the logarithmic mean
    mean = (power[1:] - power[:-1]) / np.log(power[1:] / power[:-1])
    np.testing.assert_allclose(change[late], 1e-11 * mean[late], rtol=0.01)
    assert -1e-12 < change[-1] < -1e-14  # it hardly moves, but what is compared is not round-off


def test_xarray_opens_it(tmp_path):
    xarray = pytest.importorskip("xarray")
    path = run(tmp_path, "a", small_wall())
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data["magnetization"].dims == ("time", "x", "component")
        assert data["wall_position"].attrs["units"] == "nm"
        assert list(data["component"].values) == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("mode", "integrator"),
    [
        ("quasi-static", "rk"),
        ("quasi-static", "bdf"),
        ("quasi-static", "arkimex"),
        ("time-dependent", "arkimex"),
        ("time-dependent", "bdf"),
        ("time-dependent", "rosw"),
    ],
)
def test_continuation_is_bitwise(tmp_path, mode, integrator):
    """Stopped after two of four frames and continued: the same bits as the run that was not stopped."""
    options = ("time.output_every='0.0002 ns'", "momentum.points=20", "time.end='0.0008 ns'")
    if integrator not in ("rk", "arkimex"):  # the error of the steps takes longer than these runs
        options = ("output.step_error=false", *options)
    whole = read_dataset(run(tmp_path, "whole", small_wall(mode, integrator), *options))
    run(tmp_path, "half", small_wall(mode, integrator), *options[:-1], "time.end='0.0004 ns'")
    rest = read_dataset(
        run(tmp_path, "rest", small_wall(mode, integrator), *options, f"wall.continue_from='{tmp_path / 'half.h5'}'")
    )
    assert rest["time"].tolist() == whole["time"][2:].tolist()
    for name in whole.variables:
        assert np.array_equal(rest[name], whole[name][2:], equal_nan=True), name
    a, b = read_state(tmp_path / "whole.h5"), read_state(tmp_path / "rest.h5")
    assert a.arrays.keys() == b.arrays.keys()
    for name, values in a.arrays.items():
        assert np.array_equal(values, b.arrays[name]), name


@pytest.mark.parametrize(("mode", "integrator"), [("quasi-static", "rk"), ("time-dependent", "arkimex")])
def test_restart_is_bitwise(tmp_path, monkeypatch, mode, integrator):
    """Stopped politely after the second frame, restarted from the checkpoint: the same file as without the stop."""
    options = (
        "time.output_every='0.0002 ns'",
        "time.end='0.0008 ns'",
        "output.monitors=[{name='wall'},{name='magnetization',every=2}]",
    )
    whole = read_dataset(run(tmp_path, "whole", small_wall(mode, integrator), *options))
    with monkeypatch.context() as patch:
        stopped_after(patch, 3)
        with pytest.raises(Interrupted, match=r"at 0\.0004 ns; 'hpcalo restart .*part\.h5' continues"):
            run(tmp_path, "part", small_wall(mode, integrator), *options)
    assert not (tmp_path / "part.h5").exists()
    with pytest.raises(CheckpointError, match="left a checkpoint"):
        run(tmp_path, "part", small_wall(mode, integrator), *options)
    unfinished = read_dataset(tmp_path / "part.h5.frames")
    assert unfinished["wall_position"].shape == whole["wall_position"].shape
    assert np.isnan(unfinished["wall_position"][3:]).all()
    assert np.isnan(unfinished["magnetization"][2:]).all()
    assert np.array_equal(unfinished["magnetization"][:2], whole["magnetization"][:2])
    # A frame that was written after the checkpoint is computed again.
    with h5py.File(tmp_path / "part.h5.frames", "r+") as file:
        for name in ("time", "wall_position"):
            file[name][3] = 7.0
    app.restart(MPI.COMM_SELF, tmp_path / "part.h5", quiet=True)
    rest = read_dataset(tmp_path / "part.h5")
    assert rest["time"].tolist() == whole["time"].tolist()
    for name in whole.variables:
        assert np.array_equal(rest[name], whole[name], equal_nan=True), name
    assert sorted(p.name for p in tmp_path.iterdir()) == ["part.h5", "part.toml", "whole.h5", "whole.toml"]


def stopped_after(patch, frames):
    """Runs inside are asked to stop in the first step after so many frames."""
    written, append = [], TimeSeries.append

    def counted(self, *arguments):
        written.append(1)
        append(self, *arguments)

    def ask(self):
        if len(written) == frames:
            raise StopRequested("stopped by SIGTERM")

    patch.setattr(TimeSeries, "append", counted)
    patch.setattr(Keeper, "check", ask)


def test_state_must_fit(tmp_path):
    path = run(tmp_path, "a", small_wall(), "time.end='0.001 ns'")
    with pytest.raises(CheckpointError, match="holds 81 cells, the input has 91"):
        run(tmp_path, "b", small_wall(), "wire.cells=91", f"wall.continue_from='{path}'")
    with pytest.raises(CheckpointError, match="was written in mode 'quasi-static'"):
        run(tmp_path, "c", small_wall("time-dependent", "bdf"), f"wall.continue_from='{path}'")
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path, "d", small_wall(), "wall.continue_from='nowhere.h5'")
    with h5py.File(path, "r+") as file:
        file["state/complete"][()] = 0
    with pytest.raises(CheckpointError, match="not written completely"):
        run(tmp_path, "e", small_wall(), f"wall.continue_from='{path}'")


def test_existing_result_is_kept(tmp_path):
    run(tmp_path, "a", small_wall(), "wall.mode=steady")
    with pytest.raises(OutputError, match="exists already"):
        run(tmp_path, "a", small_wall(), "wall.mode=steady")
    run(tmp_path, "a", small_wall(), "wall.mode=steady", force=True)


def test_schedule(tmp_path):
    """Monitors with `every = 2` get their own time axis."""
    r = read_dataset(run(tmp_path, "a", small_wall(), "output.monitors=[{name='wall'},{name='magnetization',every=2}]"))
    assert r["time"].size == 5
    assert r["time_2"].tolist() == pytest.approx([0.0, 0.002, 0.004])
    assert r.variables["magnetization"].dims[0] == "time_2"
    assert "torque" not in r.variables


def test_scan_records_a_failed_point(tmp_path):
    """One point whose solver may not converge: recorded, and the others are there."""
    text = small_wall().replace('mode = "quasi-static"', 'mode = "steady"')
    scan = '[scan]\nkey = "solver.iterations"\nvalues = [100, 1, 50]\n'
    r = read_dataset(run(tmp_path, "a", text + scan))
    errors = [str(e) for e in r["error"]]
    assert errors[0] == ""
    assert errors[2] == ""
    assert "stopped after 1 iterations" in errors[1]
    assert np.isnan(r["u"][1]).all()
    assert r["u"][0, 0] == pytest.approx(r["u"][2, 0], rel=1e-9)
    assert r.attrs["failed_points"] == 1


def test_scan_over_the_gradient_is_linear(tmp_path):
    text = small_wall().replace('mode = "quasi-static"', 'mode = "steady"')
    r = read_dataset(run(tmp_path, "a", text + '[scan]\nkey = "drive.gradient"\nvalues = [1, "2e9 K/m", 4.0]\n'))
    assert r["drive_gradient"].tolist() == [1.0, 2.0, 4.0]  # numbers in the key's unit, however they were given
    np.testing.assert_allclose(r["u_thermal"][:, 0] / r["drive_gradient"], r["u_thermal"][0, 0], rtol=1e-8)
    assert r.coordinates["drive_gradient"].unit == "K/nm"


@pytest.mark.parametrize(
    ("key", "message"),
    [("drive.gradent", "did you mean 'gradient'"), ("wire.cells", "at least 33 cells")],
)
def test_bad_scans(tmp_path, key, message):
    with pytest.raises(InputError, match=rf"a\.toml: .*{message}"):
        run(tmp_path, "a", small_wall() + f'[scan]\nkey = "{key}"\nvalues = [3]\n')


SHORT = {
    "heated_wall": ("time.end='0.002 ns'", "time.output_every='0.001 ns'"),
    "permalloy_wall": ("time.end='0.002 ns'", "time.output_every='0.001 ns'"),
    "permalloy_wall_coupled": ("time.end='0.001 ns'", "time.output_every='0.0005 ns'"),
    "permalloy_wall_kappa": (),
    "permalloy_wall_temperature": (),
}


@pytest.mark.parametrize("name", sorted({p.stem for p in INPUTS.glob("*wall*.toml")} - {"mnw001_wall"}))
def test_shipped_inputs_run_and_plot(tmp_path, name):
    """Every shipped wall input, shortened where it is long; its picture is made, too."""
    output = tmp_path / f"{name}.h5"
    app.run(MPI.COMM_SELF, INPUTS / f"{name}.toml", output=output, quiet=True, overrides=SHORT[name])
    picture = app.plot([output], output=tmp_path / f"{name}.png", force=False)
    assert picture.stat().st_size > 10_000
    r = read_dataset(output)
    if name == "permalloy_wall_kappa":
        assert np.all(np.diff(r["u"][:, 0]) > 0)
        share = r["u_thermal"][:, 0] / r["u"][:, 0]
        assert share[0] == pytest.approx(0.49, abs=0.01)
        assert share[-1] == pytest.approx(0.92, abs=0.01)
    if name == "permalloy_wall_temperature":
        assert np.all(np.diff(r["u"][:, 0] * r["beta"][:, 0]) > 0)


def test_petsc_options(tmp_path):
    """Options reach the solvers; an unknown option or type is one clear line."""
    short = ("time.end='0.0005 ns'", "time.output_every='0.0005 ns'")
    standard = read_dataset(run(tmp_path, "a", small_wall(), *short))
    other = read_dataset(run(tmp_path, "b", small_wall(), *short, "solver.petsc={ts_rk_type='3bs',ksp_type='gmres'}"))
    assert other.attrs["steps"] != standard.attrs["steps"]
    np.testing.assert_allclose(other["magnetization"], standard["magnetization"], atol=1e-5)
    implicit = read_dataset(run(tmp_path, "c", small_wall(), *short, "solver.petsc={ts_type='bdf'}"))
    np.testing.assert_allclose(implicit["magnetization"], standard["magnetization"], atol=1e-4)
    unknown = r"solver\.petsc\.ts_rk_tipe: no solver of this run knows this option; did you mean 'ts_rk_type'"
    with pytest.raises(InputError, match=unknown):
        run(tmp_path, "d", small_wall(), *short, "solver.petsc={ts_rk_tipe='3bs'}")
    with pytest.raises(InputError, match="Unknown TS type: ruk") as caught:
        run(tmp_path, "e", small_wall(), *short, "solver.petsc={ts_type='ruk'}")
    assert "\n" not in str(caught.value)
    from petsc4py import PETSc  # noqa: PLC0415

    PETSc.Options()["hpcalo_wall_ksp_tipe"] = "gmres"
    try:
        with pytest.raises(InputError, match="-hpcalo_wall_ksp_tipe: no solver"):
            run(tmp_path, "f", small_wall(), *short)
    finally:
        PETSc.Options().delValue("hpcalo_wall_ksp_tipe")


def test_check_command(tmp_path):
    source = tmp_path / "a.toml"
    source.write_text(small_wall())
    text = app.check(source, ("momentum.points=18",), ranks=4)
    assert "6,480" not in text
    assert "unknowns" in text
    assert "warning: momentum.points" in text
    assert "group" not in text
    changed = "scan={key='drive.gradient',values=[1,2,3,4,5]}"
    assert "scan of drive.gradient: 5 values, 4 groups of about 1 rank\n" in app.check(source, (changed,), ranks=4)


def test_plot_names_what_it_has(tmp_path):
    path = run(tmp_path, "a", small_wall(), "wall.mode=steady")
    with pytest.raises(InputError, match="'torgue' is not a quantity; did you mean 'torque'"):
        app.plot([path], output=tmp_path / "a.png", force=False, quantities=("torgue",))
