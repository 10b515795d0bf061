"""Names of files in an input: the text as given, and where the file is."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from hpcalo.config.fields import InputPath, Section
from hpcalo.config.reader import validate
from hpcalo.errors import InputError


class Table(Section):
    file: InputPath | None = None
    more: tuple[InputPath, ...] = ()


def test_a_name_knows_where_its_file_is():
    table = validate(Table, {"file": "data/fe.h5"}, "x.toml", Path("/input"))
    assert table.file == "data/fe.h5"
    assert table.file.path == Path("/input/data/fe.h5")
    assert pickle.loads(pickle.dumps(table)).file.path == table.file.path
    assert Table.model_validate({"file": table.file}).file.path == table.file.path  # not looked up a second time
    assert type(table.model_dump(mode="json")["file"]) is str
    assert validate(Table, {"file": "/data/fe.h5"}, "x.toml", Path("/input")).file.path == Path("/data/fe.h5")
    assert validate(Table, {"file": "fe.h5"}, "x.toml").file.path == Path.cwd() / "fe.h5"


def test_a_name_stays_where_it_is(tmp_path, monkeypatch):
    """The input's folder is given relative to a current folder that is left afterwards."""
    monkeypatch.chdir(tmp_path)
    table = validate(Table, {"file": "../fe.h5"}, "x.toml", Path("input"))
    monkeypatch.chdir("/")
    assert table.file.path == tmp_path / "input" / ".." / "fe.h5"


def test_a_name_is_a_text():
    with pytest.raises(InputError, match="file: 3: expected a string in quotes"):
        validate(Table, {"file": 3}, "x.toml")
