"""Intrinsic anomalous Hall effect at (μ, T)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.anomalous_hall import S_CM, axial
from hpcalo.kubo.responses.checking import GRID, sum_rule
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums, fermi_name
from hpcalo.plotting import style
from hpcalo.typing import RealArray

NAME = "anomalous_hall_finite_temperature"


LABEL = AxisLabel("anomalous Hall", r"$\sigma_{{{}}}$", "S/cm", style.short)


@register
class AnomalousHallFiniteTemperature(Response):
    """Intrinsic anomalous Hall conductivity at (μ, T), components (yz, zx, xy), in S/cm.

    −(e²/ħ V) Σ f Ω with the Fermi function of each level: the average ∫dE (−f') σ(E) of the curve at T = 0 without an
    energy grid, which catches or misses the spikes of that curve.
    """

    name = NAME
    help = "intrinsic anomalous Hall conductivity at finite temperature"
    rank = 65
    sums = Sums(fermi=(VELOCITY_VELOCITY,), fermi_levels=(CURVATURE,))
    quantities = (
        Quantity(
            NAME,
            ("n_hat", "hall", "mu", "temperature"),
            "S/cm",
            "intrinsic anomalous Hall conductivity at finite temperature",
            "σ_ij = −(e²/ħ) Σ f Ω_ij / V",
            "j_i = Σ_j σ_ij E_j, Ω_xy = ∂_x A_y − ∂_y A_x",
            -1,
            requires=(POSITIONS,),
        ),
    )
    panels = (curve_panel(NAME, LABEL, rank=21),)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        result = axial(run, run.fermi(VELOCITY_VELOCITY), 1)
        if fermi_name(CURVATURE) in run.raw[0]:
            result = result - run.fermi_level(CURVATURE)
        return {NAME: result * S_CM / run.volume}

    def checks(self, result: Result) -> Iterable[Check]:
        equation = "σ(μ, T) = −∫ f′ σ(E) dE"
        return sum_rule(result, NAME, "anomalous_hall", equation, order=0, factor=1.0, limit=GRID)
