"""Torque of a moving magnetization at finite temperature, the Λ of the Onsager matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import CURVE, definite, sum_rule
from hpcalo.kubo.responses.damping import SIGN, rotation_response
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.request import TORQUE_TORQUE, Sums
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIMS = ("n_hat", "gamma", "torque", "torque_2", "mu", "temperature")
HBAR = {"hbar_in_J_s": units.HBAR_SI}
SYMMETRIC, ANTISYMMETRIC = "lambda_symmetric_finite_temperature", "lambda_antisymmetric_finite_temperature"


def _draw(axis: Axes, results: Sequence[Result], name: str, words: str) -> None:
    label = AxisLabel(words, r"$\Lambda_{{{}}}$", r"$\hbar$")
    draw_curves(axis, results, name, thermal_axis(results[0]), label)


@register
class RotationResponse(Response):
    """Λ of τ = −Λ [n̂ × ∂n̂/∂t] per cell at (μ, T), (41), in ħ: −∫dE f' Λ(E) of the curves of `damping`.

    The symmetric part is the damping, the antisymmetric one the angular momentum that precesses.
    """

    name = "rotation_response"
    help = "torque of a moving magnetization at finite temperature, Λ"
    rank = 96
    thermal = True
    sums = Sums(broadened=(TORQUE_TORQUE,))
    quantities = (
        Quantity(SYMMETRIC, DIMS, "hbar", "torque–torque response at (μ, T), symmetric part", "(41)", SIGN, 1, HBAR),
        Quantity(
            ANTISYMMETRIC, DIMS, "hbar", "torque–torque response at (μ, T), antisymmetric part", "(41)", SIGN, -1, HBAR
        ),
    )
    panels = (
        Panel((SYMMETRIC,), lambda axis, results: _draw(axis, results, SYMMETRIC, "damping"), "detail"),
        Panel((ANTISYMMETRIC,), lambda axis, results: _draw(axis, results, ANTISYMMETRIC, "precession"), "detail"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        weights = run.averages(0)
        parts = (np.einsum("agije,mte->agijmt", part, weights) for part in rotation_response(run))
        return dict(zip((SYMMETRIC, ANTISYMMETRIC), parts, strict=True))

    def checks(self, result: Result) -> Iterator[Check]:
        for name, curve in ((SYMMETRIC, "lambda_symmetric"), (ANTISYMMETRIC, "lambda_antisymmetric")):
            equation = "Λ(μ, T) = −∫ f′ Λ(E) dE"
            yield from sum_rule(result, name, curve, equation, order=0, factor=1.0, limit=CURVE)
        yield from definite(result, SYMMETRIC, "Damping at (μ, T)")
