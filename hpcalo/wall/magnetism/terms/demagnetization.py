"""Stray field by local demagnetizing factors: H_i = -N_i M_s M_i."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Vector, numbers
from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import OWN, Term


class Demagnetization(Term):
    """E = (mu0/2) int M_s^2 sum_i N_i M_i^2 dx, H_i = -N_i M_s M_i."""

    name = "demagnetization"
    label = "stray field"

    class Keys(Section):
        """Keys in [magnet]."""

        demagnetization: Vector = Field(
            default=(0.0, 0.0, 0.0), description="local factors N_x, N_y, N_z; H_d = -N_i M_s M_i"
        )

        _lists = field_validator("demagnetization", mode="before")(numbers)

        @model_validator(mode="after")
        def _factors(self) -> Demagnetization.Keys:
            if any(n < 0 for n in self.demagnetization) or sum(self.demagnetization) > 1 + 1e-12:
                raise ValueError("demagnetization: factors must be >= 0 and their sum <= 1")
            return self

    def __init__(self, keys: Keys) -> None:
        self.factors = np.array(keys.demagnetization)

    def update(self, medium: Medium) -> None:
        """`slope` (n, 3), -N_i M_s in A/m."""
        super().update(medium)
        self.slope = np.ascontiguousarray(-medium.ms[:, None] * self.factors)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        return np.asarray(self.slope * m[1:-1])

    def energy(self, m: RealArray, t: float) -> RealArray:
        """J/m^2 of each own node, (n,)."""
        squares = self.medium.ms[:, None] ** 2 * self.factors * m[1:-1] ** 2
        return np.asarray(0.5 * MU_0 * self.medium.dx * squares.sum(axis=1))

    def powers_of_m(self, m: RealArray, t: float) -> Iterable[tuple[float, RealArray]]:
        """M_s^2."""
        return [(2.0, self.energy(m, t) / self.medium.relative**2)]

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """Diagonal in the components."""
        for c in range(3):
            stencil[:, OWN, c, c] += self.slope[:, c]
