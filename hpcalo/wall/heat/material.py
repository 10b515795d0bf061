"""Heat capacity, heat conduction and Seebeck coefficient of the wire, in SI.

Temperatures are rises theta = T - T_0 over the temperature at the start: the heat of a moving wall is a millionth of
what the bath holds, and would drown in the rounding of absolute temperatures.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.config.heat import Heat


class Material:
    """Coefficients against theta (K). reference: T_0 in K."""

    def __init__(self, keys: Heat, reference: float) -> None:
        self.reference = reference
        self.capacity, self.conduction = keys.heat_capacity, keys.thermal_conductivity
        table = keys.table
        self.range = (0.0, np.inf) if table is None else (table.temperature[0], table.temperature[-1])
        knots = np.zeros(1) if table is None else np.asarray(table.temperature) - reference
        self._k = None if table is None or table.thermal_conductivity is None else _Line(
            knots, np.asarray(table.thermal_conductivity)
        )  # fmt: skip
        self._c = None if table is None or table.heat_capacity is None else _Line(
            knots, np.asarray(table.heat_capacity)
        )  # fmt: skip

    def energy(self, theta: RealArray) -> RealArray:
        """u(T_0 + theta) - u(T_0), J/m^3: the exact integral of c."""
        return self.capacity * theta if self._c is None else self._c.integral(theta)

    def heat_capacity(self, theta: RealArray) -> RealArray:
        """c, J/(m^3 K)."""
        return np.full(theta.shape, self.capacity) if self._c is None else self._c(theta)

    def conductivity(self, theta: RealArray) -> tuple[RealArray, RealArray]:
        """k in W/(m K), and dk/dT."""
        if self._k is None:
            return np.full(theta.shape, self.conduction), np.zeros(theta.shape)
        return self._k(theta), self._k.slope(theta)

    def check(self, theta: RealArray, x: RealArray, t: float) -> None:
        """Raises ConvergenceError where T (n,) at x (nm) and t (ns) leaves the table, or is not positive."""
        temperature = self.reference + theta
        low, high = self.range
        bad = ~((temperature > 0.0) & (temperature >= low) & (temperature <= high))
        if bad.any():
            i = int(np.argmax(bad))
            limit = f"heat.table.temperature goes from {low:g} to {high:g} K" if high < np.inf else "T must be positive"
            raise ConvergenceError(f"heat: T = {temperature[i]:.5g} K at x = {x[i]:.4g} nm and {t:.4g} ns: {limit}")


class _Line:
    """A function that is linear between its knots, and its integral from 0."""

    def __init__(self, knots: RealArray, values: RealArray) -> None:
        if not (knots == 0.0).any():  # 0 as a knot: the integral near it then has no large parts that cancel
            place = int(np.searchsorted(knots, 0.0))
            between = np.interp(0.0, knots, values)
            knots, values = np.insert(knots, place, 0.0), np.insert(values, place, between)
        self.knots, self.values = knots, values
        self.slopes = np.diff(values) / np.diff(knots)
        areas = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(knots))])
        self.areas = areas - areas[int(np.searchsorted(knots, 0.0))]

    def _segment(self, at: RealArray) -> RealArray:
        found = np.searchsorted(self.knots, at, side="right") - 1
        return np.asarray(np.clip(found, 0, len(self.slopes) - 1))

    def __call__(self, at: RealArray) -> RealArray:
        return np.interp(at, self.knots, self.values)

    def slope(self, at: RealArray) -> RealArray:
        return np.asarray(self.slopes[self._segment(at)])

    def integral(self, at: RealArray) -> RealArray:
        k = self._segment(at)
        near = np.where(at < 0.0, k + 1, k)  # the knot of the segment that is nearer to 0
        d = at - self.knots[near]
        return np.asarray(self.areas[near] + d * (self.values[near] + 0.5 * self.slopes[k] * d))
