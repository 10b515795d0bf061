"""Spin that a field or a gradient of temperature accumulates on each site and layer, and its staggered part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hpcalo.kubo.plot.profile import SITE
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.by_site import AXES, SiteDriven
from hpcalo.kubo.responses.response import Quantity
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spin_accumulation import PER_FIELD, PER_GRADIENT, SPIN_AXES
from hpcalo.kubo.states.at_sites import SITE_SPIN
from hpcalo.typing import RealArray

STAGGERED = "staggered"


def _staggered(one: Quantity) -> Quantity:
    words, sign = f"staggered {one.long_name}", "spin of sublattice 1 minus that of sublattice 2"
    return replace(one, name=f"{STAGGERED}_{one.name}", long_name=words, sign=sign, optional=True)


class _SiteSpin(SiteDriven):
    """With the staggered parts of the quantities."""

    whole = PER_FIELD
    observable = SITE_SPIN
    of = "spin"
    first_panel = 48
    axes = (*SPIN_AXES, *AXES)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.quantities = (*cls.quantities, *(_staggered(one) for one in cls.whole.quantities()))

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        out = dict(super().compute(run))
        number = np.array(run.crystal.sublattices)
        if set(run.crystal.sublattices) - {0} == {1, 2}:
            sign = (number == 1).astype(np.float64) - (number == 2)
            for one in self.whole.quantities():
                by_site = out[f"{SITE}_{one.name}"]
                out[f"{STAGGERED}_{one.name}"] = np.asarray(np.tensordot(sign, by_site, (0, one.dims.index(self.of))))
        return out


@register
class SiteSpinAccumulation(_SiteSpin):
    """χ^A of δ<½{P_A, σ}> = χ^A E by site and by layer, in m/V: parts as those of `spin_accumulation`, their sum.

    Staggered: that of sublattice 1 minus that of 2, where there are just two, as a Néel torque needs it. An exchange
    splitting Δ_A of the site alone turns it into the torkance t^A = (Δ_A/2) χ^A × n̂.
    """

    name = "site_spin_accumulation"
    help = "spin accumulated by an electric field on each site and layer, and staggered"
    rank = 23
    whole = PER_FIELD


@register
class SiteThermalSpinAccumulation(_SiteSpin):
    """ζ^A of δ<½{P_A, σ}> = −ζ^A ∇T by site and by layer, in m/K, staggered as in `site_spin_accumulation`.

    The sum over sites is `thermal_spin_accumulation`, and each follows from that per field by Mott's relation.
    """

    name = "site_thermal_spin_accumulation"
    help = "spin accumulated by a temperature gradient on each site and layer, and staggered"
    rank = 25
    whole = PER_GRADIENT
    first_panel = 66
