"""Paper mode: the equations of PRB 106, 054432 as published, for comparison only (docs/theory/wall-published.md).

Not a consistent model: as printed, charge and spin are not conserved, equilibrium carries a torque, and the absolute
time is set by a free normalization. Unknown f = (F, G) on a momentum window and the box [0, d] that holds just the
wall:

    A d_x f - eE d_p f + Omega f + R (f - f0) = 0,  A = [[v, u M^T], [u M, v]], Omega G = -(J/hbar) M x G,
    R = diag(1/tau, 1/tau_s, 1/tau_s, 1/tau_s)

first-order upwind in x by the eigenvectors of A and in p by the sign of -eE. What the other choices of [paper] add is
in `blocks`, `collisions` and `field`. Small and sequential: one rank of a group computes.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError, InputError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.equilibrium import Carriers
from hpcalo.wall.config import WallInput
from hpcalo.wall.published.equilibrium import Equilibrium
from hpcalo.wall.published.solution import Solution, torque_of_balance
from hpcalo.wall.published.steady import SteadyEquation
from hpcalo.wall.units import CURRENT_IN_SI, M_E, METRE_PER_SECOND, VOLT_PER_METRE

FIRST_FIELD = 1e-6  # eV/nm: -eE of the secant's first step, 1000 V/m
SECANTS = 8  # fields that are tried for a circuit
CURRENT = 1e-8  # relative error of its current


class PaperModel:
    """Mesh and equilibrium of the published problem. Raises InputError for parameters it is not defined for."""

    def __init__(self, settings: WallInput) -> None:
        e, o, d = settings.electrons, settings.paper, settings.drive
        self.options, self.settings = o, settings
        self.c = Carriers(e.fermi_energy, e.exchange_splitting, e.mass * M_E, e.relaxation_time, e.spin_flip_time)
        self.length = settings.texture.width or 5.0
        self.x = np.linspace(0.0, self.length, o.cells)
        self.dx = float(self.x[1])
        pf = self.c.fermi_momentum
        lo, hi = o.window[0] * pf, o.window[1] * pf
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
        self.temperature = d.temperature + d.gradient * self.x
        if self.temperature.min() <= 0.0:
            raise InputError(
                f"drive.gradient: T(x) falls to {self.temperature.min():.4g} K in the box of {self.length:g} nm"
            )
        self.f0 = Equilibrium(self.c, o, sign, self.x, self.temperature)
        self.relaxation = self.f0.relaxation(self.p, self.dp)
        theta = np.pi / 2.0 - np.pi * self.x / self.length
        self.m0 = np.stack([np.cos(theta), np.zeros_like(theta), np.sin(theta)], axis=1)

    def equilibrium(self, m: RealArray, p: RealArray) -> RealArray:
        """f0 (points, nodes, 4) for M (nodes, 3) at the momenta p (points,)."""
        return self.f0.distribution(m, p)

    def steady(self, m: RealArray) -> Solution:
        """The steady solution for M (nodes, 3). With a circuit other than a given field E is sought first.

        Raises ConvergenceError.
        """
        m = np.ascontiguousarray(m)
        drive = self.settings.drive
        if drive.circuit == "field":
            return SteadyEquation(self, m, self.force).solution()[0]
        # j is linear in E but for terms of the order of eE times the mean free path over E_F: the secant finds it.
        goal = -drive.current_density / (2.0 * CURRENT_IN_SI)
        (_, off), a, step = SteadyEquation(self, m, 0.0).solution(), 0.0, FIRST_FIELD
        first, off = abs(off - goal), off - goal
        for _ in range(SECANTS):
            state, now = SteadyEquation(self, m, a + step).solution()
            now -= goal
            if abs(now) <= CURRENT * max(first, abs(goal)):
                return state
            a, step, off = a + step, -now * step / (now - off) if now != off else np.nan, now
        raise ConvergenceError(f"paper model: no field gives the circuit '{drive.circuit}' its current")

    def centred(self, m: RealArray, s: Solution) -> RealArray:
        """Eq. (17) from j_s(x), n(x) and M(x) alone: central differences, one-sided at the ends; (nodes, 3)."""
        equilibrium = self.dp * self.equilibrium(m, self.p).sum(axis=0)[:, 1:]
        gained = np.gradient(s.spin_current, self.dx, axis=0)
        if not self.options.force:  # with the force u n M' is no source of (15)
            gained -= self.u * s.n[:, None] * np.gradient(m, self.dx, axis=0)
        return torque_of_balance(self.c, m, equilibrium - self.c.tau_sf * gained)
