"""Monitor of what the moving magnetization drives back: a voltage and a heat current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcalo.io.dataset import Variable
from hpcalo.wall.electrons.pumping import spin_motive
from hpcalo.wall.monitors.monitor import Monitor, number, on_nodes

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques

HEAT = "heat current that the moving magnetization drives, partner of the thermal spin-transfer torque"


class Motive(Monitor):
    """Partners of the electrons' torques (docs/theory/heat.md): spin motive force and pumped heat."""

    name = "motive"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective. Nothing where the electrons exert no torque."""
        ghost = sim.mesh.magnetization_with_ghosts(state.m)
        found = spin_motive(sim.transport, sim.magnetics, ghost, sim.rate(state, torques), torques)
        if found is None:
            return []
        voltage, heat = found
        return [
            number("spin_motive_voltage", voltage, "V", "int g dx: voltage of the moving magnetization", nan_ok=True),
            on_nodes(sim, "pumped_heat_current", heat, "W/m^2", HEAT),
        ]
