"""Spin conductivity by site and layer: on which atoms the spin is that flows."""

from __future__ import annotations

from hpcalo.kubo.registry import register
from hpcalo.kubo.responses.by_site import AXES, SiteDriven
from hpcalo.kubo.responses.spin_accumulation import SPIN_AXES
from hpcalo.kubo.responses.spin_conductivity import PER_FIELD, PER_GRADIENT
from hpcalo.kubo.states.at_sites import SITE_SPIN_CURRENT


class _SiteSpinFlow(SiteDriven):
    """What both have in common."""

    whole = PER_FIELD
    observable = SITE_SPIN_CURRENT
    of = "spin"
    axes = (*SPIN_AXES, *AXES)
    first_panel = 70


@register
class SiteSpinConductivity(_SiteSpinFlow):
    """σ^{A,a}_ij of the current ½{½{P_A, σ_a}, v_i} of the spin on site A, in ħ/e S/cm of the whole cell's volume.

    Parts, sign and unit as of `spin_conductivity`, which is their sum. Spin that crosses from one site to another
    counts half for each.
    """

    name = "site_spin_conductivity"
    help = "current of spin per electric field of each site, and of each layer of a film"
    rank = 69


@register
class SiteSpinNernst(_SiteSpinFlow):
    """α^{A,a}_ij of the current of the spin on site A per gradient of T, in ħ/e A/(m K): sum `spin_nernst`."""

    name = "site_spin_nernst"
    help = "current of spin per temperature gradient of each site, and of each layer of a film"
    rank = 74
    whole = PER_GRADIENT
    first_panel = 72
