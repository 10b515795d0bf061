"""Monitor of the domain wall as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.wall.magnetism.texture import measure, velocity
from hpcalo.wall.monitors.monitor import Monitor, number

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques


class Wall(Monitor):
    """Position (in the frame of the wire), velocity, width and angle of the wall; NaN where there is none."""

    name = "wall"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective."""
        w = measure(sim.mesh, state.m)
        ghost = sim.mesh.magnetization_with_ghosts(state.m)
        speed = velocity(sim.mesh, ghost, sim.rate(state, torques))  # collective: also where there is no wall
        if np.isnan(w.position):
            speed = float("nan")
        width = w.width if np.isfinite(w.width) else float("nan")
        angle = float(np.rad2deg(w.angle))
        return [
            number("wall_position", w.position + state.origin, "nm", "where M_z changes sign", nan_ok=True),
            number("wall_velocity", speed, "m/s", "-int dM/dt.M'/int |M'|^2", nan_ok=True),
            number("wall_width", width, "nm", "2/int |M'|^2", nan_ok=True),
            number("wall_angle", angle, "degree", "in-wall angle from x towards y", nan_ok=True),
            number("window_origin", state.origin, "nm", "displacement of the window"),
        ]
