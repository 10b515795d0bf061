"""Steady kinetic equation of paper mode as blocks of 4 x 4 on the mesh of nodes and momenta, and its iterative
solution (docs/theory/wall-published.md).

    A d_x f + a d_p f - s (J/2) [[0, M'^T], [M', 0]] d_p f + Omega f + C (f - f0) = source,
    A = [[v, u M^T], [u M, v]],  a = -eE,  Omega G = -(J/hbar) M x G

with s = +1 where G is the electron spin, -1 where it is the moment. Without the force term the momenta are coupled in
one direction only and `paper_steady` solves them in one pass. With it both differences are those of fluxes,
d_x(A f) + d_p(B f): as u = s J'/2 and the force belong together, that is the same equation, and it keeps charge and
spin in every cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, gmres

from hpcalo.errors import ConvergenceError
from hpcalo.wall.kernels import _wall

Array = NDArray[np.float64]
OWN, LEFT, RIGHT, BELOW, ABOVE = range(5)
RESTART = 200  # vectors of a cycle of the iteration


@dataclass(frozen=True)
class Edges:
    """Values one cell beyond the mesh: left, right (points, 4) in x, below, above (nodes, 4) in p."""

    left: Array
    right: Array
    below: Array
    above: Array


@dataclass(frozen=True)
class Box:
    """Mesh and coefficients: v (points,) nm/fs, dx nm, dp eV fs/nm, u nm/fs, a = -eE eV/nm, J/hbar 1/fs.

    `half_j` (points + 1,): s J(p)/2 on the momentum faces in eV, or None without the force term.
    """

    v: Array
    dx: float
    dp: float
    u: float
    a: float
    precession: float
    half_j: Array | None


def upwind(n: Array, along: Array, across: Array) -> tuple[Array, Array]:
    """Parts of [[along, across n^T], [across n, along]] with the eigenvalues >= 0 and <= 0, (..., 4, 4); n (..., 3) of
    length 1, or 0 where across is."""
    parts = []
    for part in (np.maximum, np.minimum):
        up, down, own = part(along + across, 0.0), part(along - across, 0.0), part(along, 0.0)
        mean, half = 0.5 * (up + down), 0.5 * (up - down)
        out = np.empty((*np.broadcast_shapes(mean.shape, n.shape[:-1]), 4, 4))
        out[..., 0, 0] = mean
        out[..., 0, 1:] = out[..., 1:, 0] = half[..., None] * n
        out[..., 1:, 1:] = (mean - own)[..., None, None] * (n[..., :, None] * n[..., None, :])
        out[..., 1:, 1:] += own[..., None, None] * np.eye(3)
        parts.append(out)
    return parts[0], parts[1]


def faces(m: Array) -> Array:
    """Directions between the nodes, (nodes + 1, 3) of length 1; at both ends those of the outermost nodes."""
    mean = np.concatenate([m[:1], 0.5 * (m[:-1] + m[1:]), m[-1:]])
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True))


def transport(box: Box, m: Array) -> Array:
    """Blocks (points, nodes, 5, 4, 4) of streaming and forces."""
    blocks = np.zeros((box.v.size, m.shape[0], 5, 4, 4))
    v, u = box.v[:, None], np.array(box.u)
    if box.half_j is None:
        right, left = upwind(m[None], v, u)  # of what comes from the left and moves to the right, and the other way
        blocks[:, :, OWN] += (right - left) / box.dx
        blocks[:, :, LEFT] -= right / box.dx
        blocks[:, :, RIGHT] += left / box.dx
        rate = abs(box.a) / box.dp * np.eye(4)
        blocks[:, :, OWN] += rate
        blocks[:, :, BELOW if box.a >= 0.0 else ABOVE] -= rate
        return blocks
    middle = faces(m)
    right, left = upwind(middle[None], v, u)
    blocks[:, :, OWN] += (right[:, 1:] - left[:, :-1]) / box.dx
    blocks[:, :, LEFT] -= right[:, :-1] / box.dx
    blocks[:, :, RIGHT] += left[:, 1:] / box.dx
    slope = np.diff(middle, axis=0) / box.dx
    size = np.linalg.norm(slope, axis=1)
    direction = slope / np.where(size > 0.0, size, 1.0)[:, None]
    up, down = upwind(direction[None], np.array(box.a), -box.half_j[:, None] * size)
    blocks[:, :, OWN] += (up[1:] - down[:-1]) / box.dp
    blocks[:, :, BELOW] -= up[:-1] / box.dp
    blocks[:, :, ABOVE] += down[1:] / box.dp
    return blocks


def precession(box: Box, m: Array) -> Array:
    """-(J/hbar) M x as blocks of the cells themselves, (nodes, 4, 4)."""
    out = np.zeros((m.shape[0], 4, 4))
    x, y, z = (box.precession * m[:, c] for c in range(3))
    out[:, 1, 2], out[:, 1, 3], out[:, 2, 3] = z, -y, x
    out[:, 2, 1], out[:, 3, 1], out[:, 3, 2] = -z, y, -x
    return out


def applied(blocks: Array, f: Array, edges: Edges) -> Array:
    """Blocks times f (points, nodes, 4) with the given values beyond the mesh."""
    out = np.empty_like(f)
    _wall.paper_apply(blocks, np.ascontiguousarray(f), edges.left, edges.right, edges.below, edges.above, out)
    return out


def flux(box: Box, m: Array, f: Array, edges: Edges) -> Array:
    """int A f dp through the faces in x, (nodes + 1, 4), of the upwind differences with the force term (or u = 0)."""
    right, left = upwind(faces(m)[None], box.v[:, None], np.array(box.u))
    before = np.concatenate([edges.left[:, None], f], axis=1)
    behind = np.concatenate([f, edges.right[:, None]], axis=1)
    return np.asarray(box.dp * (np.einsum("jiab,jib->ia", right, before) + np.einsum("jiab,jib->ia", left, behind)))


@dataclass(frozen=True)
class Relaxation:
    """C g = g R - gain: rates (4,) of F and G, and what collisions that keep charge and spin give back.

    `h`, `d` (points, nodes): half sum and half difference of the weights of the bands with G along and against M, each
    with int dp = 1; None for the published collisions. 1/tau and 1/tau_sf in 1/fs.
    """

    rates: Array
    h: Array | None = None
    d: Array | None = None
    inverse_tau: float = 0.0
    inverse_tau_sf: float = 0.0

    def gain(self, g: Array, m: Array, dp: float) -> Array:
        """Collisions of the consistent model (docs/theory/wall.md) but for the loss; g, result (points, nodes, 4)."""
        if self.h is None or self.d is None:
            return np.zeros_like(g)
        q = dp * g.sum(axis=0)
        n, spin = q[:, 0], q[:, 1:]
        out = np.empty_like(g)
        out[:, :, 0] = self.inverse_tau * (self.h * n + self.d * np.einsum("ic,ic->i", m, spin))
        kept = self.inverse_tau - self.inverse_tau_sf
        out[:, :, 1:] = (self.inverse_tau * self.d * n)[:, :, None] * m + kept * self.h[:, :, None] * spin
        return out


def eliminated(box: Box, m: Array, blocks: Array, relaxation: Relaxation, rhs: Array) -> Array:
    """g of (transport + precession + collisions) g = rhs, nothing coming in: elimination node by node of all momenta of
    a node at once, (4 points)^2 numbers a node. Raises ConvergenceError for a singular system.
    """
    points, n = rhs.shape[:2]
    whole = blocks.copy()
    whole[:, :, OWN] += precession(box, m) + np.diag(relaxation.rates)
    gains = [relaxation.gain(np.broadcast_to(one / (points * box.dp), rhs.shape), m, box.dp) for one in np.eye(4)]
    j = np.arange(points)
    upper, y = np.empty((n, 4 * points, 4 * points)), np.empty((n, 4 * points))
    for i in range(n):
        w = np.zeros((points, 4, points, 4))
        w[j, :, j] = whole[:, i, OWN]
        w[j[1:], :, j[:-1]] = whole[1:, i, BELOW]
        w[j[:-1], :, j[1:]] = whole[:-1, i, ABOVE]
        w -= box.dp * np.stack([gain[:, i] for gain in gains], axis=-1)[:, :, None, :]
        right = np.zeros((points, 4, 4 * points + 1))
        right[:, :, :-1].reshape(points, 4, points, 4)[j, :, j] = whole[:, i, RIGHT]
        right[:, :, -1] = rhs[:, i]
        matrix = w.reshape(4 * points, 4 * points)
        if i:
            left = whole[:, i, LEFT]
            matrix = matrix - (left @ upper[i - 1].reshape(points, 4, -1)).reshape(matrix.shape)
            right[:, :, -1] -= np.einsum("jab,jb->ja", left, y[i - 1].reshape(points, 4))
        try:
            found = np.linalg.solve(matrix, right.reshape(4 * points, -1))
        except np.linalg.LinAlgError as problem:
            raise ConvergenceError(f"paper model: the kinetic equation is singular: {problem}") from None
        upper[i], y[i] = found[:, :-1], found[:, -1]
    out = np.empty_like(rhs)
    last = np.zeros(4 * points)
    for i in range(n - 1, -1, -1):
        last = y[i] - upper[i] @ last
        out[:, i] = last.reshape(points, 4)
    return out


def solved(
    box: Box, m: Array, blocks: Array, relaxation: Relaxation, rhs: Array, tolerance: float, iterations: int
) -> Array:
    """As `eliminated`, by GMRES, preconditioned from the right by a pass up and one down through the momenta, each
    solved for all x at once.

    Raises ConvergenceError unless |rhs - left side| <= tolerance |rhs| within so many iterations.
    """
    whole = blocks.copy()
    whole[:, :, OWN] += precession(box, m) + np.diag(relaxation.rates)
    factors = np.empty((*whole.shape[:2], 2, 4, 4))
    try:
        _wall.paper_factor(whole, factors)
    except ValueError as problem:
        raise ConvergenceError(f"paper model: the kinetic equation is singular: {problem}") from None
    shape, size = rhs.shape, float(np.linalg.norm(rhs))
    if size == 0.0:
        return np.zeros(shape)
    none = Edges(*(np.zeros((n, 4)) for n in (shape[0], shape[0], shape[1], shape[1])))

    def left_side(g: Array) -> Array:
        return applied(whole, g, none) - relaxation.gain(g, m, box.dp)

    passes = (True, False) if box.half_j is not None else (box.a >= 0.0,)

    def swept(r: Array) -> Array:
        z = np.zeros(shape)
        r = np.ascontiguousarray(r.reshape(shape))
        for ascending in passes:
            _wall.paper_pass(whole, factors, r, z, ascending)
        return z

    operator = LinearOperator((rhs.size, rhs.size), matvec=lambda y: left_side(swept(y)).reshape(-1), dtype=rhs.dtype)
    restart = min(RESTART, iterations)
    y, _ = gmres(
        operator, rhs.reshape(-1), rtol=tolerance, atol=0.0, restart=restart, maxiter=-(-iterations // restart)
    )
    g = swept(y)
    residual = float(np.linalg.norm(rhs - left_side(g))) / size
    if not residual <= tolerance * (1.0 + 1e-6):
        raise ConvergenceError(
            f"paper model: the kinetic equation is not solved after {iterations} iterations: relative residual "
            f"{residual:.1e}, paper.tolerance is {tolerance:g}; paper.method = 'direct' needs no iteration"
        )
    return g
