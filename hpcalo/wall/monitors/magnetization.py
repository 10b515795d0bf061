"""Monitor of the magnetization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.wall.monitors.monitor import Monitor, number, on_nodes

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques


class Magnetization(Monitor):
    """M and its mean; M_s where it is not the input's number."""

    name = "magnetization"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective."""
        mean = sim.mesh.totals(state.m) / sim.mesh.cells
        ms = sim.magnetics.ms
        difference = float(np.abs(ms - sim.settings.magnet.saturation_magnetization).max(initial=0.0))
        out = []
        if sim.mesh.max(difference) > 0.0:
            out.append(on_nodes(sim, "saturation_magnetization", ms, "A/m", "M_s at the local temperature"))
        out.append(on_nodes(sim, "magnetization", state.m, "", "unit vector M"))
        out += [number(f"mean_m{c}", float(mean[i]), "", f"<M_{c}> over the wire") for i, c in enumerate("xyz")]
        return out
