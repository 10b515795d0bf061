"""Uniform shifted k-point grids, their irreducible wedge, and blocks of points that do not depend on the number of
ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    """Points with weights that sum to 1, sorted so that points of one line are neighbours, in it those of one part, and
    that of the lines of one plane those with the same parts follow each other.

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

    def blocks(self, size: int) -> list[slice]:
        """Consecutive blocks of at most `size` points."""
        return [slice(i, min(i + size, len(self.points))) for i in range(0, len(self.points), size)]


def block_size(N: int) -> int:
    """k-points of a block, from the dimension N of the matrices alone: enough for batched products, few enough to be
    distributed and to fit into memory.
    """
    return max(4, min(128, 250_000 // N**2))


def uniform_mesh(
    grid: Sequence[int],
    shift: Sequence[float],
    operations: Sequence[Operation],
    order: tuple[int, int, int],
    division: Division = UNDIVIDED,
) -> KMesh:
    """The points k_c = (i_c + shift_c)/grid_c, folded into the wedge of `operations` (identity included), sorted along
    `order` and by the parts of `division`, each of which must be its own image.

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
