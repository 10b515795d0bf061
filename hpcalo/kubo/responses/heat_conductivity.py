"""Electronic heat conductivity, the λ of the Onsager matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel, Panel, curve_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.checking import CURVE, definite, sum_rule
from hpcalo.kubo.responses.conductivity import conductivity_parts
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal import averaged
from hpcalo.kubo.states.positions import POSITIONS
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Sums
from hpcalo.typing import RealArray

SIGN = "J^Q_i = −Σ_j λ_ij ∂_j T at zero electric field"
DIMS = ("n_hat", "gamma", "current", "gradient", "mu", "temperature")
V2_PER_CM = 100.0  # (eV/e)² S/cm in V² S/m


def heat_conductivity_parts(run: RunSums) -> tuple[RealArray, RealArray]:
    """λ of (41) split into (symmetric, antisymmetric), W/(m K): (A, G, i, j, M, T).

    λ_ij = (1/e²T) ∫dE (−f') (E−μ)² σ_ij(E).
    """
    return run.once("heat_conductivity", lambda: _parts(run))


def _parts(run: RunSums) -> tuple[RealArray, RealArray]:
    weights = run.averages(2) / run.temperatures[None, :, None]
    symmetric, hall = conductivity_parts(run)
    return averaged(symmetric, weights), averaged(hall, weights)


def _panel(name: str, words: str) -> Panel:
    return curve_panel(name, AxisLabel(words, r"$\lambda_{{{}}}$", "W/(m K)"), role="detail")


@register
class HeatConductivity(Response):
    """λ of J^Q = −λ ∇T at zero electric field, (41), in W/(m K): symmetric part and thermal Hall part.

    λ_ij = (1/e²T) ∫dE (−f') (E−μ)² σ_ij(E): of electrons, elastic scattering with constant Γ. At low temperature
    λ = (π²k_B²/3e²) T σ (Wiedemann and Franz). At zero current Tα²/σ less, which is small where k_BT is.
    """

    name = "heat_conductivity"
    help = "electronic heat conductivity λ and thermal Hall effect"
    rank = 94
    thermal = True
    sums = Sums(broadened=(VELOCITY_VELOCITY,))
    quantities = (
        Quantity("heat_conductivity", DIMS, "W/m/K", "electronic heat conductivity, symmetric part", "(41)", SIGN, 1),
        Quantity(
            "thermal_hall_conductivity",
            DIMS,
            "W/m/K",
            "electronic heat conductivity, antisymmetric part",
            "(41)",
            SIGN,
            -1,
            requires=(POSITIONS,),
        ),
    )
    panels = (
        _panel("heat_conductivity", "heat conductivity"),
        _panel("thermal_hall_conductivity", "thermal Hall conductivity"),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        symmetric, hall = heat_conductivity_parts(run)
        return {"heat_conductivity": symmetric, "thermal_hall_conductivity": hall}

    def checks(self, result: Result) -> Iterator[Check]:
        equation = "λ = −(1/e²T) ∫ f′ (E−μ)² σ(E) dE"
        for name, curve in (("heat_conductivity", "conductivity"), ("thermal_hall_conductivity", "hall_conductivity")):
            yield from sum_rule(result, name, curve, equation, order=2, factor=V2_PER_CM, limit=CURVE)
        yield from definite(result, "heat_conductivity", "Heat conduction")
