"""docs/guide/programs.md: every reader has its row, and its inputs are accepted."""

from __future__ import annotations

import re
import tomllib

from places import REPOSITORY

from hpcalo.config.reader import validate
from hpcalo.hamiltonian.registry import READERS
from hpcalo.hamiltonian.section import ModelSection

PAGE = (REPOSITORY / "docs" / "guide" / "programs.md").read_text()
CALLED = {"lcao": "atomic orbitals", "sisl": "through sisl", "channels": "collinear channels"}


def test_every_reader_has_a_row() -> None:
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| "))
    for source, reader in READERS.items():
        if reader.help:
            assert CALLED.get(source, source).lower() in rows.lower(), source
            assert all(ending.split("/")[-1] in PAGE for ending in reader.endings if len(ending) < 9), source


def test_inputs_of_the_page_are_accepted() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        section = validate(ModelSection, tomllib.loads(block)["model"], "programs.md")
        assert section.reader.spin_orbit == {"Fe d": 0.06, "Pt d": 0.54}
