"""PETSc's options on the command line: where they go, and that they end up in the record of the result."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_output import small

from hpcalo.__main__ import petsc_options
from hpcalo.output.hdf5 import read_dataset


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
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    text = small().replace('end = "0.004 ns"', 'end = "0.0004 ns"').replace('"0.001 ns"', '"0.0004 ns"')
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
