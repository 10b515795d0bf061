"""Uniform shifted k-point grids, their irreducible wedge, and blocks that do not depend on the number of ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError
from hpcalo.hamiltonian.cosets import UNDIVIDED, Division
from hpcalo.hamiltonian.kgrid import MAX_POINTS
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.typing import IntArray, RealArray

PIECE = 2**18
"""Points whose images are compared at one time: memory grows with the wedge, not with the grid."""


@dataclass(frozen=True)
class KMesh:
    """Points with weights that sum to 1, in an order that suits sums along lines.

    Points of one line are neighbours; within a line, those of one part; among the lines of one plane, those with the
    same parts follow each other.

    grid: (3,) divisions. shift: (3,) in units of the spacing. points: (K, 3) fractional. weights: (K,). full: number of
    points of the whole grid. operations: the group that made the wedge (only the identity for a full grid). labels:
    (K,) the part of the division that each point belongs to.
    """

    grid: tuple[int, int, int]
    shift: tuple[float, float, float]
    points: RealArray
    weights: RealArray
    full: int
    operations: tuple[Operation, ...]
    labels: NDArray[np.integer]
    division: Division = field(default=UNDIVIDED)

    @property
    def part_weights(self) -> RealArray:
        """Weight of each part, (P,)."""
        return np.asarray(np.bincount(self.labels, self.weights, self.division.parts), dtype=np.float64)

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.points)

    def blocks(self, size: int) -> list[slice]:
        """Consecutive blocks of at most `size` points."""
        return [slice(i, min(i + size, len(self.points))) for i in range(0, len(self.points), size)]


@dataclass(frozen=True)
class MeshSize:
    """How large a mesh is, without its points. Attributes as in KMesh."""

    grid: tuple[int, int, int]
    shift: tuple[float, float, float]
    count: int
    full: int
    operations: tuple[Operation, ...]
    division: Division


def block_size(N: int) -> int:
    """k-points of a block, from the dimension N of the matrices alone.

    Enough for batched products, few enough to be shared out and to fit into memory.
    """
    return max(4, min(128, 250_000 // N**2))


def uniform_mesh(
    grid: Sequence[int],
    shift: Sequence[float],
    operations: Sequence[Operation],
    order: tuple[int, int, int],
    division: Division = UNDIVIDED,
) -> KMesh:
    """The points k_c = (i_c + shift_c)/grid_c, folded into the wedge of `operations` (identity included).

    They are sorted along `order` and by the parts of `division`, each of which must be its own image.

    Operations that do not map the grid onto itself are left out; the group of those that do is in the result.
    Raises InputError for a grid without points or with more than 2^26.
    """
    n1, n2, n3 = (int(n) for n in grid)
    total = n1 * n2 * n3
    if min(n1, n2, n3) < 1 or total > MAX_POINTS:
        raise InputError(f"k grid {n1} × {n2} × {n3}: must have 1 to {MAX_POINTS} points")
    divisions, offset = np.array([n1, n2, n3]), np.asarray(shift, dtype=np.float64)
    group = operations_of_grid(operations, divisions, offset)
    strides = np.ones(3, dtype=np.int64)
    for axis in reversed(range(2)):
        strides[order[axis]] = strides[order[axis + 1]] * divisions[order[axis + 1]]
    chosen, counts = [], []
    for start in range(0, total, PIECE):
        index = np.arange(start, min(start + PIECE, total), dtype=np.int64)
        cells = np.stack([index // strides[c] % divisions[c] for c in range(3)], axis=1)
        images = np.stack([_image(op, cells, divisions, offset) @ strides for op in group])
        first = images.min(axis=0) == index  # a point stands for its orbit if no image comes before it
        orbit = np.sort(images[:, first], axis=0)
        chosen.append(cells[first].astype(np.int32))
        counts.append(1 + np.count_nonzero(np.diff(orbit, axis=0), axis=0))
    cells = np.concatenate(chosen)
    del chosen
    sort = _sorted(cells, order, division)
    cells = cells[sort]
    return KMesh(
        grid=(n1, n2, n3),
        shift=(float(offset[0]), float(offset[1]), float(offset[2])),
        points=(cells + offset) / divisions,
        weights=np.concatenate(counts)[sort] / total,
        full=total,
        operations=group,
        labels=division.labels(cells),
        division=division,
    )


def mesh_size(
    grid: tuple[int, int, int],
    shift: tuple[float, float, float],
    operations: Sequence[Operation],
    division: Division = UNDIVIDED,
) -> MeshSize:
    """The size of `uniform_mesh` with the same arguments, in a time that does not depend on the number of points.

    The number of orbits is the mean number of points that an operation leaves where they are (Burnside).
    """
    n = np.array(grid, dtype=np.int64)
    group = operations_of_grid(operations, n, shift)
    fixed = sum(_fixed(op, n, np.asarray(shift, dtype=np.float64)) for op in group)
    return MeshSize(grid, shift, fixed // len(group), math.prod(grid), group, division)


def _fixed(op: Operation, divisions: IntArray, shift: RealArray) -> int:
    """Points of a mesh that an operation maps onto themselves: the solutions of (A − 1)i = −b modulo the divisions.

    i → (A − 1)i is a homomorphism of the group of the mesh, with as many elements in its kernel as cosets of its image:
    the index of the lattice that A − 1 and the divisions span. There are solutions if b lies in that lattice.
    """
    image = divisions[:, None] * op.k_matrix / divisions
    moved = np.rint(image @ shift - shift).astype(np.int64)
    span = np.hstack([np.rint(image).astype(np.int64) - np.eye(3, dtype=np.int64), np.diag(divisions)])
    index = _index(span.tolist())
    return index if _index(np.hstack([span, moved[:, None]]).tolist()) == index else 0


def _index(rows: list[list[int]]) -> int:
    """Index in Z³ of the lattice that columns span: greatest common divisor of the determinants of three of them."""
    columns = list(zip(*rows, strict=True))  # of Python's integers: the determinants may be larger than 2^63
    return math.gcd(*(_determinant(a, b, c) for a, b, c in combinations(columns, 3)))


def _determinant(a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...]) -> int:
    return sum(a[i] * (b[(i + 1) % 3] * c[(i + 2) % 3] - b[(i + 2) % 3] * c[(i + 1) % 3]) for i in range(3))


def _sorted(cells: NDArray[np.integer], order: tuple[int, int, int], division: Division) -> IntArray:
    """The order of the points: planes along `order`, in them lines that meet the same parts, in a line part by part."""
    first, second, last = order
    table = division.table.transpose(order)
    rows = np.sort(table.reshape(-1, table.shape[2]), axis=1)
    group = np.unique(rows, axis=0, return_inverse=True)[1].reshape(table.shape[:2])
    place = group.astype(np.int32)[cells[:, first] % table.shape[0], cells[:, second] % table.shape[1]]
    return np.lexsort((cells[:, last], division.labels(cells), cells[:, second], place, cells[:, first]))


def operations_of_grid(
    operations: Sequence[Operation], divisions: Sequence[int] | IntArray, shift: Sequence[float] | RealArray
) -> tuple[Operation, ...]:
    """Those of the operations that map a grid onto itself."""
    n, s = np.asarray(divisions), np.asarray(shift, dtype=np.float64)
    return tuple(op for op in operations if _maps_grid(op, n, s))


def _image(op: Operation, cells: IntArray, divisions: IntArray, shift: RealArray) -> IntArray:
    mapped = ((cells + shift) / divisions) @ op.k_matrix.T * divisions - shift
    return np.rint(mapped).astype(np.int64) % divisions


def _maps_grid(op: Operation, divisions: IntArray, shift: RealArray) -> bool:
    """Whether the operation maps the grid onto itself: three independent steps and the origin decide for all points."""
    probes = np.vstack([np.zeros(3), np.eye(3)])
    mapped = ((probes + shift) / divisions) @ op.k_matrix.T * divisions - shift
    return bool(np.abs(mapped - np.rint(mapped)).max() < 1e-6)
