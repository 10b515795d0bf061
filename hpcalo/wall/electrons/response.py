"""What the electrons answer to a drive: moments and fluxes, and the sum of both drives in the circuit."""

from __future__ import annotations

from dataclasses import dataclass

from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Response:
    """Moments q = (dn, dm) (n, 4) in 1/nm^3 and flux (n + 1, 4) in 1/(nm^2 fs) of a distribution."""

    q: RealArray
    flux: RealArray

    def __mul__(self, factor: float) -> Response:
        return Response(self.q * factor, self.flux * factor)

    def __add__(self, other: Response) -> Response:
        return Response(self.q + other.q, self.flux + other.flux)


@dataclass(frozen=True)
class Solution(Response):
    """A response with its even part e (n, 4, points), from which the next solve may start and whose memory it uses."""

    e: RealArray


@dataclass(frozen=True)
class Torques:
    """State of the electrons for one magnetization.

    electrical, thermal: the responses to the applied field and to kappa with the thermoelectric field; their sum is the
    whole. field: E in V/m, applied plus thermoelectric. current: charge current density in A/m^2, the mean over the
    wire. polarization: M.j_s over half the particle flow, averaged over the wall, of the field alone.
    thermal_polarization: the same of kappa alone at E = 0. NaN where that drive was not solved. unit: response to
    E = 1 V/nm; None without one.
    """

    electrical: Response
    thermal: Response
    field: float
    applied_field: float
    current: float
    polarization: float
    thermal_polarization: float
    unit: Response | None = None

    @property
    def total(self) -> Response:
        """The whole response."""
        return self.electrical + self.thermal
