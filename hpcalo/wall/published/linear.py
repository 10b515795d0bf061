"""Solution of the published model's steady equation where momenta are coupled: elimination, or GMRES."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.kernels import _wall
from hpcalo.wall.published.blocks import ABOVE, BELOW, LEFT, OWN, RIGHT, Box, Edges, applied, precession
from hpcalo.wall.published.collisions import Relaxation

RESTART = 200  # vectors of a cycle of the iteration


def eliminated(box: Box, m: RealArray, blocks: RealArray, relaxation: Relaxation, rhs: RealArray) -> RealArray:
    """g of (transport + precession + collisions) g = rhs, nothing coming in, by elimination.

    Node by node, all momenta of a node at once, (4 points)^2 numbers a node. Raises ConvergenceError for a singular
    system.
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
    box: Box, m: RealArray, blocks: RealArray, relaxation: Relaxation, rhs: RealArray, tolerance: float, iterations: int
) -> RealArray:
    """As `eliminated`, by GMRES.

    It is preconditioned from the right by a pass up and one down through the momenta, each solved for all x at once.

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

    def left_side(g: RealArray) -> RealArray:
        return applied(whole, g, none) - relaxation.gain(g, m, box.dp)

    passes = (True, False) if box.half_j is not None else (box.a >= 0.0,)

    def passed(r: RealArray) -> RealArray:
        z = np.zeros(shape)
        r = np.ascontiguousarray(r.reshape(shape))
        for ascending in passes:
            _wall.paper_pass(whole, factors, r, z, ascending)
        return z

    operator = LinearOperator((rhs.size, rhs.size), matvec=lambda y: left_side(passed(y)).reshape(-1), dtype=rhs.dtype)
    restart = min(RESTART, iterations)
    y, _ = gmres(
        operator, rhs.reshape(-1), rtol=tolerance, atol=0.0, restart=restart, maxiter=-(-iterations // restart)
    )
    g = passed(y)
    residual = float(np.linalg.norm(rhs - left_side(g))) / size
    if not residual <= tolerance * (1.0 + 1e-6):
        raise ConvergenceError(
            f"paper model: the kinetic equation is not solved after {iterations} iterations: relative residual "
            f"{residual:.1e}, paper.tolerance is {tolerance:g}; paper.method = 'direct' needs no iteration"
        )
    return g
