"""Spin that an electric field or a gradient of temperature accumulates: Edelstein effect and its thermal partner."""

from __future__ import annotations

from dataclasses import replace

from hpcalo import units
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.field_driven import Driven, FieldDriven
from hpcalo.kubo.responses.response import Attributes, Axis
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.spin_current import SPIN_VECTOR
from hpcalo.plotting import style

SPIN_AXES = (Axis("spin", lambda run: ["x", "y", "z"], "component of the spin"),)


def _attributes(run: RunSums) -> Attributes:
    return {
        "note": "spin of a cell, in ħ/2; the moment is −µ_B times it",
        "mu_B_per_cell_in_A_per_m": units.BOHR_MAGNETON / (run.volume * units.ANGSTROM**3),
    }


PER_FIELD = FieldDriven(
    name="spin_accumulation",
    words="spin per electric field",
    observable=SPIN_VECTOR,
    indices=("spin",),
    unit="m/V",
    sign="δ<σ_i> = Σ_j χ_ij E_j",
    label=AxisLabel("spin per field", r"$\chi_{{{}}}$", "m/V", style.powered),
    factor=lambda run: units.ANGSTROM,
    attrs=_attributes,
)
PER_GRADIENT = replace(
    PER_FIELD,
    name="thermal_spin_accumulation",
    words="spin per temperature gradient",
    unit="m/K",
    sign="δ<σ_i> = −Σ_j ζ_ij ∂_j T",
    label=AxisLabel("spin per gradient", r"$\zeta_{{{}}}$", "m/K", style.powered),
    thermal=True,
)


@register
class SpinAccumulation(Driven):
    """χ of δ<σ> = χ E, the spin of a cell (σ in ħ/2) per electric field, in m/V: Edelstein effect.

    χ is −1 times the sums that the torkance has with σ in the place of T: χ^even ∝ 1/Γ for Γ → 0, χ^odd → χ^int.
    For a rigid exchange field T = −(Δ/2) σ × n̂, and t = (Δ/2) χ × n̂: the odd torkance is that of χ^even. Bubble,
    without vertex corrections: of the two-dimensional Rashba gas, H = ħ²k²/2m + α(σ_x k_y − σ_y k_x) with both bands at
    E, χ_yx = −mαeτ/(2πħ³) per area, τ = ħ/2Γ; vertex corrections of a short-range disorder double it.
    """

    name = "spin_accumulation"
    help = "spin accumulated by an electric field (Edelstein effect)"
    rank = 22
    driven = PER_FIELD
    axes = SPIN_AXES
    first_panel = 30


@register
class ThermalSpinAccumulation(Driven):
    """ζ of δ<σ> = −ζ ∇T, the spin of a cell (σ in ħ/2) per temperature gradient, in m/K.

    ζ_ij = (1/e) ∫dE f'(E) (E−μ)/T χ_ij(E), as β follows from the torkance (39). At low temperature
    −(π²k_B²T/3e) ∂χ_ij/∂μ.
    """

    name = "thermal_spin_accumulation"
    help = "spin accumulated by a temperature gradient"
    rank = 24
    driven = PER_GRADIENT
    per_field = (PER_FIELD, 1.0)
    axes = SPIN_AXES
    first_panel = 32
