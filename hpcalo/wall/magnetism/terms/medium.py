"""The wire as the energy terms see it: mesh, temperature, saturation magnetization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.units import NM

if TYPE_CHECKING:
    from hpcalo.wall.coefficients import Coefficients
    from hpcalo.wall.grid import Mesh


class ThermalLaw(Section):
    """Temperature dependence: m(T) = 1 - (T/T_C)^(3/2); M_s = M_s0 m, A = A0 m^a, K = K0 m^k (0: constant)."""

    curie_temperature: Annotated[float, Unit("K"), Field(gt=0)] = Field(default=850.0, description="T_C")
    stiffness_exponent: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=1.8, description="a of A = A0 m^a")
    anisotropy_exponent: Annotated[float, Unit("1"), Field(ge=0)] = Field(default=3.0, description="k of K = K0 m^k")


@dataclass(frozen=True)
class Medium:
    """The own nodes of one rank at one moment.

    temperature (n,) K; gradient (n,) K/m, dT/dx; origin: where the window begins, nm; reduced (n,): m(T) of `law`, 1
    without a law; relative (n,): M_s(T)/M_s by the law; ms (n,) A/m, which an electronic structure may give instead.
    """

    mesh: Mesh
    temperature: RealArray
    gradient: RealArray
    origin: float
    law: ThermalLaw | None
    reduced: RealArray
    relative: RealArray
    ms: RealArray
    coefficients: Coefficients | None = None

    @property
    def dx(self) -> float:
        """Distance of the nodes in m."""
        return self.mesh.dx * NM

    @property
    def x(self) -> RealArray:
        """Positions of the own nodes in the frame of the wire, nm."""
        return np.asarray(self.mesh.x + self.origin)

    def inner_faces(self) -> RealArray:
        """1 on the faces around the own nodes (n + 1,), 0 on the two ends of the wire, which carry no energy."""
        inside = np.ones(self.mesh.n + 1)
        if self.mesh.at_left:
            inside[0] = 0.0
        if self.mesh.at_right:
            inside[-1] = 0.0
        return inside

    def on_faces(self, values: RealArray) -> RealArray:
        """Means of values (n,) of the own nodes on their faces (n + 1,); halved on the ends of the wire. Collective."""
        return self.mesh.faces(self.mesh.with_ghosts(values))


def reduced_magnetization(law: ThermalLaw | None, temperature: RealArray) -> RealArray:
    """m(T) (n,) of the law at T (n,) in K; 1 without a law. Raises InputError where T reaches T_C."""
    if law is None:
        return np.ones_like(temperature)
    hottest = float(temperature.max())
    if hottest >= law.curie_temperature:
        raise InputError(
            f"magnet.thermal.curie_temperature: {law.curie_temperature:g} K is reached on the wire ({hottest:.1f} K)"
        )
    return np.asarray(1.0 - (temperature / law.curie_temperature) ** 1.5)
