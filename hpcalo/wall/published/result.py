"""The trajectory of the published model as named variables of a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpcalo.io.dataset import Variable
from hpcalo.scan.merge import Results
from hpcalo.wall.config import WallInput
from hpcalo.wall.grid import COMPONENTS
from hpcalo.wall.published.evolution import Trajectory
from hpcalo.wall.published.parts import TERMS, Parts, Torques
from hpcalo.wall.published.solution import Solution
from hpcalo.wall.units import CURRENT_IN_SI

NODE, VECTOR = ("x",), ("x", "component")


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
    """Variables and coordinates of the result, on the wall."""
    units = OCCUPATIONS if settings.paper.collision == "paper" else DENSITIES
    aligned = "s at which every spin points along the final direction"
    variables = [
        Variable("magnetization", ("s", *VECTOR), r.m, "", "unit vector M"),
        Variable("settling_s", (), r.settled, "", aligned, nan_ok=True),
        Variable(
            "settling_time", (), r.settled * r.unit_ns, "ns", "t_s: scales with 1/normalization only", nan_ok=True
        ),
        Variable("max_m", (), r.max_m, units.density, "max |int G dp| at the start"),
        Variable(
            "normalization", (), r.magnetization_per_m, units.normalization,
            "C: magnetization in units of M_s per m, one number for all points of a scan",
        ),
        Variable("temperature", NODE, r.temperature, "K", "T(x)"),
    ]  # fmt: skip
    if (torques := r.initial_parts.torques) is not None:
        xi = r.xi
        variables += [
            Variable(
                "beta_Q", (), torques.beta, "", "int tau_T.(M x M') / (-int tau_T.M') at the start", nan_ok=True,
                equation="(24)",
            ),
            Variable("beta_Q_printed", (), xi / (1.0 + xi * xi), "", "xi/(1 + xi^2), xi = J tau_sf/hbar",
                     equation="(25)"),
        ]  # fmt: skip
    for name, state, part in (("initial", r.initial, r.initial_parts), ("final", r.final, r.final_parts)):
        variables += _moments(name, state, units)
        if settings.drive.circuit != "field":
            words = "E along x that the circuit demands"
            variables.append(Variable(f"electric_field_{name}", (), state.electric_field, "V/m", words))
        variables += _parts(name, part, units)
        if part.torques is not None:
            variables += _torques(name, part.torques, units)
    coordinates = [
        Variable("x", ("x",), r.x, "nm"),
        Variable("s", ("s",), r.s, "", "time in units of hbar / (J C max|m|)"),
        Variable("component", ("component",), COMPONENTS),
    ]
    if torques is not None:
        coordinates.append(Variable("term", ("term",), TERMS, "", "terms of Eqs. (17), (21), (22)"))
    return variables, coordinates


def _moments(name: str, state: Solution, units: _Units) -> Iterator[Variable]:
    """Moments of f, Eqs. (10)-(13), and the torque of Eq. (17)."""
    e = "" if units is OCCUPATIONS else " times e"
    charge = units.charge_factor * state.charge_current
    yield Variable(f"m_{name}", VECTOR, state.m, units.density, "spin accumulation, int G dp", equation="(12)")
    yield Variable(f"n_{name}", NODE, state.n, units.density, "half the density, int F dp", equation="(10)")
    words = "spin current, int (v G + u_x F M) dp"
    yield Variable(f"j_s_{name}", VECTOR, state.spin_current, units.flow, words, equation="(13)")
    words = f"charge current, -2 int (v F + u_x M.G) dp{e}"
    yield Variable(f"j_e_{name}", NODE, charge, units.charge, words, equation="(11)")
    words = "tau_total = (J/hbar) M x m; the torque on M is its negative"
    yield Variable(f"torque_{name}", VECTOR, state.torque, units.torque, words, equation="(17)")
    words = "the same through Eq. (16)"
    yield Variable(f"torque_divergence_{name}", VECTOR, state.torque_divergence, units.torque, words, equation="(17)")


def _parts(name: str, part: Parts, units: _Units) -> Iterator[Variable]:
    """What local equilibrium carries, and the rest."""
    yield Variable(f"n_T_{name}", NODE, part.n_t, units.density, "int <F> dp", equation="(18)")
    yield Variable(f"A_{name}", NODE, part.a, units.flow, "A(x) = u_x n_T", equation="(18)")
    words = "B(x) = int v <G> dp along <G>: 1/2 int v (f_up - f_down) dp for <G> of the bands"
    yield Variable(f"B_{name}", NODE, part.b, units.flow, words, equation="(18)")
    words = "spin current of local equilibrium, A M + B e with e along <G>"
    yield Variable(f"j_T_{name}", VECTOR, part.j_t, units.flow, words, equation="(18)")
    yield Variable(f"j_V_{name}", VECTOR, part.j_v, units.flow, "j_s - j_T", equation="(13), (18)")
    words = "P' = M.j_T / int (v <F> + u_x M.<G>) dp"
    yield Variable(f"thermal_polarization_{name}", NODE, part.polarization, "", words, equation="(25)", nan_ok=True)


def _torques(name: str, t: Torques, units: _Units) -> Iterator[Variable]:
    """Parts of the torque (J/hbar) M x m."""
    unit = units.torque
    for symbol, whole, terms, number in (("V", t.v, t.terms_v, "(21)"), ("T", t.t, t.terms_t, "(22)")):
        words = f"tau_{symbol}, the sum of the four terms of j_{symbol}"
        yield Variable(f"torque_{symbol}_{name}", VECTOR, whole, unit, words, equation=number)
        yield Variable(
            f"torque_{symbol}_terms_{name}", ("term", *VECTOR), terms, unit, f"terms of tau_{symbol}", equation=number
        )
    words = "tau_T of A M alone, without the third and the fourth term"
    yield Variable(f"torque_T_A_{name}", VECTOR, t.from_a, unit, words, equation="(23)")
    words = "tau_total - tau_V - tau_T: the flow through the ends of the window, and <m> across M"
    yield Variable(f"torque_rest_{name}", VECTOR, t.rest, unit, words, equation="(17)")
    for n, symbol in enumerate(("", "_V", "_T")):
        for kind, data, along in (("damping", t.damping_like, "-M'"), ("field", t.field_like, "M x M'")):
            words = f"tau{symbol or '_total'} along the direction of {along}"
            yield Variable(f"torque{symbol}_{kind}_like_{name}", NODE, data[n], unit, words, equation="(24)")
