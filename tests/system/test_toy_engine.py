"""docs/develop/add-engine.md, followed literally: one package and one line add an engine that every verb knows."""

from __future__ import annotations

import difflib
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest
from followed_page import Followed, follow
from places import REPOSITORY

from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

PAGE, REGISTRY = "add-engine.md", "hpcalo/app/engines.py"
INPUT = """
[decay]
lifetime = "2 ns"
step = 0.5
steps = 40
"""
SCAN = '[scan]\nkey = "decay.lifetime"\nvalues = [1, "2000 ps", 4]\n'
REGISTERED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("hpcalo.app.engines", {path!r})
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
"""


@dataclass(frozen=True)
class Registered(Followed):
    """A followed page whose program has another registry of engines."""

    def extension(self) -> str:
        """The new package, and the registry with the page's line."""
        return super().extension() + REGISTERED.format(path=str(self.folder / REGISTRY))


def with_line(line: str) -> str:
    """The registry with one more line at the end of its table."""
    before, after = (REPOSITORY / REGISTRY).read_text().split("\n}\n", 1)
    return f"{before}\n{line}\n}}\n{after}"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Registered:
    found = follow(PAGE, "hpcalo", tmp_path_factory.mktemp("page"))
    lines = re.findall(
        r'^    "\w+": "[\w.]+:\w+",$', (REPOSITORY / "docs" / "develop" / PAGE).read_text(), re.MULTILINE
    )
    assert len(lines) == 1
    (found.folder / REGISTRY).parent.mkdir(parents=True)
    (found.folder / REGISTRY).write_text(with_line(lines[0]))
    (found.folder / "decay.toml").write_text(INPUT)
    (found.folder / "scan.toml").write_text(INPUT + SCAN)
    return Registered(**vars(found))


def exact(lifetime: float) -> np.ndarray:
    """N(t) of the trapezoidal rule in closed form."""
    return ((1.0 - 0.25 / lifetime) / (1.0 + 0.25 / lifetime)) ** np.arange(41)


def test_an_engine_is_one_package_and_one_line(page):
    """Counted: the files that are added lie in one folder, and one line of one other file is new, none is changed."""
    assert {name.rpartition("/")[0] for name in page.files} == {"hpcalo/decay"}
    assert len(page.files) == 3
    old, new = (REPOSITORY / REGISTRY).read_text(), (page.folder / REGISTRY).read_text()
    changed = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]
    assert [line[0] for line in changed] == ["+"]


def test_it_is_explained_and_checked(page):
    site = ("--cores-per-node", "8", "--memory-per-node", "9000")
    key, keys, one, two, job = page.in_turn(
        ["keys", "decay"],
        ["keys"],
        ["check", "decay.toml"],
        ["check", "scan.toml", "-n", "2"],
        ["submit", "scan.toml", "--dry-run", *site],
    )
    assert "lifetime  (number; ns; > 0; = 1.0)" in key
    assert ", decay all of a kind" in keys
    assert one == "decay.toml: 1 decays of 40 steps, 1 at a time\n"
    assert two == "scan.toml: 3 decays of 40 steps, 2 at a time\n"
    assert "#SBATCH --ntasks-per-node=3" in job


def test_it_runs_draws_and_reports(page):
    said = page.in_turn(
        ["run", "decay.toml", "-o", "one.h5"],
        ["plot", "one.h5"],
        ["report", "one.h5"],
        ["export", "one.h5", "--quantity", "population"],
    )
    assert said == ["result: one.h5\n", "picture: one.png\n", "report: one.html\n", "curves: one.csv\n"]
    result = read_dataset(page.folder / "one.h5")
    np.testing.assert_allclose(result["population"], exact(2.0), rtol=1e-13)
    text = (page.folder / "one.html").read_text()
    assert "largest growth of the population in a step" in text
    assert "data:image/svg+xml" in text


def test_it_scans(page, launch):
    """Points shared among groups of ranks, all in one result, each the run that it would be alone."""
    page.hpcalo("info", "--environment")  # writes the program
    for ranks in (1, 2):
        done = launch(ranks, "program.py", "run", "scan.toml", "-o", f"scan{ranks}.h5", cwd=page.folder)
        assert done.returncode == 0, done.stderr
        result = read_dataset(page.folder / f"scan{ranks}.h5")
        assert result["decay_lifetime"].tolist() == [1.0, 2.0, 4.0]
        assert result.coordinates["decay_lifetime"].unit == "ns"
        for values, lifetime in zip(result["population"], (1.0, 2.0, 4.0), strict=True):
            np.testing.assert_allclose(values, exact(lifetime), rtol=1e-13)
    page.in_turn(["plot", "scan2.h5", "-f"], ["report", "scan2.h5", "-f"])


@pytest.mark.parametrize("kind", ["decay", "scan"])
def test_it_restarts(page, launch_environment, kind):
    """Stopped by a signal after a checkpoint, continued to the same bits."""
    many = ("--set", "decay.steps=400", "--set", "decay.step=0.01", "--set", "execution.checkpoint_interval=1e-6")
    page.hpcalo("run", f"{kind}.toml", "-o", f"whole-{kind}.h5", *many[:4])
    output = page.folder / f"part-{kind}.h5"
    seen = checkpoint.point_path(output, 0) if kind == "scan" else output
    process = subprocess.Popen(
        [sys.executable, "program.py", "run", f"{kind}.toml", "-o", output.name, *many],
        cwd=page.folder, env=launch_environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not checkpoint.exists(seen) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    assert f"'hpcalo restart {output.name}' continues" in said
    assert page.hpcalo("restart", output.name) == f"result: {output.name}\n"
    whole, part = read_dataset(page.folder / f"whole-{kind}.h5"), read_dataset(output)
    np.testing.assert_array_equal(whole["population"], part["population"])
    assert not checkpoint.exists(output)
