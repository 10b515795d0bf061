"""Steady kinetic equation of the published model as blocks of 4 x 4 on the mesh of nodes and momenta.

See docs/theory/wall-published.md.

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

from hpcalo.typing import RealArray
from hpcalo.wall.kernels import _wall

OWN, LEFT, RIGHT, BELOW, ABOVE = range(5)


@dataclass(frozen=True)
class Edges:
    """Values one cell beyond the mesh: left, right (points, 4) in x, below, above (nodes, 4) in p."""

    left: RealArray
    right: RealArray
    below: RealArray
    above: RealArray


@dataclass(frozen=True)
class Box:
    """Mesh and coefficients: v (points,) nm/fs, dx nm, dp eV fs/nm, u nm/fs, a = -eE eV/nm, J/hbar 1/fs.

    `half_j` (points + 1,): s J(p)/2 on the momentum faces in eV, or None without the force term.
    """

    v: RealArray
    dx: float
    dp: float
    u: float
    a: float
    precession: float
    half_j: RealArray | None


def upwind(n: RealArray, along: RealArray, across: RealArray) -> tuple[RealArray, RealArray]:
    """Parts of [[along, across n^T], [across n, along]] with the eigenvalues >= 0 and <= 0, (..., 4, 4).

    n: (..., 3) of length 1, or 0 where across is.
    """
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


def faces(m: RealArray) -> RealArray:
    """Directions between the nodes, (nodes + 1, 3) of length 1; at both ends those of the outermost nodes."""
    mean = np.concatenate([m[:1], 0.5 * (m[:-1] + m[1:]), m[-1:]])
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True))


def transport(box: Box, m: RealArray) -> RealArray:
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


def precession(box: Box, m: RealArray) -> RealArray:
    """-(J/hbar) M x as blocks of the cells themselves, (nodes, 4, 4)."""
    out = np.zeros((m.shape[0], 4, 4))
    x, y, z = (box.precession * m[:, c] for c in range(3))
    out[:, 1, 2], out[:, 1, 3], out[:, 2, 3] = z, -y, x
    out[:, 2, 1], out[:, 3, 1], out[:, 3, 2] = -z, y, -x
    return out


def applied(blocks: RealArray, f: RealArray, edges: Edges) -> RealArray:
    """Blocks times f (points, nodes, 4) with the given values beyond the mesh."""
    out = np.empty_like(f)
    _wall.paper_apply(blocks, np.ascontiguousarray(f), edges.left, edges.right, edges.below, edges.above, out)
    return out


def flux(box: Box, m: RealArray, f: RealArray, edges: Edges) -> RealArray:
    """int A f dp through the faces in x, (nodes + 1, 4), of the upwind differences with the force term (or u = 0)."""
    right, left = upwind(faces(m)[None], box.v[:, None], np.array(box.u))
    before = np.concatenate([edges.left[:, None], f], axis=1)
    behind = np.concatenate([f, edges.right[:, None]], axis=1)
    return np.asarray(box.dp * (np.einsum("jiab,jib->ia", right, before) + np.einsum("jiab,jib->ia", left, behind)))
