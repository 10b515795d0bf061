"""Torkance and thermal torkance of each site, and of each layer of a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.plot.profile import profile_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.by_site import AXES, adds_up, by_site, with_layers
from hpcalo.kubo.responses.response import Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.thermal_torkance import BETA_SI, ThermalTorkance, thermal_of
from hpcalo.kubo.responses.torkance import A0_LABEL, Torkance
from hpcalo.kubo.states.at_sites import SITE_TORQUE
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.sums.request import Pair, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

PAIR: Pair = (SITE_TORQUE, VELOCITY)


@register
class SiteTorkance(Response):
    """Torkance by site and by layer, in e a0: even, odd and intrinsic as `torkance`, which is their sum.

    The torque on site A is ½{P_A, T} with P_A on the orbitals whose nearest atom is A; of overlapping orbitals half of
    what two sites share is each's. It says where the exchange field takes up the torque, not on which site the current
    or the spin-orbit coupling is that causes it.
    """

    name = "site_torkance"
    help = "torkance of each site, and of each layer of a film"
    rank = 11
    sums = Sums(broadened=(PAIR,), sea=(PAIR,))
    quantities = by_site(Torkance.quantities, "torque")
    axes = AXES
    panels = (
        profile_panel("torkance_even", AxisLabel("even torkance", r"$t_{{{}}}$", A0_LABEL, style.short), rank=26),
        profile_panel("torkance_odd", AxisLabel("odd torkance", r"$t_{{{}}}$", A0_LABEL, style.short), rank=27),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        odd, even = run.broadened(PAIR)
        intrinsic, _ = run.sea(PAIR)
        a0 = units.BOHR_IN_ANGSTROM
        parts = {"torkance_even": (even / a0, 2), "torkance_odd": (odd / a0, 2)}
        return with_layers(run, {**parts, "torkance_intrinsic": (intrinsic / a0, 1)})

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, [quantity.name for quantity in Torkance.quantities])


WHOLE = tuple(quantity for quantity in ThermalTorkance.quantities if not quantity.aside)


@register
class SiteThermalTorkance(Response):
    """β^A of the torque on site A per temperature gradient, τ^A = −β^A ∇T, in J m/K: even, odd and intrinsic.

    From the torkance of the site as `thermal_torkance` from the whole one (39); their sum is that.
    """

    name = "site_thermal_torkance"
    help = "thermal torkance of each site, and of each layer of a film"
    rank = 21
    thermal = True
    sums = Sums(broadened=(PAIR,), sea=(PAIR,))
    quantities = by_site(WHOLE, "torque")
    axes = AXES
    panels = (
        profile_panel(
            "beta_even", AxisLabel("even thermal torkance", r"$\beta_{{{}}}$", "J m/K", style.powered), rank=64
        ),
        profile_panel(
            "beta_odd", AxisLabel("odd thermal torkance", r"$\beta_{{{}}}$", "J m/K", style.powered), rank=65
        ),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        odd, even = (thermal_of(run, part) for part in run.broadened(PAIR))
        intrinsic = -BETA_SI * run.sea_averages(PAIR, 1) / run.temperatures
        return with_layers(run, {"beta_even": (even, 2), "beta_odd": (odd, 2), "beta_intrinsic": (intrinsic, 1)})

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, [quantity.name for quantity in WHOLE])
