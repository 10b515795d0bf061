"""Errors of the last state: its numbers once more on coarser meshes of x and of the momentum, and the steps in time.

The second-order error of the spacing follows from half as many cells; that of the momenta from three quarters of them,
whose sums miss the Fermi edge by 2 exp(-2 pi^2 kT m/(p_F dp)), with a sign that changes from mesh to mesh, and converge
as dp^2 where they resolve it. The two are added in quadrature, for the velocity with that of the steps
(`hpcalo.wall.steps_error`). M is taken as it is. The position has the error of a velocity that is wrong from the start
on as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.io.dataset import Variable
from hpcalo.parallel.world import alone
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.dynamics.unit_length import normalized
from hpcalo.wall.heat.thermal import Thermal
from hpcalo.wall.monitors.monitor import Monitor
from hpcalo.wall.monitors.schedule import observe
from hpcalo.wall.steps_error import velocity_error
from hpcalo.wall.units import NS_IN_FS
from hpcalo.wall.validity.common import electrons_matter, end_temperatures
from hpcalo.wall.validity.electrons import edge_error

OF_THE_TEXTURE = frozenset(
    {"wall_position", "wall_width", "wall_angle", "window_origin", "mean_mx", "mean_my", "mean_mz"}
)
"""Numbers that M alone decides: a coarser mesh says nothing about them."""
LEAST_CELLS = 9
"""Cells of a coarser mesh that can say anything."""
PHASES = (0, 2)
"""Points fewer than three quarters: an edge that happens to lie well between the points of one mesh does not in all."""
ALIKE = 1.5
"""Factor within which the changes of two meshes have the ratio of dp^2 for it to be taken for their cause."""


def with_errors(
    sim: Simulation, state: State, number: int, more: Mapping[str, Monitor], found: Mapping[str, Sequence[Variable]]
) -> dict[str, list[Variable]]:
    """The variables `found` at output `number`, the numbers among them with `error`; NaN where a mesh gave none.

    Collective.
    """
    values = {v.name: float(np.asarray(v.data)) for axis in found.values() for v in axis if not v.dims}
    meshes = {name: value for name, value in values.items() if _has_error(name)}
    squares = dict.fromkeys(meshes, 0.0)
    for part in (_of_cells, _of_momenta):
        for name, error in part(sim, state, number, more, meshes).items():
            squares[name] += error**2
    if "wall_velocity" in squares:
        if sim.settings.output.step_error:
            squares["wall_velocity"] += velocity_error(sim, state) ** 2
        if _moves(sim):
            squares["wall_position"] = squares["wall_velocity"] * (state.t / NS_IN_FS) ** 2
    return {
        axis: [replace(v, error=np.asarray(np.sqrt(squares[v.name]))) if v.name in squares else v for v in variables]
        for axis, variables in found.items()
    }


def without_errors(sim: Simulation, found: Mapping[str, Sequence[Variable]]) -> dict[str, list[Variable]]:
    """The same with errors that are not known, so that every frame has the same variables."""

    def has_error(v: Variable) -> bool:
        return not v.dims and (_has_error(v.name) or (v.name == "wall_position" and _moves(sim)))

    return {
        axis: [replace(v, error=np.asarray(np.nan)) if has_error(v) else v for v in variables]
        for axis, variables in found.items()
    }


def _moves(sim: Simulation) -> bool:
    return sim.settings.wall.mode != "steady"


def _has_error(name: str) -> bool:
    """Whether a coarser mesh tells an error; of powers not, since M that rests on one mesh moves on another.

    Nor of the ledger and the temperature, which have gathered in time on their own mesh.
    """
    return name not in OF_THE_TEXTURE and not name.startswith(("power_", "ledger_", "temperature_"))


def _of_cells(
    sim: Simulation, state: State, number: int, more: Mapping[str, Monitor], values: Mapping[str, float]
) -> dict[str, float]:
    s, mesh = sim.settings, sim.mesh
    cells = (mesh.cells + 1) // 2
    if cells < LEAST_CELLS:
        return dict.fromkeys(values, float("nan"))
    coarse = s.model_copy(update={"wire": s.wire.model_copy(update={"cells": cells})})
    changes = _changes(sim, coarse, state, number, more, values)
    ratio = (mesh.cells - 1) / (cells - 1)
    return {name: abs(change) / (ratio**2 - 1.0) for name, change in changes.items()}


def _of_momenta(
    sim: Simulation, state: State, number: int, more: Mapping[str, Monitor], values: Mapping[str, float]
) -> dict[str, float]:
    s = sim.settings
    points = s.momentum.points
    if not electrons_matter(s):
        return dict.fromkeys(values, 0.0)
    coldest = float(end_temperatures(s).min())
    meshes = [max(2, 3 * points // 4 - less) for less in PHASES]
    changes = []
    for fewer in meshes:
        coarse = s.model_copy(update={"momentum": s.momentum.model_copy(update={"points": fewer})})
        changes.append(_changes(sim, coarse, state, number, more, values))
    by_edge = [0.5 * edge_error(s, coldest, points - fewer) for fewer in meshes]  # both are 2 exp(-c points)
    by_square = [(fewer / points) ** 2 for fewer in meshes]
    out = {}
    for name in values:
        found = [change[name] for change in changes]
        left = by_square if _smooth(found, by_square) else by_edge
        out[name] = float(np.max([abs(c) * k / (1.0 - k) for c, k in zip(found, left, strict=True)]))
    return out


def _smooth(changes: Sequence[float], left: Sequence[float]) -> bool:
    """Whether the changes of two meshes are those of an error of which each mesh leaves the share `left`."""
    first, second = (change * k / (1.0 - k) for change, k in zip(changes, left, strict=True))
    return bool(abs(first) <= ALIKE * abs(second) and abs(second) <= ALIKE * abs(first) and first * second >= 0.0)


def _changes(
    sim: Simulation,
    coarse: WallInput,
    state: State,
    number: int,
    more: Mapping[str, Monitor],
    values: Mapping[str, float],
) -> dict[str, float]:
    """Changes of the numbers with other meshes; NaN where these have no solution. Collective.

    A mesh of fewer cells than there are ranks is solved by each of them.
    """
    steady = coarse.model_copy(update={"wall": coarse.wall.model_copy(update={"mode": "steady"})})
    try:
        comm = sim.mesh.comm if coarse.wire.cells >= sim.mesh.comm.size else alone()
        twin = Simulation(steady, comm, sim.coefficients)
        there = replace(state, m=_texture(sim, twin, state.m), f=None, thermal=_heat(sim, twin, state))
        again = observe(twin, there, number, more)
    except ConvergenceError:
        return dict.fromkeys(values, float("nan"))
    numbers = {v.name: float(np.asarray(v.data)) for axis in again.values() for v in axis if not v.dims}
    return {name: numbers.get(name, np.nan) - value for name, value in values.items()}


def _texture(sim: Simulation, twin: Simulation, m: RealArray) -> RealArray:
    """M (n, 3) on the coarser mesh. Collective."""
    found = _sampled(sim, twin, m)
    return found if found is m else normalized(found)


def _heat(sim: Simulation, twin: Simulation, state: State) -> Thermal | None:
    """T on the coarser mesh, without a ledger of its own. Collective."""
    if state.thermal is None:
        return None
    theta = _sampled(sim, twin, state.thermal.theta)
    return replace(state.thermal, theta=theta, coarse=theta)


def _sampled(sim: Simulation, twin: Simulation, field: RealArray) -> RealArray:
    """A field (n, …) on the nodes of the coarser mesh: on common nodes the same, else by cubic splines. Collective."""
    if twin.mesh.cells == sim.mesh.cells:
        return field
    from scipy.interpolate import CubicSpline  # noqa: PLC0415  (slow)

    every = sim.mesh.gather(field)
    return np.asarray(CubicSpline(np.arange(sim.mesh.cells) * sim.mesh.dx, every)(twin.mesh.x))
