"""Scheduled plug-ins: each turns a state into named results. A new one is a function in MONITORS and a name in the
input.

A result says its axes: () numbers, ("x",) nodes, ("x_face",) faces, with ("component",) for vectors in the order x,
y, z.
Arrays are the own part of a rank: nodes first ... last - 1, faces the ones left of them and, on the last rank, the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.stepping import State
from hpcalo.wall.electrons.transport import Torques, components, zhang_li
from hpcalo.wall.magnetism.texture import measure, velocity
from hpcalo.wall.units import DENSITY_IN_SI, FS

Array = NDArray[np.float64]

PER_SECOND = 1.0 / FS
FLUX_IN_SI = 1e33  # 1/(m^2 s) in 1/(nm^2 fs)


@dataclass(frozen=True)
class Quantity:
    """One named result of a monitor at one time; `data` this rank's part, the same on all ranks for numbers.

    `nan_ok`: a number that does not exist in some states (the place of a wall where there is none) and is NaN then.
    """

    name: str
    dims: tuple[str, ...]
    data: Any
    unit: str
    long_name: str
    nan_ok: bool = False


def _own_faces(sim: Simulation, faces: Array) -> Array:
    return faces[: sim.mesh.n + (1 if sim.mesh.at_right else 0)]


def magnetization(sim: Simulation, state: State, torques: Torques) -> list[Quantity]:
    """M and its mean; M_s where it is not the input's number."""
    mean = sim.mesh.total(state.m) / sim.mesh.cells
    ms = sim.magnetics.ms
    varies = sim.mesh.max(float(np.abs(ms - sim.settings.magnet.saturation_magnetization).max(initial=0.0))) > 0.0
    return [
        *([Quantity("saturation_magnetization", ("x",), ms, "A/m", "M_s at the local temperature")] if varies else ()),
        Quantity("magnetization", ("x", "component"), state.m, "", "unit vector M"),
        *(Quantity(f"mean_m{c}", (), float(mean[i]), "", f"<M_{c}> over the wire") for i, c in enumerate("xyz")),
    ]


def electrons(sim: Simulation, state: State, torques: Torques) -> list[Quantity]:
    """Moments and fluxes of the deviation from local equilibrium, the circuit, the temperature."""
    total, t = torques.total, sim.transport
    b = _own_faces(sim, t.longitudinal(total)) * FLUX_IN_SI
    return [
        Quantity("temperature", ("x",), t.temperature, "K", "background temperature"),
        Quantity("density_deviation", ("x",), 2.0 * total.q[:, 0] * DENSITY_IN_SI, "1/m^3", "n = 2 int dF dp"),
        Quantity(
            "density",
            ("x",),
            (t.equilibrium_density() + 2.0 * total.q[:, 0]) * DENSITY_IN_SI,
            "1/m^3",
            "electron density: local equilibrium and the deviation",
        ),
        Quantity("spin_accumulation", ("x", "component"), total.q[:, 1:] * DENSITY_IN_SI, "1/m^3", "m = int dG dp"),
        Quantity(
            "charge_current", ("x_face",), _own_faces(sim, t.charge_current(total)), "A/m^2", "j_e = -2e int v F dp"
        ),
        Quantity(
            "spin_current",
            ("x_face", "component"),
            _own_faces(sim, total.flux[:, 1:]) * FLUX_IN_SI,
            "1/(m^2 s)",
            "j_s = int v G dp",
        ),
        Quantity(
            "A", ("x_face",), np.zeros_like(b), "1/(m^2 s)", "A(x) = u_x n of Eq. (18); u_x = 0 in the consistent model"
        ),
        Quantity("B", ("x_face",), b, "1/(m^2 s)", "B(x) = M . int v G dp of Eq. (18)"),
        Quantity("electric_field", (), torques.field, "V/m", "E in the circuit, thermoelectric part included"),
        Quantity("applied_field", (), torques.applied_field, "V/m", "the part of E that the source applies"),
        Quantity("mean_charge_current", (), torques.current, "A/m^2", "charge current density, mean over the wire"),
        Quantity(
            "polarization", (), torques.polarization, "", "P = M.j_s / (j_e/-2e) of the electric drive", nan_ok=True
        ),
        Quantity(
            "thermal_polarization",
            (),
            torques.thermal_polarization,
            "",
            "P' = M.j_s / (j_e/-2e) of the temperature gradient at E = 0",
            nan_ok=True,
        ),
    ]


def torques_(sim: Simulation, state: State, torques: Torques) -> list[Quantity]:
    """Spin torques -(g mu_B/M_s)(J/hbar) M x m, their parts, and the equivalent u and beta (Zhang-Li)."""
    ghost = sim.mesh.magnetization_with_ghosts(state.m)
    out: list[Quantity] = []
    parts = {"": torques.total, "_electrical": torques.electrical, "_thermal": torques.thermal}
    for name, part in parts.items():
        torque = sim.transport.torque(state.m, part.q)
        damping, field = components(ghost, torque, sim.mesh.dx)
        u, beta_u = zhang_li(sim.mesh, ghost, torque)
        word = {"": "total", "_electrical": "electrical", "_thermal": "thermal"}[name]
        out += [
            Quantity(f"torque{name}", ("x", "component"), torque * PER_SECOND, "1/s", f"{word} spin torque on M"),
            Quantity(f"torque{name}_damping_like", ("x",), damping * PER_SECOND, "1/s", "component along -M'/|M'|"),
            Quantity(f"torque{name}_field_like", ("x",), field * PER_SECOND, "1/s", "component along M x M'/|M'|"),
            Quantity(f"u{name}", (), u, "m/s", f"{word} spin-drift velocity, -int tau.M'/int |M'|^2"),
            Quantity(f"u0{name}", (), sim.transport.spin_velocity(part), "m/s", "g mu_B j_s/M_s"),
            Quantity(
                "beta_Q" if name == "_thermal" else f"beta{name}",
                (),
                beta_u / u if u else float("nan"),
                "",
                f"nonadiabaticity of the {word} torque",
                nan_ok=True,
            ),
        ]
    return out


def wall(sim: Simulation, state: State, torques: Torques) -> list[Quantity]:
    """Position (in the frame of the wire), velocity, width, angle of the wall."""
    w = measure(sim.mesh, state.m)
    ghost = sim.mesh.magnetization_with_ghosts(state.m)
    speed = velocity(sim.mesh, ghost, sim.rate(state, torques))  # collective: also where there is no wall
    if np.isnan(w.position):
        speed = float("nan")
    return [
        Quantity("wall_position", (), w.position + state.origin, "nm", "where M_z changes sign", nan_ok=True),
        Quantity("wall_velocity", (), speed, "m/s", "-int dM/dt.M'/int |M'|^2", nan_ok=True),
        Quantity(
            "wall_width", (), w.width if np.isfinite(w.width) else float("nan"), "nm", "2/int |M'|^2", nan_ok=True
        ),
        Quantity("wall_angle", (), float(np.rad2deg(w.angle)), "degree", "in-wall angle from x towards y", nan_ok=True),
        Quantity("window_origin", (), state.origin, "nm", "how far the window has moved"),
    ]


def energies(sim: Simulation, state: State, torques: Torques) -> list[Quantity]:
    """Magnetic energies, and their balance: what damping takes and the spin torque gives."""
    ghost = sim.mesh.magnetization_with_ghosts(state.m)
    e = sim.magnetics.energies(ghost, state.t)
    rate = sim.rate(state, torques)
    damping, spin = sim.magnetics.powers(state.m, rate, sim.transport.torque(state.m, torques.total.q))
    return [
        *(
            Quantity(f"energy_{n}", (), value, "J/m^2", f"{n} energy per cross-section".replace("_", " "))
            for n, value in {**e.parts, "total": e.total}.items()
        ),
        Quantity("power_damping", (), damping, "W/m^2", "power of Gilbert damping (<= 0)"),
        Quantity(
            "power_spin_torque",
            (),
            spin,
            "W/m^2",
            "power of the spin torque; dE/dt is the sum of all powers",
        ),
        Quantity(
            "power_field",
            (),
            sim.magnetics.term_powers(state.m, rate, state.t)["zeeman"],
            "W/m^2",
            "power of the applied field's change in time, -mu0 int M_s M.dH/dt",
        ),
    ]


Monitor = Callable[[Simulation, State, Torques], list[Quantity]]

MONITORS: dict[str, Monitor] = {
    "magnetization": magnetization,
    "electrons": electrons,
    "torques": torques_,
    "wall": wall,
    "energies": energies,
}


def axis_name(every: int) -> str:
    """Name of the time axis of what is written at every n-th output time."""
    return "time" if every == 1 else f"time_{every}"


def scheduled(sim: Simulation, number: int, more: Mapping[str, Monitor]) -> dict[str, list[Monitor]]:
    """Monitors due at output `number` (0 is the start), grouped by the name of their time axis."""
    due: dict[str, list[Monitor]] = {}
    known = {**MONITORS, **more}
    for entry in sim.settings.output.monitors:
        if number % entry.every == 0:
            due.setdefault(axis_name(entry.every), []).append(known[entry.name])
    return due


def observe(
    sim: Simulation, state: State, number: int, more: Mapping[str, Monitor] = MappingProxyType({})
) -> dict[str, list[Quantity]]:
    """Results due at output `number`, by time axis; `more`: monitors that live above this module. Collective."""
    due = scheduled(sim, number, more)
    if not due:
        return {}
    torques = sim.electrons(state)
    return {axis: [q for monitor in monitors for q in monitor(sim, state, torques)] for axis, monitors in due.items()}
