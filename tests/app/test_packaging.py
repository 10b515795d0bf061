"""The recipes of packaging/ ask for what pyproject.toml asks for, in the same versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from places import REPOSITORY

PACKAGING = REPOSITORY / "packaging"
OTHER_NAMES = {"matplotlib": "matplotlib-base"}
"""What conda calls what PyPI calls otherwise."""
IMAGES = ("container/Dockerfile", "container/hpcalo.def")


@pytest.fixture(scope="module")
def needed() -> dict[str, str]:
    """Lowest version by name, of a run and of the build."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["wall"]]
    lines += project["build-system"]["requires"]
    return dict(re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(lines), re.MULTILINE))


RECIPES = ("conda/meta.yaml", "conda/environment.yml", "spack/spack_repo/hpcalo/packages/py_hpcalo/package.py")


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_ask_for_what_the_program_needs(needed: dict[str, str], recipe: str) -> None:
    text = (PACKAGING / recipe).read_text(encoding="utf-8")
    assert len(needed) > 15
    for name, lowest in needed.items():
        if recipe.startswith("spack"):
            assert f'"py-{name}@{lowest}:' in text, name
        else:
            assert re.search(rf"^ +- {OTHER_NAMES.get(name, name)} >={re.escape(lowest)}\b", text, re.MULTILINE), name


def test_images_run_the_script_that_is_there() -> None:
    for image in IMAGES:
        script = re.search(r"bash (\S+/packaging/\S+)", (PACKAGING / image).read_text(encoding="utf-8"))
        assert script is not None
        assert (REPOSITORY / Path(script[1]).relative_to("/usr/local/src/hpcalo")).is_file()
