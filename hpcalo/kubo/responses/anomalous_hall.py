"""Intrinsic anomalous Hall effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.overlays import with_gamma
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves, trimmed
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import scatter
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.states.wannier_line import AXIS_PAIRS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

S_CM = SIEMENS_PER_METRE * units.S_PER_M_IN_S_PER_CM
DIMS = ("n_hat", "hall", "energy")


def intrinsic_hall(run: RunSums) -> RealArray:
    """Intrinsic anomalous Hall conductivity in S/m at T = 0: (A, 3, NE) as (yz, zx, xy); absent components are 0.

    −(e²/ħ V) Σ f Ω: the sum over the model's bands, and the part of the Berry curvature outside them if the run has it.
    """
    result = axial(run, run.sea(VELOCITY_VELOCITY)[0], 1)
    if CURVATURE.name in run.raw[0]:
        result = result - run.occupied(CURVATURE.name)
    return result * SIEMENS_PER_METRE / run.volume


def axial(run: RunSums, tensor: RealArray, axis: int) -> RealArray:
    """½ε_kij X_ij as the components (yz, zx, xy) in place of the two component axes that start at `axis`.

    Components along which the model does not repeat are 0. The two orders carry the same numbers up to rounding.
    """
    parts = []
    for i, j in AXIS_PAIRS:
        if i in run.directions and j in run.directions:
            a, b = run.directions.index(i), run.directions.index(j)
            first = np.take(np.take(tensor, a, axis), b, axis)
            second = np.take(np.take(tensor, b, axis), a, axis)
            parts.append(0.5 * (first - second))
        else:
            parts.append(np.zeros(tensor.shape[:axis] + tensor.shape[axis + 2 :]))
    return np.stack(parts, axis=axis)


def _draw(axis: Axes, results: Sequence[Result]) -> None:
    label = AxisLabel("anomalous Hall", r"$\sigma_{{{}}}$", "S/cm", style.short)
    found, factor = draw_curves(axis, results, "anomalous_hall", "energy", label, dos=True)
    with_gamma(axis, results, "hall_conductivity", "energy", found, factor)
    trimmed(axis)


@register
class AnomalousHall(Response):
    """Intrinsic anomalous Hall conductivity against Fermi energy, components (yz, zx, xy), in S/cm."""

    name = "anomalous_hall"
    help = "intrinsic anomalous Hall conductivity"
    rank = 60
    sums = Sums(sea=(VELOCITY_VELOCITY,), levels=(CURVATURE,))
    quantities = (
        Quantity(
            "anomalous_hall",
            DIMS,
            "S/cm",
            "intrinsic anomalous Hall conductivity",
            "σ_ij = −(e²/ħ) Σ f Ω_ij / V",
            "j_i = Σ_j σ_ij E_j, Ω_xy = ∂_x A_y − ∂_y A_x",
            -1,
            requires=(POSITIONS,),
        ),
        Quantity(
            "anomalous_hall_external",
            DIMS,
            "S/cm",
            "share of the intrinsic anomalous Hall conductivity that comes from outside the sum over bands",
            "−(e²/ħ V) Σ f (∂_i A_j − ∂_j A_i − i[A_i, A_j])_nn",
            "j_i = Σ_j σ_ij E_j",
            -1,
            optional=True,
            aside=True,
            requires=(POSITIONS,),
        ),
    )
    panels = (Panel(("anomalous_hall",), _draw, rank=7),)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        out = {"anomalous_hall": intrinsic_hall(run) * units.S_PER_M_IN_S_PER_CM}
        if CURVATURE.name in run.raw[0]:
            out["anomalous_hall_external"] = -run.occupied(CURVATURE.name) * S_CM / run.volume
        return out

    def hints(self, result: Result) -> Iterable[tuple[str, str]]:
        return scatter(result, "anomalous_hall")
