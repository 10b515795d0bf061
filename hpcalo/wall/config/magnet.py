"""Table [magnet] of the wall's input: the keys of all energy terms, damping, and the law of temperature.

The keys of a term are defined with the term, in `hpcalo.wall.magnetism.terms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.wall.magnetism.terms.demagnetization import Demagnetization
from hpcalo.wall.magnetism.terms.dmi import Dmi
from hpcalo.wall.magnetism.terms.easy_axis import EasyAxis
from hpcalo.wall.magnetism.terms.exchange import Exchange
from hpcalo.wall.magnetism.terms.hard_axis import HardAxis
from hpcalo.wall.magnetism.terms.medium import ThermalLaw
from hpcalo.wall.magnetism.terms.registry import FURTHER


class _Saturation(Section):
    saturation_magnetization: Annotated[float, Unit("A/m"), Field(gt=0)] = Field(default=8e5, description="M_s")


class _StandardMagnet(Dmi.Keys, Demagnetization.Keys, HardAxis.Keys, EasyAxis.Keys, Exchange.Keys, _Saturation):
    """Ferromagnet: easy axis z, hard axis y, wire along x. Energy density A|M'|^2 - K M_z^2 + K_hard M_y^2 + ..."""

    # The keys come in the order of the bases from last to first, these ones last.
    damping: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=0.2, description="Gilbert alpha")
    gyromagnetic_ratio: Annotated[float, Unit("m/A/s"), Field(gt=0)] = Field(
        default=2.21e5, description="gamma in dM/dt = -gamma M x H, H in A/m"
    )
    thermal: ThermalLaw | None = Field(default=None, description="temperature dependence of M_s, A, K (default: none)")


if TYPE_CHECKING:
    Magnet = _StandardMagnet
else:
    _further = tuple(term.Keys for term in FURTHER if "Keys" in vars(term))
    Magnet = type("Magnet", (*_further, _StandardMagnet), {"__doc__": _StandardMagnet.__doc__, "__module__": __name__})
