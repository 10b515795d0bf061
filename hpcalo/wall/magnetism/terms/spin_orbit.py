"""Spin-orbit torques of the electric field and of the temperature gradient along the wire, as effective fields.

To lowest order in n the torque per cell is tau = F n x y + D n x (n x y), since z x x = y for the wire along x:
F = t^(1,0) E - b^(1,0) dT/dx, D = t^(2,0) E - b^(2,0) dT/dx. On the magnetization it acts like the field
tau x n/(mu0 M_s t S) = [F y + D n x y]/(mu0 M_s t S), up to a part parallel to n: a field-like part along y and a
damping-like one. Signs: tau is the torque on the magnetization as in n x H; the LLG turns n by -gamma n x H.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.magnetism.terms.medium import Medium
from hpcalo.wall.magnetism.terms.term import OWN, Term
from hpcalo.wall.units import FS

Y = np.array([0.0, 1.0, 0.0])
PARTS = ("electrical", "thermal_odd", "thermal_even")


class SpinOrbit(Term):
    """The effective fields for a constant electric field (V/m) along the wire; they are no gradient of an energy.

    The heat monitor (`hpcalo.coupling.heat`) writes their work, each of PARTS by itself.
    """

    name = "spin_orbit"
    label = "spin-orbit torque"
    has_energy = False

    def __init__(self, coefficients: Coefficients, electric_field: float) -> None:
        self.coefficients, self.electric_field = coefficients, electric_field

    def update(self, medium: Medium) -> None:
        """`field_like`, `damping_like` (n,) A/m, and both for each of PARTS in `parts`."""
        super().update(medium)
        c, e = self.coefficients, self.electric_field
        scale = c.field_per_torque(medium.ms)
        zero = np.zeros_like(scale)
        t_odd, t_even, b_odd, b_even = (
            scale * c.at(name, medium.temperature)
            for name in ("torkance_odd", "torkance_even", "beta_odd", "beta_even")
        )
        self.parts: dict[str, tuple[RealArray, RealArray]] = {
            "electrical": (t_odd * e, t_even * e),
            "thermal_odd": (-b_odd * medium.gradient, zero),
            "thermal_even": (zero, -b_even * medium.gradient),
        }
        self.field_like: RealArray = sum((part[0] for part in self.parts.values()), zero)
        self.damping_like: RealArray = sum((part[1] for part in self.parts.values()), zero)

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        return _fields(m[1:-1], self.field_like, self.damping_like)

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """H depends on M by the damping-like part D M x y alone."""
        stencil[:, OWN, 0, 2] -= self.damping_like
        stencil[:, OWN, 2, 0] += self.damping_like

    def power(self, m: RealArray, rate: RealArray, t: float) -> RealArray:
        """mu0 M_s H.dM/dt, (n,) W/m^2: the work of both drives on M."""
        h = _fields(m, self.field_like, self.damping_like)
        return np.asarray(MU_0 * self.medium.ms * self.medium.dx / FS * np.sum(rate * h, axis=1))

    def torque(self, m: RealArray, gamma: float, part: str) -> RealArray:
        """-gamma M x H of one of PARTS for M (n, 3): (n, 3) in the unit of gamma times A/m."""
        return np.asarray(-gamma * np.cross(m, _fields(m, *self.parts[part])), dtype=np.float64)


def _fields(m: RealArray, along: RealArray, across: RealArray) -> RealArray:
    return np.asarray(along[:, None] * Y + across[:, None] * np.cross(m, Y), dtype=np.float64)
