"""Spin-orbit torques of the electric field and of the temperature gradient along the wire, as effective fields.

To lowest order in n the torque per cell is tau = F n x y + D n x (n x y), since z x x = y for the wire along x:
F = t^(1,0) E - b^(1,0) dT/dx, D = t^(2,0) E - b^(2,0) dT/dx. On the magnetization it acts like the field
tau x n/(mu0 M_s t S) = [F y + D n x y]/(mu0 M_s t S), up to a part parallel to n: a field-like part along y and a
damping-like one. Signs: tau is the torque on the magnetization as in n x H; the LLG turns n by -gamma n x H. With more
orders in n (`Coefficients.angular`), tau_a = t_ax(n) E - beta_ax(n) dT/dx, and the field is tau x n/(mu0 M_s t S).
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.units import MU_0
from hpcalo.wall.coefficients import Coefficients
from hpcalo.wall.directions import Polynomials
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
        """`field_like`, `damping_like` (n,) A/m, and both for each of PARTS in `parts`; `tensors` for more orders."""
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
        self.tensors = _tensors(c, medium, e, scale)
        """tau/(mu0 M_s t S) in A/m of each of PARTS as polynomials of n; empty in lowest order."""
        if self.tensors:
            every = list(self.tensors.values())
            self.whole = Polynomials(every[0].exponents, np.asarray(sum(part.coefficients for part in every)))

    def field(self, m: RealArray, t: float) -> RealArray:
        """H (n, 3) in A/m."""
        return self._field(m[1:-1])

    def _field(self, n: RealArray) -> RealArray:
        """H (n, 3) in A/m on n (n, 3)."""
        if self.tensors:
            return np.asarray(np.cross(self.whole.at(n), n))
        return _fields(n, self.field_like, self.damping_like)

    def add_jacobian(self, m: RealArray, t: float, stencil: RealArray) -> None:
        """Of the lowest order, H depends on M by the damping-like part D M x y alone."""
        if self.tensors:
            n = m[1:-1]
            turned = np.cross(self.whole.slope(n).swapaxes(1, 2), n[:, None, :]).swapaxes(1, 2)
            stencil[:, OWN] += turned + np.cross(self.whole.at(n)[:, None, :], np.eye(3)).swapaxes(1, 2)
            return
        stencil[:, OWN, 0, 2] -= self.damping_like
        stencil[:, OWN, 2, 0] += self.damping_like

    def power(self, m: RealArray, rate: RealArray, t: float) -> RealArray:
        """mu0 M_s H.dM/dt, (n,) W/m^2: the work of both drives on M."""
        h = self._field(m)
        return np.asarray(MU_0 * self.medium.ms * self.medium.dx / FS * np.sum(rate * h, axis=1))

    def torque(self, m: RealArray, gamma: float, part: str) -> RealArray:
        """-gamma M x H of one of PARTS for M (n, 3): (n, 3) in the unit of gamma times A/m."""
        if self.tensors:
            found = self.tensors.get(part)
            h = np.zeros_like(m) if found is None else np.cross(found.at(m), m)
        else:
            h = _fields(m, *self.parts[part])
        return np.asarray(-gamma * np.cross(m, h), dtype=np.float64)


def _fields(m: RealArray, along: RealArray, across: RealArray) -> RealArray:
    return np.asarray(along[:, None] * Y + across[:, None] * np.cross(m, Y), dtype=np.float64)


def _tensors(c: Coefficients, medium: Medium, electric_field: float, scale: RealArray) -> dict[str, Polynomials]:
    """tau/(mu0 M_s t S) in A/m of each of PARTS that the coefficients give with more orders in n."""
    drives = (
        ("electrical", "torkance_odd", electric_field * scale),
        ("electrical", "torkance_even", electric_field * scale),
        ("thermal_odd", "beta_odd", -medium.gradient * scale),
        ("thermal_even", "beta_even", -medium.gradient * scale),
    )
    out: dict[str, Polynomials] = {}
    for part, name, drive in drives:
        if name in c.angular:
            tensor = c.angular[name]
            one = tensor.along_wire(drive[:, None] * tensor.strengths(medium.temperature))
            sofar = out[part].coefficients if part in out else 0.0
            out[part] = Polynomials(one.exponents, one.coefficients + sofar)
    return out
