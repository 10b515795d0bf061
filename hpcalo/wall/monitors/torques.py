"""Monitor of the spin torques."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcalo.io.dataset import Variable
from hpcalo.wall.electrons.zhang_li import components, zhang_li
from hpcalo.wall.monitors.monitor import PER_SECOND, Monitor, number, on_nodes

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques as Response


class Torques(Monitor):
    """Spin torques -(g mu_B/M_s)(J/hbar) M x m, their parts, and the equivalent u and beta (Zhang-Li)."""

    name = "torques"

    def variables(self, sim: Simulation, state: State, torques: Response) -> list[Variable]:
        """Collective."""
        ghost = sim.mesh.magnetization_with_ghosts(state.m)
        out: list[Variable] = []
        for word, part in (
            ("total", torques.total),
            ("electrical", torques.electrical),
            ("thermal", torques.thermal),
        ):
            suffix = "" if word == "total" else f"_{word}"
            torque = sim.transport.torque(state.m, part.q)
            damping, field = components(ghost, torque, sim.mesh.dx)
            u, beta_u = zhang_li(sim.mesh, ghost, torque)
            beta = "beta_Q" if word == "thermal" else f"beta{suffix}"
            out += [
                on_nodes(sim, f"torque{suffix}", torque * PER_SECOND, "1/s", f"{word} spin torque on M"),
                on_nodes(
                    sim, f"torque{suffix}_damping_like", damping * PER_SECOND, "1/s", "component along -M'/|M'|"
                ),
                on_nodes(
                    sim, f"torque{suffix}_field_like", field * PER_SECOND, "1/s", "component along M x M'/|M'|"
                ),
                number(f"u{suffix}", u, "m/s", f"{word} spin-drift velocity, -int tau.M'/int |M'|^2"),
                number(f"u0{suffix}", sim.transport.spin_velocity(part), "m/s", "g mu_B j_s/M_s"),
                number(
                    beta, beta_u / u if u else float("nan"), "", f"nonadiabaticity of the {word} torque", nan_ok=True
                ),
            ]  # fmt: skip
        return out
