"""What the axes of a run do not resolve, and that a run says so: on the terminal, in its file, in info and report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kubo_runs import grid, run_sums

from hpcalo import app
from hpcalo.app.page import render
from hpcalo.hamiltonian.builtin import rashba
from hpcalo.io.hdf5 import read_dataset
from hpcalo.kubo.responses.inverse_thermal_torque import InverseThermalTorque
from hpcalo.kubo.responses.spiralization import Spiralization
from hpcalo.kubo.responses.thermal_torkance import ThermalTorkance
from hpcalo.kubo.summary.numbers import numbers
from hpcalo.kubo.summary.resolution import thinned, unresolved
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, WINDOW

INPUT = """
[model]
builtin = "rashba"
fermi_energy = -2.0
[kubo]
quantities = [{quantities}]
gamma = [{gamma}]
temperatures = [100, 300]
warn_error = {limit}
[kubo.energies]
minimum = -0.5
maximum = 0.5
points = {points}
[kubo.k]
grid = [{n}, {n}, 1]
"""


@pytest.mark.parametrize("count", [41, 42])
def test_every_second_energy_is_a_run_with_half_the_energies(count: int) -> None:
    """Sums thinned afterwards give what sums on the coarser grid give, below and above all levels, too."""
    energies = np.linspace(-5.2, 1.0, count)
    options: dict[str, Any] = {"temperatures": (300.0,), "mu": (-2.0,), "gammas": (0.1,)}
    sums = {"broadened": (TORQUE_VELOCITY,), "sea": (TORQUE_VELOCITY,), "thermal": (TORQUE_VELOCITY,)}
    every, half = (run_sums(rashba(), grid(8, 8), e, **options, **sums) for e in (energies, energies[:41:2]))
    found = thinned(every)
    assert found is not None
    for response in (ThermalTorkance(), InverseThermalTorque(), Spiralization()):
        for name, expected in response.compute(half).items():
            values = response.compute(found)[name]
            np.testing.assert_allclose(values, expected, rtol=0.0, atol=1e-12 * np.abs(expected).max(), err_msg=name)
    assert thinned(replace(every, energies=energies[:4])) is None


@pytest.fixture(scope="module")
def run(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("resolution")

    def path(
        name: str, n: int = 32, points: int = 101, gamma: float = 0.1, limit: float = 0.1, thermal: bool = True
    ) -> Path:
        source = folder / f"{name}.toml"
        quantities = '"torkance", "thermal_torkance"' if thermal else '"torkance"'
        source.write_text(INPUT.format(n=n, points=points, gamma=gamma, limit=limit, quantities=quantities))
        app.run(world, source, output=folder / f"{name}.h5", force=True)
        return folder / f"{name}.h5"

    return path


def warnings(path: Path) -> list[str]:
    return read_dataset(path).texts["warnings"].splitlines()


def test_energies_that_are_too_few_are_told_with_the_error_they_make(run: Any) -> None:
    """The estimate is the difference to many energies, which only a second run knows, within a factor of 2."""
    few, many = run("few", points=45, limit=0.02), run("many", points=401, limit=0.02)
    (line,) = [text for text in warnings(few) if text.startswith("energies 22.7 meV apart are too few")]
    found = re.search(r"beta_odd (?:xx|yy) = \((\S+) ± (\S+)\)e-35 J\*m/K \(\S+ %\) at 100 K", line)
    assert found
    assert not [text for text in warnings(many) if text.startswith("energies ")]
    value, exact = (read_dataset(path)["beta_odd"][0, 0, 0, 0, 0, 0] for path in (few, many))
    assert 1e35 * value == pytest.approx(float(found[1]), abs=0.01)
    assert 0.5 < 1e35 * abs(value - exact) / float(found[2]) < 2.0


def test_energies_that_resolve_neither_broadening_nor_temperature_are_told(run: Any) -> None:
    """There the averages hardly change with every second energy left out, and may be wrong by 20 %."""
    (line, *_) = [text for text in warnings(run("blind", points=23, gamma=0.05)) if text.startswith("energies ")]
    assert line.startswith("energies 45.5 meV apart do not resolve Γ = 50 meV and k_BT = 8.6 meV at 100 K")
    assert line.endswith("(kubo.energies.points = 119 would resolve them)")


def test_a_broadening_below_the_spacing_of_the_levels_is_told(run: Any) -> None:
    (line,) = [text for text in warnings(run("narrow", n=8, gamma=1e-4)) if text.startswith("levels ")]
    assert "Γ = 0.1 meV is below their mean spacing" in line
    assert not [text for text in warnings(run("wide", n=96, gamma=0.2)) if text.startswith("levels ")]


def test_of_refined_cells_those_of_the_complete_mesh_must_meet_levels(run: Any) -> None:
    """Those that were cut resolve the levels; whether it is enough, their error tells. Of a mesh all points count."""
    gamma, energies = 1e-3, np.linspace(-0.5, 0.5, 101)
    result = read_dataset(run("cells", n=8, gamma=gamma))
    sums = run_sums(rashba(), grid(48, 48), energies - 2.0, broadened=(TORQUE_VELOCITY,), gammas=[gamma])
    density = 0.25  # of states, 1/eV
    sums = replace(sums, raw=({**sums.raw[0], WINDOW: np.array([0.0, density, 0.0])},))

    def told(points: float, even: float | None = None) -> list[str]:
        passes = [SummedPass({}, points=round(points), even=None if even is None else round(even))]
        return [text for text in unresolved(result, numbers(result), sums, passes) if text.startswith("levels ")]

    one = 0.5 / (gamma * density)  # points of which one level lies within ±Γ
    assert told(1000 * one, 3.0 * one) == told(200 * one) == []
    (blind,) = told(1000 * one, 0.5 * one)
    assert blind.startswith(
        f"levels of the {round(0.5 * one):,} different k-points that lie evenly in the zone are 4 meV"
    )
    assert "Γ = 1 meV is below their mean spacing" in blind
    (coarse,) = told(3.0 * one)  # of a mesh, whose errors are large
    assert "only about 3 lie within ±Γ" in coarse


def test_a_run_ends_with_its_table_and_keeps_it(run: Any, capfd: pytest.CaptureFixture[str]) -> None:
    path = run("told", n=8, gamma=0.01, thermal=False)
    told = capfd.readouterr().err
    result = read_dataset(path)
    summary = result.texts["summary"]
    head = "values and errors of the sum over k, n̂ = (0, 0, 1), Γ = 10 meV"
    assert summary.splitlines()[0] == head
    assert summary in told
    bad = [text for text in warnings(path) if text.startswith("not converged: ")]
    assert bad
    assert all(f"hpcalo: warning: {text}\n" in told for text in bad)
    shown = app.info(path)
    assert shown.index(bad[0]) < shown.index(head) < shown.index("axes and labels")
    (row,) = [text for text in shown.splitlines() if text.startswith("  torkance_odd ") and "…" in text]
    assert " ± " in row
    page = render(result)
    assert page.index('<div class="verdict coarse">') < page.index(bad[0]) < page.index(head)
    assert page.index(head) < page.index('<section id="figures">')
    assert page.count('<tr class="loud">') == sum(text.endswith("  !") for text in summary.splitlines())
