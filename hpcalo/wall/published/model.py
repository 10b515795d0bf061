"""Paper mode: the equations of PRB 106, 054432 as published, for comparison only (docs/theory/wall-published.md).

Not a consistent model: as printed, charge and spin are not conserved, equilibrium carries a torque, and the absolute
time is set by a free normalization. Unknown f = (F, G) on a momentum window and the box [-L, d] that holds the wall, on
[0, d], and a domain on its left, whose M = +z is held:

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
        """The steady solution on the wall for its M (cells, 3). With a circuit other than a given field E is sought.

        Raises ConvergenceError.
        """
        return self.solved(m)[1].behind(self.left)

    def torque(self, m: RealArray) -> RealArray:
        """(J/hbar) M x m on the wall alone, (cells, 3): of `steady`, to the bit. Raises ConvergenceError."""
        if self.settings.drive.circuit != "field":
            return self.steady(m).torque
        f = SteadyEquation(self, self.whole(m), self.force).distribution()
        spin = (self.dp * f.sum(axis=0))[self.left :, 1:]
        return np.asarray(self.c.precession * np.cross(m, spin))

    def solved(self, m: RealArray) -> tuple[SteadyEquation, Solution]:
        """The equation and its solution for the whole box, for M (cells, 3) of the wall. Raises ConvergenceError."""
        m = self.whole(m)
        drive = self.settings.drive
        if drive.circuit == "field":
            equation = SteadyEquation(self, m, self.force)
            return equation, equation.solution()[0]
        # j is linear in E but for terms of the order of eE times the mean free path over E_F: the secant finds it.
        goal = -drive.current_density / (2.0 * CURRENT_IN_SI)
        (_, off), a, step = SteadyEquation(self, m, 0.0).solution(), 0.0, FIRST_FIELD
        first, off = abs(off - goal), off - goal
        for _ in range(SECANTS):
            equation = SteadyEquation(self, m, a + step)
            state, now = equation.solution()
            now -= goal
            if abs(now) <= CURRENT * max(first, abs(goal)):
                return equation, state
            a, step, off = a + step, -now * step / (now - off) if now != off else np.nan, now
        raise ConvergenceError(f"paper model: no field gives the circuit '{drive.circuit}' its current")

    def centred(self, m: RealArray, s: Solution) -> RealArray:
        """Eq. (17) from j_s(x), n(x) and M(x) alone: central differences, one-sided at the ends; (nodes, 3)."""
        equilibrium = self.dp * self.equilibrium(self.whole(m), self.p).sum(axis=0)[self.left :, 1:]
        gained = np.gradient(s.spin_current, self.dx, axis=0)
        if not self.options.force:  # with the force u n M' is no source of (15)
            gained -= self.u * s.n[:, None] * np.gradient(m, self.dx, axis=0)
        return torque_of_balance(self.c, m, equilibrium - self.c.tau_sf * gained)
