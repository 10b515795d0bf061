"""Rules that no linter knows: who may use what, no import circles, nothing private of another module, short files.

Arrows between rooms: import-linter (pyproject.toml). Complexity of functions: ruff's C901.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from places import REPOSITORY, quick_tests

import hpcalo

PACKAGE = Path(hpcalo.__file__).parent
TESTS = Path(__file__).parents[1]
SOURCES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))


# A ratchet: these may become smaller, not larger.
LONGEST_FILE = 330  # lines
LONGEST_FUNCTION = 69  # lines, with its docstring
ABOVE_250 = 4  # files
ANY = 34
"""Uses of `Any`: what files hold, inputs that an engine's own schema has checked, libraries without types."""


def imports_at_runtime(tree: ast.AST) -> Iterator[str]:
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
    if name != "hamiltonian/readers/pythtb.py":  # its unpickler makes arrays and models, and calls nothing else
        assert not used & {"pickle", "shelve", "marshal", "dill"}


def test_no_import_circles():
    """Also through imports inside functions: what needs another thing is loaded after it, in every order of calls."""
    graph = grimp.build_graph("hpcalo", exclude_type_checking_imports=True)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as problem:
        pytest.fail(" → ".join(problem.args[1]))


def private_imports(path: Path) -> list[str]:
    """Names with an underscore that a module takes from one of hpcalo. (Compiled kernels are called so.)"""
    return [
        f"{path}: {alias.name} of {node.module}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hpcalo")
        for alias in node.names
        if alias.name.startswith("_") and alias.name not in {"__version__", "_exact", "_kubo", "_wall"}
    ]


@pytest.mark.parametrize("folder", [PACKAGE, TESTS], ids=["package", "tests"])
def test_nothing_private_is_imported(folder):
    assert not [name for path in sorted(folder.rglob("*.py")) for name in private_imports(path)]


def test_tests_import_helpers_only_from_lib():
    """A test module imports no other one."""
    wrong = [
        f"{path}: {module}"
        for path in sorted(TESTS.rglob("*.py"))
        for module in imports_at_runtime(ast.parse(path.read_text()))
        if module.partition(".")[0].startswith(("test_", "conftest", "tests"))
    ]
    assert not wrong


def test_the_quick_tier_names_tests_that_exist_and_touches_every_room():
    for entry in quick_tests():
        path, _, name = entry.removeprefix("!").partition("::")
        assert (REPOSITORY / path).exists(), entry
        assert f"def {name}(" in (REPOSITORY / path).read_text() if name else True, entry
    rooms = {path.parent.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    assert {Path(entry.partition("::")[0]).parts[1] for entry in quick_tests()} == rooms


def test_any_stands_only_where_no_type_exists():
    """And nothing silences mypy. A new use: an alias of `hpcalo.typing`, `object` for what is only passed on."""
    texts = {name: (PACKAGE / name).read_text() for name in SOURCES}
    trees = {name: ast.parse(text) for name, text in texts.items() if "import Any" in text or ", Any" in text}
    uses = {n: sum(getattr(node, "id", "") == "Any" for node in ast.walk(tree)) for n, tree in trees.items()}
    assert 0 < sum(uses.values()) <= ANY, uses
    assert not [name for name, text in texts.items() if "type: ignore" in text]


def test_files_and_functions_are_short():
    texts = {name: (PACKAGE / name).read_text() for name in SOURCES}
    lines = {name: text.count("\n") for name, text in texts.items()}
    assert not {name: n for name, n in lines.items() if n > LONGEST_FILE}
    assert sum(n > 250 for n in lines.values()) <= ABOVE_250
    functions = {
        f"{name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    }
    assert not {name: n for name, n in functions.items() if n > LONGEST_FUNCTION}
