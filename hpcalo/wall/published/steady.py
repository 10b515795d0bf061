"""The steady kinetic equation of the published model for one magnetization and one electric field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.kernels import _wall
from hpcalo.wall.published import blocks, linear
from hpcalo.wall.published.problem import Problem
from hpcalo.wall.published.solution import Solution, torque_of_balance
from hpcalo.wall.units import VOLT_PER_METRE


@dataclass(frozen=True)
class SteadyEquation:
    """The equation for M (nodes, 3), C-contiguous, and -eE = `force` in eV/nm."""

    problem: Problem
    m: RealArray
    force: float

    @cached_property
    def f0(self) -> RealArray:
        """Equilibrium (points, nodes, 4)."""
        return self.problem.equilibrium(self.m, self.problem.p)

    @cached_property
    def edges(self) -> blocks.Edges:
        """Equilibrium one cell beyond the mesh, where it flows in."""
        p, dp = self.problem.p, self.problem.dp
        below, above = (
            np.ascontiguousarray(self.problem.equilibrium(self.m, np.array([beyond]))[0])
            for beyond in (p[0] - dp, p[-1] + dp)
        )
        left, right = np.ascontiguousarray(self.f0[:, 0]), np.ascontiguousarray(self.f0[:, -1])
        return blocks.Edges(left, right, below, above)

    @cached_property
    def box(self) -> blocks.Box:
        """Mesh and coefficients."""
        s = self.problem
        return blocks.Box(s.v, s.dx, s.dp, s.u, self.force, s.c.precession, s.half_j)

    @cached_property
    def blocks(self) -> RealArray | None:
        """Blocks of streaming and forces; None for the printed equation, which one pass solves without them."""
        o = self.problem.options
        return blocks.transport(self.box, self.m) if o.coupled or o.gradient_source != 1.0 else None

    @cached_property
    def drives(self) -> RealArray | None:
        """The left side of the equation for the equilibrium itself, (points, nodes, 4)."""
        if self.blocks is None:
            return None
        drives = blocks.applied(self.blocks, self.f0, self.edges)
        drives[:, :, 1:] -= self.problem.c.precession * np.cross(self.m, self.f0[:, :, 1:])
        return drives

    @cached_property
    def source(self) -> RealArray | None:
        """(1 - lambda) times the drive by the rotation of the equilibrium; None for lambda = 1, as printed."""
        weight = self.problem.options.gradient_source
        if self.drives is None or weight == 1.0:
            return None
        return np.asarray((1.0 - weight) * (self.drives - self._along()))

    def _along(self) -> RealArray:
        """The same at each node if M were uniform with the value at that node, (points, nodes, 4)."""
        s = self.problem
        p = np.concatenate([[s.p[0] - s.dp], s.p, [s.p[-1] + s.dp]])
        beside = []
        for field in s.f0.bands(p):
            wide = np.pad(field[1:-1], ((0, 0), (1, 1)), mode="edge")
            beside.append(np.stack([field[1:-1], wide[:, :-2], wide[:, 2:], field[:-2], field[2:]], axis=2))
        m = self.m[None, :, None, :]
        values = np.concatenate([beside[0][..., None], beside[1][..., None] * m], axis=3)
        local = blocks.transport(replace(self.box, half_j=None), self.m)
        return np.asarray(np.einsum("jisab,jisb->jia", local, values))

    def distribution(self) -> RealArray:
        """f (points, nodes, 4). Raises ConvergenceError where it is not found or not finite."""
        o, relaxation = self.problem.options, self.problem.relaxation
        if o.coupled and self.blocks is not None and self.drives is not None:
            rhs = -self.drives if self.source is None else self.source - self.drives
            if o.method == "direct":
                f = self.f0 + linear.eliminated(self.box, self.m, self.blocks, relaxation, rhs)
            else:
                f = self.f0 + linear.solved(
                    self.box, self.m, self.blocks, relaxation, rhs, o.tolerance, o.iterations
                )  # fmt: skip
        else:
            f = self._one_pass()
        if not np.isfinite(f).all():
            raise ConvergenceError("paper model: the distribution is not finite")
        return f

    def _one_pass(self) -> RealArray:
        s, c, e = self.problem, self.problem.c, self.edges
        f = np.empty_like(self.f0)
        target = self.f0 if self.source is None else self.f0 + self.source / s.relaxation.rates
        try:
            _wall.paper_steady(
                self.m, target, e.below if self.force >= 0 else e.above, e.left, e.right, s.v, f,
                u=s.u, dx=s.dx, dp=s.dp, force=self.force, precession=c.precession,
                inverse_tau=1.0 / c.tau, inverse_tau_s=1.0 / c.tau_sf,
            )  # fmt: skip
        except ValueError as problem:
            raise ConvergenceError(f"paper model: the kinetic equation is singular: {problem}") from None
        return f

    def solution(self) -> tuple[Solution, float]:
        """The solution, and the mean of int v F dp over the faces (0 where the scheme does not conserve it)."""
        s, o = self.problem, self.problem.options
        f = self.distribution()
        moved = self._moved(f)
        through: RealArray | None = None
        if o.coupled and (o.force or s.u == 0.0):  # the differences are those of fluxes
            through = blocks.flux(self.box, self.m, f, self.edges)
        current = 0.0 if through is None else float(through[:, 0].mean())
        return self._moments(f, moved, through), current

    def _moved(self, f: RealArray) -> RealArray:
        """int of streaming, forces and sources of G, (nodes, 3): the left side of Eq. (15)."""
        dp = self.problem.dp
        if self.problem.options.coupled and self.blocks is not None:
            moved = dp * blocks.applied(self.blocks, f, self.edges).sum(axis=0)[:, 1:]
        else:
            # Momentum derivative summed over the window: what flows in at the lower and out at the upper end.
            drift = np.zeros((self.m.shape[0], 3))
            if self.force:
                start = (self.edges.below if self.force >= 0 else self.edges.above)[:, 1:]
                drift = abs(self.force) * (f[-1 if self.force >= 0 else 0, :, 1:] - start)
            moved = self.upwind(f)[:, 1:] + drift
        if self.source is not None:
            moved = moved - dp * self.source.sum(axis=0)[:, 1:]
        return np.asarray(moved)

    def upwind(self, f: RealArray) -> RealArray:
        """int A d_x f dp of f (points, nodes, 4) with the solver's own stencil and inflow, (nodes, 4)."""
        s, m = self.problem, self.m
        out = np.zeros((m.shape[0], 4))
        for j, v in enumerate(s.v):
            g = np.concatenate([self.f0[j, :1], f[j], self.f0[j, -1:]])
            back, ahead = np.diff(g, axis=0)[:-1] / s.dx, np.diff(g, axis=0)[1:] / s.dx
            for part, d in ((np.maximum, back), (np.minimum, ahead)):
                up, down, across = part(v + s.u, 0.0), part(v - s.u, 0.0), part(v, 0.0)
                along = np.einsum("ic,ic->i", m, d[:, 1:])
                out[:, 0] += 0.5 * (up + down) * d[:, 0] + 0.5 * (up - down) * along
                out[:, 1:] += (
                    across * d[:, 1:]
                    + (0.5 * (up - down) * d[:, 0] + (0.5 * (up + down) - across) * along)[:, None] * m
                )
        return s.dp * out

    def _moments(self, f: RealArray, moved: RealArray, through: RealArray | None) -> Solution:
        """Moments of f over momenta.

        `through` (nodes + 1, 4): int A f dp on the faces, where the scheme conserves it; its mean is then a node's
        current.
        """
        s, c, m = self.problem, self.problem.c, self.m
        total = s.dp * f.sum(axis=0)
        spin, n = total[:, 1:], total[:, 0]
        flow = s.dp * np.einsum("j,jic->ic", s.v, f)
        b = s.dp * self.f0.sum(axis=0)[:, 1:] - c.tau_sf * moved
        charge = flow[:, 0] + s.u * np.einsum("ic,ic->i", m, spin)
        own = np.concatenate([charge[:, None], flow[:, 1:] + s.u * n[:, None] * m], axis=1)
        j = own if through is None else 0.5 * (through[:-1] + through[1:])
        return Solution(
            f=f,
            m=spin,
            n=n,
            spin_current=j[:, 1:],
            charge_current=-2.0 * j[:, 0],
            torque=c.precession * np.cross(m, spin),
            torque_divergence=torque_of_balance(c, m, b),
            electric_field=-self.force / VOLT_PER_METRE + 0.0,
        )
