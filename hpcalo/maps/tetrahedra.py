"""Surfaces E(k) = 0 of bands on a periodic mesh of k: triangles in the tetrahedra of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import IntArray, RealArray

CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
SIX = np.array([(0, 1, 3, 7), (0, 1, 5, 7), (0, 2, 3, 7), (0, 2, 6, 7), (0, 4, 5, 7), (0, 4, 6, 7)])
"""Corners of six tetrahedra about the diagonal of a cell: neighbouring cells have the same triangles on their faces."""


@dataclass(frozen=True)
class Triangles:
    """A surface: vertices (M, 3, 3), fractional, and the value at each of them (M, 3)."""

    vertices: RealArray
    values: RealArray


def surface(E_ijk: RealArray, X_ijk: RealArray) -> Triangles:
    """Where E, linear in each tetrahedron, is 0, with X interpolated there. Both (n1, n2, n3), from k = 0 on."""
    shape = np.array(E_ijk.shape)
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).reshape(-1, 1, 3)
    corners = cells + CORNERS
    E = E_ijk[tuple(np.moveaxis(corners % shape, -1, 0))]
    crossed = (E.min(axis=1) < 0.0) & (E.max(axis=1) >= 0.0)
    corners, E = corners[crossed], E[crossed]
    X = X_ijk[tuple(np.moveaxis(corners % shape, -1, 0))]
    places = corners / shape
    parts = [_cut(places[:, four], E[:, four], X[:, four]) for four in SIX]
    return Triangles(np.concatenate([p.vertices for p in parts]), np.concatenate([p.values for p in parts]))


def _cut(places: RealArray, E: RealArray, X: RealArray) -> Triangles:
    """Triangles in tetrahedra: places (K, 4, 3), E and X (K, 4)."""
    order = np.argsort(E, axis=1, kind="stable")
    E, X = np.take_along_axis(E, order, 1), np.take_along_axis(X, order, 1)
    places = np.take_along_axis(places, order[:, :, None], 1)
    below = (E < 0.0).sum(axis=1)
    # which edges, from a corner below to one above, the corners of the triangles lie on
    kinds = (
        (1, ((0, 1), (0, 2), (0, 3))),
        (2, ((0, 2), (0, 3), (1, 3))),
        (2, ((0, 2), (1, 3), (1, 2))),
        (3, ((0, 3), (1, 3), (2, 3))),
    )
    vertices, values = [], []
    for count, edges in kinds:
        here = below == count
        a, b = (np.array([edge[side] for edge in edges]) for side in (0, 1))
        low, high = E[here][:, a], E[here][:, b]
        share = -low / (high - low)
        vertices.append(places[here][:, a] + share[..., None] * (places[here][:, b] - places[here][:, a]))
        values.append(X[here][:, a] + share * (X[here][:, b] - X[here][:, a]))
    return Triangles(np.concatenate(vertices), np.concatenate(values))


def areas(triangles: Triangles, reciprocal: RealArray) -> RealArray:
    """Area of each triangle, 1/Å². reciprocal: (3, 3) 1/Å, rows."""
    v = triangles.vertices @ reciprocal
    normal = np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0])
    return np.asarray(0.5 * np.linalg.norm(normal, axis=1), dtype=np.float64)


def in_first_zone(triangles: Triangles, reciprocal: RealArray) -> Triangles:
    """The triangles, each moved as a whole by the reciprocal lattice vector that brings it nearest to Γ."""
    near: IntArray = np.stack(np.meshgrid(*(np.arange(-2, 3),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    near = near[np.argsort(np.abs(near).sum(axis=1), kind="stable")]
    middle = triangles.vertices.mean(axis=1)
    start = np.rint(middle)
    distance = np.stack([np.linalg.norm((middle - start - G) @ reciprocal, axis=1) for G in near], axis=1)
    best = near[np.argmin(np.round(distance, 9), axis=1)]
    return Triangles(triangles.vertices - (start + best)[:, None], triangles.values)
