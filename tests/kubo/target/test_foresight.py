"""What `hpcalo check` says beforehand, against what the run then finds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from inputs import BULK

from hpcalo import app
from hpcalo.errors import InputError
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo import costs, foresight

INPUT = """
[model]
builtin = "rashba"
fermi_energy = -2.2
[kubo]
quantities = ["torkance"]
gamma = [0.1]
[kubo.energies]
points = 21
[kubo.k]
"""
TARGET = 'target = { torkance_even = "2 %", torkance_odd = "2 %" }\n'


@pytest.fixture
def source(tmp_path):
    def write(k: str):
        path = tmp_path / "r.toml"
        path.write_text(INPUT + k)
        return path

    return write


@pytest.fixture
def patient(monkeypatch):
    """A look ahead that is limited by k-points alone, on a machine of any speed."""

    def set_to(points: int) -> None:
        monkeypatch.setattr(costs, "LONGEST", float("inf"))
        monkeypatch.setattr(foresight.Ahead, "affordable", property(lambda _: points))

    return set_to


def test_points_of_a_target(patient, source, comm, tmp_path):
    patient(30_000)
    path = source(TARGET)
    line = re.search(r"^target +(.*)$", app.check(path), re.M)[1]
    app.run(comm, path, output=tmp_path / "r.h5", quiet=True)
    levels = read_dataset(tmp_path / "r.h5").texts["levels"].splitlines()[1:]
    points = sum(int(level.split(",")[3]) for level in levels)
    assert line.startswith(f"reached in this check, with {points:,} k-points: Γ-centred mesh, ")
    assert "points_max" not in line


def test_points_of_refined_cells(patient, comm, tmp_path):
    """Within a factor of three of what the run takes; where the cells are not tried, that is said."""
    path = tmp_path / "b.toml"
    path.write_text(BULK)
    patient(9_000)
    said = re.search(r"^target +about ([\d,]+) k-points expected: refined cells \(", app.check(path), re.M)[1]
    app.run(comm, path, output=tmp_path / "b.h5", quiet=True)
    levels = read_dataset(tmp_path / "b.h5").texts["levels"].splitlines()[1:]
    points = sum(int(level.split(",")[3]) for level in levels)
    assert levels[-1].split(",")[1] == "refined cells"
    assert points / 3.0 < float(said.replace(",", "")) < 3.0 * points
    patient(6_000)
    assert "refined cells may need fewer, but take too long to try here" in app.check(path)


def test_budget_of_points_is_seen_beforehand(patient, source):
    patient(30_000)
    report = app.check(source(TARGET.replace("2 %", "1 %") + "points_max = 5000\n"))
    assert re.search(r"k-points expected: .*; points_max = 5,000 ends it first", report)
    assert re.search(r"^memory +at most about .*\ntime +at most about [\d:]+ \w+ on 1 rank \(", report, re.M)
    report = app.check(source(TARGET.replace("2 %", "0.001 %") + "points_max = 2000\n"))
    assert re.search(r"^target +not known from the first levels \(.*\); points_max = 2,000 at most$", report, re.M)
    assert re.search(r"^time +at most about ", report, re.M)
    with pytest.raises(InputError, match=r"kubo\.k\.points_max = 9: the first level needs [\d,]+ k-points"):
        app.check(source(TARGET + "points_max = 9\n"))


def test_budget_of_time(patient, source):
    """Where the points are not known, and there is no limit of them."""
    patient(10)
    report = app.check(source(TARGET + "time_max = 100\n"))
    assert re.search(r"^target +not tried: its first level takes [\d,]+ k-points, .*$", report, re.M)
    assert re.search(r"^time +at most about 1:40 min on 1 rank \(", report, re.M)
    assert re.search(r"^time +not known \(", app.check(source(TARGET)), re.M)
    both = source(TARGET + '[scan]\nkey = "kubo.k.time_max"\nvalues = [100, 200]\n')
    report = app.check(both)
    assert "kubo.k.time_max = 200: an unknown number of k-points, at most about 3:20 min on 1 rank\n" in report
    assert re.search(r"^time +at most about 5:00 min on 1 rank$", report, re.M)


def test_error_of_a_grid(patient, source, comm, tmp_path):
    """Within a factor of five of the estimate that the run itself makes."""
    patient(30_000)
    path = source("grid = [96, 96, 1]\nshift = [0.5, 0.5, 0.0]\n")
    said = re.search(r"^errors +about ([\d.e+-]+) % of (\w+) (\w+) at E_F", app.check(path), re.M)
    app.run(comm, path, output=tmp_path / "r.h5", quiet=True)
    result = read_dataset(tmp_path / "r.h5")
    error, values = result[f"{said[2]}_error"], result[said[2]]
    scale = np.maximum(np.abs(values[..., 10]), np.sqrt((values**2).mean(axis=-1)))
    found = 100.0 * (error[..., 10] / np.where(scale > 0.1 * scale.max(), scale, np.inf)).max()
    assert found / 5.0 < float(said[1]) < 5.0 * found
