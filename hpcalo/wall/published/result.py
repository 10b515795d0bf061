"""The trajectory of the published model as named variables of a result."""

from __future__ import annotations

from dataclasses import dataclass

from hpcalo.io.dataset import Variable
from hpcalo.scan.merge import Results
from hpcalo.wall.config import WallInput
from hpcalo.wall.grid import COMPONENTS
from hpcalo.wall.published.evolution import Trajectory
from hpcalo.wall.units import CURRENT_IN_SI


@dataclass(frozen=True)
class _Units:
    """Units of m, n and all that follows from them."""

    density: str
    flow: str
    torque: str
    charge: str
    normalization: str
    charge_factor: float


OCCUPATIONS = _Units("eV fs/nm", "eV", "eV/nm", "eV", "nm/(eV fs)", 1.0)
"""Of f as occupations: the published collisions."""
DENSITIES = _Units("1/nm^3", "1/(nm^2 fs)", "1/(nm^3 fs)", "A/m^2", "nm^3", CURRENT_IN_SI)
"""Of f integrated over p_perp: collision = 'bgk3d'."""


def contents(r: Trajectory, settings: WallInput) -> Results:
    """Variables and coordinates of the result."""
    first, last = r.initial, r.final
    node = ("x",)
    vector = ("x", "component")
    units = OCCUPATIONS if settings.paper.collision == "paper" else DENSITIES
    times_e = "" if units is OCCUPATIONS else " times e"
    variables = [
        Variable("magnetization", ("s", *vector), r.m, "", "unit vector M"),
        Variable(
            "settling_s", (), r.settled, "", "s at which every spin points along the final direction", nan_ok=True
        ),
        Variable(
            "settling_time", (), r.settled * r.unit_ns, "ns", "t_s: scales with 1/normalization only", nan_ok=True
        ),
        Variable("max_m", (), r.max_m, units.density, "max |int G dp| at the start"),
        Variable(
            "normalization", (), r.magnetization_per_m, units.normalization, "C: magnetization in units of M_s per m"
        ),
    ]
    for name, state in (("initial", first), ("final", last)):
        charge = units.charge_factor * state.charge_current
        variables += [
            Variable(f"m_{name}", vector, state.m, units.density, "int G dp"),
            Variable(f"n_{name}", node, state.n, units.density, "int F dp"),
            Variable(f"j_s_{name}", vector, state.spin_current, units.flow, "Eq. (12)"),
            Variable(f"j_e_{name}", node, charge, units.charge, f"-2 int (v F + u M.G) dp{times_e}, Eq. (13)"),
            Variable(f"torque_{name}", vector, state.torque, units.torque, "(J/hbar) M x m"),
            Variable(
                f"torque_divergence_{name}",
                vector,
                state.torque_divergence,
                units.torque,
                "the same through Eqs. (16), (17)",
            ),
            Variable(f"A_{name}", node, state.a, units.flow, "A(x) = u_x n, Eq. (18)"),
            Variable(f"B_{name}", node, state.b, units.flow, "B(x) = M . int v G dp, Eq. (18)"),
        ]
        if settings.drive.circuit != "field":
            words = "E along x that the circuit demands"
            variables.append(Variable(f"electric_field_{name}", (), state.electric_field, "V/m", words))
    coordinates = [
        Variable("x", ("x",), r.x, "nm"),
        Variable("s", ("s",), r.s, "", "time in units of hbar / (J C max|m|)"),
        Variable("component", ("component",), COMPONENTS),
    ]
    return variables, coordinates
