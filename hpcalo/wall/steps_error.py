"""Error of the steps in time: the wall's way over the next of them, as the run takes them and a hundred times as exact.

Both begin with the last state. They differ in the steps and, in quasi-static mode, in how old the accumulation is that
drives the wall. What gathers in M over a whole run is not seen: the velocity depends on where M is, not on how it came
there.
"""

from __future__ import annotations

from dataclasses import replace

from hpcalo.errors import ConvergenceError
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.magnetism.texture import measure, velocity
from hpcalo.wall.units import METRE_PER_SECOND, NS_IN_FS

STEPS = 10
"""Steps of the size of the last one that are taken again, at most to what would be the next output."""
CLOSER = 100.0
"""Ratio of the tolerances."""
SHORTER = 4.0
"""Ratio of the first steps, and of all steps of a fixed size."""


def velocity_error(sim: Simulation, state: State) -> float:
    """Of the velocity of the wall, m/s: 0 in a steady state, NaN where steps fail or no wall is left. Collective."""
    s = sim.settings
    if s.wall.mode == "steady":
        return 0.0
    end = state.t + min(STEPS * state.dt, s.time.output_every * NS_IN_FS)
    try:
        way, speed = _moved(sim, s, state, end)
        closer_way, closer_speed = _moved(sim, _closer(s), replace(state, dt=state.dt / SHORTER), end)
    except ConvergenceError:
        return float("nan")
    return max(abs(way - closer_way) / (end - state.t) / METRE_PER_SECOND, abs(speed - closer_speed))


def _closer(s: WallInput) -> WallInput:
    """The input with smaller steps, and electrons that are solved in each of them."""
    time = s.time
    changes: dict[str, object] = {"tolerance": max(time.tolerance / CLOSER, 1e-14)}
    if time.fixed_step:
        changes["first_step"] = time.first_step / SHORTER
    if s.wall.mode == "quasi-static" and time.refresh == "interval":
        changes["refresh"] = "step"
    return s.model_copy(update={"time": time.model_copy(update=changes)})


def _moved(sim: Simulation, s: WallInput, state: State, end: float) -> tuple[float, float]:
    """Position (nm) and velocity (m/s) of the wall at `end` (fs). Collective. Raises ConvergenceError."""
    twin = Simulation(s, sim.mesh.comm, sim.coefficients)
    twin.move_window(state.origin)
    now = twin.stepper.segment(state, end)
    ghost = twin.mesh.magnetization_with_ghosts(now.m)
    speed = velocity(twin.mesh, ghost, twin.rate(now, twin.electrons(now)))
    return measure(twin.mesh, now.m).position, speed
