"""docs/develop/add-energy-term.md, followed literally: one class and one test add a term."""

from __future__ import annotations

import numpy as np
from followed_page import follow
from places import REPOSITORY

from hpcalo.io.hdf5 import read_dataset

INPUT = """
[wall]
[electrons]
spin_torque = false
[magnet]
damping = 1.0
second_anisotropy = "0.2 MJ/m^3"
[wire]
length = "80 nm"
cells = 161
[texture]
relax = true
[time]
end = "2 ps"
output_every = "1 ps"
"""


def test_an_energy_term_is_one_class_and_one_test(tmp_path):
    """The page's own test passes, and a run takes the key and writes the energy, which is that of a wall at rest."""
    page = follow("add-energy-term.md", "hpcalo.wall.magnetism.terms", tmp_path)
    assert page.files == (
        "hpcalo/wall/magnetism/terms/second_anisotropy.py",
        "tests/wall/test_second_anisotropy.py",
    )
    page.test()
    (tmp_path / "wall.toml").write_text(INPUT)
    keys, _ = page.in_turn(["keys", "magnet"], ["run", "wall.toml", "--quiet", "--output", "wall.h5"])
    assert "second_anisotropy" in keys
    result = read_dataset(tmp_path / "wall.h5")
    theta = np.linspace(0.0, np.pi, 20001)
    sine = np.sin(theta)
    root = np.sqrt(5.2e5 + 2e5 * sine**2)
    np.testing.assert_allclose(
        result["energy_total"], 2.0 * np.sqrt(1.3e-11) * np.trapezoid(sine * root, theta), rtol=1e-3
    )
    share = np.sqrt(1.3e-11) * np.trapezoid(2e5 * sine**3 / root, theta)  # int K2 sin^4 theta dx
    np.testing.assert_allclose(result["energy_second_anisotropy"], share, rtol=5e-3)
    assert result.variables["energy_second_anisotropy"].unit == "J/m^2"


def test_the_page_term_passes_the_tests_of_all_terms(tmp_path):
    """tests/wall/test_terms.py finds the class by itself."""
    page = follow("add-energy-term.md", "hpcalo.wall.magnetism.terms", tmp_path)
    (tmp_path / "test_terms.py").write_text((REPOSITORY / "tests" / "wall" / "test_terms.py").read_text())
    (tmp_path / "conftest.py").write_text(page.extension())
    done = page.python(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-rA",
        "--rootdir",
        str(tmp_path),
        str(tmp_path / "test_terms.py"),
    )
    assert "PASSED test_terms.py::test_the_field_is_the_gradient_of_the_energy[second_anisotropy]" in done.stdout
