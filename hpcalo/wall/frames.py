"""Frames of the wall: the variables of all monitors that are due at a state, checked, with their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.timeseries import Frame
from hpcalo.parallel.guard import together
from hpcalo.wall.dynamics.nonfinite import where_not_finite
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.errors import with_errors, without_errors
from hpcalo.wall.grid import COMPONENTS
from hpcalo.wall.monitors.monitor import Monitor
from hpcalo.wall.monitors.schedule import axis_name, observe
from hpcalo.wall.units import NS_IN_FS


def frames(sim: Simulation, state: State, number: int, more: Mapping[str, Monitor]) -> list[Frame]:
    """One frame for each time axis that has an entry at output `number` (0 is the start). Collective.

    The numbers of the last output have the errors of meshes and steps, those before it have none that are known.
    more: monitors that come with the coefficients. Raises ConvergenceError where a value is not finite.
    """
    found = observe(sim, state, number, more)
    last = sim.settings.wall.mode == "steady" or number == sim.times().size
    found = with_errors(sim, state, number, more, found) if last else without_errors(sim, found)
    return [_frame(sim, axis, state, variables) for axis, variables in found.items()]


def outputs_until(sim: Simulation, state: State) -> int:
    """Number of the last output time that `state` has reached; 0 is the start."""
    return int(np.count_nonzero(sim.times() <= state.t * (1 + 1e-12)))


def entries(sim: Simulation, state: State) -> dict[str, int]:
    """How many entries each time axis gets in a run that begins with `state`."""
    start = outputs_until(sim, state)
    end = start if sim.settings.wall.mode == "steady" else sim.times().size
    intervals = {monitor.every for monitor in sim.settings.output.monitors}
    return {axis_name(every): end // every - (start - 1) // every for every in intervals}


def _frame(sim: Simulation, axis: str, state: State, variables: Sequence[Variable]) -> Frame:
    with together(sim.mesh.comm):  # a value that is not finite may be on one rank only; sums over it are on all
        checked = {v.name: _checked(sim, state, v) for v in variables if v.dims}
    checked |= {v.name: _checked(sim, state, v) for v in variables if not v.dims}
    return Frame(axis, state.t / NS_IN_FS, tuple(checked[v.name] for v in variables))


def _checked(sim: Simulation, state: State, v: Variable) -> Variable:
    """The variable as it is written. Raises ConvergenceError where a value is not finite and must be."""
    if not isinstance(v.data, Slab):
        if np.isinf(v.data) or (np.isnan(v.data) and not v.nan_ok):
            raise ConvergenceError(f"{v.name} is not finite at t = {state.t / NS_IN_FS:.6g} ns: it is {v.data:g}")
    else:
        location = "face" if v.dims[0] == "x_face" else "node"
        if where := where_not_finite(sim.mesh, v.name, v.data.data, sim.mesh.first, state.t, location):
            raise ConvergenceError(where)
    return replace(v, nan_ok=True)


def axes(sim: Simulation) -> list[Variable]:
    """Coordinates of every result: nodes, faces and components."""
    mesh = sim.mesh
    nodes = np.arange(mesh.cells) * mesh.dx
    faces = np.append(nodes, mesh.length + mesh.dx) - 0.5 * mesh.dx
    return [
        Variable("x", ("x",), nodes, "nm", "nodes, from the left end of the window"),
        Variable("x_face", ("x_face",), faces, "nm", "faces between the nodes"),
        Variable("component", ("component",), COMPONENTS),
    ]
