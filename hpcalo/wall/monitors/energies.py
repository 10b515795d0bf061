"""Monitor of the magnetic energies and of the powers that change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcalo.io.dataset import Variable
from hpcalo.wall.monitors.monitor import Monitor, number

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques

FIELD = "power of the applied field's change in time, -mu0 int M_s M.dH/dt"


class Energies(Monitor):
    """The energy of each term, and the balance: dE/dt is the sum of all powers (spin-orbit torques: monitor heat)."""

    name = "energies"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective."""
        ghost = sim.mesh.magnetization_with_ghosts(state.m)
        e = sim.magnetics.energies(ghost, state.t)
        rate = sim.rate(state, torques)
        damping, spin = sim.magnetics.powers(state.m, rate, sim.transport.torque(state.m, torques.total.q))
        of_terms = sim.magnetics.term_powers(state.m, rate, state.t)
        out = [
            number(f"energy_{n}", value, "J/m^2", f"{n} energy per cross-section".replace("_", " "))
            for n, value in {**e.parts, "total": e.total}.items()
        ]
        out.append(number("power_damping", damping, "W/m^2", "power of Gilbert damping (<= 0)"))
        words = "power of the spin torque; dE/dt is the sum of all powers"
        out.append(number("power_spin_torque", spin, "W/m^2", words))
        out.append(number("power_field", of_terms.pop("zeeman"), "W/m^2", FIELD))
        of_terms.pop("spin_orbit", None)  # written by the heat monitor, part by part
        for name, power in of_terms.items():
            out.append(number(f"power_{name}", power, "W/m^2", f"power of the {name} term".replace("_", " ")))
        return out
