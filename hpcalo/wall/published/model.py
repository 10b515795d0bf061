"""Paper mode: the equations and the procedure of PRB 106, 054432 as published, for comparison only
(docs/theory/wall-published.md).

Not a consistent model: as printed, charge and spin are not conserved, equilibrium carries a torque, and the absolute
time is set by a free normalization. Unknown f = (F, G) on a momentum window and the box [0, d] that holds just the
wall:

    A d_x f - eE d_p f + Omega f + R (f - f0) = 0,  A = [[v, u M^T], [u M, v]], Omega G = -(J/hbar) M x G,
    R = diag(1/tau, 1/tau_s, 1/tau_s, 1/tau_s)

first-order upwind in x by the eigenvectors of A and in p by the sign of -eE. What the other choices of [paper] add to
it is in paper_kinetic and paper_field. Small and sequential: one rank of a group computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from hpcalo import units
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.wall.boltzmann.equilibrium import Carriers, occupation, occupation_mu
from hpcalo.wall.config import WallInput
from hpcalo.wall.kernels import _wall
from hpcalo.wall.published import kinetic
from hpcalo.wall.published.field import FullField
from hpcalo.wall.units import CURRENT_IN_SI, HBAR, K_B, M_E, METRE_PER_SECOND, MOMENT_VOLUME, VOLT_PER_METRE

Array = NDArray[np.float64]
SETTLED = 0.01
FIRST_FIELD = 1e-6  # eV/nm: -eE of the secant's first step, 1000 V/m
SECANTS = 8  # fields that are tried for a circuit
CURRENT = 1e-8  # relative error of its current


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
    electric_field: float
    """E in V/m: the given one, or what the circuit demands"""


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
        # The band energy is p^2/2m + s (J/2) M.sigma with G the density of sigma: s = 1 for the electron spin.
        self.s = -1.0 if o.convention == "moment" else 1.0
        self.u = self.s * o.velocity * METRE_PER_SECOND + 0.0
        self.torque_sign = -o.torque_sign if o.convention == "spin" else o.torque_sign
        self.force = -d.electric_field * VOLT_PER_METRE  # -eE with e = 1
        self.half_j: Array | None = None
        if o.force:
            side = lo + np.arange(o.points + 1) * self.dp
            self.half_j = np.asarray(self.s * self.c.exchange / 2.0 + self.u * (side - pf), dtype=np.float64)
        self.temperature = d.temperature + d.gradient * self.x
        if self.temperature.min() <= 0.0:
            raise InputError(
                f"drive.gradient: T(x) falls to {self.temperature.min():.4g} K in the box of {self.length:g} nm"
            )
        self.relaxation = self._relaxation()
        self.full = o.effective_field == "full"
        theta = np.pi / 2.0 - np.pi * self.x / self.length
        self.m0 = np.stack([np.cos(theta), np.zeros_like(theta), np.sin(theta)], axis=1)

    def _relaxation(self) -> kinetic.Relaxation:
        c = self.c
        if self.options.collision == "paper":
            return kinetic.Relaxation(np.array([1.0 / c.tau, *[1.0 / c.tau_sf] * 3]))
        up, down = np.swapaxes(occupation_mu(c, self.p, self.temperature), 1, 2)
        sums = self.dp * np.stack([up.sum(axis=0), down.sum(axis=0)])
        if not sums.min() > 0.0:
            raise InputError("paper.window: no carriers in it that collisions could scatter into")
        up, down = up / sums[0], down / sums[1]
        return kinetic.Relaxation(
            np.full(4, 1.0 / c.tau), (up + down) / 2.0, -self.s * (up - down) / 2.0, 1.0 / c.tau, 1.0 / c.tau_sf
        )

    def _bands(self, p: Array) -> tuple[Array, Array]:
        """F0 and the size of <G> along its direction, (points, nodes) both."""
        if self.options.collision == "paper":
            kt = K_B * self.temperature[None, :]
            energy = (p**2 / (2.0 * self.c.mass))[:, None] - self.c.fermi_energy
            plus, minus = (expit(-(energy + s * self.c.exchange / 2.0) / kt) for s in (self.s, -self.s))
        else:
            minus, plus = np.swapaxes(occupation(self.c, p, self.temperature), 1, 2)[:: int(self.s)]
        g0 = (plus - minus) / 2.0  # with s = 1, the paper's +(J/2) M.sigma, negative: -g0 M then lies along +M
        kind = self.options.equilibrium
        along = -1.0 if self.options.convention == "spin" else 1.0
        if kind == "cosM":
            size = along * np.cos(self.c.precession * self.x[None, :] / (p / self.c.mass)[:, None])
        elif kind == "M":
            size = along * np.ones_like(g0)
        else:
            size = g0 if kind.startswith("+") else -g0
        return (plus + minus) / 2.0, size

    def equilibrium(self, m: Array, p: Array) -> Array:
        """f0 (points, nodes, 4): F0 of the two bands and the chosen <G>. Occupations, or with collision = 'bgk3d'
        densities integrated over p_perp in 1/(nm^3 eV fs/nm)."""
        full, size = self._bands(p)
        out = np.empty((p.size, m.shape[0], 4))
        out[:, :, 0] = full
        direction = np.broadcast_to([0.0, 0.0, 1.0], m.shape) if self.options.equilibrium.endswith("z") else m
        out[:, :, 1:] = size[:, :, None] * direction[None]
        return out

    def steady(self, m: Array) -> Published:
        """The steady solution for M (nodes, 3). With a circuit other than a given field E is sought first."""
        m = np.ascontiguousarray(m)
        drive = self.settings.drive
        if drive.circuit == "field":
            return self._steady(m, self.force)[0]
        # j is linear in E but for terms of the order of eE times the mean free path over E_F: the secant finds it.
        wanted = -drive.current_density / (2.0 * CURRENT_IN_SI)
        (_, off), a, step = self._steady(m, 0.0), 0.0, FIRST_FIELD
        first, off = abs(off - wanted), off - wanted
        for _ in range(SECANTS):
            state, now = self._steady(m, a + step)
            now -= wanted
            if abs(now) <= CURRENT * max(first, abs(wanted)):
                return state
            a, step, off = a + step, -now * step / (now - off) if now != off else np.nan, now
        raise ConvergenceError(f"paper model: no field gives the circuit '{drive.circuit}' its current")

    def _steady(self, m: Array, force: float) -> tuple[Published, float]:
        """The steady solution for -eE = force (eV/nm), and the mean of int v F dp over the faces."""
        f0 = self.equilibrium(m, self.p)
        below, above = (
            np.ascontiguousarray(self.equilibrium(m, np.array([p]))[0])
            for p in (self.p[0] - self.dp, self.p[-1] + self.dp)
        )
        left, right = np.ascontiguousarray(f0[:, 0]), np.ascontiguousarray(f0[:, -1])
        f = np.empty_like(f0)
        c, o = self.c, self.options
        edges = kinetic.Edges(left, right, below, above)
        box = kinetic.Box(self.v, self.dx, self.dp, self.u, force, c.precession, self.half_j)
        blocks = kinetic.transport(box, m) if o.coupled or o.gradient_source != 1.0 else None
        source: Array | None = None
        if blocks is not None:
            drives = kinetic.applied(blocks, f0, edges)
            drives[:, :, 1:] -= c.precession * np.cross(m, f0[:, :, 1:])
            if o.gradient_source != 1.0:
                source = (1.0 - o.gradient_source) * (drives - self._along(box, m))
        if o.coupled and blocks is not None:
            rhs = -drives if source is None else source - drives
            if o.method == "direct":
                f = f0 + kinetic.eliminated(box, m, blocks, self.relaxation, rhs)
            else:
                f = f0 + kinetic.solved(box, m, blocks, self.relaxation, rhs, o.tolerance, o.iterations)
        else:
            _wall.paper_steady(
                m,
                f0 if source is None else f0 + source / self.relaxation.rates,
                below if force >= 0 else above,
                left,
                right,
                self.v,
                f,
                u=self.u,
                dx=self.dx,
                dp=self.dp,
                force=force,
                precession=c.precession,
                inverse_tau=1.0 / c.tau,
                inverse_tau_s=1.0 / c.tau_sf,
            )
        if not np.isfinite(f).all():
            raise ConvergenceError("paper model: the distribution is not finite")
        if o.coupled and blocks is not None:
            moved = self.dp * kinetic.applied(blocks, f, edges).sum(axis=0)[:, 1:]
        else:
            # Momentum derivative summed over the window: what flows in at the lower and out at the upper end.
            drift = np.zeros((m.shape[0], 3))
            if force:
                start = (below if force >= 0 else above)[:, 1:]
                drift = abs(force) * (f[-1 if force >= 0 else 0, :, 1:] - start)
            moved = self._upwind(m, f, f0)[:, 1:] + drift
        if source is not None:
            moved = moved - self.dp * source.sum(axis=0)[:, 1:]
        through: Array | None = None
        if o.coupled and (o.force or self.u == 0.0):  # the differences are those of fluxes
            through = kinetic.flux(box, m, f, edges)
        current = 0.0 if through is None else float(through[:, 0].mean())
        return self._moments(m, f, f0, moved, through, -force / VOLT_PER_METRE + 0.0), current

    def _along(self, box: kinetic.Box, m: Array) -> Array:
        """What the equilibrium drives at each node if M were everywhere as it is there, (points, nodes, 4)."""
        p = np.concatenate([[self.p[0] - self.dp], self.p, [self.p[-1] + self.dp]])
        beside = []
        for field in self._bands(p):
            wide = np.pad(field[1:-1], ((0, 0), (1, 1)), mode="edge")
            beside.append(np.stack([field[1:-1], wide[:, :-2], wide[:, 2:], field[:-2], field[2:]], axis=2))
        values = np.concatenate([beside[0][..., None], beside[1][..., None] * m[None, :, None, :]], axis=3)
        return np.asarray(np.einsum("jisab,jisb->jia", kinetic.transport(replace(box, half_j=None), m), values))

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

    def _moments(self, m: Array, f: Array, f0: Array, moved: Array, through: Array | None, e_field: float) -> Published:
        """`moved` (nodes, 3): int of streaming, forces and sources of G, what Eq. (15) has on its left. `through`
        (nodes + 1, 4): int A f dp on the faces, where the scheme conserves it; its mean is then a node's current."""
        c = self.c
        total = self.dp * f.sum(axis=0)
        spin, n = total[:, 1:], total[:, 0]
        flow = self.dp * np.einsum("j,jic->ic", self.v, f)
        equilibrium = self.dp * f0.sum(axis=0)[:, 1:]
        b = equilibrium - c.tau_sf * moved
        own = np.concatenate(
            [(flow[:, 0] + self.u * np.einsum("ic,ic->i", m, spin))[:, None], flow[:, 1:] + self.u * n[:, None] * m],
            axis=1,
        )
        j = own if through is None else 0.5 * (through[:-1] + through[1:])
        a = self.u * n
        along = np.einsum("ic,ic->i", m, flow[:, 1:] if through is None else j[:, 1:]) - (0.0 if through is None else a)
        return Published(
            f=f,
            m=spin,
            n=n,
            spin_current=j[:, 1:],
            charge_current=-2.0 * j[:, 0],
            torque=c.precession * np.cross(m, spin),
            torque_divergence=self._torque(m, b),
            a=a,
            b=along,
            electric_field=e_field,
        )

    def _torque(self, m: Array, b: Array) -> Array:
        """(J/hbar) M x m of Eq. (16) for its right side b."""
        xi = self.c.xi
        closed = (b + xi * np.cross(m, b) + xi * xi * m * np.einsum("ic,ic->i", m, b)[:, None]) / (1.0 + xi * xi)
        return np.asarray(self.c.precession * np.cross(m, closed))

    def centred(self, m: Array, s: Published) -> Array:
        """Eq. (17) from j_s(x), n(x) and M(x) alone: central differences, one-sided at the ends; (nodes, 3)."""
        equilibrium = self.dp * self.equilibrium(m, self.p).sum(axis=0)[:, 1:]
        gained = np.gradient(s.spin_current, self.dx, axis=0)
        if not self.options.force:  # with the force u n M' is no source of (15)
            gained -= self.u * s.n[:, None] * np.gradient(m, self.dx, axis=0)
        return self._torque(m, equilibrium - self.c.tau_sf * gained)

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

    def normalization(self, top: float) -> float:
        """C for max|m| = top: the given one, or what makes m the accumulation in units of M_s."""
        o, s = self.options, self.settings
        if o.normalization is not None:
            return o.normalization
        if o.collision == "paper":
            return self.physical_maximum() / top
        return s.electrons.g_factor * MOMENT_VOLUME / s.magnet.saturation_magnetization  # m is a density

    def evolve(self, begun: Array | None = None, each: Callable[[list[Array]], None] | None = None) -> Trajectory:
        """LLG with the published torque, electrons solved in every stage, |M| = 1 after each step: fourth-order
        Runge-Kutta, or implicit with the whole effective field (paper_field).

        `begun` (steps + 1, nodes, 3): the magnetizations of an earlier run's first steps, to go on from to the same
        bits. `each` is called after every step with those so far.
        """
        o, magnet = self.options, self.settings.magnet
        first = self.steady(self.m0)
        top = float(np.abs(np.linalg.norm(first.m, axis=1)).max())
        if not 0.0 < top < np.inf:
            raise ConvergenceError("paper model: no spin accumulation, the time unit is undefined")
        c_per_m = self.normalization(top)
        alpha = magnet.damping if o.alpha_form == "unit" else magnet.damping / magnet.saturation_magnetization
        scale = 1.0 / (self.c.precession * top)  # torque in units of (J/hbar) max|m|
        if not 0.0 < self.c.precession * c_per_m * top < np.inf:
            raise ConvergenceError("paper model: the torque of so small or large a C max|m| sets no unit of time")
        per_s = 1.0 / (self.c.precession * c_per_m * top)  # fs
        full = FullField(self.settings, self.length, self.temperature, per_s, alpha) if self.full else None

        def rate(m: Array, at: float) -> Array:
            s = self.steady(m)
            torque = {"m": s.torque, "divergence": s.torque_divergence}
            t = self.torque_sign * scale * (torque[o.torque] if o.torque in torque else self.centred(m, s))
            t = t - o.field * np.cross(m, self.m0) if full is None else t + full.torque(m, at)
            return np.asarray((t + alpha * np.cross(m, t)) / (1.0 + alpha * alpha))

        h = o.step
        frames = [self.m0.copy()] if begun is None else list(begun)
        m = frames[-1]
        for k in range(len(frames) - 1, o.steps):
            s = h * k
            if full is None:
                k1 = rate(m, s)
                k2 = rate(m + h / 2 * k1, s)
                k3 = rate(m + h / 2 * k2, s)
                k4 = rate(m + h * k3, s)
                m = m + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            else:
                m = full.step(m, s, s + h, rate, self.steady(m).m, -self.torque_sign / top)
            m = m / np.linalg.norm(m, axis=1, keepdims=True)
            if not np.isfinite(m).all():
                raise ConvergenceError(f"paper model: the magnetization is not finite after step {k + 1} of {h:g}")
            frames.append(m)
            if each is not None:
                each(frames)
        path, times = np.array(frames), np.asarray(h * np.arange(o.steps + 1), dtype=np.float64)
        away = np.abs(path[:, :, 2] - np.sign(path[-1, :, 2].mean())).max(axis=1) > SETTLED
        still = np.flatnonzero(away)
        begin = 0 if still.size == 0 else int(still[-1]) + 1
        settled = float("nan") if begin > o.steps else float(times[begin])
        if 0 < begin <= o.steps:  # between the last frame outside and the first one inside
            d0, d1 = (np.abs(path[k, :, 2] - np.sign(path[-1, :, 2].mean())).max() for k in (begin - 1, begin))
            settled = float(times[begin - 1] + h * (d0 - SETTLED) / (d0 - d1))
        return Trajectory(self.x, times, path, top, settled, per_s * 1e-6, c_per_m, first, self.steady(m))
