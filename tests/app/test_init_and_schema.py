"""What a new user and an editor get: examples with their models, the input as a JSON schema, completion; no PETSc."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from limits import HANG
from places import INPUTS

from hpcalo.app.verbs import init as verb
from hpcalo.app.verbs.check import check
from hpcalo.app.verbs.keys import schema
from hpcalo.errors import InputError, OutputError

NO_PETSC = "import sys; sys.modules['petsc4py'] = None; from hpcalo.start import main; main()"


def test_an_example_and_its_model(tmp_path, monkeypatch):
    """Byte for byte, under the names that the input has; a file that is there stays."""
    monkeypatch.chdir(tmp_path)
    text = verb.init("fe_ahc")
    assert (tmp_path / "models" / "fe.h5").read_bytes() == (INPUTS / "models" / "fe.h5").read_bytes()
    assert "fe_ahc.toml" in text
    assert "18 states" in check(Path("fe_ahc.toml"))
    with pytest.raises(OutputError, match="exists already"):
        verb.init("fe_ahc")
    with pytest.raises(InputError, match="did you mean 'rashba'"):
        verb.init("rashbo")
    assert "rashba" in verb.init(None)


def test_the_schema_takes_every_example_and_refuses_mistakes():
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    tables = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in INPUTS.glob("*.toml")}
    assert not [name for name, table in tables.items() if not validator.is_valid(table)]
    table = tables["rashba"]
    for key, value in {"gama": 1.0, "quantities": ["torcance"], "n_hat": "x y"}.items():
        assert not validator.is_valid({**table, "kubo": {**table["kubo"], key: value}}), key


def test_kubo_without_petsc(tmp_path):
    """Only walls need it; they say so in one line."""

    def hpcalo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", NO_PETSC, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=False)

    options = ["--set", "kubo.k.grid=[4,4,1]", "--output", "r.h5", "--quiet"]
    done = hpcalo("run", str(INPUTS / "rashba.toml"), *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.h5").exists()
    wall = hpcalo("run", str(INPUTS / "permalloy_wall.toml"), "--output", "w.h5")
    assert wall.returncode == 7
    assert "runs of a wall need petsc4py" in wall.stderr
    assert "Traceback" not in wall.stderr
