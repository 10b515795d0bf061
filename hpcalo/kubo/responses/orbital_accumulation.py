"""Orbital momentum that a field or a gradient of temperature accumulates: orbital Edelstein effect and its partner."""

from __future__ import annotations

from dataclasses import replace

from hpcalo import units
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.field_driven import Driven, FieldDriven
from hpcalo.kubo.responses.response import Attributes, Axis
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.orbital_momentum import ORBITAL_MOMENTUM, reached
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.plotting import style

ORBITAL_AXES = (
    Axis("orbital", lambda run: ["xyz"[axis] for axis, _ in reached(run.directions)], "component of orbital momentum"),
)


def sense(run: RunSums) -> int:
    """Sign of the components of the operator along the axes of the result."""
    return reached(run.directions)[0][1]


def _attributes(run: RunSums) -> Attributes:
    return {
        "note": "orbital momentum of a cell, in ħ, between bands; the moment is −µ_B times it",
        "mu_B_per_cell_in_A_per_m": units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3),
    }


PER_FIELD = FieldDriven(
    name="orbital_accumulation",
    words="orbital momentum per electric field",
    observable=ORBITAL_MOMENTUM,
    indices=("orbital",),
    unit="m/V",
    sign="δ<L_i> = Σ_j χ_ij E_j",
    label=AxisLabel("orbital momentum per field", r"$\chi^L_{{{}}}$", "m/V", style.powered),
    factor=lambda run: sense(run) * units.ANGSTROM,
    attrs=_attributes,
    requires=(POSITIONS,),
)
PER_GRADIENT = replace(
    PER_FIELD,
    name="thermal_orbital_accumulation",
    words="orbital momentum per temperature gradient",
    unit="m/K",
    sign="δ<L_i> = −Σ_j ζ_ij ∂_j T",
    label=AxisLabel("orbital momentum per gradient", r"$\zeta^L_{{{}}}$", "m/K", style.powered),
    thermal=True,
)


@register
class OrbitalAccumulation(Driven):
    """χ of δ<L> = χ E, the orbital momentum of a cell (in ħ) per electric field, in m/V: orbital Edelstein effect.

    L is that between bands, whose diagonal is the local moment of (48); as `spin_accumulation` with L in the place of
    σ. Of a film the component along its normal alone.
    """

    name = "orbital_accumulation"
    help = "orbital momentum accumulated by an electric field (orbital Edelstein effect)"
    rank = 26
    driven = PER_FIELD
    axes = ORBITAL_AXES
    first_panel = 40


@register
class ThermalOrbitalAccumulation(Driven):
    """ζ of δ<L> = −ζ ∇T, the orbital momentum of a cell (in ħ) per temperature gradient, in m/K, by Mott's relation."""

    name = "thermal_orbital_accumulation"
    help = "orbital momentum accumulated by a temperature gradient"
    rank = 28
    driven = PER_GRADIENT
    per_field = (PER_FIELD, 1.0)
    axes = ORBITAL_AXES
    first_panel = 42
