"""The two forms in which the steady Boltzmann equation is solved, and the spin-diffusion problem for both.

- even:    unknown e, complete operator with momentum coupling by the (J/2) M' force. Preconditioner: one exact sweep S,
           then a spin-diffusion (DSA) correction of the moments that the sweep's own collisions scatter back.
- moments: unknown (dn, dm), the Schur complement q - Mom S Gain q; exact when the force is off, where it is used.

The spin-diffusion operator is Mom A Prolong in closed form; it turns into D d_xx - (J/hbar) M x - 1/tau_sf for slow
variation.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.solvers.krylov import EPSILON, RESTART, node_squares
from hpcalo.wall.solvers.line import MIDDLE, SIDES, Sweep


class SpinDiffusion:
    """The 4-vector coarse problem Mom A Prolong: block elimination of 4 cells unknowns from both ends of the wire.

    Every rank has the whole problem and works on the halves of the wire that its nodes lie in.
    """

    def __init__(self, mesh: Mesh, kinetic: Kinetic) -> None:
        self.mesh = mesh
        self.k = kinetic
        self._sides = (SIDES[0] if mesh.first < mesh.middle else 0) | (SIDES[1] if mesh.last > mesh.middle + 1 else 0)
        self._sums = mesh.with_ghosts(kinetic.weight_sums())
        self._blocks = np.empty((mesh.n, 3, 4, 4))  # [row node][column node - row node + 1][row comp][column comp]
        self._lu = np.empty((0, 3, 4, 4))

    def blocks(self, shift: float) -> RealArray:
        """Response of the own nodes' moments to those of their neighbours: (n, 3 [offset + 1], 4, 4)."""
        k, c = self.k, self.k.carriers
        _wall.diffusion_blocks(
            self._sums, k.m_ghost, k.mf, k.dm_dx, self._blocks, dx=k.dx, a=1.0 / c.tau + shift, b=c.precession,
            half_j=k.half_j, inverse_tau=1.0 / c.tau, inverse_tau_sf=1.0 / c.tau_sf,
        )  # fmt: skip
        return self._blocks

    def factor(self, shift: float) -> None:
        """Raises ConvergenceError if the operator is singular. Collective."""
        lu, mesh, middle = self.mesh.gather(self.blocks(shift)), self.mesh, self.mesh.middle
        done = round(-mesh.max(-_wall.block_factor(lu, middle, self._sides)))
        if done == mesh.cells:
            self._exchange(lu)
            done = _wall.block_factor(lu, middle, MIDDLE)
        if done < mesh.cells:
            raise ConvergenceError(f"spin-diffusion preconditioner: the operator is singular at node {done}")
        self._lu = lu

    def solve(self, q: RealArray) -> RealArray:
        """Own rows of the solution for the right-hand side q (n, 4). Collective."""
        x, middle = self.mesh.gather(q), self.mesh.middle
        _wall.block_solve(self._lu, x, middle, self._sides, 0)
        self._exchange(x)
        _wall.block_solve(self._lu, x, middle, MIDDLE, MIDDLE | self._sides)
        return x[self.mesh.first : self.mesh.last]

    def _exchange(self, field: RealArray) -> None:
        """Gives every rank what elimination has left beside the middle node of a field on the whole wire."""
        comm, middle = self.mesh.comm, self.mesh.middle
        if comm.size > 1:
            comm.Bcast(field[middle - 1], root=0)
            if middle + 1 < self.mesh.cells:
                comm.Bcast(field[middle + 1], root=comm.size - 1)


class Preconditioner:
    """P: one sweep, and spin diffusion of what it scatters back. `single`: in single precision."""

    def __init__(self, mesh: Mesh, kinetic: Kinetic, *, accelerate: bool, single: bool = False) -> None:
        self.mesh, self.k, self.accelerate, self.single = mesh, kinetic, accelerate, single
        self.sweep = Sweep(mesh, kinetic, single=single)
        self.diffusion = SpinDiffusion(mesh, kinetic)
        self.shift = 0.0

    def factor(self, shift: float) -> None:
        """For the magnetization now set in the kinetic operator. Collective."""
        self.shift = shift
        self.sweep.factor(shift)
        self.diffusion.factor(shift)

    def scatter(self, q: RealArray) -> RealArray:
        """Spin-diffusion correction (moments) of what a sweep's own collisions with moments q scatter back."""
        if not self.accelerate:
            return np.zeros_like(q)
        return self.diffusion.solve(self.gain(q))

    def gain(self, q: RealArray) -> RealArray:
        """Moments of the collision gain of moments q, both (n, 4)."""
        every, spin = self.k.gain_rates
        return q * np.array([every, spin, spin, spin])


class EvenSystem:
    """A e = r for the even part."""

    def __init__(self, inverse: Preconditioner) -> None:
        self.inverse, self.mesh, self.k = inverse, inverse.mesh, inverse.k
        self.shape: tuple[int, ...] = self.k.shape
        n = self.mesh.n
        self.rest = np.empty((n, 4))  # moments of the last residual
        self._ends = np.empty((2, *self.shape[1:]))
        self._moments = np.empty((n, 4))
        self.dtype = np.dtype(np.float32 if inverse.single else np.float64)
        # P basis[j] = swept[j] + distribution with moments corrections[j]; address space, memory comes with use
        self._swept: RealArray = np.empty((RESTART, *self.shape), dtype=self.dtype)
        self._corrections = np.empty((RESTART, n, 4))

    def apply(self, x: RealArray, y: RealArray) -> None:
        """y = A x."""
        self.k.apply(x, self.mesh.beyond(x[0], x[-1], self._ends), self.inverse.shift, y)

    def precondition(self, r: RealArray, y: RealArray) -> None:
        """y = P r."""
        self.inverse.sweep.solve(r, y, moments=self._moments)
        self.k.prolong(self.inverse.scatter(self._moments), base=y, out=y)

    def expand(self, j: int, basis: RealArray, dots: RealArray) -> None:
        """See `hpcalo.wall.solvers.krylov.System`: a sweep, and one pass of A over its result plus the correction."""
        swept, k = self._swept[j], self.k
        self.inverse.sweep.solve(basis[j], swept, moments=self._moments)
        w = self._corrections[j]
        w[...] = self.inverse.scatter(self._moments)
        first, last = k.prolonged_ends(w, swept)
        k.apply(
            swept, self.mesh.beyond(first, last, self._ends), self.inverse.shift, basis[j + 1], w,
            other=basis[j], basis=basis[: j + 1], dots=dots,
        )  # fmt: skip

    def collect(self, coefficients: RealArray, x: RealArray, *, add: bool) -> None:
        """See `hpcalo.wall.solvers.krylov.System`."""
        count, k, w = coefficients.size, self.k, np.empty((self.mesh.n, 4))
        _wall.combine(self._corrections[:count].reshape(count, -1), coefficients, None, w.reshape(-1), 1.0)
        _wall.collect(self._swept[:count], coefficients, w, k.m, k.h, k.hd, x, add)

    def residual(self, b: RealArray, x: RealArray, out: RealArray | None) -> RealArray:
        """See `hpcalo.wall.solvers.krylov.System`; `rest` then holds the residual's moments."""
        squares = np.empty((self.mesh.n, 1))
        ends = self.mesh.beyond(x[0], x[-1], self._ends)
        self.k.apply(x, ends, self.inverse.shift, out, other=b, sign=-1.0, dots=squares, sums=self.rest)
        return squares

    def round_off(self, x: RealArray) -> float:
        """See `hpcalo.wall.solvers.krylov.System`: from a bound of the diagonal, a + (2 v/dx)^2 / a at the largest
        v.
        """
        k = self.k
        a = 1.0 / k.carriers.tau + self.inverse.shift
        size = float(np.sqrt(self.mesh.totals(node_squares(x))[0]))
        return 4.0 * EPSILON * size * (a + k.carriers.precession + 4.0 * float(k.v[-1] / k.dx) ** 2 / a)


class MomentSystem:
    """(1 - Mom S Gain) q = Mom S r for the moments q of e = S (r + Gain q).

    The residual is that of the moments of this e, so that forming it and forming e are one sweep.
    """

    def __init__(self, inverse: Preconditioner) -> None:
        self.inverse, self.mesh, self.k = inverse, inverse.mesh, inverse.k
        self.shape: tuple[int, ...] = (self.mesh.n, 4)
        self.rest = np.empty(self.shape)  # moments of the even equation's last residual
        self._work = np.empty(self.k.shape)
        self._scattered = np.empty(self.shape)
        self.dtype = np.dtype(np.float64)
        self._prepared = np.empty((RESTART, *self.shape))  # P basis[j]
        self._right = self._even = self._work

    def begin(self, r: RealArray, e: RealArray) -> RealArray:
        """The right-hand side (n, 4) for the even equation's r (n, 4, points). Collective.

        `e`, of the shape of r, always holds the even part for the moments that `residual` was last called with, and
        for none before.
        """
        self._right, self._even = r, e
        out = np.empty(self.shape)
        self.inverse.sweep.solve(r, e, moments=out)
        return out

    def apply(self, x: RealArray, y: RealArray) -> None:
        """y = x - Mom S Gain x."""
        gain = np.ascontiguousarray(x)
        self.inverse.sweep.solve(None, self._work, gain=gain, moments=self._scattered, whole=False)
        np.subtract(x, self._scattered, out=y)

    def precondition(self, r: RealArray, y: RealArray) -> None:
        """y = r + spin diffusion of what r scatters."""
        np.add(r, self.inverse.scatter(r), out=y)

    def expand(self, j: int, basis: RealArray, dots: RealArray) -> None:
        """See `hpcalo.wall.solvers.krylov.System`."""
        prepared = self._prepared[j]
        self.precondition(basis[j], prepared)
        self.apply(prepared, basis[j + 1])
        basis[j + 1] -= basis[j]
        _wall.node_dots(basis[: j + 1], basis[j + 1], dots)

    def collect(self, coefficients: RealArray, x: RealArray, *, add: bool) -> None:
        """See `hpcalo.wall.solvers.krylov.System`."""
        flat, count = x.reshape(-1), coefficients.size
        _wall.combine(self._prepared[:count].reshape(count, -1), coefficients, flat if add else None, flat, 1.0)

    def residual(self, b: RealArray, x: RealArray, out: RealArray | None) -> RealArray:
        """See `hpcalo.wall.solvers.krylov.System`; b is what `begin` returned."""
        # Of b = Mom S r nothing is needed: Mom e - x is Mom S (r + Gain x) - x.
        self.inverse.sweep.solve(self._right, self._even, gain=np.ascontiguousarray(x), moments=self._scattered)
        rest = np.subtract(self._scattered, x, out=out)
        self.rest[...] = self.inverse.gain(rest)
        return np.ascontiguousarray(np.sum(rest * rest, axis=1, keepdims=True))

    def round_off(self, x: RealArray) -> float:
        """See `hpcalo.wall.solvers.krylov.System`: the operator is of order one."""
        squares = np.sum(x * x, axis=1, keepdims=True)
        return 4.0 * EPSILON * float(np.sqrt(self.mesh.totals(squares)[0]))
