"""Rules of the house that no linter knows: who may name the world communicator, MPI and HDF5."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hpcalo

PACKAGE = Path(hpcalo.__file__).parent
SOURCES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))


def imports_at_runtime(tree):
    """Modules imported by the code, not only for its types."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("name", SOURCES)
def test_who_may_use_what(name):
    tree = ast.parse((PACKAGE / name).read_text())
    if name != "parallel/world.py":
        named = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert not named & {"COMM_WORLD", "COMM_SELF"}, "communicators are passed in"
    used = {module.partition(".")[0] for module in imports_at_runtime(tree)}
    if not name.startswith(("parallel/", "io/")):
        assert "mpi4py" not in used, "MPI belongs to parallel and io"
    if not name.startswith("io/") and not name.startswith("hamiltonian/modelfile/"):
        assert "h5py" not in used, "HDF5 belongs to io and the model file"
    assert not used & {"pickle", "shelve", "marshal", "dill"}
