"""Torque of a moving magnetization at finite temperature, the Λ of the Onsager matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import CURVE, definite, sum_rule
from hpcalo.kubo.responses.damping import SIGN, rotation_response
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal import averaged
from hpcalo.kubo.sums.request import TORQUE_TORQUE, Sums
from hpcalo.typing import RealArray

DIMS = ("n_hat", "gamma", "torque", "torque_2", "mu", "temperature")
HBAR = {"hbar_in_J_s": units.HBAR_SI}
SYMMETRIC, ANTISYMMETRIC = "lambda_symmetric_finite_temperature", "lambda_antisymmetric_finite_temperature"


def _panel(name: str, words: str) -> Panel:
    return curve_panel(name, AxisLabel(words, r"$\Lambda_{{{}}}$", r"$\hbar$"), role="detail")


def rotation_response_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """Λ at (μ, T) split into (symmetric, antisymmetric), ħ: (A, G, i, j, M, T)."""
    return run.once("rotation_response", lambda: _parts(run))


def _parts(run: RunSums) -> tuple[RealArray, RealArray]:
    weights = run.averages(0)
    symmetric, antisymmetric = rotation_response(run)
    return averaged(symmetric, weights), averaged(antisymmetric, weights)


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
        _panel(SYMMETRIC, "damping"),
        _panel(ANTISYMMETRIC, "precession"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        return dict(zip((SYMMETRIC, ANTISYMMETRIC), rotation_response_parts(run), strict=True))

    def checks(self, result: Result) -> Iterator[Check]:
        for name, curve in ((SYMMETRIC, "lambda_symmetric"), (ANTISYMMETRIC, "lambda_antisymmetric")):
            equation = "Λ(μ, T) = −∫ f′ Λ(E) dE"
            yield from sum_rule(result, name, curve, equation, order=0, factor=1.0, limit=CURVE)
        yield from definite(result, SYMMETRIC, "Damping at (μ, T)")
