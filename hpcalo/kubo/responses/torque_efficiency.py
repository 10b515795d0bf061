"""Torques per current density as experiments give them: effective fields, damping-like and field-like efficiencies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo import units
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.plot.panels import AxisLabel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermoelectrics import CHARGE_CURRENT, inverted
from hpcalo.kubo.responses.torkance import torkance_parts
from hpcalo.kubo.states.operators import SPIN
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, VELOCITY_VELOCITY, Sums
from hpcalo.typing import RealArray

TESLA = 1e15  # mT/(10^12 A/m²) in T/(A/m²)
PER_CURRENT = "mT*m^2/TA"
ATTRS = {"mT_per_1e11_A_per_m2": 0.1}
LENGTH = 1e-9
"""Squared length below which n̂ is along ẑ × j, where neither torque exists."""
FIELD = ("n_hat", "gamma", "axis", "charge_current", "energy")
SCALAR = ("n_hat", "gamma", "charge_current", "energy")
FILM = "τ = τ_FL n̂ × y + τ_DL n̂ × (y × n̂), y = ẑ × ĵ, ẑ normal to the film"


def per_current(run: RunSums) -> tuple[RealArray, RealArray]:
    """(even, odd) torque of a cell on the magnetization per current density, J m²/A: (A, G, torque, current, NE).

    With the symmetric part of the conductivity, so that the parities stay; the Hall current is neglected in it.
    """
    symmetric, _ = conductivity_parts(run)
    rho = np.moveaxis(inverted(np.moveaxis(symmetric, -1, 2)), 2, -1)
    si = units.E_CHARGE * units.ANGSTROM
    even, odd = (si * np.einsum("agije,agjke->agike", part, rho) for part in torkance_parts(run))
    return even, odd


def moments(run: RunSums) -> RealArray:
    """The moment of a cell along n̂ in A m², (A, NE): `kubo.moment`, or the spin moment at each energy; NaN if none."""
    given = run.settings.moment
    spin = -run.occupied(SPIN.name)
    m = spin if given is None else np.full_like(spin, given)
    return np.where(np.abs(m) > 1e-6, m, np.nan) * units.BOHR_MAGNETON


def projections(crystal: Crystal, n_hat: RealArray) -> tuple[RealArray, RealArray]:
    """What takes the field-like and the damping-like part out of a torque, for each current: (A, current, torque)."""
    letters = np.eye(3)[list(crystal.directions)]
    normal = np.cross(*crystal.lattice[list(crystal.periodic)])
    y = np.cross(normal / np.linalg.norm(normal), letters)
    like_field = np.cross(n_hat[:, None], y)
    like_damping = np.cross(n_hat[:, None], np.cross(y, n_hat[:, None]))
    square = (like_field**2).sum(axis=-1, keepdims=True)
    safe = np.where(square > LENGTH, square, np.nan)
    return like_field / safe, like_damping / safe


def _label(words: str, symbol: str) -> AxisLabel:
    return AxisLabel(words, symbol, "mT per 10¹² A/m²")


DAMPING_LIKE = AxisLabel("efficiency", r"$\xi^{{DL}}_{{{}}}$", "")
FIELD_LIKE = AxisLabel("efficiency", r"$\xi^{{FL}}_{{{}}}$", "")


def _field(name: str, words: str, parity: int) -> Quantity:
    sign = "τ = m × B of a cell with moment m n̂, B_i = Σ_j b_ij j_j"
    return Quantity(name, FIELD, PER_CURRENT, words, "B = (τ × n̂)/m", sign, parity, ATTRS, nan_ok=True)


def _scalar(name: str, unit: str, words: str, equation: str) -> Quantity:
    attrs = ATTRS if unit == PER_CURRENT else {}
    return Quantity(name, SCALAR, unit, words, equation, FILM, 1, attrs, nan_ok=True, optional=True)


@register
class TorqueEfficiency(Response):
    """Effective field per current density, and of films its damping-like and field-like part and their efficiencies.

    The torque τ = t E on the magnetization of a cell, with E = ρj of the symmetric conductivity, is that of a field B
    perpendicular to n̂: τ = m n̂ × B, B = (τ × n̂)/m, m the moment of the cell (`kubo.moment`, else the spin moment at
    each energy); the odd torque has an even field.

    For a film with the normal ẑ and y = ẑ × ĵ the odd torque is projected on n̂ × y (field-like) and the even one on n̂ ×
    (y × n̂) (damping-like): B_FL is along y, B_DL along y × n̂. ξ = (2e/ħ)(τ/area)/j is what a spin Hall angle would be
    if all the spin current of a layer were absorbed. Both are undefined for n̂ along y.
    """

    name = "torque_efficiency"
    help = "effective field per current density, damping-like and field-like efficiency"
    rank = 14
    sums = Sums(broadened=(TORQUE_VELOCITY, VELOCITY_VELOCITY), levels=(SPIN,))
    quantities = (
        _field("effective_field_even", "effective field of the odd torque", 1),
        _field("effective_field_odd", "effective field of the even torque", -1),
        _scalar("damping_like_field", PER_CURRENT, "damping-like field per current density", "B_DL = τ_DL/m"),
        _scalar("field_like_field", PER_CURRENT, "field-like field per current density", "B_FL = τ_FL/m"),
        _scalar("damping_like_efficiency", "1", "damping-like torque efficiency", "ξ = (2e/ħ)(τ_DL/area)/j"),
        _scalar("field_like_efficiency", "1", "field-like torque efficiency", "ξ = (2e/ħ)(τ_FL/area)/j"),
    )
    axes = (CHARGE_CURRENT,)
    panels = (
        curve_panel("damping_like_efficiency", DAMPING_LIKE, along="energy", rank=61),
        curve_panel("field_like_efficiency", FIELD_LIKE, along="energy", rank=62),
        curve_panel("damping_like_field", _label("field", r"$B^{{DL}}_{{{}}}$"), along="energy", role="detail"),
        curve_panel("field_like_field", _label("field", r"$B^{{FL}}_{{{}}}$"), along="energy", role="detail"),
        curve_panel("effective_field_even", _label("even field", r"$b_{{{}}}$"), along="energy", role="detail"),
        curve_panel("effective_field_odd", _label("odd field", r"$b_{{{}}}$"), along="energy", role="detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        even, odd = per_current(run)
        m = moments(run)
        n = run.n_hat[:, None, :, None, None]
        fields = [np.cross(part, n, axis=2) / m[:, None, None, None] * TESLA for part in (odd, even)]
        out = {"effective_field_even": fields[0], "effective_field_odd": fields[1]}
        if run.crystal.dimensions == 2:
            area = run.crystal.area * units.ANGSTROM**2
            like_field, like_damping = projections(run.crystal, run.n_hat)
            for name, part, along in (("field_like", odd, like_field), ("damping_like", even, like_damping)):
                torque = np.einsum("agike,aki->agke", part, along)
                out[f"{name}_field"] = torque / m[:, None, None] * TESLA
                out[f"{name}_efficiency"] = torque / area * (2.0 * units.E_CHARGE / units.HBAR_SI)
        return out
