"""Currents of spin in an electric field or a gradient of temperature: spin Hall and spin Nernst effect."""

from __future__ import annotations

from dataclasses import replace

from hpcalo import units
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE
from hpcalo.kubo.responses.field_driven import Driven, FieldDriven
from hpcalo.kubo.responses.response import Attributes
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spin_accumulation import SPIN_AXES
from hpcalo.kubo.states.spin_current import SPIN_CURRENT
from hpcalo.plotting import style

CM = units.S_PER_M_IN_S_PER_CM


def _si(run: RunSums) -> float:
    """(ħ/e) S/m in one Å (ħ/2): σ counts in ħ/2."""
    return 0.5 * SIEMENS_PER_METRE / run.volume


def _attributes(run: RunSums) -> Attributes:
    """What the numbers are of; of a film also the factor to the sheet's conductivity."""
    crystal = run.crystal
    note = {"note": "flow of the electrons' spin; their moment −µ_B σ and charge −e flow with the opposite sign"}
    if crystal.dimensions != 2:
        return note
    return {**note, "hbar_per_e_S_of_the_sheet": units.ANGSTROM / CM * crystal.volume / crystal.area}


PER_FIELD = FieldDriven(
    name="spin_conductivity",
    words="spin conductivity",
    observable=SPIN_CURRENT,
    indices=("spin", "current"),
    unit="hbar/e*S/cm",
    sign="J^a_i = Σ_j σ^a_ij E_j, J^a_i = (ħ/2) <½{σ_a, v_i}> per volume",
    label=AxisLabel("spin conductivity", r"$\sigma_{{{}}}$", "S/cm · ħ/e", style.short),
    factor=lambda run: CM * _si(run),
    attrs=_attributes,
)
PER_GRADIENT = replace(
    PER_FIELD,
    name="spin_nernst",
    words="spin Nernst conductivity",
    unit="hbar/e*A/(m*K)",
    sign="J^a_i = −Σ_j α^a_ij ∂_j T",
    label=AxisLabel("spin Nernst", r"$\alpha_{{{}}}$", "A/(m K) · ħ/e", style.prefixed),
    factor=_si,
    thermal=True,
)


@register
class SpinConductivity(Driven):
    """σ^a_ij of J^a_i = σ^a_ij E_j, the current of spin, in ħ/e S/cm: spin Hall effect and spin-polarized current.

    Of the operator (ħ/2) ½{σ_a, v_i} ("simple" in other codes) between the model's states. σ^a = −½(e²/ħ)(1/V) times
    the sums that the torkance has with ½{σ_a, v_i} in the place of T, in ħ/e. Even under n̂ → −n̂, of paramagnets too,
    is the spin Hall effect, → intrinsic for Γ → 0; odd is the spin that a current of a magnet carries, ∝ 1/Γ. J^a_i is
    the flow of spin: majority electrons of a magnet carry spin −n̂. Bubble, without vertex corrections: two-dimensional
    Rashba gas with both bands at E, σ^z_yx = −σ^z_xy = e/8π for α > 0 and Γ → 0.
    """

    name = "spin_conductivity"
    help = "current of spin per electric field (spin Hall effect)"
    rank = 66
    driven = PER_FIELD
    axes = SPIN_AXES
    first_panel = 34


@register
class SpinNernst(Driven):
    """α^a_ij of J^a_i = −α^a_ij ∂_jT, the current of spin per temperature gradient, in ħ/e A/(m K).

    α^a_ij = (1/e) ∫dE f'(E) (E−μ)/T σ^a_ij(E), as the Nernst conductivity (51) follows from the Hall conductivity.
    """

    name = "spin_nernst"
    help = "current of spin per temperature gradient (spin Nernst effect)"
    rank = 72
    driven = PER_GRADIENT
    per_field = (PER_FIELD, 1.0 / CM)
    axes = SPIN_AXES
    first_panel = 36
