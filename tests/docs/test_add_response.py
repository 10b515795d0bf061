"""docs/develop/add-response.md, followed literally: one class and one test, and one more class for an operator."""

from __future__ import annotations

import numpy as np
from followed_page import follow

from hpcalo.io.hdf5 import read_dataset

INPUT = """
[model]
builtin = "rashba"
fermi_energy = -2.0
[kubo]
quantities = ["density_of_states", {names}]
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


def test_a_response_is_one_class_and_one_test(tmp_path) -> None:
    """The page's own tests pass; keys, run, info, plot, report and export know its responses, their axes and checks."""
    page = follow("add-response.md", "hpcalo.kubo.responses", tmp_path, "hpcalo.kubo.states")
    for name, (files, _, _) in CASES.items():
        assert [f for f in page.files if f in files] == list(files)
        classes = [f for f in files if f.startswith("hpcalo")]
        assert (len(classes), len(files) - len(classes)) == (1 if name == "drude_weight" else 2, 1)
    assert set(page.files) == {f for files, _, _ in CASES.values() for f in files}
    page.test()
    (tmp_path / "toy.toml").write_text(INPUT.format(names=", ".join(f'"{name}"' for name in CASES)))
    variables = {name: found for name, (_, found, _) in CASES.items()}
    keys, _, _, info, *_ = page.in_turn(
        ["keys", "kubo.quantities"],
        ["check", "toy.toml"],
        ["run", "toy.toml", "--quiet"],
        ["info", "toy.h5"],
        ["plot", "toy.h5", "-o", "whole.png"],
        *(["plot", "toy.h5", "--quantity", name, "-o", f"{name}.png"] for name in CASES),
        ["plot", "toy.h5", "--quantity", variables["edelstein"][-1], "-o", "variable.png"],
        ["report", "toy.h5"],
        *(["export", "toy.h5", "--quantity", found[0], "-o", f"{name}.csv"] for name, found in variables.items()),
    )
    result = read_dataset(tmp_path / "toy.h5")
    assert set(result.variables) == {"density_of_states", "electrons", *(v for f in variables.values() for v in f)}
    report = (tmp_path / "toy.html").read_text()
    assert "even in n̂" in report
    assert "Drude absorption is not negative (second law)" in report
    for name, (_, found, dims) in CASES.items():
        assert f"        {name} " in keys
        assert found[0] in info
        assert found[0] in (tmp_path / f"{name}.csv").read_text()
        for variable in found:
            assert result.variables[variable].dims == dims
            assert np.abs(result[variable]).max() > 0.0
            assert variable in report
