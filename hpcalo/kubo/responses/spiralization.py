"""Spiralization: the Dzyaloshinskii-Moriya interaction of a slowly turning magnetization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import GRID, sum_rule
from hpcalo.kubo.responses.inverse_thermal_torque import DIMS, J_PER_M2
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

SIGN = "free energy per volume F = Σ_ij D_ij ê_j·(n̂ × ∂_i n̂)"


def _per_cell(run: RunSums) -> dict[str, float]:
    return {"meV_a0_per_cell_in_J_per_m2": units.MILLI_EV_A0 / (run.volume * units.ANGSTROM**3)}


SECOND_UNIT = ("meV_a0_per_cell_in_J_per_m2", r"meV $a_0$ per cell")
LABEL = AxisLabel("spiralization", r"$D_{{{}}}$", "J/m²", style.prefixed, second=SECOND_UNIT)


@register
class Spiralization(Response):
    """DMI spiralization D of F^DMI = Σ_ij D_ij ê_j·(n̂ × ∂n̂/∂r_i), at (μ, T) (32) and against Fermi energy at T = 0.

    D_ij(T, μ) = (1/NV) Σ {f A_ji + k_B T ln[1 + e^(−(E−μ)/k_BT)] B_ji}; in J/m², first index the direction of space.
    """

    name = "spiralization"
    help = "Dzyaloshinskii-Moriya interaction (DMI)"
    rank = 40
    thermal = True
    sums = Sums(sea=(TORQUE_VELOCITY,), thermal=(TORQUE_VELOCITY,))
    quantities = (
        Quantity("spiralization", DIMS, "J/m^2", "DMI spiralization", "(32)", SIGN, 1, _per_cell),
        Quantity(
            "spiralization_ground_state",
            ("n_hat", "current", "torque", "energy"),
            "J/m^2",
            "DMI spiralization at T = 0",
            "(32), T → 0",
            SIGN,
            1,
            _per_cell,
        ),
    )
    panels = (
        curve_panel("spiralization_ground_state", LABEL, along="energy", rank=5),
        curve_panel("spiralization", LABEL, rank=14),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        scale = J_PER_M2 / run.volume
        _, ground = run.sea(TORQUE_VELOCITY)
        direct = run.thermal(TORQUE_VELOCITY)[:, :, :, 0].transpose(0, 2, 1, 3, 4)
        return {
            "spiralization": direct * scale,
            "spiralization_ground_state": ground.transpose(0, 2, 1, 3) * scale,
        }

    def checks(self, result: Result) -> Iterable[Check]:
        equation = "D(μ, T) = −∫ f′ D(E) dE, from (32)"
        curve = "spiralization_ground_state"
        return sum_rule(result, "spiralization", curve, equation, order=0, factor=1.0, limit=GRID)
