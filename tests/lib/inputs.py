"""Inputs that several test files run, and the running of some at once.

Modules in this folder can be imported by all tests (pythonpath in pyproject.toml).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcalo import app

# With .format(side=): a Kubo run of a moment.
SMALL = """title = "small"
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
quantities = ["torkance"]
gamma = [0.1]
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 3
[kubo.k]
grid = [{side}, {side}, 1]
"""

# A bulk crystal whose target refined cells reach in a moment.
BULK = """
[model]
builtin = "ferromagnet"
fermi_energy = 0.0
[model.ferromagnet]
orbitals = 2
[kubo]
quantities = ["anomalous_hall_finite_temperature"]
temperatures = [100]
[kubo.energies]
minimum = -1.0
maximum = 1.0
points = 3
[kubo.k]
target = "4 %"
"""

# With .format(quantities=, energies=, side=): any Kubo quantities; energies: further keys of [kubo.energies].
RASHBA = """
[model]
builtin = "rashba"
fermi_energy = 0.0
electrons = 0.9
thickness = 3.0
[kubo]
n_hat = [[0, 0, 1], [1, 0, 1]]
gamma = [0.03, 0.1]
temperatures = [100.0, 200.0]
quantities = [{quantities}]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 21
{energies}
[kubo.k]
grid = [{side}, {side}, 1]
shift = [0.5, 0.5, 0.0]
symmetry = "off"
"""

# With .format(side=, interval=): a Kubo run, as long as side says, with a checkpoint every `interval` seconds.
SAVED = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
n_hat = [[0, 0, 1], [1, 0, 1]]
gamma = [0.03, 0.1]
quantities = ["torkance", "conductivity"]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 41
[kubo.k]
grid = [{side}, {side}, 1]
shift = [0.5, 0.5, 0.0]
symmetry = "off"
[execution]
checkpoint_interval = {interval}
"""

# With .format(mode=, points=, gradient=, end=, every=, integrator=, refresh=): a wall that moves. [time] comes last, so
# that more of its keys can be added.
WIRE = """
[wall]
mode = "{mode}"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "80 nm"
cells = 81
[momentum]
points = {points}
[drive]
gradient = "{gradient} K/nm"
[time]
end = "{end} ns"
output_every = "{every} ns"
integrator = "{integrator}"
refresh_interval = "{refresh} fs"
"""

# With .format(mode=, end=, integrator=): a coarse wire in a field. [time] comes last, as in WIRE.
PULLED = """
[wall]
mode = "{mode}"
[electrons]
conductivity = "1.26e6 S/m"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "80 nm"
cells = 33
[momentum]
points = 12
[drive]
electric_field = "-8e3 V/m"
temperature = "150 K"
[time]
end = "{end} ns"
output_every = "1e-5 ns"
integrator = "{integrator}"
tolerance = 1e-5
"""

# A coarse wire that heat and a charge current drive; [wall], [electrons], [magnet] and [time] are added.
DRIVEN = """
[momentum]
points = 12
[wire]
length = "80 nm"
cells = 61
[drive]
temperature = "100 K"
gradient = "6 K/nm"
circuit = "current"
current_density = "-1e10 A/m^2"
"""

# With .format(mode=, integrator=, end=, every=, first=): a short wire that a current and heat drive.
CURRENT_AND_HEAT = """
[wall]
mode = "{mode}"
[electrons]
conductivity = "1.26e6 S/m"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "40 nm"
cells = 33
[momentum]
points = 9
[drive]
gradient = "2 K/nm"
circuit = "current"
current_density = "-1e12 A/m^2"
[time]
end = "{end} ns"
output_every = "{every} ns"
integrator = "{integrator}"
tolerance = 1e-5
first_step = "{first}"
refresh_interval = "30 fs"
"""

# A Kubo run of a film: .format(folder=) the repository.
FILM = """
[model]
file = "{folder}/input/models/mnw3_dzp.h5"
[kubo]
n_hat = [[0, 0, 1], [1, 0, 0]]
quantities = ["torkance", "thermal_torkance", "density_of_states", "heat_currents"]
[kubo.energies]
points = 11
[kubo.k]
grid = [6, 6, 1]
shift = [0.5, 0.5, 0.0]
"""

# A wall that heat drives, in both modes, for a few steps.
SHORT_WALLS = {
    mode: WIRE.format(mode=mode, points=20, gradient=6, end=0.0004, every=0.0001, integrator=integrator, refresh=40)
    + 'first_step = "10 fs"\n'
    for mode, integrator in (("quasi-static", "rk"), ("time-dependent", "arkimex"))
}

# With .format(mode=, integrator=): a wall that a current and heat drive.
SMALL_WALL = """
[wall]
mode = "{mode}"
[electrons]
conductivity = "1.26e6 S/m"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "80 nm"
cells = 81
[momentum]
points = 20
[drive]
gradient = "6 K/nm"
circuit = "current"
current_density = "-1e11 A/m^2"
[time]
end = "0.004 ns"
output_every = "0.001 ns"
integrator = "{integrator}"
tolerance = 1e-6
refresh_interval = "300 fs"
"""


def saving(interval: float = 1e-3, points: int = 21, side: int = 20) -> str:
    """A Kubo run, as long as side says, with a checkpoint every `interval` seconds."""
    body = RASHBA.format(quantities='"torkance", "conductivity"', energies="", side=str(side))
    return body.replace("points = 21", f"points = {points}") + f"[execution]\ncheckpoint_interval = {interval}\n"


def small_wall(mode: str = "quasi-static", integrator: str = "rk") -> str:
    """A run of the wall of a second or two."""
    return SMALL_WALL.format(mode=mode, integrator=integrator)


def computed(comm: Any, folder: Path, inputs: Mapping[str, tuple[str, tuple[str, ...]]]) -> dict[str, Path]:
    """Results of these inputs (text, overrides) by name: NAME.h5 of NAME.toml in the folder."""
    results = {name: folder / f"{name}.h5" for name in inputs}
    for name, (text, overrides) in inputs.items():
        source = folder / f"{name}.toml"
        source.write_text(text)
        app.run(comm, source, output=results[name], quiet=True, overrides=overrides)
    return results
