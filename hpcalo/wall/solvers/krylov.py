"""Flexible GMRES as a PETSc KSP of type 'python': the same bits on any number of ranks, few passes over memory.

PETSc's own methods add dot products rank by rank: their result depends on the partition. Here each dot product is a sum
over nodes in the order of the wire. One pass of the operator makes the new vector and all products that the iteration
needs; one more pass removes the basis from it. That is classical Gram-Schmidt. Its remainder is removed one iteration
later with products from the same passes (Gram-Schmidt twice, delayed): the basis is orthogonal to round-off without
more traffic. The vectors are those of the preconditioned operator minus the identity: the same space, and no small
difference of large vectors.

The basis may be in single precision, with arithmetic in double: half the traffic. A cycle then ends at 1e-6 of the
residual it starts from, and the next one starts from the true residual, which is always in double.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.petsc import PETSc

RESTART = 60
IN_SPAN = 1e-12
"""Part of a squared norm left by the second Gram-Schmidt below which the vector was in the span of the basis."""
SINGLE = 1e-6
"""Least residual of a cycle whose basis is in single precision, relative to the one that it starts from."""
AIM = 0.9
"""Part of the tolerance that such a cycle aims at."""
ACCEPTED = 1.01
"""True residual over the tolerance: the recurrence that stops a cycle has rounding errors."""
EPSILON = float(np.finfo(float).eps)
REASON = PETSc.KSP.ConvergedReason


def _dot(a: RealArray, b: RealArray) -> float:
    """Without BLAS, whose summation may follow the alignment of the arrays: every rank must find the same number."""
    return float(np.add.reduce(a * b))


def node_squares(x: RealArray) -> RealArray:
    """Squared norm of each node's part (n, 1) of a vector (n, ...), in the order of the kernels."""
    flat, squares = x.reshape(x.shape[0], -1), np.empty((x.shape[0], 1))
    _wall.node_dots(np.empty((0, *flat.shape)), flat, squares)
    return squares


class System(Protocol):
    """What is solved: A x = b, preconditioned from the right by P."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]  # of the basis: single or double precision

    def expand(self, j: int, basis: RealArray, dots: RealArray) -> None:
        """basis[j + 1] = (A P - 1) basis[j]. Stores P basis[j] for `collect`. Collective.

        `dots` (n, 2 j + 3), by node: products of the new vector with basis[: j + 1] and itself, and of basis[j] with
        basis[: j + 1].
        """

    def collect(self, coefficients: RealArray, x: RealArray, *, add: bool) -> None:
        """x = (x if `add`) + P (coefficients . basis). Collective."""

    def residual(self, b: RealArray, x: RealArray, out: RealArray | None) -> RealArray:
        """Writes b - A x into `out` if given; returns its squared norm by node, (n, 1).

        The last call is for the x that is accepted. Collective.
        """

    def round_off(self, x: RealArray) -> float:
        """Size of the rounding errors of A x."""


class FlexibleGMRES:
    """Context of a KSP of type 'python'. The true residual decides at the end of each cycle.

    Reasons other than convergence: DIVERGED_MAX_IT, DIVERGED_NANORINF, and DIVERGED_BREAKDOWN where the residual
    stays above the tolerance (and above the round-off of A x) although the method has nothing left to do.
    """

    def __init__(self, mesh: Mesh, system: System) -> None:
        self.mesh, self.system = mesh, system
        self.guessed = False
        """Whether x holds a guess in the next solve."""
        self.size: float | None = None
        """Norm of the right-hand side of the next solve, if known."""
        self.single = system.dtype == np.float32
        # Address space; the system gives memory to the vectors that are used.
        self.basis: RealArray = np.empty((RESTART + 1, *system.shape), dtype=system.dtype)
        self._rows = self.basis.reshape(RESTART + 1, -1)

    def solve(self, ksp: PETSc.KSP, b: PETSc.Vec, x: PETSc.Vec) -> None:
        """What PETSc calls: solves for the vector x, from zero unless `guessed`.

        The caller promises PETSc a guess in any case, else PETSc would fill x with zeros that nobody reads. `size`: the
        norm of b if it is known.
        """
        system, shape = self.system, self.system.shape
        right, out = b.array_r.reshape(shape), x.array.reshape(shape)
        relative, absolute, _, limit = ksp.getTolerances()
        norm, self.size = self._norm(node_squares(right)) if self.size is None else self.size, None
        target = max(relative * norm, absolute)
        start, size, started = right, norm, self.guessed  # started: x is a solution to improve
        if started:
            start = self._rest
            size = self._norm(system.residual(right, out, start))
        steps, idle, before = 0, 0, np.inf
        ksp.monitor(0, size)
        reason = REASON.CONVERGED_ATOL if size <= target else None
        if reason is not None and not started:
            out[...] = 0.0
            system.residual(right, out, None)  # callers read what a system stores of it
        while reason is None:
            np.multiply(start, 1.0 / size, out=self.basis[0], casting="same_kind")
            aim = max(AIM * target, SINGLE * size) if self.single else target
            count, estimate, coefficients = self._cycle(ksp, size, aim, steps, limit - steps)
            steps += count
            if not np.all(np.isfinite(coefficients)):
                reason = REASON.DIVERGED_NANORINF
                break
            system.collect(coefficients, out, add=started)
            started = True
            before, size = size, self._norm(system.residual(right, out, None))
            if size <= ACCEPTED * target:
                reason = REASON.CONVERGED_ATOL if absolute >= relative * norm else REASON.CONVERGED_RTOL
            elif not np.isfinite(size):
                reason = REASON.DIVERGED_NANORINF
            elif estimate <= aim and size <= system.round_off(out):
                reason = REASON.CONVERGED_STEP_LENGTH  # the true residual is rounding error
            elif steps >= limit:
                reason = REASON.DIVERGED_MAX_IT
            elif estimate <= aim and size > 0.5 * before and (idle := idle + 1) > 2:
                reason = REASON.DIVERGED_BREAKDOWN
            else:
                start = self._rest
                system.residual(right, out, start)
        ksp.setIterationNumber(steps)
        ksp.setResidualNorm(size)
        ksp.setConvergedReason(reason)

    @cached_property
    def _rest(self) -> RealArray:
        return np.empty(self.system.shape)

    def _norm(self, squares: RealArray) -> float:
        return float(np.sqrt(self.mesh.totals(squares)[0]))

    def _cycle(
        self, ksp: PETSc.KSP, size: float, target: float, steps: int, limit: int
    ) -> tuple[int, float, RealArray]:
        """One cycle from the normalized residual in basis[0].

        Returns the number of iterations, the norm of the residual that they lead to, and the coefficients of the basis.

        With q the orthonormal vectors, u the last one so far, of which the basis has been removed once, and
        w = (A P - 1) u: A P u = u + w = sum_i (s_i + a_i) q_i + (nu + b) q_j + what becomes the next u.
        """
        hessenberg = np.zeros((RESTART + 1, RESTART))
        turned = np.zeros(RESTART + 1)  # right-hand side after the rotations that make `hessenberg` triangular
        turns: list[tuple[float, float]] = []
        norm = estimate = size
        count = min(RESTART, limit)
        for j in range(count):
            dots = np.empty((self.mesh.n, 2 * j + 3))
            self.system.expand(j, self.basis, dots)
            sums = self.mesh.totals(dots)
            a, uw, ww, s, uu = sums[:j], sums[j], sums[j + 1], sums[j + 2 : -1], sums[-1]
            nu = float(uu - _dot(s, s))
            if not np.isfinite(ww) or not np.isfinite(nu):
                return j + 1, np.nan, np.full(j + 1, np.nan)
            if nu <= IN_SPAN * uu:  # the last vector was rounding error
                hessenberg[j, j - 1] = 0.0
                _rotate(hessenberg[:, j - 1], turns, turned)
                count = j
                break
            nu = float(np.sqrt(nu))
            if j == 0:
                turned[0] = size * nu
            else:  # the vector has changed since its column was made
                hessenberg[:j, j - 1] += norm * s
                hessenberg[j, j - 1] = norm * nu
                _rotate(hessenberg[:, j - 1], turns, turned)
            b = float((uw - _dot(s, a)) / nu)
            norm = float(np.sqrt(max(ww - _dot(a, a) - b * b, 0.0)))
            column = hessenberg[:, j]
            column[:j], column[j], column[j + 1] = s + a, nu + b, norm
            estimate = _rotate(column.copy(), list(turns), turned.copy())
            ksp.monitor(steps + j + 1, estimate)
            if estimate <= target or norm == 0.0 or j == count - 1:
                _rotate(column, turns, turned)
                count = j + 1
                break
            c = np.append(a - (b / nu) * s, b / nu)
            _wall.orthogonalize(self._rows[: j + 1], s, c, self._rows[j + 1], 1.0 / nu, 1.0 / norm)
        coefficients = np.zeros(count)
        for i in range(count - 1, -1, -1):
            rest = turned[i] - _dot(hessenberg[i, i + 1 : count], coefficients[i + 1 :])
            coefficients[i] = rest / hessenberg[i, i] if hessenberg[i, i] else 0.0
        return count, estimate, coefficients


def _rotate(column: RealArray, turns: list[tuple[float, float]], turned: RealArray) -> float:
    """Applies the rotations to a new column, adds the one that removes its last entry; the residual's norm."""
    for i, (c, s) in enumerate(turns):
        column[i], column[i + 1] = c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]
    j = len(turns)
    length = float(np.hypot(column[j], column[j + 1]))
    c, s = (column[j] / length, column[j + 1] / length) if length else (1.0, 0.0)
    turns.append((c, s))
    column[j], column[j + 1] = length, 0.0
    turned[j], turned[j + 1] = c * turned[j], -s * turned[j]
    return abs(float(turned[j + 1]))
