"""Heat and DMI energy currents of a moving texture along the wire, and their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.coupling import angular
from hpcalo.kubo.responses.motion import current
from hpcalo.typing import RealArray
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.monitors.monitor import PER_SECOND


def heat_tensors(c: Coefficients, n: RealArray, temperature: RealArray) -> tuple[RealArray, RealArray]:
    """Even and odd beta-tilde (…, 2 [current], 3 [torque]) in J/m^2 for n (…, 3) at T (…), in the orders of c."""
    if "beta_tilde_even" in c.angular or "beta_tilde_odd" in c.angular:
        zero = np.zeros((*n.shape[:-1], 2, 3))
        even, odd = (
            c.angular[name].tensor(n, temperature) if name in c.angular else zero
            for name in ("beta_tilde_even", "beta_tilde_odd")
        )
        return even, odd
    even = c.at("beta_tilde_even", temperature)[..., None, None] * angular.across(n)
    odd = c.at("beta_tilde_odd", temperature)[..., None, None] * angular.field_like(n)
    return even, odd


def dmi_tensor(interfacial: RealArray, bulk: RealArray) -> RealArray:
    """Row x (…, 1, 3) of D_ij in J/m^2 that gives the energy D_i (M_z M_x' - M_x M_z') + D_b M.(curl M) along x."""
    rows = np.zeros((*np.shape(interfacial), 1, 3))
    rows[..., 0, 0], rows[..., 0, 1] = -bulk, interfacial
    return rows


@dataclass(frozen=True)
class Currents:
    """Along the wire on the own nodes, W/m: heat in its two parts (and across the wire), DMI energy."""

    heat_even: RealArray
    heat_odd: RealArray
    heat_transverse: RealArray
    dmi: RealArray

    @property
    def heat(self) -> RealArray:
        """J^Q along the wire."""
        return self.heat_even + self.heat_odd


def currents(sim: Simulation, m: RealArray, rate: RealArray) -> Currents:
    """J^Q = -beta-tilde [n x dn/dt] (30) and J^DMI = -D [n x dn/dt] (7) for M (n, 3) and dM/dt (n, 3) in 1/fs."""
    c = sim.magnetics.coefficients
    assert c is not None  # the monitor is scheduled only with coefficients
    dn_dt = rate * PER_SECOND
    even, odd = (
        c.cell_thickness * current(tensor, m, dn_dt) for tensor in heat_tensors(c, m, sim.transport.temperature)
    )
    rows = dmi_tensor(sim.magnetics.dmi.interfacial, sim.magnetics.dmi.bulk)
    if sim.magnetics.dmi.tensor is not None:
        rows[:, 0] += sim.magnetics.dmi.tensor.nodes.at(m)
    dmi = c.thickness * current(rows, m, dn_dt)[:, 0]
    return Currents(even[:, 0], odd[:, 0], (even + odd)[:, 1], dmi)


@dataclass(frozen=True)
class CurrentErrors:
    """Errors of the currents along the wire by those of the Kubo result, W/m on the own nodes; NaN: not known."""

    heat_even: RealArray
    heat_odd: RealArray
    dmi: RealArray

    @property
    def heat(self) -> RealArray:
        """Of both parts together: they come from the same points k and may err alike."""
        return self.heat_even + self.heat_odd


def current_errors(sim: Simulation, m: RealArray, rate: RealArray) -> CurrentErrors:
    """The errors of `currents` at this M and dM/dt: those are linear in the coefficients. A D of the input has none."""
    c, t = sim.magnetics.coefficients, sim.transport.temperature
    assert c is not None  # as in `currents`
    dn_dt = rate * PER_SECOND
    if c.angular:
        omega = np.asarray(np.cross(m, dn_dt), dtype=np.float64)
        zero = np.zeros(len(m))
        even, odd, dmi = (
            c.cell_thickness * c.angular[name].error(m, t, omega)[:, 0] if name in c.angular else zero
            for name in ("beta_tilde_even", "beta_tilde_odd", "spiralization")
        )
        return CurrentErrors(even, odd, dmi)
    forms = {"even": angular.across(m), "odd": angular.field_like(m)}
    heat = {
        part: c.cell_thickness * c.error_at(f"beta_tilde_{part}", t) * np.abs(current(form, m, dn_dt)[:, 0])
        for part, form in forms.items()
    }
    unit = np.ones(len(m))
    dmi = (
        c.cell_thickness * c.error_at("spiralization", t) * np.abs(current(dmi_tensor(unit, 0 * unit), m, dn_dt)[:, 0])
    )
    return CurrentErrors(heat["even"], heat["odd"], dmi)
