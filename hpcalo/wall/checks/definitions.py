"""Definitions that the stored numbers satisfy: torques, the circuit, sums of energies, the published identity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import constants

from hpcalo.io.checks import Check, below, relative
from hpcalo.io.dataset import Result
from hpcalo.io.scanned import single_point
from hpcalo.wall.checks.stored import EXACT, MOVING, input_value, is_moving, largest, same_times, shaped, succeeded
from hpcalo.wall.plot.data import is_scan
from hpcalo.wall.plot.reading import finished, from_b

UNIT = 1e-12  # |M| - 1


def unit_length(result: Result) -> Iterator[Check]:
    """|M| = 1."""
    if "magnetization" in result.variables:
        length = np.linalg.norm(succeeded(result, "magnetization"), axis=-1)
        yield below("Length of the magnetization", "largest ||M| − 1|", largest(length - 1.0), UNIT)


def torque_parts(result: Result) -> Iterator[Check]:
    """The electrical and the thermal torque add up."""
    parts = ("torque", "torque_electrical", "torque_thermal")
    if all(n in result.variables for n in parts) and result.setting("electronic_structure") is None:
        total, electrical, thermal = (succeeded(result, n) for n in parts)
        must = "τ = τ_electrical + τ_thermal, relative"
        yield below("Torques add up", must, relative(total - electrical - thermal, total), EXACT)


def torque_from_accumulation(result: Result) -> Iterator[Check]:
    """The torque is perpendicular to M, and that of the stored accumulation."""
    names = ("torque", "magnetization", "spin_accumulation")
    if any(n not in result.variables for n in names) or not same_times(result, *names):
        return
    tau, m = succeeded(result, "torque"), succeeded(result, "magnetization")
    yield below("Torque is perpendicular to M", "M·τ relative to τ", relative((tau * m).sum(-1), tau), EXACT)
    keys = (("electrons", "g_factor"), ("electrons", "exchange_splitting"), ("magnet", "saturation_magnetization"))
    values = [input_value(result, *key) for key in keys]
    varying = (result.setting("magnet", "thermal"), result.setting("electronic_structure"))
    if any(value is None for value in values) or any(part is not None for part in varying):
        return
    g, splitting, saturation = (shaped(v, tau) for v in values)
    magneton = constants.physical_constants["Bohr magneton"][0]
    rate = g * magneton / saturation * splitting * constants.e / constants.hbar
    expected = -rate * np.cross(m, succeeded(result, "spin_accumulation"))
    must = "τ = −(g µ_B/M_s)(J/ħ) M × m from the accumulation, relative"
    yield below("Torque follows from the accumulation", must, relative(tau - expected, expected), EXACT)


CIRCUITS = {
    "current": ("The given current flows", "mean_charge_current", "current_density"),
    "field": ("The given field is applied", "electric_field", "electric_field"),
    "open": ("Open circuit carries no current", "mean_charge_current", ""),
}
"""Name of the check, variable, key of [drive], for each circuit."""


def circuit(result: Result) -> Iterator[Check]:
    """The field or current of the circuit is the input's."""
    kind = str(result.setting("drive", "circuit"))
    name, quantity, key = CIRCUITS.get(kind, ("", "", ""))
    if not name or quantity not in result.variables:
        return
    found = succeeded(result, quantity)
    given = input_value(result, "drive", key) if key else 0.0
    if given is None:
        return
    goal = shaped(given, found) * np.ones(found.shape)
    # Stepped in time, the current is held as well as the linear solver of the steps solves.
    limit = MOVING if quantity == "mean_charge_current" and is_moving(result) else EXACT
    scale = np.abs(goal)
    if kind == "open" or not scale.any():  # against what the thermal spin current would carry as charge
        spin = succeeded(result, "spin_current") if "spin_current" in result.variables else np.ones(1)
        scale = np.array([constants.e * float(np.abs(spin).max(initial=0.0)) or 1.0])
    unit = result.variables[quantity].unit
    must = f"{quantity} − the input's {key or 'zero'}, relative" + ("" if key else f" to the spin current as {unit}")
    yield below(name, must, relative(found - goal, scale), limit)


def energy_parts(result: Result) -> Iterator[Check]:
    """The energies of all terms add up."""
    parts = [n for n in result.variables if n.startswith("energy_") and result.variables[n].unit == "J/m^2"]
    if "energy_total" in parts and len(parts) > 2:
        total = succeeded(result, "energy_total")
        rest = sum(succeeded(result, n) for n in parts if n != "energy_total")
        yield below("Energies add up", "total − sum of its parts, relative", relative(total - rest, total), EXACT)


def published_identity(result: Result) -> Iterator[Check]:
    """Eq. (17) of the published model in its first and last state."""
    for when in ("initial", "final"):
        names = (f"torque_{when}", f"torque_divergence_{when}")
        if all(n in result.variables for n in names):
            direct, through = (succeeded(result, n) for n in names)
            must = "(J/ħ) M × m = its form through the spin current, relative"
            yield below(f"Identity (17), {when} state", must, relative(direct - through, direct), EXACT)


def published_parts(result: Result) -> Iterator[Check]:
    """Torques of the published model are the sums of their parts, and so is the spin current."""
    for when in ("initial", "final"):
        names = [f"{name}_{when}" for name in ("torque", "torque_V", "torque_T", "torque_rest", "j_s", "j_V", "j_T")]
        if any(n not in result.variables for n in names):
            continue
        total, v, t, rest, j, j_v, j_t = (succeeded(result, n) for n in names)
        must = "τ_total = τ_V + τ_T + rest, Eqs. (17), (21), (22), relative to the larger part"
        yield below(
            f"Torques add up, {when} state", must, relative(total - v - t - rest, np.maximum(abs(v), abs(t))), EXACT
        )
        must = "j_s = j_V + j_T, relative to j_T"
        yield below(f"Spin currents add up, {when} state", must, relative(j - j_v - j_t, j_t), EXACT)


def published_thermal_torque(result: Result) -> Iterator[Check]:
    """Eq. (22) at the start is what B alone makes, where all electrons of the window come from the cold end."""
    if not {"torque_T_initial", "B_initial"} <= set(result.variables):
        return
    points = [single_point(result, k) for k in finished(result)] if is_scan(result) else [result]
    worst = []
    for point in points:
        alone = from_b(point)
        if alone is None or not _from_one_side(point):
            return
        t = np.asarray(point["torque_T_initial"], dtype=float)
        worst.append(relative(t[1:] - alone, t))
    must = "τ_T of Eq. (22) = its part of B(x) alone, relative"
    yield below("The thermal torque is that of B", must, max(worst, default=0.0), EXACT)


def _from_one_side(point: Result) -> bool:
    """Whether the slowest electrons of a window from the upper band edge on are faster than u_x."""
    window = point.setting("paper", "window")
    names = ("fermi_energy", "exchange_splitting", "mass")
    fermi, splitting, mass = (point.setting("electrons", name) for name in names)
    if not window or window[0] != "upper band edge":
        return False
    slowest = np.sqrt(2.0 * (fermi + splitting / 2.0) * constants.e / (mass * constants.m_e))
    return bool(slowest > abs(point.setting("paper", "velocity")))
