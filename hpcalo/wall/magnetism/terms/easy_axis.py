"""Uniaxial anisotropy with the easy axis z: energy density -K M_z^2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import OWN, Term


class EasyAxis(Term):
    """E = int K (1 - M_z^2) dx, counted from the easy direction; H_z = 2 K M_z/(mu0 M_s)."""

    name = "uniaxial"
    label = "easy axis"

    class Keys(Section):
        """Keys in [magnet]."""

        anisotropy: Annotated[
            float, Unit("J/m^3"), Field(ge=0, description="K of the uniaxial anisotropy, easy axis z")
        ] = 5.2e5

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def update(self, medium: Medium) -> None:
        """`constant` (n,) K in J/m^3 and `strength` (n,), 2 K/mu0 in A^2/m^2."""
        super().update(medium)
        law = medium.law
        self.constant = self.keys.anisotropy * (medium.reduced**law.anisotropy_exponent if law else medium.reduced)
        self.strength = 2.0 * self.constant / MU_0

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        h = np.zeros((len(m) - 2, 3))
        h[:, 2] = self.strength / self.medium.ms * m[1:-1, 2]
        return h

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of each own node, (n,)."""
        return np.asarray(self.medium.dx * self.constant * (1.0 - m[1:-1, 2] ** 2))

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """K has the law's exponent."""
        law = self.medium.law
        weight = self.medium.dx * self.keys.anisotropy * (1.0 - m[1:-1, 2] ** 2)
        return [(law.anisotropy_exponent if law else 1.0, weight)]

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """dH_z/dM_z."""
        stencil[:, OWN, 2, 2] += 1.0 / self.medium.ms * self.strength
