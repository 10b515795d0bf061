"""Which monitors there are, and which of them are due at an output time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from hpcalo.io.dataset import Variable
from hpcalo.wall import monitors
from hpcalo.wall.monitors.monitor import Monitor

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State


@cache
def known() -> Mapping[str, Monitor]:
    """Every monitor of this folder by its name."""
    found: dict[str, Monitor] = {}
    for file in iter_modules(monitors.__path__):
        module = import_module(f"{monitors.__name__}.{file.name}")
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Monitor) and getattr(item, "name", None) == file.name:
                found[file.name] = item()
    return found


def axis_name(every: int) -> str:
    """Name of the time axis of what is written at every n-th output time."""
    return "time" if every == 1 else f"time_{every}"


def due(sim: Simulation, number: int, more: Mapping[str, Monitor]) -> dict[str, list[Monitor]]:
    """Monitors due at output `number` (0 is the start), grouped by the name of their time axis."""
    found: dict[str, list[Monitor]] = {}
    every_one = {**known(), **more}
    for entry in sim.settings.output.monitors:
        if number % entry.every == 0:
            found.setdefault(axis_name(entry.every), []).append(every_one[entry.name])
    return found


def observe(
    sim: Simulation, state: State, number: int, more: Mapping[str, Monitor] = MappingProxyType({})
) -> dict[str, list[Variable]]:
    """Variables due at output `number`, by time axis; `more`: monitors defined above the wall, by name. Collective."""
    groups = due(sim, number, more)
    if not groups:
        return {}
    torques = sim.electrons(state)

    def variables(group: Iterable[Monitor]) -> list[Variable]:
        return [variable for monitor in group for variable in monitor.variables(sim, state, torques)]

    return {axis: variables(group) for axis, group in groups.items()}
