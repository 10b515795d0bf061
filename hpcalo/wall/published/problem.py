"""The published problem: the box, the window of momenta, signs and conventions, equilibrium, collisions.

The box is the wall, 0 <= x <= d, and on its left a domain of length L whose magnetization is held along +z.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.equilibrium import Carriers
from hpcalo.wall.config import WallInput
from hpcalo.wall.published.equilibrium import Equilibrium
from hpcalo.wall.units import M_E, METRE_PER_SECOND, VOLT_PER_METRE


class Problem:
    """Mesh, conventions, equilibrium. Raises InputError for parameters that it is not defined for.

    x (cells,): nodes of the wall in nm, temperature (cells,) in K. The domain on its left has `left` more nodes of the
    same spacing: the whole number of them that is nearest to L, at least one. T(x) is that of L itself.
    """

    def __init__(self, settings: WallInput) -> None:
        e, o, d = settings.electrons, settings.paper, settings.drive
        self.options, self.settings = o, settings
        self.c = Carriers(e.fermi_energy, e.exchange_splitting, e.mass * M_E, e.relaxation_time, e.spin_flip_time)
        self.length = settings.texture.width or 5.0
        self.x = np.linspace(0.0, self.length, o.cells)
        self.dx = float(self.x[1])
        pf = self.c.fermi_momentum
        lo, hi = (end * pf for end in o.momenta(e))
        self.dp = (hi - lo) / o.points
        self.p = np.asarray(lo + (np.arange(o.points) + 0.5) * self.dp, dtype=np.float64)
        self.v = np.ascontiguousarray(self.p / self.c.mass)
        if o.equilibrium == "cosM" and np.any(np.abs(self.v) < 1e-12):
            raise InputError(
                "paper.points: cos(J x / hbar v) is undefined at v = 0; choose a number that makes p = 0 no cell centre"
            )
        # The band energy is p^2/2m + s (J/2) M.sigma with G the density of sigma: s = 1 for the electron spin.
        sign = -1.0 if o.convention == "moment" else 1.0
        self.u = sign * o.velocity * METRE_PER_SECOND + 0.0
        self.torque_sign = -o.torque_sign if o.convention == "spin" else o.torque_sign
        self.force = -d.electric_field * VOLT_PER_METRE  # -eE with e = 1
        self.half_j: RealArray | None = None
        if o.force:
            side = lo + np.arange(o.points + 1) * self.dp
            self.half_j = np.asarray(sign * self.c.exchange / 2.0 + self.u * (side - pf), dtype=np.float64)
        self.left = max(1, round(o.left_domain / self.dx)) if o.left_domain else 0
        nodes = np.concatenate([-self.dx * np.arange(self.left, 0, -1), self.x])
        everywhere = np.asarray(d.temperature + d.gradient * (nodes + o.left_domain), dtype=np.float64)
        if everywhere.min() <= 0.0:
            raise InputError(
                f"drive.gradient: T(x) falls to {everywhere.min():.4g} K in the box of "
                f"{o.left_domain + self.length:g} nm"
            )
        self.temperature = everywhere[self.left :]
        self.f0 = Equilibrium(self.c, o, sign, nodes, everywhere)
        self.relaxation = self.f0.relaxation(self.p, self.dp)
        theta = np.pi / 2.0 - np.pi * self.x / self.length
        self.m0 = np.stack([np.cos(theta), np.zeros_like(theta), np.sin(theta)], axis=1)

    def equilibrium(self, m: RealArray, p: RealArray) -> RealArray:
        """f0 (points, nodes, 4) for M (nodes, 3) of the whole box at the momenta p (points,)."""
        return self.f0.distribution(m, p)

    def whole(self, m: RealArray) -> RealArray:
        """M (left + cells, 3) of the box from that of the wall (cells, 3), C-contiguous."""
        return np.ascontiguousarray(np.concatenate([np.tile([0.0, 0.0, 1.0], (self.left, 1)), m]))
