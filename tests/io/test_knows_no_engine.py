"""io is below the engines: no name of an engine, of its quantities or of its axes stands in its code."""

from __future__ import annotations

import ast
from pathlib import Path

import h5py
import pytest

import hpcalo

FOLDER = Path(hpcalo.__file__).parent / "io"
RESULTS = sorted((Path(__file__).parents[1] / "data").glob("written_by_*/*.h5"))
SHARED = {"error", "notes", "time"}  # of a failed point of any scan; of any model and result; of any run in time
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py"))


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Quantities and axes of results of all engines."""
    found: set[str] = set()
    for path in RESULTS:
        with h5py.File(path) as file:
            if file.attrs["format"] == "hpcalo result":
                found |= {name for name, item in file.items() if isinstance(item, h5py.Dataset)}
    assert {"magnetization", "window_origin", "torkance_even", "hall", "x_face"} <= found
    return {name for name in found - SHARED if len(name) > 1}  # one letter means something everywhere


def literals(path: Path) -> set[str]:
    """The texts in the code, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
    return {node.value for node in constants if isinstance(node.value, str)}


@pytest.mark.parametrize("name", FILES)
def test_no_quantity_or_axis_is_named(names, name):
    used = literals(FOLDER / name)
    assert used & names == set()
    assert used & {"kubo", "wall"} == set()
