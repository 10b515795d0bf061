"""The heat equation between the nodes, in SI (docs/theory/heat.md).

    du/dt = -d_x w + j^2/sigma - j T d_x S - G (T - T_substrate) + source,   w = -k d_x T

Each node has a cell of one spacing. k and S live on the faces, at the mean temperature of their two nodes; a reservoir
is one spacing beyond the end node, where that of the electrons is. Peltier and Thomson heat of a node are the exact
difference between the supply's work j (S d_x T) and the divergence of the Peltier current j S T.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.config.heat import Heat, HeatEnd
from hpcalo.wall.heat.material import Material

TERMS = ("supply", "leads", "left", "right", "substrate", "joule", "thermoelectric")
"""Powers of `Rates.powers`, W per m^2 of cross-section; supply and leads together are joule and thermoelectric."""


@dataclass(frozen=True)
class Current:
    """The charge current: its density in A/m^2 and the conductivity in S/m; field: E in V/m where that is given."""

    density: float
    conductivity: float
    field: float | None = None


@dataclass(frozen=True)
class Rates:
    """du/dt (n,) in W/m^3 without the source; its derivative, three diagonals (3, n) as LAPACK has them; powers."""

    rate: RealArray
    bands: RealArray
    powers: RealArray


class HeatEquation:
    """Rates of the whole wire of `cells` nodes, dx in m. Serial: the same on every rank."""

    def __init__(self, keys: Heat, material: Material, current: Current, cells: int, dx: float) -> None:
        self.material, self.current, self.cells, self.dx = material, current, cells, dx
        reference = material.reference
        self.ends = [_End(end, reference) for end in (keys.left, keys.right)]
        self.conductance = keys.substrate_conductance
        self.substrate = (keys.substrate_temperature or reference) - reference
        x_faces = (np.arange(cells + 1) - 0.5) * dx
        self.seebeck = np.full(cells + 1, keys.seebeck)
        if keys.junction is not None and keys.seebeck_right is not None:
            self.seebeck[x_faces > keys.junction * 1e-9] = keys.seebeck_right
        self.slope = keys.seebeck_slope

    def __call__(self, theta: RealArray) -> Rates:
        """At theta (n,)."""
        dx, j = self.dx, self.current.density
        w, by_left, by_right = self._conduction(theta)
        s, temperature = self._seebeck(theta), self.material.reference + theta
        joule = j**2 / self.current.conductivity
        peltier = -j * temperature * np.diff(s) / dx
        cooling = -self.conductance * (theta - self.substrate)
        rate = -np.diff(w) / dx + joule + peltier + cooling
        bands = np.zeros((3, self.cells))
        bands[0, 1:] = -by_right[1:-1] / dx
        bands[1] = (by_right[:-1] - by_left[1:]) / dx - self.conductance - j * np.diff(s) / dx
        bands[2, :-1] = by_left[1:-1] / dx
        half = 0.5 * j * self.slope / dx
        bands[0, 1:] -= half * temperature[:-1]
        bands[2, :-1] += half * temperature[1:]
        bands[1, 0] += half * temperature[0]
        bands[1, -1] -= half * temperature[-1]
        work = j * float(np.sum(s[1:-1] * np.diff(theta)))
        heat = joule * dx * self.cells
        leads = j * float(s[0] * temperature[0] - s[-1] * temperature[-1])
        powers = np.array(
            [heat + work, leads, w[0], -w[-1], dx * cooling.sum(), heat, dx * peltier.sum()], dtype=np.float64
        )
        return Rates(rate, bands, powers)

    def take_current(self, theta: RealArray) -> None:
        """The density that a given field drives against the thermoelectric one at theta (n,)."""
        if self.current.field is None or self.cells < 2:
            return
        s = self._seebeck(theta)
        opposed = float(np.sum(s[1:-1] * np.diff(theta))) / (self.dx * self.cells)
        self.current = replace(self.current, density=self.current.conductivity * (self.current.field - opposed))

    def on_faces(self, theta: RealArray) -> tuple[RealArray, RealArray]:
        """theta (n + 1,) on the faces, and dT/dx in K/m there; at an end up to its reservoir, one spacing away."""
        first, last = (self._beyond(end, float(theta[i])) for end, i in zip(self.ends, (0, -1), strict=True))
        full = np.concatenate([[first], theta, [last]])
        return np.asarray(0.5 * (full[1:] + full[:-1])), np.asarray(np.diff(full) / self.dx)

    def _beyond(self, end: _End, theta: float) -> float:
        """theta one spacing beyond an end node of this theta, before a heat resistance."""
        if end.temperature is None:
            return theta
        k = float(self.material.conductivity(np.array([0.5 * (theta + end.temperature)]))[0][0])
        return theta - (theta - end.temperature) / (1.0 + end.resistance * k / self.dx)

    def _conduction(self, theta: RealArray) -> tuple[RealArray, RealArray, RealArray]:
        """w (n + 1,) in W/m^2 on the faces, its derivatives with respect to theta left and right of each."""
        w, by_left, by_right = (np.zeros(self.cells + 1) for _ in range(3))
        k, slope = self.material.conductivity(0.5 * (theta[1:] + theta[:-1]))
        step = np.diff(theta)
        w[1:-1] = -k * step / self.dx
        by_left[1:-1] = (k - 0.5 * slope * step) / self.dx
        by_right[1:-1] = (-k - 0.5 * slope * step) / self.dx
        w[0], by_right[0] = (-x for x in self._end(self.ends[0], theta[0]))
        w[-1], by_left[-1] = self._end(self.ends[1], theta[-1])
        return w, by_left, by_right

    def _end(self, end: _End, theta: float) -> tuple[float, float]:
        """Heat that leaves through an end, W/m^2, and its derivative."""
        if end.temperature is None:
            return 0.0, 0.0
        k, slope = (float(x[0]) for x in self.material.conductivity(np.array([0.5 * (theta + end.temperature)])))
        if k == 0.0:
            return 0.0, 0.0
        conductance = 1.0 / (end.resistance + self.dx / k)
        change = conductance**2 * self.dx / k**2 * 0.5 * slope
        drop = theta - end.temperature
        return conductance * drop, conductance + change * drop

    def _seebeck(self, theta: RealArray) -> RealArray:
        """S (n + 1,) in V/K on the faces; on the ends that of the end nodes."""
        if self.slope == 0.0:
            return self.seebeck
        at = np.concatenate([theta[:1], 0.5 * (theta[1:] + theta[:-1]), theta[-1:]])
        return np.asarray(self.seebeck + self.slope * at)


class _End:
    """temperature: theta of the reservoir, None where there is none. resistance in m^2 K/W."""

    def __init__(self, keys: HeatEnd, reference: float) -> None:
        insulated = keys.kind == "insulated"
        self.temperature = None if insulated else (keys.temperature or reference) - reference
        self.resistance = keys.resistance or 0.0
