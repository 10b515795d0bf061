"""What a run warned of is in its result, and `hpcalo info`, the report and Python show it."""

from __future__ import annotations

from html import unescape

import pytest

import hpcalo
from hpcalo import app
from hpcalo.io.description import describe

WALL = """
[wall]
mode = "steady"
[momentum]
points = 12
[wire]
length = "60 nm"
cells = 41
[drive]
temperature = "300 K"
gradient = "1 K/nm"
"""
TIME = "\n[time]\nend = 2e-4\noutput_every = 1e-4\n"
SCAN = "\n[scan]\nkey = '{}'\nvalues = {}\n"
KUBO = """
[model]
builtin = "rashba"
fermi_energy = {}
[kubo]
quantities = ["anomalous_hall"]
gamma = [0.1]
k = {{grid = [4, 4, 1]}}
energies = {{minimum = -1.0, maximum = 1.0, points = 5}}
"""
CELLS = "wire.cells: only 3.3 cells per wall parameter"
POINTS = "momentum.points: quadrature error about"
UNSURE = ("not converged: wall_velocity", "not converged: u")
CASES = {
    "steady": (WALL, [CELLS, "wire.length"]),
    "in time": (WALL.replace("steady", "quasi-static") + TIME, [CELLS, "wire.length"]),
    "one point of a scan": (
        WALL + SCAN.format("drive.temperature", [300.0, 150.0]), [CELLS, "wire.length", POINTS, *UNSURE]
    ),
    "a point fails": (
        WALL + SCAN.format("solver.iterations", [1, 1000]),
        [CELLS, "wire.length", "1 of 2 points failed (solver.iterations = 1; ConvergenceError: "],
    ),
    "fine": (WALL.replace("60 nm", "80 nm").replace("41", "81"), []),
    "no band": (KUBO.format(40.0), ["no band lies between"]),
    "bands, a mesh too coarse": (KUBO.format(0.0), ["not converged: anomalous_hall xy"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_warnings_are_in_the_result(case, world, tmp_path, capsys):
    text, expected = CASES[case]
    (tmp_path / "in.toml").write_text(text)
    result = tmp_path / "out.h5"
    app.run(world, tmp_path / "in.toml", output=result, quiet=True)
    said = [line.partition("warning: ")[2] for line in capsys.readouterr().err.splitlines() if "warning: " in line]
    with hpcalo.open(result) as data:
        kept = data.attrs["warnings"].splitlines()
    assert len(kept) == len(expected)
    assert all(line.startswith(begin) for line, begin in zip(kept, expected, strict=True))
    assert kept == said
    shown = describe(result)
    assert ("warnings of the run" in shown) == bool(kept)
    for line in kept:
        assert f"\n  {line}\n" in shown
    if case not in {"one point of a scan", "fine", "no band"}:  # pages take their time
        return
    page = unescape(app.report(result, output=result.with_suffix(".html")).read_text())
    assert all(line in page for line in kept)
    assert ("No warnings." in page) == (case == "fine")
