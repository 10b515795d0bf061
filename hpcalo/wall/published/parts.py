"""Eqs. (17)-(25): what of the solution is local equilibrium (T) and what the rest (V), and their torques.

The equilibrium <f> that T(x) sets carries j_T = int (v <G> + u_x <F> M) dp, the rest j_V = j_s - j_T. With one
direction e of <G> (M, or a fixed z) j_T = A M + B e. The four terms of Eq. (17),

    -(xi^2/(1 + xi^2)) [(1/xi) M x d_x j + M x (M x d_x j) - (1/xi) u_x n M x M' - u_x n M x (M x M')],

are linear in (j, n): with (j_V, n_V) they are Eq. (21), with (j_T, n_T) Eq. (22). As u_x n_T = A, the part A of the
first two cancels the other two, and Eq. (22) is -(xi^2/(1 + xi^2)) [(1/xi) M x (B e)' + M x (M x (B e)')].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.electrons.zhang_li import components
from hpcalo.wall.published.solution import Solution
from hpcalo.wall.published.steady import SteadyEquation

TERMS = np.array(["M x dj", "M x (M x dj)", "u n M x M'", "u n M x (M x M')"])
"""The coordinate `term`: the four terms of Eqs. (17), (21), (22) in their order."""


@dataclass(frozen=True)
class Torques:
    """Torques (J/hbar) M x m and their parts on the wall; the torque on M is minus these. Units of m per fs.

    terms_v, terms_t (4, nodes, 3): of Eqs. (21) and (22). rest (nodes, 3): what Eq. (17) has besides, the flow through
    the ends of the window and <m> that is not along M. from_a (nodes, 3): Eq. (23), the first two terms of (22) with
    j_T = A M. damping_like, field_like (3, nodes): of total, V, T along -M'/|M'| and M x M'/|M'|, Eq. (24). beta: the
    ratio of both of (22), int tau.(M x M')/(-int tau.M'), NaN where M is uniform.
    """

    terms_v: RealArray
    terms_t: RealArray
    rest: RealArray
    from_a: RealArray
    damping_like: RealArray
    field_like: RealArray
    beta: float

    @property
    def v(self) -> RealArray:
        """Eq. (21), (nodes, 3)."""
        return np.asarray(self.terms_v.sum(axis=0))

    @property
    def t(self) -> RealArray:
        """Eq. (22), (nodes, 3)."""
        return np.asarray(self.terms_t.sum(axis=0))


@dataclass(frozen=True)
class Parts:
    """On the nodes of the wall. n_t, a, b (nodes,), j_t (nodes, 3): of the equilibrium, Eq. (18).

    polarization (nodes,): P' = M.j_T / int (v <F> + u_x M.<G>) dp, Eq. (25). torques: None where the streaming is not
    that of Eq. (15) (force, conserving collisions, lambda other than 1).
    """

    n_t: RealArray
    a: RealArray
    b: RealArray
    j_t: RealArray
    j_v: RealArray
    polarization: RealArray
    torques: Torques | None


def parts(equation: SteadyEquation, whole: Solution) -> Parts:
    """The parts, on the wall, of the solution of the equation for the whole box."""
    s, left = equation.problem, equation.problem.left
    state = whole.behind(left)
    m = equation.m[left:]
    f0 = s.dp * equation.f0[:, left:]
    n_t, flow = f0[:, :, 0].sum(axis=0), np.einsum("j,jic->ic", s.v, f0)
    a, b = s.u * n_t, s.dp * (s.v @ s.f0.bands(s.p)[1][:, left:])
    j_t = flow[:, 1:] + a[:, None] * m
    particles = flow[:, 0] + s.u * np.einsum("ic,jic->i", m, f0[:, :, 1:])
    ratio = np.divide(
        np.einsum("ic,ic->i", m, j_t), particles, out=np.full_like(particles, np.nan), where=particles != 0.0
    )
    printed = not s.options.coupled and s.options.gradient_source == 1.0
    torques = _torques(equation, whole, a) if printed else None
    return Parts(n_t, a, b, j_t, state.spin_current - j_t, ratio, torques)


def _torques(equation: SteadyEquation, whole: Solution, a: RealArray) -> Torques:
    s, left, dx = equation.problem, equation.problem.left, equation.problem.dx
    state = whole.behind(left)
    m, xi = equation.m[left:], equation.problem.c.xi
    weight = xi * xi / (1.0 + xi * xi)
    slope = np.gradient(m, dx, axis=0)
    if left:  # M' jumps where the domain ends: there the difference that the solver takes
        slope[0] = (m[0] - equation.m[left - 1]) / dx

    def four(moved: RealArray, source: RealArray) -> RealArray:
        """Terms of (17) for d_x j - source = moved, with source = u n M'."""
        gained, across = np.cross(m, moved + source), np.cross(m, source)
        return weight * np.stack([-gained / xi, -np.cross(m, gained), across / xi, np.cross(m, across)])

    equilibrium = equation.upwind(equation.f0)[left:, 1:]
    everything = equation.upwind(whole.f)[left:, 1:]
    t = four(equilibrium, a[:, None] * slope)
    v = four(everything - equilibrium, (s.u * state.n - a)[:, None] * slope)
    total = state.torque
    ghost = np.concatenate([equation.m[left - 1 : left] if left else m[:1], m, m[-1:]])
    split = [components(ghost, tau, dx) for tau in (total, v.sum(axis=0), t.sum(axis=0))]
    size = float(-np.sum(t.sum(axis=0) * slope))
    turned = float(np.sum(t.sum(axis=0) * np.cross(m, slope)))
    return Torques(
        terms_v=v,
        terms_t=t,
        rest=total - v.sum(axis=0) - t.sum(axis=0),
        from_a=weight * a[:, None] * (slope - np.cross(m, slope) / xi),
        damping_like=np.stack([d for d, _ in split]),
        field_like=np.stack([f for _, f in split]),
        beta=turned / size if size and np.isfinite(turned / size) else float("nan"),
    )
