"""The two forms in which the steady Boltzmann equation is solved.

- even:    unknown e, complete operator with momentum coupling by the (J/2) M' force. Preconditioner: one exact sweep S,
           then a spin-diffusion (DSA) correction of the moments that the collisions within the sweep scatter back.
- moments: unknown (dn, dm), the Schur complement q - Mom S Gain q; exact when the force is off, where it is used.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.kernels import _wall
from hpcalo.wall.solvers.krylov import EPSILON, RESTART, node_squares
from hpcalo.wall.solvers.preconditioner import Preconditioner


class EvenSystem:
    """A e = r for the even part."""

    def __init__(self, inverse: Preconditioner) -> None:
        self.inverse, self.mesh, self.k = inverse, inverse.mesh, inverse.k
        self.shape: tuple[int, ...] = self.k.shape
        n = self.mesh.n
        self.rest = np.empty((n, 4))
        """Moments of the last residual."""
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
        """See `hpcalo.wall.solvers.krylov.System`.

        From a bound of the diagonal, a + (2 v/dx)^2 / a at the largest v.
        """
        k = self.k
        a = 1.0 / k.carriers.tau + self.inverse.shift
        size = float(np.sqrt(self.mesh.totals(node_squares(x))[0]))
        return 4.0 * EPSILON * size * (a + k.carriers.precession + 4.0 * float(k.v[-1] / k.dx) ** 2 / a)


class MomentSystem:
    """(1 - Mom S Gain) q = Mom S r for the moments q of e = S (r + Gain q).

    The residual is that of the moments of this e: one sweep forms both.
    """

    def __init__(self, inverse: Preconditioner) -> None:
        self.inverse, self.mesh, self.k = inverse, inverse.mesh, inverse.k
        self.shape: tuple[int, ...] = (self.mesh.n, 4)
        self.rest = np.empty(self.shape)
        """Moments of the last residual of the even equation."""
        self._work = np.empty(self.k.shape)
        self._scattered = np.empty(self.shape)
        self.dtype = np.dtype(np.float64)
        self._prepared = np.empty((RESTART, *self.shape))  # P basis[j]
        self._right = self._even = self._work

    def begin(self, r: RealArray, e: RealArray) -> RealArray:
        """The right-hand side (n, 4) for the right-hand side r (n, 4, points) of the even equation. Collective.

        `e`, of the shape of r, receives the even part: for moments zero now, and in each call of `residual` for its x.
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
        # b = Mom S r itself is not needed: Mom e - x is Mom S (r + Gain x) - x.
        self.inverse.sweep.solve(self._right, self._even, gain=np.ascontiguousarray(x), moments=self._scattered)
        rest = np.subtract(self._scattered, x, out=out)
        self.rest[...] = self.inverse.gain(rest)
        return np.ascontiguousarray(np.sum(rest * rest, axis=1, keepdims=True))

    def round_off(self, x: RealArray) -> float:
        """See `hpcalo.wall.solvers.krylov.System`: the operator is of order one."""
        squares = np.sum(x * x, axis=1, keepdims=True)
        return 4.0 * EPSILON * float(np.sqrt(self.mesh.totals(squares)[0]))
