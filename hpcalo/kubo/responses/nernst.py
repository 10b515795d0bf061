"""Anomalous Nernst effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.checks import Check, relative
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.overlays import with_gamma
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.anomalous_hall import axial
from hpcalo.kubo.responses.checking import CURVE, array, average, significant, sum_rule
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE, conductivity_parts
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIGN = "j_i = −Σ_j α_ij ∂_j T"


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    along = thermal_axis(results[0])
    label = AxisLabel("anomalous Nernst", r"$\alpha_{{{}}}$", "A/(m K)", style.prefixed)
    found, factor = draw_curves(axis, results, "nernst_intrinsic", along, label)
    with_gamma(axis, results, "nernst", along, found, factor)


@register
class Nernst(Response):
    """Anomalous Nernst conductivity α of j_i = −α_ij ∂_jT (51), in A/(m K), intrinsic and with broadening.

    α_ij = (1/e) ∫dE f'(E) (E−μ)/T σ_ij(E). The heat current of a field is J^Q_i = T α_ij E_j (`inverse_nernst`).
    """

    name = "nernst"
    help = "anomalous Nernst conductivity"
    rank = 70
    thermal = True
    sums = Sums(broadened=(VELOCITY_VELOCITY,), sea=(VELOCITY_VELOCITY,), levels=(CURVATURE,))
    quantities = (
        Quantity(
            "nernst_intrinsic",
            ("n_hat", "hall", "mu", "temperature"),
            "A/(m*K)",
            "intrinsic anomalous Nernst conductivity",
            "(51)",
            SIGN,
            -1,
            requires=(POSITIONS,),
        ),
        Quantity(
            "nernst",
            ("n_hat", "gamma", "current", "gradient", "mu", "temperature"),
            "A/(m*K)",
            "anomalous Nernst conductivity with broadening",
            "(51)",
            SIGN,
            -1,
            requires=(POSITIONS,),
        ),
    )
    panels = (Panel(("nernst_intrinsic",), _draw, rank=8),)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        weights = run.averages(1) / run.temperatures[None, :, None]
        intrinsic = axial(run, run.sea_averages(VELOCITY_VELOCITY, 1), 1) / run.temperatures
        if CURVATURE.name in run.raw[0]:
            intrinsic = intrinsic - np.einsum("ace,mte->acmt", run.occupied(CURVATURE.name), weights)
        _, hall = conductivity_parts(run)
        return {
            "nernst_intrinsic": -intrinsic * SIEMENS_PER_METRE / run.volume,
            "nernst": run.per_gradient(hall),
        }

    def checks(self, result: Result) -> Iterable[Check]:
        equation = "α = (1/e) ∫ f′ (E−μ)/T σ(E) dE (51)"
        return sum_rule(result, "nernst", "hall_conductivity", equation, order=1, factor=-100.0, limit=CURVE)

    def hints(self, result: Result) -> Iterator[tuple[str, str]]:
        if significant(result, "nernst_intrinsic", "anomalous_hall"):
            target = array(result, "nernst_intrinsic")
            sampled = -100.0 * average(result, array(result, "anomalous_hall"), 1)
            gap = relative(target - sampled / array(result, "temperature"), target)
            yield (
                "nernst_intrinsic from the Hall curve as sampled",
                f"differs by {gap:.2g}: the weight of resonances narrower than the energy grid, which only the "
                "thermal value includes; it decreases with a finer k mesh",
            )
