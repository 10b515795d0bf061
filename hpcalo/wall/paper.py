"""Paper mode: the equations and the procedure of PRB 106, 054432 as published, for comparison only
(docs/theory/wall.md).

Not a consistent model: charge and spin are not conserved, equilibrium carries a torque, and the absolute time is set
by a
free normalization (see README). Unknown f = (F, G) on a momentum window and the box [0, d] that holds just the wall:

    A d_x f - eE d_p f + Omega f + R (f - f0) = 0,  A = [[v, u M^T], [u M, v]], Omega G = -(J/hbar) M x G,
    R = diag(1/tau, 1/tau_s, 1/tau_s, 1/tau_s)

first-order upwind in x by the eigenvectors of A and in p by the sign of -eE. Small and sequential: every rank of a
group computes the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from hpcalo import units
from hpcalo.config.wall import WallInput
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.kernels import _wall
from hpcalo.wall.equilibrium import Carriers
from hpcalo.wall.units import HBAR, K_B, M_E, METRE_PER_SECOND, VOLT_PER_METRE

Array = NDArray[np.float64]
SETTLED = 0.01


@dataclass(frozen=True)
class Published:
    """One steady solution. m, b: int G dp and the right side of Eq. (16), (nodes, 3) in eV fs/nm; fluxes per Eqs.
    (12), (13)."""

    f: Array
    m: Array
    n: Array
    spin_current: Array
    charge_current: Array
    torque: Array
    """(J/hbar) M x m, 1/fs times the unit of m"""
    torque_divergence: Array
    """Eq. (17): the same torque from j_s and n through Eq. (16)"""
    a: Array
    """A(x) = u_x n, Eq. (18)"""
    b: Array
    """B(x) = M . int v G dp, Eq. (18)"""


@dataclass(frozen=True)
class Trajectory:
    """Magnetization M (times, nodes, 3) at times `s` in units of hbar/(J C max|m(0)|); `max_m` the raw max|m(0)|.

    `settled`: first s at which every spin is within 0.01 of the final direction's z component, NaN if none. `unit_ns`:
    one unit of s in ns for the normalization in force, `magnetization_per_m` C.
    """

    x: Array
    s: Array
    m: Array
    max_m: float
    settled: float
    unit_ns: float
    magnetization_per_m: float
    initial: Published
    final: Published


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
                "paper.points: cos(J x / hbar v) is undefined at v = 0; choose points so that p = 0 is no cell centre"
            )
        self.u = o.velocity * METRE_PER_SECOND
        self.force = -d.electric_field * VOLT_PER_METRE  # -eE with e = 1
        self.temperature = d.temperature + d.gradient * self.x
        if self.temperature.min() <= 0.0:
            raise InputError(
                f"drive.gradient: T(x) falls to {self.temperature.min():.4g} K in the box of {self.length:g} nm"
            )
        theta = np.pi / 2.0 - np.pi * self.x / self.length
        self.m0 = np.stack([np.cos(theta), np.zeros_like(theta), np.sin(theta)], axis=1)

    def equilibrium(self, m: Array, p: Array) -> Array:
        """f0 (points, nodes, 4): F0 of the two Fermi functions and the chosen <G>."""
        kt = K_B * self.temperature[None, :]
        energy = (p**2 / (2.0 * self.c.mass))[:, None] - self.c.fermi_energy
        plus, minus = (expit(-(energy + s * self.c.exchange / 2.0) / kt) for s in (1.0, -1.0))
        g0 = (plus - minus) / 2.0  # the paper's energy is +(J/2) M.sigma: g0 is negative, and -g0 M lies along +M
        kind = self.options.equilibrium
        out = np.empty((p.size, m.shape[0], 4))
        out[:, :, 0] = (plus + minus) / 2.0
        if kind == "cosM":
            size = np.cos(self.c.precession * self.x[None, :] / (p / self.c.mass)[:, None])
        elif kind == "M":
            size = np.ones_like(g0)
        else:
            size = g0 if kind.startswith("+") else -g0
        direction = np.broadcast_to([0.0, 0.0, 1.0], m.shape) if kind.endswith("z") else m
        out[:, :, 1:] = size[:, :, None] * direction[None]
        return out

    def steady(self, m: Array) -> Published:
        """The steady solution for M (nodes, 3)."""
        m = np.ascontiguousarray(m)
        f0 = self.equilibrium(m, self.p)
        edge = self.p[0] - self.dp if self.force >= 0 else self.p[-1] + self.dp
        below = np.ascontiguousarray(self.equilibrium(m, np.array([edge]))[0])
        left, right = np.ascontiguousarray(f0[:, 0]), np.ascontiguousarray(f0[:, -1])
        f = np.empty_like(f0)
        c = self.c
        _wall.paper_steady(
            m,
            f0,
            below,
            left,
            right,
            self.v,
            f,
            self.u,
            self.dx,
            self.dp,
            self.force,
            c.precession,
            1.0 / c.tau,
            1.0 / c.tau_sf,
        )
        if not np.isfinite(f).all():
            raise ConvergenceError("paper model: the distribution is not finite")
        return self._moments(m, f, f0)

    def _upwind(self, m: Array, f: Array, f0: Array) -> Array:
        """int A d_x f dp with the solver's own stencil, (nodes, 4)."""
        out = np.zeros((m.shape[0], 4))
        for j, v in enumerate(self.v):
            g = np.concatenate([f0[j, :1], f[j], f0[j, -1:]])
            back, ahead = np.diff(g, axis=0)[:-1] / self.dx, np.diff(g, axis=0)[1:] / self.dx
            for part, d in ((np.maximum, back), (np.minimum, ahead)):
                up, down, across = part(v + self.u, 0.0), part(v - self.u, 0.0), part(v, 0.0)
                along = np.einsum("ic,ic->i", m, d[:, 1:])
                out[:, 0] += 0.5 * (up + down) * d[:, 0] + 0.5 * (up - down) * along
                out[:, 1:] += (
                    across * d[:, 1:]
                    + (0.5 * (up - down) * d[:, 0] + (0.5 * (up + down) - across) * along)[:, None] * m
                )
        return self.dp * out

    def _moments(self, m: Array, f: Array, f0: Array) -> Published:
        c = self.c
        total = self.dp * f.sum(axis=0)
        spin, n = total[:, 1:], total[:, 0]
        flow = self.dp * np.einsum("j,jic->ic", self.v, f)
        equilibrium = self.dp * f0.sum(axis=0)[:, 1:]
        # Momentum derivative summed over the window: what flows in at the lower and out at the upper end.
        drift = np.zeros_like(equilibrium)
        if self.force:
            edge = self.p[0] - self.dp if self.force >= 0 else self.p[-1] + self.dp
            start = self.equilibrium(m, np.array([edge]))[0, :, 1:]
            last = f[-1 if self.force >= 0 else 0, :, 1:]
            drift = abs(self.force) * (last - start)
        b = equilibrium - c.tau_sf * (self._upwind(m, f, f0)[:, 1:] + drift)
        xi = c.xi
        closed = (b + xi * np.cross(m, b) + xi**2 * m * np.einsum("ic,ic->i", m, b)[:, None]) / (1.0 + xi**2)
        return Published(
            f=f,
            m=spin,
            n=n,
            spin_current=flow[:, 1:] + self.u * n[:, None] * m,
            charge_current=-2.0 * (flow[:, 0] + self.u * np.einsum("ic,ic->i", m, spin)),
            torque=c.precession * np.cross(m, spin),
            torque_divergence=c.precession * np.cross(m, closed),
            a=self.u * n,
            b=np.einsum("ic,ic->i", m, flow[:, 1:]),
        )

    def physical_maximum(self) -> float:
        """g mu_B P n/(2 M_s) with P and n of the 3D bands at T = 0: what max|m| is in units of M_s if taken
        literally."""
        c, e = self.c, self.settings.electrons
        k = (
            np.sqrt(
                2.0 * c.mass * np.array([c.fermi_energy + c.exchange / 2, max(c.fermi_energy - c.exchange / 2, 0.0)])
            )
            / HBAR
        )
        number = k**3 / (6.0 * np.pi**2) * 1e27
        difference = float(number[0] - number[1])
        ms = self.settings.magnet.saturation_magnetization
        return e.g_factor * units.BOHR_MAGNETON * difference / (2.0 * ms)

    def evolve(self, begun: Array | None = None, each: Callable[[list[Array]], None] | None = None) -> Trajectory:
        """LLG with the published torque, fourth-order Runge-Kutta, electrons solved in every stage; |M| = 1 after
        each step.

        `begun` (steps + 1, nodes, 3): the magnetizations of an earlier run's first steps, to go on from to the same
        bits. `each` is called after every step with those so far.
        """
        o, magnet = self.options, self.settings.magnet
        first = self.steady(self.m0)
        top = float(np.abs(np.linalg.norm(first.m, axis=1)).max())
        if top == 0.0:
            raise ConvergenceError("paper model: no spin accumulation, the time unit is undefined")
        c_per_m = o.normalization if o.normalization is not None else self.physical_maximum() / top
        alpha = magnet.damping if o.alpha_form == "unit" else magnet.damping / magnet.saturation_magnetization
        scale = 1.0 / (self.c.precession * top)  # torque in units of (J/hbar) max|m|

        def rate(m: Array) -> Array:
            s = self.steady(m)
            t = o.torque_sign * scale * (s.torque if o.torque == "m" else s.torque_divergence)
            t = t - o.field * np.cross(m, self.m0)
            return (t + alpha * np.cross(m, t)) / (1.0 + alpha**2)

        h = o.step
        frames = [self.m0.copy()] if begun is None else list(begun)
        m = frames[-1]
        for _ in range(o.steps + 1 - len(frames)):
            k1 = rate(m)
            k2 = rate(m + h / 2 * k1)
            k3 = rate(m + h / 2 * k2)
            k4 = rate(m + h * k3)
            m = m + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            m = m / np.linalg.norm(m, axis=1, keepdims=True)
            frames.append(m)
            if each is not None:
                each(frames)
        path, s = np.array(frames), np.asarray(h * np.arange(o.steps + 1), dtype=np.float64)
        away = np.abs(path[:, :, 2] - np.sign(path[-1, :, 2].mean())).max(axis=1) > SETTLED
        still = np.flatnonzero(away)
        begin = 0 if still.size == 0 else int(still[-1]) + 1
        settled = float("nan") if begin > o.steps else float(s[begin])
        if 0 < begin <= o.steps:  # between the last frame outside and the first one inside
            d0, d1 = (np.abs(path[k, :, 2] - np.sign(path[-1, :, 2].mean())).max() for k in (begin - 1, begin))
            settled = float(s[begin - 1] + h * (d0 - SETTLED) / (d0 - d1))
        unit = 1.0 / (self.c.precession * c_per_m * top) * 1e-6
        return Trajectory(self.x, s, path, top, settled, unit, c_per_m, first, self.steady(m))
