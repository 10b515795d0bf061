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

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.published.problem import Problem
from hpcalo.wall.published.solution import Solution, torque_of_balance
from hpcalo.wall.published.steady import SteadyEquation
from hpcalo.wall.units import CURRENT_IN_SI

FIRST_FIELD = 1e-6  # eV/nm: -eE of the secant's first step, 1000 V/m
SECANTS = 8  # fields that are tried for a circuit
CURRENT = 1e-8  # relative error of its current


class PaperModel(Problem):
    """The published problem and its steady solutions."""

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
