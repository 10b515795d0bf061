"""The documentation builds without a warning, and what it says exists: links, commands, options, tests, inputs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location

import click
import pytest
import yaml
from limits import HANG
from places import REPOSITORY as ROOT

from hpcalo import __version__
from hpcalo.commands import cli

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def pages(pattern):
    return [(page.relative_to(ROOT).as_posix(), hit) for page in PAGES for hit in re.findall(pattern, page.read_text())]


def blocks(kind):
    """(page, text) of the fenced blocks of a kind; README's commands are not marked."""
    kinds = f"(?:{kind})?" if kind == "bash" else kind
    return pages(rf"(?ms)^```{kinds}\n(.*?)^```")


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("latex2mathml")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    site = tmp_path / "site"
    theory = (site / "theory" / "kubo.html").read_text()
    assert theory.count("<math") > 100
    assert "arithmatex" not in theory
    assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="https?://', theory), "no page needs another server"
    quantities = (site / "reference" / "quantities.html").read_text()
    for name in ("torkance_even", "beta_tilde_intrinsic_by_energy", "anomalous_hall_external", "onsager_violation"):
        assert name in quantities
    reference = (site / "reference" / "input-kubo.html").read_text()
    for key in ("from_electrons", "chemical_potentials", "[kubo.heat_currents]", "checkpoint_interval"):
        assert key in reference
    assert "kubo-3-0.png" in (site / "notebooks" / "kubo.html").read_text()


@pytest.mark.parametrize(("page", "target"), pages(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)"))
def test_links_between_files_lead_somewhere(page, target):
    generated = ("reference/", "develop/changes.md", "notebooks/kubo.md", "notebooks/wall.md")
    path = (ROOT / page).parent / target
    inside = ROOT / "docs" in path.resolve().parents
    relative = path.resolve().relative_to(ROOT / "docs").as_posix() if inside else ""
    assert path.exists() or relative.startswith(generated), f"{page}: {target}"


def commands():
    """Every `hpcalo …` line of the pages' shell blocks and inline code."""
    found = []
    for page, text in [*blocks("bash"), *pages(r"`(hpcalo [^`\n]+)`")]:
        for hit in re.findall(
            r"(?:^|srun |srun -n 2 |mpirun -n \d+ |&& |then |else )(hpcalo \w+[^\n&#;|]*)", text, re.M
        ):
            found.append((page, hit.strip()))
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_and_options_exist(page, line):
    words = line.split()
    name = words[1]
    assert name in cli.commands, f"{page}: {line}"
    options = {o for p in cli.commands[name].params for o in [*p.opts, *p.secondary_opts]} | {"--help"}
    unknown = [w for w in words if re.fullmatch(r"--?[a-z][\w-]*", w) and w not in options]
    assert not unknown, f"{page}: {line}: {unknown}"
    assert isinstance(cli.commands[name], click.Command)


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_inputs_that_are_shown_are_valid(page, text):
    from hpcalo.config.reader import validate  # noqa: PLC0415
    from hpcalo.kubo.config import KuboInput  # noqa: PLC0415

    data = tomllib.loads(text)
    if "kubo" in data:
        validate(KuboInput, data, page)


@pytest.mark.parametrize("engine", ["kubo", "wall"])
def test_every_key_of_the_input_is_described(engine):
    spec = spec_from_file_location("reference", ROOT / "docs" / "generate" / "reference.py")
    reference = module_from_spec(spec)
    spec.loader.exec_module(reference)
    rows = [line.split(" | ") for line in reference.input_page(engine).splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    bare = [row[0] for row in rows if row[-1].strip(" |") in {"", row[0].strip("| `").replace("_", " ")}]
    assert not bare


def test_tests_that_are_named_exist():
    defined = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        defined.add(path.name)
        tree = ast.parse(path.read_text())
        defined |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    missing = [(page, name) for page, name in pages(r"`(test_\w+(?:\.py)?)`") if name not in defined]
    assert not missing


@pytest.mark.parametrize(("page", "name"), pages(r"\b((?:input|jobs)/[\w/]+\.(?:toml|slurm|pbs|sh|h5))\b"))
def test_files_that_are_named_exist(page, name):
    assert (ROOT / name).exists(), f"{page}: {name}"


def test_figure_of_the_readme_is_small():
    assert (ROOT / "docs" / "figures" / "mnw001.png").stat().st_size < 300_000


def test_citation_and_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == __version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    (given,) = project["tool"]["dynamic-metadata"]
    assert (given["field"], given["input"]) == ("version", "hpcalo/__init__.py")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    for reference in citation["references"]:
        assert {"type", "title", "authors", "doi"} <= set(reference)
