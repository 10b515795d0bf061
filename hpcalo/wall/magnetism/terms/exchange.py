"""Exchange: energy density A |M'|^2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from hpcalo.config.fields import Section, Unit
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import LEFT, OWN, RIGHT, Term


class Exchange(Term):
    """E = int A |M'|^2 dx, H = 2/(mu0 M_s) (A M')': differences across the faces, none across the wire's ends."""

    name = "exchange"
    label = "exchange"

    class Keys(Section):
        """Keys in [magnet]."""

        exchange_stiffness: Annotated[float, Unit("J/m"), Field(gt=0)] = Field(
            default=1.3e-11, description="A of the energy density A |M'|^2"
        )

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def update(self, medium: Medium) -> None:
        """`stiffness` (n + 1,) J/m and `coupling` (n + 1,), 2 A/(mu0 dx^2) in A^2/m^2, on the faces."""
        super().update(medium)
        law = medium.law
        self.stiffness = medium.on_faces(
            self.keys.exchange_stiffness * (medium.reduced**law.stiffness_exponent if law else medium.reduced)
        )
        self.inside = medium.inner_faces()
        self.coupling = self.inside * 2.0 * self.stiffness / (MU_0 * medium.dx**2)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        flow = self.coupling[:, None] * np.diff(m, axis=0)
        return np.asarray(np.diff(flow, axis=0) / self.medium.ms[:, None])

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of the face on the left of each own node, (n,)."""
        faces = self.stiffness * self.inside * np.sum((m[1:] - m[:-1]) ** 2, axis=1)
        return np.asarray(faces[:-1] / self.medium.dx)

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """A has the law's exponent; half of a face belongs to each of its nodes."""
        law = self.medium.law
        faces = self.keys.exchange_stiffness / self.medium.dx * self.inside * np.sum((m[1:] - m[:-1]) ** 2, axis=1)
        return [(law.stiffness_exponent if law else 1.0, 0.5 * (faces[1:] + faces[:-1]))]

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """Diagonal in the components."""
        left, right = self.coupling[:-1], self.coupling[1:]
        w = 1.0 / self.medium.ms
        for c in range(3):
            stencil[:, LEFT, c, c] += w * left
            stencil[:, RIGHT, c, c] += w * right
            stencil[:, OWN, c, c] += -w * (left + right)
