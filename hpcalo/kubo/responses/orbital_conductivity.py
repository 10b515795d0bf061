"""Currents of orbital momentum in an electric field or a gradient of temperature: orbital Hall and Nernst effect."""

from __future__ import annotations

from dataclasses import replace

from hpcalo import units
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE
from hpcalo.kubo.responses.field_driven import Driven, FieldDriven
from hpcalo.kubo.responses.orbital_accumulation import ORBITAL_AXES, sense
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.orbital_momentum import ORBITAL_CURRENT
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.plotting import style

CM = units.S_PER_M_IN_S_PER_CM
NOTE = {
    "note": "flow of the electrons' orbital momentum between bands; their moment and charge flow with the opposite sign"
}


def _si(run: RunSums) -> float:
    """(ħ/e) S/m in one Å ħ."""
    return sense(run) * SIEMENS_PER_METRE / run.volume


PER_FIELD = FieldDriven(
    name="orbital_conductivity",
    words="orbital conductivity",
    observable=ORBITAL_CURRENT,
    indices=("orbital", "current"),
    unit="hbar/e*S/cm",
    sign="J^a_i = Σ_j σ^a_ij E_j, J^a_i = ħ <½{L_a, v_i}> per volume",
    label=AxisLabel("orbital conductivity", r"$\sigma^L_{{{}}}$", "S/cm · ħ/e", style.short),
    factor=lambda run: CM * _si(run),
    attrs=NOTE,
    requires=(POSITIONS,),
)
PER_GRADIENT = replace(
    PER_FIELD,
    name="orbital_nernst",
    words="orbital Nernst conductivity",
    unit="hbar/e*A/(m*K)",
    sign="J^a_i = −Σ_j α^a_ij ∂_j T",
    label=AxisLabel("orbital Nernst", r"$\alpha^L_{{{}}}$", "A/(m K) · ħ/e", style.prefixed),
    factor=_si,
    thermal=True,
)


@register
class OrbitalConductivity(Driven):
    """σ^a_ij of J^a_i = σ^a_ij E_j, the current of orbital momentum, in ħ/e S/cm: orbital Hall effect.

    Of the operator ħ ½{L_a, v_i} with L between bands; as `spin_conductivity` with L in ħ in the place of σ in ħ/2.
    The even part, of paramagnets too, goes to the intrinsic one for Γ → 0. Of a film the normal component alone.
    """

    name = "orbital_conductivity"
    help = "current of orbital momentum per electric field (orbital Hall effect)"
    rank = 67
    driven = PER_FIELD
    axes = ORBITAL_AXES
    first_panel = 44


@register
class OrbitalNernst(Driven):
    """α^a_ij of J^a_i = −α^a_ij ∂_jT, the current of orbital momentum per temperature gradient, in ħ/e A/(m K)."""

    name = "orbital_nernst"
    help = "current of orbital momentum per temperature gradient (orbital Nernst effect)"
    rank = 73
    driven = PER_GRADIENT
    per_field = (PER_FIELD, 1.0 / CM)
    axes = ORBITAL_AXES
    first_panel = 46
