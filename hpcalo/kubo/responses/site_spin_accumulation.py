"""Spin that a field accumulates on each site and layer, and its staggered part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.profile import SITE, profile_panel
from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.by_site import AXES, adds_up, by_site, with_layers
from hpcalo.kubo.responses.response import Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.responses.spin_accumulation import PER_FIELD as WHOLE
from hpcalo.kubo.responses.spin_accumulation import SPIN_AXES
from hpcalo.kubo.states.at_sites import SITE_SPIN
from hpcalo.typing import RealArray

PER_FIELD = replace(WHOLE, observable=SITE_SPIN)
STAGGERED = "staggered"


def _staggered(one: Quantity) -> Quantity:
    words, sign = f"staggered {one.long_name}", "spin of sublattice 1 minus that of sublattice 2"
    return replace(one, name=f"{STAGGERED}_{one.name}", long_name=words, sign=sign, optional=True)


@register
class SiteSpinAccumulation(Response):
    """χ^A of δ<½{P_A, σ}> = χ^A E by site and by layer, in m/V: parts as those of `spin_accumulation`, their sum.

    Staggered: that of sublattice 1 minus that of 2, where there are just two, as a Néel torque needs it. An exchange
    splitting Δ_A of the site alone turns it into the torkance t^A = (Δ_A/2) χ^A × n̂.
    """

    name = "site_spin_accumulation"
    help = "spin accumulated by an electric field on each site and layer, and staggered"
    rank = 23
    sums = PER_FIELD.sums
    quantities = (*by_site(WHOLE.quantities(), "spin"), *(_staggered(one) for one in WHOLE.quantities()))
    axes = (*SPIN_AXES, *AXES)
    panels = (
        profile_panel("spin_accumulation_even", replace(WHOLE.label, words="even spin per field"), rank=48),
        profile_panel("spin_accumulation_odd", replace(WHOLE.label, words="odd spin per field"), rank=49),
    )

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        values = PER_FIELD.compute(run)
        places = {one.name: one.dims.index("spin") for one in WHOLE.quantities()}
        out = with_layers(run, {name: (values[name], place) for name, place in places.items()})
        number = np.array(run.crystal.sublattices)
        if set(run.crystal.sublattices) - {0} == {1, 2}:
            sign = (number == 1).astype(np.float64) - (number == 2)
            for name, place in places.items():
                out[f"{STAGGERED}_{name}"] = np.asarray(np.tensordot(sign, out[f"{SITE}_{name}"], (0, place)))
        return out

    def checks(self, result: Result) -> Iterator[Check]:
        yield from adds_up(result, [one.name for one in WHOLE.quantities()])
