"""A Kubo result on its way through a wall run: what is read, refused, warned of, recorded, drawn, continued."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI
from places import INPUTS

from hpcalo import app, units
from hpcalo.coupling.source import read_source
from hpcalo.errors import CheckpointError, InputError, Interrupted
from hpcalo.io.hdf5 import read_dataset, write_dataset
from hpcalo.io.keeper import Keeper, StopRequested
from hpcalo.io.timeseries import TimeSeries

COARSE = ("kubo.k.grid=[24,24,1]", "kubo.k.shift=[0.5,0.5,0.0]")
SHORT = ("time.end='0.002 ns'", "time.output_every='0.001 ns'", "texture.relax=false", "wire.cells=151")


@pytest.fixture(scope="module")
def kubo(tmp_path_factory):
    """The shipped Kubo half of the example on a coarse mesh: what the wall makes of it does not depend on the mesh."""
    path = tmp_path_factory.mktemp("kubo") / "coefficients.h5"
    app.run(MPI.COMM_SELF, INPUTS / "mnw001_coefficients.toml", output=path, quiet=True, overrides=COARSE)
    return path


def run(folder, kubo, name, *overrides):
    """The shipped wall half, shortened."""
    output = folder / f"{name}.h5"
    given = (f"electronic_structure.result='{kubo}'", *SHORT, *overrides)
    given = tuple({text.partition("=")[0]: text for text in given}.values())  # the last one of a key counts
    app.run(MPI.COMM_SELF, INPUTS / "mnw001_wall.toml", output=output, quiet=True, overrides=given)
    return output


def settings(kubo, *overrides):
    return app.load_input(
        INPUTS / "mnw001_wall.toml", (f"electronic_structure.result='{kubo}'", "drive.profile=uniform", *overrides)
    )[1]


def source(kubo, *overrides):
    return read_source(settings(kubo, *overrides))


# -- what is taken from the file -------------------------------------------------------------------------------------


def test_numbers_of_the_shipped_film(kubo):
    """Torques on n = z from the tensors of the file: t_yx even, t_xx odd, beta_yx, D_xy, alpha_xx, moment; area."""
    r, c = read_dataset(kubo), source(kubo).coefficients
    t = np.array([300.0])
    k = int(np.flatnonzero(r["temperature"] == 300.0)[0])
    assert c.at("beta_even", t)[0] == pytest.approx(-r["beta_even"][0, 0, 1, 0, 0, k], rel=1e-9)
    assert c.at("beta_odd", t)[0] == pytest.approx(-r["beta_odd"][0, 0, 0, 0, 0, k], rel=1e-9)
    assert c.at("spiralization", t)[0] == pytest.approx(r["spiralization"][0, 0, 1, 0, k], rel=1e-9)
    assert c.at("beta_tilde_even", t)[0] == pytest.approx(r["beta_tilde_even"][0, 0, 0, 1, 0, k], rel=1e-9)
    assert c.at("beta_tilde_odd", t)[0] == pytest.approx(-r["beta_tilde_odd"][0, 0, 0, 0, 0, k], rel=1e-9)
    # (40) between the two, with the volume: area times thickness of the cell.
    volume = c.cell_area * c.cell_thickness
    assert c.at("beta_tilde_even", t)[0] == pytest.approx(300.0 / volume * c.at("beta_even", t)[0], rel=1e-9)
    # The thermal average of the curves at T = 0, by the trapezoid rule.
    x = (r["energy"]) / (units.BOLTZMANN_EV * 300.0)
    weight = 0.25 / np.cosh(np.clip(0.5 * x, -300, 300)) ** 2
    for name, value in (
        ("torkance_even", -units.E_A0 * r["torkance_even"][0, 0, 1, 0]),
        ("torkance_odd", -units.E_A0 * r["torkance_odd"][0, 0, 0, 0]),
        ("damping", r["gilbert_damping"][0, 0, 0, 0]),
        ("moment", r["spin_moment"][0]),
    ):
        assert c.at(name, t)[0] == pytest.approx(np.trapezoid(weight * value, x), rel=2e-3), name
    assert c.cell_area == pytest.approx((3.165e-10) ** 2, rel=1e-6)
    assert max(c.residual.values()) < 1e-8


def made_up(path, kubo, n_hat, disturb=0.0, errors=(0.01, 0.01)):
    """The shipped result with torkances written out for these directions, and something of another form added.

    errors: of the even and the odd torkance, relative.
    """
    error_of = dict(zip(("torkance_even", "torkance_odd"), errors, strict=True))
    r = read_dataset(kubo)
    variables, coordinates = dict(r.variables), dict(r.coordinates)
    n_hat = np.array(n_hat, dtype=float) / np.linalg.norm(n_hat, axis=1)[:, None]
    shape = r["torkance_even"].shape
    for name, variable in r.variables.items():
        if variable.dims[0] == "n_hat":
            data, error = (np.repeat(x, len(n_hat), axis=0) for x in (variable.data, variable.error))
            variables[name] = replace(variable, data=data, error=error)
    even, odd = np.zeros((len(n_hat), *shape[1:])), np.zeros((len(n_hat), *shape[1:]))
    for a, n in enumerate(n_hat):
        for j, across in enumerate(([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0])):
            even[a, 0, :, j] = (0.7 * np.cross(n, np.cross(n, across)) + disturb * np.cross(n, across))[:, None]
            odd[a, 0, :, j] = (-0.3 * np.cross(n, across))[:, None]
    for name, data in (("torkance_even", even), ("torkance_odd", odd)):
        variables[name] = replace(variables[name], data=data, error=error_of[name] * np.abs(data))
    coordinates["n_hat"] = replace(coordinates["n_hat"], data=np.arange(len(n_hat)))
    coordinates["n_vector"] = replace(coordinates["n_vector"], data=n_hat)
    kept = {k: v for k, v in r.attrs.items() if k not in ("format", "format_version", "Conventions")}
    write_dataset(path, MPI.COMM_SELF, list(variables.values()), list(coordinates.values()), attrs=kept, texts=r.texts)
    return path


ALL_OFF = tuple(
    f"electronic_structure.{key}=off" for key in ("thermal_torkance", "heat_current")
) + tuple(f"electronic_structure.{key}=input" for key in ("dmi", "damping", "saturation"))  # fmt: skip


def test_lowest_order_of_several_directions(kubo, tmp_path):
    path = made_up(tmp_path / "a.h5", kubo, [[0, 0, 1], [1, 0, 0], [1, 2, -2]])
    found = source(path, *ALL_OFF)
    t = np.array([300.0])
    assert found.coefficients.at("torkance_even", t)[0] == pytest.approx(0.7 * units.E_A0, rel=1e-4)
    assert found.coefficients.at("torkance_odd", t)[0] == pytest.approx(-0.3 * units.E_A0, rel=1e-4)
    assert not any("normal only" in w or "lowest order" in w for w in found.warnings)


def test_errors_of_the_result_are_those_of_the_coefficients(kubo, tmp_path):
    """Elements and energies may err alike: the error is the largest possible. Above the threshold it is warned of."""
    c, t = source(kubo).coefficients, np.array([300.0])
    r = read_dataset(kubo)
    k = int(np.flatnonzero(r["temperature"] == 300.0)[0])
    beta = 0.5 * (r["beta_even_error"][0, 0, 1, 0, 0, k] + r["beta_even_error"][0, 0, 0, 1, 0, k])
    assert np.interp(t, c.temperatures, c.errors["beta_even"])[0] == pytest.approx(beta, rel=1e-9)
    assert set(c.errors) == set(c.tables)
    found = source(made_up(tmp_path / "a.h5", kubo, [[0, 0, 1], [1, 0, 0]], errors=(0.02, 0.2)), *ALL_OFF)
    assert found.coefficients.errors["torkance_even"] == pytest.approx(0.02 * 0.7 * units.E_A0, rel=1e-4)
    assert "torkance_even = (5.93 ± 0.12)e-30 C*m at 300 K" in found.texts["notes"].splitlines()
    (line,) = [text for text in found.warnings if "not converged" in text]
    assert line == f"{tmp_path / 'a.h5'}: not converged: torkance_odd = (-2.5 ± 0.5)e-30 C*m (20 %)"
    unknown = source(made_up(tmp_path / "b.h5", kubo, [[0, 0, 1]], errors=(np.nan, 0.01)), *ALL_OFF)
    assert f"{tmp_path / 'b.h5'}: the errors of torkance_even are not known" in unknown.warnings
    assert "torkance_odd = (-2.544 ± 0.025)e-30 C*m at 300 K" in unknown.texts["notes"]


def test_other_forms_are_noticed_and_refused(kubo, tmp_path):
    """Something 4 % of the torque is told of; 30 % is refused, unless the input allows it."""
    slight = source(made_up(tmp_path / "a.h5", kubo, [[0, 0, 1], [1, 0, 0]], 0.03), *ALL_OFF)
    assert any("torkance_even: 0.0" in w and "outside the lowest order" in w for w in slight.warnings)
    strong = made_up(tmp_path / "b.h5", kubo, [[0, 0, 1], [1, 0, 0]], 0.3)
    with pytest.raises(InputError, match=r"torkance_even: 0\.3\d* of it lies outside .*residual allows 0\.1"):
        source(strong, *ALL_OFF)
    assert source(strong, *ALL_OFF, "electronic_structure.residual=0.5")


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("drive.temperature=420",), r"the wire is at 420 K, .*180 to 400 K \(kubo\.temperatures\)"),
        (("drive.profile=ramp", "drive.gradient=2.0"), r"the wire is at 100 to 500 K"),
        (("electronic_structure.gamma='30 meV'",), r"gamma: 0\.03 eV is not one of its values; .* gamma = 0\.025 eV"),
        (
            ("electronic_structure.chemical_potential=0.05",),
            r"chemical_potential: 0\.05 eV is not one of its values; .* mu = 0 eV",
        ),
        (("electronic_structure.torkanse=both",), "did you mean 'torkance'"),
        (("wall.model=paper",), "the published model does not use it"),
        (("wall.mode=time-dependent",), r"electrons\.spin_torque: false needs wall\.mode = 'quasi-static'"),
    ],
)
def test_refusals(kubo, tmp_path, overrides, message):
    given = overrides if overrides[0].startswith("drive.profile") else ("drive.profile=uniform", *overrides)
    with pytest.raises(InputError, match=message) as caught:
        run(tmp_path, kubo, "a", *given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_wrong_files(kubo, tmp_path):
    with pytest.raises(
        InputError, match=r"electronic_structure\.result: .*nowhere\.h5: .*expected a result of a Kubo run"
    ):
        source(tmp_path / "nowhere.h5")
    with pytest.raises(InputError, match="is not an hpcalo result"):
        source(INPUTS / "models" / "mnw3_dzp.h5")
    wall = run(tmp_path, kubo, "wall", "wall.mode=steady", "drive.profile=uniform")
    with pytest.raises(InputError, match="is a result of a wall run; expected one of a Kubo run"):
        source(wall)
    other = tmp_path / "ahc.h5"
    few = ("kubo.quantities=['torkance']", "kubo.k.grid=[6,6,1]", "kubo.temperatures=[300]")
    app.run(MPI.COMM_SELF, INPUTS / "mnw001_coefficients.toml", output=other, quiet=True, overrides=few)
    scan = ("scan.key=kubo.gamma", "scan.values=[0.1]")
    app.run(
        MPI.COMM_SELF,
        INPUTS / "mnw001_coefficients.toml",
        output=tmp_path / "scan.h5",
        quiet=True,
        overrides=few + scan,
    )
    with pytest.raises(InputError, match="is a scan; expected the result of a single run"):
        source(tmp_path / "scan.h5")
    expected = (
        r"has no beta_odd, beta_even, beta_tilde_odd, beta_tilde_even, spiralization, gilbert_damping, spin_moment .*"
        r'add "thermal_torkance", "inverse_thermal_torque", "spiralization", "damping" to kubo\.quantities'
    )
    with pytest.raises(InputError, match=expected):
        source(other)
    assert source(other, *ALL_OFF, "drive.temperature=77")  # a curve of the Fermi energy serves any temperature
    short = r"Fermi energies run from -0\.6 to 0\.6 eV; the thermal average at 900 K needs"
    with pytest.raises(InputError, match=short):
        source(other, *ALL_OFF, "drive.temperature=900")


def test_heat_needs_the_table(tmp_path):
    text = "[wall]\n[output]\nmonitors = [{name = 'heat'}]\n"
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=r"output\.monitors: 'heat' needs the table \[electronic_structure\]"):
        app.load_input(tmp_path / "a.toml")


def test_warnings(kubo):
    told = " ".join(source(kubo, "electronic_structure.saturation=input", "magnet.anisotropy='1e6 J/m^3'").warnings)
    assert "magnetization along the film's normal only" in told
    assert "magnet.saturation_magnetization: is 5.21 µ_B per cell, the result's moment is 2.56" in told
    assert "above 4 sqrt(AK)/pi = 9 mJ/m^2" in told
    assert "|D| = 14.7 mJ/m^2" in told
    assert not any("sqrt(AK)" in w or "µ_B" in w for w in source(kubo).warnings)


# -- whole runs ------------------------------------------------------------------------------------------------------


def test_shipped_example(kubo, tmp_path):
    """Contents, record, reciprocity on the way, picture; the coefficients of the file are those that were used. Mesh
    and relaxed start are those of the input.
    """
    path = run(tmp_path, kubo, "a", "wire.cells=301", "texture.relax=true")
    r = read_dataset(path)
    assert r["heat_current"].shape == (3, 301)
    assert r["dmi_energy"].shape == (3, 302)
    assert np.abs(r["heat_current"]).max() > 0.0
    for part in ("even", "odd"):  # both interpolated in T on their own, so not to the last digit
        np.testing.assert_allclose(r[f"power_spin_orbit_thermal_{part}"], r[f"heat_work_{part}"], rtol=5e-3)
    assert r.variables["heat_current"].unit == "W/m"
    used = r["coefficient_spiralization"]
    assert np.array_equal(used, read_dataset(kubo)["spiralization"][0, 0, 1, 0]) or np.allclose(
        used, read_dataset(kubo)["spiralization"][0, 0, 1, 0], rtol=1e-12
    )
    assert r.variables["coefficient_beta_even"].unit == "J*m/K"
    assert (r["coefficient_beta_even_error"] > 0.0).all()
    assert " ± " in next(text for text in r.texts["notes"].splitlines() if text.startswith("beta_even = "))
    import hashlib  # noqa: PLC0415

    assert r.attrs["electronic_structure_sha256"] == hashlib.sha256(kubo.read_bytes()).hexdigest()
    assert r.attrs["electronic_structure_file"] == str(kubo)
    assert "mnw3_dzp.h5" in r.texts["electronic_structure_resolved_input"]
    assert "[electronic_structure]" in r.texts["resolved_input"]
    picture = app.plot([path], output=tmp_path / "a.png", force=False)
    assert picture.stat().st_size > 10_000
    maps = app.plot([path], output=tmp_path / "b.png", force=False, quantities=("dmi_map", "heat_current"))
    assert maps.stat().st_size > 10_000
    assert "warning:" in app.check(INPUTS / "mnw001_wall.toml", (f"electronic_structure.result='{kubo}'",))


def test_electrons_beside_it(kubo, tmp_path):
    """Spin-transfer and spin-orbit torques together: the electrons' torque is not zero, and their field drives both."""
    r = read_dataset(
        run(tmp_path, kubo, "a", "electrons.spin_torque=true", "wall.mode=steady", "drive.profile=uniform")
    )
    assert np.abs(r["torque"]).max() > 0.0
    assert r["electric_field"][0] == pytest.approx(1e5)
    assert np.abs(r["damping_like_field"]).min() > 0.0


def test_scan(kubo, tmp_path, capsys):
    """The damping-like field of a uniform wire is linear in E; the record names the file; coefficients are told."""
    source_text = (INPUTS / "mnw001_wall.toml").read_text().replace("../mnw001_coefficients.h5", str(kubo))
    extra = '[scan]\nkey = "drive.electric_field"\nvalues = [1e5, 2e5, 3e5]\n'
    (tmp_path / "s.toml").write_text(source_text + extra)
    over = ("wall.mode=steady", "texture.relax=false", "drive.profile=uniform", "drive.gradient=0.0")
    app.run(MPI.COMM_SELF, tmp_path / "s.toml", output=tmp_path / "s.h5", overrides=over)
    r = read_dataset(tmp_path / "s.h5")
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert told == [f"note: {text}" for text in r.texts["notes"].splitlines()]
    assert any(line.startswith("note: torkance_") for line in told)
    field = r["damping_like_field"][:, 0, 5]
    np.testing.assert_allclose(field / field[0], [1.0, 2.0, 3.0], rtol=1e-12)
    assert r.attrs["electronic_structure_file"] == str(kubo)


def test_restart_goes_on_with_the_same_coefficients(kubo, tmp_path, monkeypatch):
    """Bit for bit with the same file; refused when the file has become another one."""
    copy = tmp_path / "coefficients.h5"
    copy.write_bytes(kubo.read_bytes())
    short = ("time.end='0.001 ns'", "time.output_every='0.0005 ns'")
    whole = read_dataset(run(tmp_path, copy, "whole", *short))
    written, append = [], TimeSeries.append

    def counted(self, *arguments):
        written.append(1)
        append(self, *arguments)

    def ask(self):
        if len(written) == 2:
            raise StopRequested("stopped by SIGTERM")

    with monkeypatch.context() as patch:
        patch.setattr(TimeSeries, "append", counted)
        patch.setattr(Keeper, "check", ask)
        with pytest.raises(Interrupted):
            run(tmp_path, copy, "part", *short)
    output = tmp_path / "part.h5"
    unfinished = {path: path.read_bytes() for path in tmp_path.glob("part.h5.*")}
    app.restart(MPI.COMM_SELF, output, quiet=True)
    rest = read_dataset(output)
    for key in whole.variables:
        assert np.array_equal(rest[key], whole[key], equal_nan=True), key
    output.unlink()
    for path, content in unfinished.items():
        path.write_bytes(content)
    made_up(tmp_path / "b.h5", kubo, [[0, 0, 1]])
    copy.write_bytes((tmp_path / "b.h5").read_bytes())
    with pytest.raises(CheckpointError, match="has changed since the run began"):
        app.restart(MPI.COMM_SELF, output, quiet=True)
