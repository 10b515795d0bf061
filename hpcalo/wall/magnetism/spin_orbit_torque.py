"""Spin-orbit torques of the electric field and of the temperature gradient along the wire, as effective fields.

To lowest order in n the torque per cell is tau = F n x y + D n x (n x y), since z x x = y for the wire along x:
F = t^(1,0) E - b^(1,0) dT/dx, D = t^(2,0) E - b^(2,0) dT/dx. The magnetization feels it as the field
tau x n/(mu0 M_s t S) = [F y + D n x y]/(mu0 M_s t S) plus what is parallel to n: a field-like part along y and a
damping-like one. Signs: tau is the torque on the magnetization as in n x H; the LLG turns n by -gamma n x H.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.wall.coefficients import Coefficients

Array = NDArray[np.float64]

Y = np.array([0.0, 1.0, 0.0])
PARTS = ("electrical", "thermal_odd", "thermal_even")


class SpinOrbitTorque:
    """The effective fields on the own nodes for a constant electric field (V/m) along the wire; `place` must be called
    when the window or the temperature moves.
    """

    def __init__(self, coefficients: Coefficients, electric_field: float) -> None:
        self.coefficients, self.electric_field = coefficients, electric_field

    def place(self, temperature: Array, gradient: Array, saturation: Array) -> None:
        """Fields at T (K), dT/dx (K/m) and M_s (A/m) of the own nodes."""
        c, e = self.coefficients, self.electric_field
        scale = c.field_per_torque(saturation)
        zero = np.zeros_like(scale)
        t_odd, t_even, b_odd, b_even = (
            scale * c.at(name, temperature) for name in ("torkance_odd", "torkance_even", "beta_odd", "beta_even")
        )
        self.parts: dict[str, tuple[Array, Array]] = {
            "electrical": (t_odd * e, t_even * e),
            "thermal_odd": (-b_odd * gradient, zero),
            "thermal_even": (zero, -b_even * gradient),
        }
        self.field_like: Array = sum((part[0] for part in self.parts.values()), zero)
        self.damping_like: Array = sum((part[1] for part in self.parts.values()), zero)

    def field(self, m: Array) -> Array:
        """H (n, 3) in A/m at M (n, 3)."""
        return _fields(m, self.field_like, self.damping_like)

    def jacobian(self) -> Array:
        """dH/dM (n, 3, 3): H depends on M by the damping-like part D M x y alone."""
        out = np.zeros((self.damping_like.size, 3, 3))
        out[:, 0, 2], out[:, 2, 0] = -self.damping_like, self.damping_like
        return out

    def torque(self, m: Array, gamma: float, part: str) -> Array:
        """-gamma M x H of one of PARTS, (n, 3) in the unit of gamma times A/m."""
        return np.asarray(-gamma * np.cross(m, _fields(m, *self.parts[part])), dtype=np.float64)


def _fields(m: Array, along: Array, across: Array) -> Array:
    return np.asarray(along[:, None] * Y + across[:, None] * np.cross(m, Y), dtype=np.float64)
