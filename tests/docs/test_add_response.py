"""docs/develop/add-response.md, followed literally: one class and one test, and one more class for an operator."""

from __future__ import annotations

import numpy as np
import pytest
from followed_page import Followed, follow

from hpcalo.io.hdf5 import read_dataset

INPUT = """
[model]
builtin = "rashba"
fermi_energy = -2.0
[kubo]
quantities = ["density_of_states", "{name}"]
n_hat = [[0, 0, 1], [0, 0, -1]]
gamma = [0.1, 0.2]
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 21
[kubo.k]
grid = [16, 16, 1]
shift = [0.5, 0.5, 0.0]
"""
CASES = {
    "drude_weight": (
        ("hpcalo/kubo/responses/drude_weight.py", "tests/kubo/physics/test_drude_weight.py"),
        ("drude_weight",),
        ("n_hat", "gamma", "current", "field", "energy"),
    ),
    "edelstein": (
        (
            "hpcalo/kubo/states/moment_vector.py",
            "hpcalo/kubo/responses/edelstein.py",
            "tests/kubo/physics/test_edelstein.py",
        ),
        ("moment_per_field_even", "moment_per_field_odd"),
        ("n_hat", "gamma", "moment", "field", "energy"),
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_response_is_one_class_and_one_test(name: str, tmp_path) -> None:
    """The page's own test passes; keys, run, info, plot, report and export know the response, its axes and checks."""
    files, variables, dims = CASES[name]
    page = follow("add-response.md", "hpcalo.kubo.responses", tmp_path, "hpcalo.kubo.states", only=files)
    assert page.files == files
    classes = [f for f in files if f.startswith("hpcalo")]
    assert (len(classes), len(files) - len(classes)) == (1 if name == "drude_weight" else 2, 1)
    page.test()
    (tmp_path / "toy.toml").write_text(INPUT.format(name=name))
    keys, _, _, info, *_ = page.in_turn(
        ["keys", "kubo.quantities"],
        ["check", "toy.toml"],
        ["run", "toy.toml", "--quiet"],
        ["info", "toy.h5"],
        ["plot", "toy.h5", "-o", "whole.png"],
        ["plot", "toy.h5", "--quantity", name, "-o", "named.png"],
        ["plot", "toy.h5", "--quantity", variables[-1], "-o", "variable.png"],
        ["report", "toy.h5"],
        ["export", "toy.h5", "--quantity", variables[0]],
    )
    assert f"        {name} " in keys
    result = read_dataset(tmp_path / "toy.h5")
    assert set(result.variables) == {"density_of_states", "electrons", *variables}
    for variable in variables:
        assert result.variables[variable].dims == dims
        assert np.abs(result[variable]).max() > 0.0
    assert variables[0] in info
    used_everywhere(page, name, variables)


def used_everywhere(page: Followed, name: str, variables: tuple[str, ...]) -> None:
    """Report and export have it."""
    text = (page.folder / "toy.html").read_text()
    assert all(variable in text for variable in variables)
    assert "even in n̂" in text
    if name == "drude_weight":
        assert "Drude absorption is not negative (second law)" in text
    assert variables[0] in (page.folder / "toy.csv").read_text()
