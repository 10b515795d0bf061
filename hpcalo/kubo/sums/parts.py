"""The sum of a pass over k, and those of its parts from which its error is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hpcalo.hamiltonian.cosets import Division
from hpcalo.hamiltonian.kmesh import KMesh
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry import Symmetrizer
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.packing import Packing
from hpcalo.typing import BoolArray, RealArray

LARGEST_SUMS = 256 * 2**20
"""Bytes that the sums of all parts may take on a rank, while they are added up."""


@dataclass(frozen=True)
class Level:
    """One division of what was summed into parts that each estimate the whole.

    modulus: how much coarser a part is than the whole, per direction divided. weights: (C,) share of each part in the
    whole; they add up to 1, or to less if only some of the parts were kept. sums: C raw sums, each normalized as a mean
    over the zone. alike: whether the first part is the whole with fewer points (`Cosets.alike`). shares: (C, C') share
    of each part of the coarsest level in each of these, where all parts of that level add up to the whole and each of
    these is made of some of them; None where not.
    """

    modulus: float
    weights: RealArray
    sums: tuple[RawSums, ...]
    alike: bool = False
    shares: RealArray | None = None


@dataclass(frozen=True)
class SummedPass:
    """What a pass over k has summed.

    total: the raw sums over the whole zone. levels: its divisions into parts, the finest first; none where nothing is
    known of the error. dimensions: directions that the divisions divide. untested: directions that repeat, 0 … 2, but
    are not divided, so that the parts know nothing of the error made along them. points: number of different computed
    points. even: how many of them lie evenly in the zone, where others were added only where they contribute much; None
    if all do. violation: by raw sum, how well the symmetry holds of which it makes use (`Symmetry.violation_of`).
    """

    total: RawSums
    levels: tuple[Level, ...] = ()
    dimensions: int = 0
    untested: tuple[int, ...] = ()
    points: int = 1
    even: int | None = None
    violation: Mapping[str, RealArray] = field(default_factory=dict)


@dataclass(frozen=True)
class _Rows:
    """What one row of a table of sums is made of: the parts in it, and their weight."""

    members: BoolArray
    weight: float


def _rows(mesh: KMesh) -> list[list[_Rows]]:
    """For each level the rows of its classes."""
    weights = mesh.part_weights
    every = []
    for level in mesh.division.levels:
        members = [level.parts == c for c in range(level.classes)]
        every.append([_Rows(m, float(weights[m].sum())) for m in members])
    return every


def table_shape(mesh: KMesh, size: int) -> tuple[int, int]:
    """Shape of the table of sums of a pass: the whole, then the classes of each level, each `size` numbers."""
    return (1 + sum(level.classes for level in mesh.division.levels), size)


def table(sums: ExactSum, mesh: KMesh) -> RealArray:
    """The rows of a table from the exact sums (parts, size), each rounded once."""
    every = [np.ones(mesh.division.parts, dtype=bool), *(row.members for rows in _rows(mesh) for row in rows)]
    return np.stack([sums.value(members) for members in every])


def summed(
    values: RealArray, mesh: KMesh, operations: Sequence[Operation], request: Request, packing: Packing
) -> SummedPass:
    """What a table holds, the wedge unfolded, as tensors that the operations allow (those of the mesh and others)."""
    symmetrize = Symmetrizer(operations, request)

    def whole(flat: RealArray) -> RawSums:
        return symmetrize(packing.unpack(flat))

    every = _rows(mesh)
    coarsest, levels, row = every[-1] if every else [], [], 1
    for level, rows in zip(mesh.division.levels, every, strict=True):
        weights = np.array([r.weight for r in rows])
        parts = [whole(values[row + i] / weight) for i, weight in enumerate(weights)]
        levels.append(Level(level.modulus, weights, tuple(parts), level.alike, _shares(rows, coarsest)))
        row += len(rows)
    return SummedPass(whole(values[0]), tuple(levels), mesh.division.dimensions, mesh.division.untested)


def _shares(rows: Sequence[_Rows], coarsest: Sequence[_Rows]) -> RealArray | None:
    """`Level.shares` of a level with these rows."""
    inside = np.array([[not np.any(fine.members & ~row.members) for fine in coarsest] for row in rows])
    members, fine = (np.stack([row.members for row in found]) for found in (rows, coarsest))
    if not np.all(fine.any(axis=0)) or not np.array_equal(inside @ fine, members):
        return None
    weights = np.array([row.weight for row in coarsest])
    return np.asarray(inside * weights / (inside @ weights)[:, None], dtype=np.float64)


def bytes_of_sums(division: Division, size: int, passes: int) -> int:
    """Memory of the sums of `size` numbers on a rank.

    Exact sums twice while they are reduced, and the rows of all passes twice.
    """
    rows = 1 + sum(level.classes for level in division.levels)
    return size * (2 * 24 * division.parts + 2 * 8 * rows * passes)
