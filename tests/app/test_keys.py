"""`hpcalo keys`: what an input may hold, as text; the documentation's tables are made of the same list."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from hpcalo.app import keys
from hpcalo.app.engines import ENGINES, engine
from hpcalo.commands import cli
from hpcalo.config.keys import Table, tables
from hpcalo.errors import InputError


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["keys", *arguments])
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", ENGINES)
def test_every_table_and_key_is_there(name):
    listed, text = shown(), shown(name)
    fields = engine(name).schema.model_fields
    found = {t.name: t for t in tables(engine(name).schema)}
    assert set(fields) == {table for table in found if table and "." not in table} | {k.name for k in found[""].keys}
    for path, table in found.items():
        assert not path or f"\n  {table.heading} " in listed
        assert not path or f"{table.heading}\n  {table.meaning[:40]}" in text
        assert all(f"\n  {key.name}  ({key.kind}" in text for key in table.keys)
    assert max(map(len, listed.splitlines())) <= 110


def test_one_table_one_key():
    text = shown("drive")
    assert "\n  current_density  (number; A/m^2; = 0.0)\n" in text
    assert "\n[[drive.zeeman]]\n" in text
    assert "\n  field  (3 numbers; A/m; required)\n" in text
    assert "[wire]" not in text
    assert shown("[[drive.zeeman]]") == shown("drive.zeeman")
    text = shown("damping")
    assert text.startswith("[magnet]\n")
    assert "\n[electronic_structure]\n" in text
    assert "stiffness" not in text
    assert shown("magnet.damping").count("[") == 1
    assert shown("checkpoint_interval").count("[execution]") == 1  # of both engines, once


@pytest.mark.parametrize(("given", "meant"), [("gama", "gamma"), ("drive.gradent", "gradient"), ("wir", "wire")])
def test_the_nearest_name(given, meant):
    with pytest.raises(InputError, match=f"'{given}': no table or key has this name; .*'{meant}'"):
        keys(given)


def test_a_table_knows_how_a_file_writes_it():
    assert Table("a.b", many=True, meaning="", keys=()).heading == "[[a.b]]"
