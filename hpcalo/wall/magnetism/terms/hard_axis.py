"""Hard-axis anisotropy along y: energy density K_hard M_y^2."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import OWN, Term


class HardAxis(Term):
    """E = int K_hard M_y^2 dx, H_y = -2 K_hard M_y/(mu0 M_s); constant in temperature."""

    name = "hard_axis"
    label = "hard axis"

    class Keys(Section):
        """Keys in [magnet]."""

        hard_anisotropy: Annotated[float, Unit("J/m^3"), Field(ge=0, description="constant of the hard axis y")] = 0.0

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def update(self, medium: Medium) -> None:
        """`strength` (n,), 2 K_hard/mu0 in A^2/m^2."""
        super().update(medium)
        self.strength = np.full(medium.mesh.n, 2.0 * self.keys.hard_anisotropy / MU_0)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        h = np.zeros((len(m) - 2, 3))
        h[:, 1] = -self.strength / self.medium.ms * m[1:-1, 1]
        return h

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of each own node, (n,)."""
        return np.asarray(self.medium.dx * self.keys.hard_anisotropy * m[1:-1, 1] ** 2)

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """dH_y/dM_y."""
        stencil[:, OWN, 1, 1] -= 1.0 / self.medium.ms * self.strength
