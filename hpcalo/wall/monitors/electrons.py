"""Monitor of the conduction electrons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.wall.monitors.monitor import FLUX_IN_SI, Monitor, number, on_faces, on_nodes
from hpcalo.wall.units import DENSITY_IN_SI

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques


class Electrons(Monitor):
    """Moments and fluxes of the deviation from local equilibrium, the circuit, the temperature."""

    name = "electrons"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective."""
        temperature = on_nodes(sim, "temperature", sim.temperature(state), "K", "temperature of the wire")
        return [temperature, *_along_the_wire(sim, torques), *_circuit(torques)]


def _along_the_wire(sim: Simulation, torques: Torques) -> list[Variable]:
    total, t = torques.total, sim.transport
    deviation = 2.0 * total.q[:, 0]
    b = t.longitudinal(total) * FLUX_IN_SI
    per_area = "1/(m^2 s)"
    return [
        on_nodes(sim, "density_deviation", deviation * DENSITY_IN_SI, "1/m^3", "n = 2 int dF dp"),
        on_nodes(
            sim, "density", (t.equilibrium_density() + deviation) * DENSITY_IN_SI, "1/m^3",
            "electron density: local equilibrium and the deviation",
        ),
        on_nodes(sim, "spin_accumulation", total.q[:, 1:] * DENSITY_IN_SI, "1/m^3", "m = int dG dp"),
        on_faces(sim, "charge_current", t.charge_current(total), "A/m^2", "j_e = -2e int v F dp"),
        on_faces(sim, "spin_current", total.flux[:, 1:] * FLUX_IN_SI, per_area, "j_s = int v G dp"),
        on_faces(
            sim, "A", np.zeros_like(b), per_area, "A(x) = u_x n of Eq. (18); u_x = 0 in the consistent model"
        ),
        on_faces(sim, "B", b, per_area, "B(x) = M . int v G dp of Eq. (18)"),
    ]  # fmt: skip


def _circuit(torques: Torques) -> list[Variable]:
    return [
        number("electric_field", torques.field, "V/m", "E in the circuit, thermoelectric part included"),
        number("applied_field", torques.applied_field, "V/m", "the part of E that the source applies"),
        number("mean_charge_current", torques.current, "A/m^2", "charge current density, mean over the wire"),
        number(
            "polarization", torques.polarization, "", "P = M.j_s / (j_e/-2e) of the electric drive", nan_ok=True
        ),
        number(
            "thermal_polarization", torques.thermal_polarization, "",
            "P' = M.j_s / (j_e/-2e) of the temperature gradient at E = 0", nan_ok=True,
        ),
    ]  # fmt: skip
