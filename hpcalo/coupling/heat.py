"""The response of the moving wall: heat and DMI energy currents along the wire, and the work of the torques.

The group `heat` of a wall result (docs/theory/together.md). Equations (7), (8), (30), (40) of J. Phys.: Condens.
Matter 28, 316001 (2016), with the lowest order in the direction n of the magnetization (`hpcalo.coupling.angular`), or
with the orders of `Coefficients.angular`.
Currents are per width of the film, in W/m: through the thickness of the cell of the electronic structure.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpcalo.coupling.currents import CurrentErrors, Currents, current_errors, currents
from hpcalo.io.dataset import Variable
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.electrons.response import Torques
from hpcalo.wall.magnetism.terms.spin_orbit import PARTS
from hpcalo.wall.monitors.monitor import PER_SECOND, Monitor, number, on_faces, on_nodes
from hpcalo.wall.units import NM


def dmi_balance(sim: Simulation, m: RealArray, rate: RealArray, dmi_current: RealArray) -> tuple[RealArray, float]:
    """DMI energy on the own faces (J/m^2, per area of the film) and how well its balance closes.

    dF/dt + dJ^DMI/dx = w, w = -mu0 M_s H_DMI.dn/dt: what the magnetization gives to the DMI energy (0 in (8), which
    holds where the DMI does no work, as for n(x - vt) without a change of shape and in uniform D). Returned is the
    largest |dF/dt + dJ/dx - w| over the largest |dJ/dx| or |w|: the discretization error of (7), of second order in the
    mesh. Collective.
    """
    mesh, magnetics = sim.mesh, sim.magnetics
    c = magnetics.coefficients
    assert c is not None  # as in `currents`
    both = mesh.with_ghosts(np.concatenate([m, rate * PER_SECOND, dmi_current[:, None]], axis=1))
    a, b = both[:-1], both[1:]  # the nodes left and right of each face
    strength = np.stack([-magnetics.dmi.faces_b, magnetics.dmi.faces_i], axis=1) * MU_0 * c.thickness  # J/m^2

    def over(first: RealArray, second: RealArray) -> RealArray:
        return np.asarray((strength * np.cross(first, second)[:, :2]).sum(axis=1), dtype=np.float64)

    dx = mesh.dx * NM
    energy = over(a[:, :3], b[:, :3])
    by_left, by_right = over(a[:, 3:6], b[:, :3]), over(a[:, :3], b[:, 3:6])
    if (tensor := magnetics.dmi.tensor) is not None:
        left, right = tensor.gradients(a[:, :3], b[:, :3])
        scale = c.thickness / dx
        energy = energy + scale * tensor.energy(a[:, :3], b[:, :3])
        by_left = by_left + scale * (left * a[:, 3:6]).sum(axis=1)
        by_right = by_right + scale * (right * b[:, 3:6]).sum(axis=1)
    given = by_right[:-1] + by_left[1:]  # by each node to its two faces: -mu0 M_s H_DMI.dn/dt
    work = mesh.with_ghosts(given)
    rest = by_left + by_right + (b[:, 6] - a[:, 6]) / dx - 0.5 * (work[:-1] + work[1:])
    face = np.arange(mesh.first, mesh.last)
    # the end nodes also have the work of the surface, which (8) leaves out
    inner = (face > 1) & (face < mesh.cells - 1)
    terms = np.maximum(np.abs((b[:, 6] - a[:, 6]) / dx), 0.5 * np.abs(work[:-1] + work[1:]))
    slope = terms[: mesh.n][inner].max(initial=0.0)
    worst = mesh.max(float(np.abs(rest[: mesh.n][inner]).max(initial=0.0)))
    largest = mesh.max(float(slope))
    return energy, worst / largest if largest > 0.0 else 0.0


def peak(sim: Simulation, values: RealArray) -> float:
    """The value of largest magnitude along the wire. Collective."""
    high, low = sim.mesh.max(float(values.max(initial=-np.inf))), -sim.mesh.max(float((-values).max(initial=-np.inf)))
    return high if high >= -low else low


class Heat(Monitor):
    """Currents along the wire, their peaks and integrals, spin-orbit fields, the work of the torques.

    Needs coefficients of an electronic structure.
    """

    name = "heat"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective."""
        rate = sim.rate(state, torques)
        j, errors = currents(sim, state.m, rate), current_errors(sim, state.m, rate)
        return [
            *_along_the_wire(sim, state.m, rate, j, errors),
            *_peaks_and_integrals(sim, j, errors),
            *_powers(sim, state.m, rate),
            *_heat_work(sim, j),
        ]


def _along_the_wire(
    sim: Simulation, m: RealArray, rate: RealArray, j: Currents, errors: CurrentErrors
) -> list[Variable]:
    spin_orbit = sim.magnetics.spin_orbit
    assert spin_orbit is not None  # comes with the coefficients
    energy, balance = dmi_balance(sim, m, rate, j.dmi)
    words = "heat current J^Q along the wire, -beta-tilde [n x dn/dt] (30), per width"

    def known(variable: Variable, error: RealArray) -> Variable:
        return replace(variable, error=on_nodes(sim, variable.name, error, "W/m", "").data)

    even, odd = (f"part of J^Q from the {part} inverse thermal torque" for part in ("even", "odd"))
    return [
        known(on_nodes(sim, "heat_current", j.heat, "W/m", words), errors.heat),
        known(on_nodes(sim, "heat_current_even", j.heat_even, "W/m", even), errors.heat_even),
        known(on_nodes(sim, "heat_current_odd", j.heat_odd, "W/m", odd), errors.heat_odd),
        on_nodes(
            sim, "heat_current_transverse", j.heat_transverse, "W/m",
            "heat current across the wire, in the film's plane",
        ),
        known(
            on_nodes(
                sim, "dmi_current", j.dmi, "W/m", "DMI energy current along the wire, -D [n x dn/dt] (7), per width"
            ),
            errors.dmi,
        ),
        on_faces(sim, "dmi_energy", energy, "J/m^2", "DMI energy per area of the film, D [n x n']"),
        number("dmi_balance", balance, "", "largest |dF/dt + dJ/dx - w| over |dJ/dx| or |w|, DMI energy (8)"),
        on_nodes(sim, "field_like_field", spin_orbit.field_like, "A/m", "spin-orbit field along y, both drives"),
        on_nodes(
            sim, "damping_like_field", spin_orbit.damping_like, "A/m", "strength of the spin-orbit field n x y"
        ),
    ]  # fmt: skip


def _peaks_and_integrals(sim: Simulation, j: Currents, errors: CurrentErrors) -> list[Variable]:
    """Their errors are upper bounds: the largest along the wire, and the integral of the errors."""
    out = []
    for name, values, error in (("heat_current", j.heat, errors.heat), ("dmi_current", j.dmi, errors.dmi)):
        words = name.replace("_", " ").replace("dmi", "DMI energy")
        integral, bound = (sim.mesh.total(x) * (sim.mesh.dx * NM) for x in (values, error))
        largest = sim.mesh.max(float(np.nan_to_num(error, nan=np.inf).max(initial=0.0)))
        top = number(f"{name}_peak", peak(sim, values), "W/m", f"{words}: the value of largest magnitude")
        whole = number(f"{name}_integral", integral, "W", f"{words}: integral along the wire")
        out += [
            replace(top, error=np.asarray(largest if np.isfinite(largest) else np.nan)),
            replace(whole, error=np.asarray(bound)),
        ]
    return out


def _powers(sim: Simulation, m: RealArray, rate: RealArray) -> list[Variable]:
    """Power of the spin-orbit torques, per width of the film."""
    magnetics = sim.magnetics
    c, spin_orbit = magnetics.coefficients, magnetics.spin_orbit
    assert c is not None  # as in `currents`
    assert spin_orbit is not None  # comes with the coefficients
    out = []
    for part in PARTS:
        torque = spin_orbit.torque(m, magnetics.gamma, part)
        power = magnetics.powers(m, rate, torque)[1] * c.thickness
        words = part.replace("_", ", ")
        out.append(number(f"power_spin_orbit_{part}", power, "W/m", f"power of the {words} spin-orbit torque"))
    return out


def _heat_work(sim: Simulation, j: Currents) -> list[Variable]:
    """What the heat currents say that the power of the thermal torques must be."""
    relative = sim.transport.node_gradient / sim.transport.temperature
    out = []
    for part, values, sign in (("even", j.heat_even, -1.0), ("odd", j.heat_odd, 1.0)):
        work = sign * sim.mesh.total(values * relative) * (sim.mesh.dx * NM)
        how = "-" if sign < 0.0 else "+"
        words = f"{how} int J^Q_{part} dT/dx / T dx: by Onsager (40) the power of the {part} thermal torque"
        out.append(number(f"heat_work_{part}", work, "W/m", words))
    return out
