"""Conductivity by site, and by layer of a film: through which atoms the current flows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpcalo import units
from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.panels import AxisLabel
from hpcalo.kubo.plot.profile import profile_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.by_site import AXES, adds_up, by_site, with_layers
from hpcalo.kubo.responses.conductivity import SIEMENS_PER_METRE, Conductivity
from hpcalo.kubo.responses.nernst import Nernst
from hpcalo.kubo.responses.response import Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.at_sites import SITE_VELOCITY
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.sums.request import Pair, Sums
from hpcalo.plotting import style
from hpcalo.typing import RealArray

PAIR: Pair = (SITE_VELOCITY, VELOCITY)


@register
class SiteConductivity(Response):
    """σ^A_ij of the current −e ½{P_A, v_i} through the orbitals of site A, in S/cm of the volume of the whole cell.

    Its sum over sites is `conductivity` (from Re W) and `hall_conductivity` (from Im W). A single site's tensor need
    not be symmetric or antisymmetric.
    """

    name = "site_conductivity"
    help = "conductivity of each site, and of each layer of a film"
    rank = 51
    sums = Sums(broadened=(PAIR,))
    quantities = by_site(Conductivity.quantities, "current")
    axes = AXES
    panels = (
        profile_panel("conductivity", AxisLabel("conductivity", r"$\sigma_{{{}}}$", "S/cm"), rank=28),
        profile_panel(
            "hall_conductivity", AxisLabel("Hall conductivity", r"$\sigma_{{{}}}$", "S/cm"), role="detail", rank=29
        ),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        scale = SIEMENS_PER_METRE * units.S_PER_M_IN_S_PER_CM / run.volume
        symmetric, hall = run.broadened(PAIR)
        return with_layers(run, {"conductivity": (symmetric * scale, 2), "hall_conductivity": (hall * scale, 2)})

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, ["conductivity", "hall_conductivity"])


WHOLE = tuple(quantity for quantity in Nernst.quantities if "gamma" in quantity.dims)


@register
class SiteNernst(Response):
    """α^A_ij of the current through site A per temperature gradient, in A/(m K) of the volume of the whole cell.

    From the Hall part of `site_conductivity` by (51) with broadening; the sum over sites is `nernst`.
    """

    name = "site_nernst"
    help = "anomalous Nernst conductivity of each site, and of each layer of a film"
    rank = 71
    thermal = True
    sums = Sums(broadened=(PAIR,))
    quantities = by_site(WHOLE, "current")
    axes = AXES
    panels = (
        profile_panel("nernst", AxisLabel("anomalous Nernst", r"$\alpha_{{{}}}$", "A/(m K)", style.prefixed), rank=68),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        _, hall = run.broadened(PAIR)
        return with_layers(run, {"nernst": (run.per_gradient(hall * SIEMENS_PER_METRE / run.volume), 2)})

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, [quantity.name for quantity in WHOLE])
