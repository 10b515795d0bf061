"""Scans of Kubo inputs: each point has the bits of its own run, whatever the groups and interruptions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inputs import RASHBA
from journeys import completed, write
from program import NOTHING, STOP, differences, meetings, restart, run

from hpcalo import app
from hpcalo.errors import CheckpointError, InputError, Interrupted
from hpcalo.hamiltonian.builtin import ferromagnet
from hpcalo.hamiltonian.modelfile import write_model
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo import scan as kubo_scan
from hpcalo.kubo.figure import draw, pages
from hpcalo.kubo.scanned.points import point
from hpcalo.kubo.scanned.values import series

BASE = RASHBA.format(quantities='"torkance", "thermal_torkance", "density_of_states"', energies="", side=12)
BASE = BASE.replace("[kubo]", "[model.rashba]\nexchange = 0.5\n[kubo]", 1)
GRIDS = [[8, 8, 1], [16, 16, 1], [32, 32, 1]]


def scan_of(key: str, values: object, text: str = BASE) -> str:
    return f'{text}\n[scan]\nkey = "{key}"\nvalues = {values}\n'


def same_as_alone(comm, folder: Path, scan: Path, index: int, override: str) -> None:
    """The point of the scan has the arrays, with their errors, and the attributes of the run by itself."""
    (folder / "alone.toml").write_text(BASE)
    app.run(comm, folder / "alone.toml", output=folder / "alone.h5", quiet=True, force=True, overrides=(override,))
    one, alone = point(read_dataset(scan), index), read_dataset(folder / "alone.h5")
    assert one.variables.keys() == alone.variables.keys()
    for name, variable in alone.variables.items():
        assert one[name].tobytes() == alone[name].tobytes(), name
        assert (variable.error is None) == (one.variables[name].error is None)
        if variable.error is not None:
            assert np.asarray(one.variables[name].error).tobytes() == np.asarray(variable.error).tobytes(), name
    for name in ("energy", "gamma", "temperature", "n_vector"):
        assert one[name].tobytes() == alone[name].tobytes(), name
    for name in ("reference_energy_eV", "k_points_full", "cell_area_A2"):
        assert one.attrs[name] == alone.attrs[name]


@pytest.fixture(scope="module")
def meshes(tmp_path_factory, world) -> Path:
    folder = tmp_path_factory.mktemp("meshes")
    (folder / "m.toml").write_text(scan_of("kubo.k.grid", GRIDS))
    app.run(world, folder / "m.toml", output=folder / "m.h5", quiet=True)
    return folder / "m.h5"


def test_points_are_runs_of_their_own(comm, meshes, tmp_path):
    same_as_alone(comm, tmp_path, meshes, 1, "kubo.k.grid=[16,16,1]")
    result = read_dataset(meshes)
    assert result["k_points_full"].tolist() == [64.0, 256.0, 1024.0]
    assert result["kubo_k_grid"].tolist() == [str(grid) for grid in GRIDS]
    assert result.variables["torkance_even"].dims[0] == "kubo_k_grid"
    assert "scan of kubo.k.grid" in app.info(meshes)


@pytest.mark.parametrize(
    ("key", "values", "override", "index"),
    [
        ("kubo.gamma", "[[0.05], [0.03, 0.1], [0.2]]", "kubo.gamma=[0.03,0.1]", 1),
        ("kubo.n_hat", "[[0, 0, 1], [0, 1, 1]]", "kubo.n_hat=[0,1,1]", 1),
        ("model.rashba.exchange", "[0.3, 0.7]", "model.rashba.exchange=0.7", 1),
        ("kubo.energies.points", "[11, 23]", "kubo.energies.points=11", 0),
    ],
)
def test_any_key(comm, tmp_path, key, values, override, index):
    """Also where the points differ in the length or the places of an axis."""
    (tmp_path / "s.toml").write_text(scan_of(key, values))
    app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    same_as_alone(comm, tmp_path, tmp_path / "s.h5", index, override)


def test_a_single_value_is_a_number_with_its_unit(comm, tmp_path):
    (tmp_path / "s.toml").write_text(
        scan_of("kubo.gamma", [0.2, "50 meV"], BASE.replace("thermal_torkance", "damping"))
    )
    app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    axis = read_dataset(tmp_path / "s.h5").coordinates["kubo_gamma"]
    assert (np.asarray(axis.data).tolist(), axis.unit) == ([0.2, 0.05], "eV")


def test_the_model_is_read_once(comm, tmp_path, monkeypatch):
    write_model(tmp_path / "m.h5", ferromagnet())
    text = BASE.replace('builtin = "rashba"', 'file = "m.h5"').replace("thickness = 3.0\n", "")
    text = text.replace("[model.rashba]\nexchange = 0.5\n", "")
    (tmp_path / "s.toml").write_text(scan_of("kubo.k.grid", [[4, 4, 4], [5, 5, 5]], text))
    read = []

    def counted(section, real=kubo_scan.load_model):
        read.append(section)
        return real(section)

    monkeypatch.setattr(kubo_scan, "load_model", counted)
    app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    assert len(read) == 1
    assert "m.h5" in read_dataset(tmp_path / "s.h5").texts["model_sha256"]


def test_values_of_the_convergence_figure(meshes):
    """Values and errors are those of the file at the Fermi energy, for the smallest Γ, near 300 K."""
    result = read_dataset(meshes)
    (one,) = [s for s in series(result) if (s.name, s.element) == ("beta_even", "yx")]
    place = (slice(None), 0, 0, 1, 0, 0, 1)
    assert result.variables["beta_even"].dims[1:] == ("n_hat", "gamma", "torque", "field", "mu", "temperature")
    assert one.value == pytest.approx(result["beta_even"][place])
    assert one.error == pytest.approx(result["beta_even_error"][place])
    assert one.condition == "Γ = 30 meV, 200 K"
    figure = draw([result])
    assert len(figure.axes) == 6
    left, right = figure.axes[:2]
    assert left.get_xscale() == right.get_xscale() == right.get_yscale() == "log"
    far = right.get_lines()[0]
    assert far.get_xdata().tolist() == [64.0, 256.0]
    shown = next(s for s in series(result) if s.name == "beta_even").value
    assert far.get_ydata() == pytest.approx(np.abs(shown[:2] / shown[2] - 1.0))
    names = [name for page in pages(result) for name in page]
    assert len(draw([result], names).axes) == 2 * len(names)
    with pytest.raises(InputError, match="has no 'beta_evn'; did you mean 'beta_even'"):
        draw([result], ["beta_evn"])


def test_report_and_check(comm, meshes, tmp_path):
    alone = ("kubo.quantities=['density_of_states']", "kubo.gamma=0.1")
    app.run(comm, meshes.with_suffix(".toml"), output=tmp_path / "m.h5", quiet=True, overrides=alone)
    app.report(tmp_path / "m.h5", output=tmp_path / "m.html")
    page = (tmp_path / "m.html").read_text()
    assert "scan of kubo.k.grid" in page
    assert "All 3 points of the scan" in page
    text = app.check(meshes.with_suffix(".toml"))
    assert "3 points in 1 groups of ranks" in text
    assert "kubo.k.grid = [16, 16, 1]: 256 k-points" in text


def test_refused_before_anything_is_computed(comm, tmp_path):
    for key, values, words in (
        ("kubo.k.grid", [[4, 4, 0]], r"scan\.key: kubo\.k\.grid = \[4, 4, 0\]: .*at least 1"),
        ("title", ["a"], "title cannot be scanned: all points are in one result"),
        ("model.fermi_energies", [0.1], "unknown key; did you mean 'fermi_energy'"),
    ):
        (tmp_path / "s.toml").write_text(scan_of(key, str(values).replace("'", '"')))
        with pytest.raises(InputError, match=words):
            app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


def test_a_refused_point_does_not_stop_the_others(comm, tmp_path):
    """Refused only while a point is computed, and not about the scanned key; all points alike end the scan."""
    text = BASE.replace("grid = [12, 12, 1]", "points_max = 8000\ntarget = 0.5").replace(
        "shift = [0.5, 0.5, 0.0]\n", ""
    )
    (tmp_path / "s.toml").write_text(scan_of("kubo.k.symmetry", '["off", "auto"]', text))
    app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    result = read_dataset(tmp_path / "s.h5")
    first, second = (str(error) for error in result["error"])
    assert first.startswith("InputError: kubo.k.points_max = 8,000: ")
    assert second == ""
    assert "1 of 2 points failed (kubo.k.symmetry = off; InputError: kubo.k.points_max" in result.texts["warnings"]
    (tmp_path / "t.toml").write_text(scan_of("kubo.gamma", [0.1, 0.2], text))
    with pytest.raises(
        InputError, match=r"all 2 points of the scan failed, .*; kubo\.gamma = 0\.1: kubo\.k\.points_max"
    ):
        app.run(comm, tmp_path / "t.toml", output=tmp_path / "t.h5", quiet=True, overrides=("kubo.k.points_max=1",))
    assert {path.name for path in tmp_path.iterdir()} == {"s.toml", "s.h5", "t.toml"}


def test_another_model_is_not_continued(comm, tmp_path):
    write_model(tmp_path / "m.h5", ferromagnet())
    text = BASE.replace('builtin = "rashba"', 'file = "m.h5"').replace("thickness = 3.0\n", "")
    text = text.replace("[model.rashba]\nexchange = 0.5\n", "")
    (tmp_path / "s.toml").write_text(scan_of("kubo.k.grid", [[4, 4, 4], [8, 8, 8]], text))
    with meetings(STOP), pytest.raises(Interrupted):
        app.run(comm, tmp_path / "s.toml", output=tmp_path / "s.h5", quiet=True)
    write_model(tmp_path / "m.h5", ferromagnet(exchange=0.3), force=True)
    with pytest.raises(CheckpointError, match="was begun with other model files"):
        app.restart(comm, tmp_path / "s.h5", quiet=True)


@pytest.mark.mpi
@pytest.mark.ranks(2, 3)
def test_groups_and_interruptions_change_no_bits(comm, mpi_tmp_path):
    """Two groups, or one of all ranks; stopped in the middle of a point, and continued by fewer ranks."""
    source = write(comm, mpi_tmp_path / "s.toml", scan_of("kubo.k.grid", GRIDS))
    whole, output = mpi_tmp_path / "whole.h5", mpi_tmp_path / "s.h5"
    completed(comm, run(comm, 1, source, whole))
    with meetings(NOTHING, STOP):
        answer = run(comm, comm.size, source, output)
    assert isinstance(answer, Interrupted), answer
    if comm.rank == 0:
        assert checkpoint.exists(output)
    completed(comm, restart(comm, max(comm.size - 1, 1), output))
    together = mpi_tmp_path / "together.h5"
    completed(comm, run(comm, comm.size, source, together, overrides=("scan.groups=1",)))
    if comm.rank == 0:
        assert differences(whole, output) == []
        assert [n for n in differences(whole, together) if n != "resolved_input"] == []
        assert {path.name for path in mpi_tmp_path.iterdir()} == {"s.toml", "whole.h5", "s.h5", "together.h5"}
    comm.Barrier()
