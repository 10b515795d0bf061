"""Cells of the symmetry-reduced zone: boxes with their midpoints, each of which can be cut into 2^d smaller ones.

A cell belongs to a mesh of boxes along reciprocal vectors that the group maps onto each other, up to their signs: then
an operation takes the parts of a box to the parts of its image, and only one box of each orbit is kept, with the share
of the zone that its orbit has. Points are integer numerators of the fractional coordinates, so that equal points, and
points of one line, are equal to the last bit at every level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import spglib
import spglib.error

from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import IntArray, RealArray


@dataclass(frozen=True)
class Cells:
    """Cells of one level, one of each orbit, sorted so that points of one line are neighbours.

    level: number of cuts that made them. numerators: (K, 3), the midpoint is numerators/denominator in fractional
    coordinates, each in [0, 1). orbits: (K,), number of cells in the orbit.
    """

    level: int
    numerators: IntArray
    orbits: IntArray

    def __len__(self) -> int:
        return len(self.orbits)

    def take(self, which: IntArray) -> Cells:
        """Those with these numbers."""
        return Cells(self.level, self.numerators[which], self.orbits[which])


class Zone:
    """The Brillouin zone in cells.

    divisions: boxes of level 0 along each of the vectors that span a box, 1 where the crystal does not repeat. order:
    the coordinates of the solver, the one that runs along a line last. operations: those of the group that the boxes
    allow; the identity first.
    """

    def __init__(
        self, crystal: Crystal, operations: Sequence[Operation], divisions: Sequence[int], order: tuple[int, int, int]
    ) -> None:
        self._periodic = np.array(crystal.periodic)
        self._reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.lattice).T
        self._basis, self.operations = _boxes(crystal, operations, np.asarray(divisions))
        self._order = list(order)
        det = round(abs(np.linalg.det(self._basis)))
        adjugate = np.rint(np.linalg.inv(self._basis) * det).astype(np.int64)
        common = math.lcm(*(int(n) for n in divisions))
        self._step = adjugate * (common // np.asarray(divisions, dtype=np.int64)) * self._periodic
        self._base = 2 * det * common
        self._divisions, self._cosets = np.asarray(divisions, dtype=np.int64), _cosets(adjugate, det)
        self._adjugate, self._common = adjugate, common
        self._matrices = np.array([np.rint(op.k_matrix).astype(np.int64) for op in self.operations])
        self.dimension = int(self._periodic.sum())
        self.parts = 2**self.dimension

    def count(self, level: int) -> int:
        """Number of cells of a whole level."""
        return int(np.prod(self._divisions)) * len(self._cosets) * self.parts**level

    def denominator(self, level: int) -> int:
        """Of the fractional coordinates of midpoints of a level."""
        return self._base << level

    def points(self, cells: Cells) -> RealArray:
        """Midpoints, (K, 3) fractional."""
        return cells.numerators / self.denominator(cells.level)

    def edges(self, level: int) -> RealArray:
        """Edges of the cells of a level, (3, 3) rows, 1/Å; 0 where the crystal does not repeat."""
        return np.asarray(2.0 * self._step.T / self.denominator(level) @ self._reciprocal)

    def weights(self, cells: Cells) -> RealArray:
        """Shares of the zone, (K,)."""
        return cells.orbits / self.count(cells.level)

    def base(self) -> Cells:
        """All cells of level 0."""
        axes = [np.arange(n) for n in self._divisions]
        index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        inside = (2 * index + 1) @ self._step.T
        shifts = 2 * self._common * self._cosets @ self._adjugate.T
        every = (inside[None] + shifts[:, None]).reshape(-1, 3)
        cells, _ = self._folded(0, every)
        return cells

    def parts_of(self, cells: Cells) -> tuple[Cells, IntArray]:
        """The cells that these are cut into, and for each given cell the numbers of its 2^d parts among them (K, 2^d).

        Parts that symmetry maps onto each other have the same number.
        """
        signs = [(-1, 1) if repeats else (0,) for repeats in self._periodic]
        offsets = np.array(list(product(*signs)), dtype=np.int64) @ self._step.T
        every = 2 * cells.numerators[:, None, :] + offsets
        parts, numbers = self._folded(cells.level + 1, every.reshape(-1, 3))
        return parts, numbers.reshape(len(cells), self.parts)

    def _folded(self, level: int, numerators: IntArray) -> tuple[Cells, IntArray]:
        """One cell for each orbit, and the number of the orbit of each given one."""
        denominator = self.denominator(level)
        keys = np.empty((len(self._matrices), len(numerators)), dtype=np.int64)
        for g, matrix in enumerate(self._matrices):
            keys[g] = self._key(numerators @ matrix.T, denominator)
        chosen, first, numbers = np.unique(keys.min(axis=0), return_index=True, return_inverse=True)
        orbit = np.sort(keys[:, first], axis=0)
        sizes = 1 + np.count_nonzero(np.diff(orbit, axis=0), axis=0)
        ordered = np.stack([chosen // denominator**2, chosen // denominator % denominator, chosen % denominator], 1)
        back = np.empty_like(ordered)
        back[:, self._order] = ordered
        return Cells(level, back, sizes), numbers

    def _key(self, numerators: IntArray, denominator: int) -> IntArray:
        a, b, c = (numerators[:, i] % denominator for i in self._order)
        return np.asarray((a * denominator + b) * denominator + c)


def divisions_for(crystal: Crystal, operations: Sequence[Operation], cells: float) -> tuple[int, int, int]:
    """Divisions of level 0 into boxes with about equal edges.

    Level 1 then has about `cells` cells, one of each orbit.
    """
    equal = np.where(crystal.periodic, 2, 1)
    basis, group = _boxes(crystal, operations, equal)
    edges = np.linalg.norm(np.linalg.inv(basis @ crystal.lattice), axis=0)
    d = max(sum(crystal.periodic), 1)
    every = cells * len(group) / round(abs(np.linalg.det(basis))) / 2**d
    mean = np.prod(edges[list(crystal.periodic)]) ** (1.0 / d)
    a, b, c = (
        max(2, 2 * round(0.5 * every ** (1.0 / d) * float(edge) / mean)) if repeats else 1
        for edge, repeats in zip(edges, crystal.periodic, strict=True)
    )
    return a, b, c


def _boxes(
    crystal: Crystal, operations: Sequence[Operation], divisions: IntArray
) -> tuple[IntArray, tuple[Operation, ...]]:
    """Lattice vectors whose reciprocal vectors span boxes, and the operations that map the boxes onto each other.

    The vectors are integer combinations of the crystal's (rows): those of its own cell or of the conventional one,
    whichever keeps more operations.
    """
    best, largest = np.eye(3, dtype=np.int64), tuple[Operation, ...]()
    for basis in (best, *_conventional(crystal)):
        inverse = np.linalg.inv(basis)
        allowed = tuple(op for op in operations if _keeps_boxes(basis @ op.k_matrix @ inverse, divisions))
        if len(allowed) > len(largest):
            best, largest = basis, allowed
    return best, largest


def _keeps_boxes(matrix: RealArray, divisions: IntArray) -> bool:
    """Whether a matrix permutes the axes, up to signs, and only axes with the same number of divisions."""
    whole = np.rint(matrix).astype(np.int64)
    if np.abs(matrix - whole).max() > 1e-9 or not (np.abs(whole).sum(axis=0) == 1).all():
        return False
    return bool((np.abs(whole).sum(axis=1) == 1).all() and (np.abs(whole) @ divisions == divisions).all())


def _conventional(crystal: Crystal) -> list[IntArray]:
    """The conventional cells of a crystal that repeats in three directions.

    spglib's, and the rectangular one of a hexagonal crystal.
    """
    if not all(crystal.periodic):
        return []
    fractional = crystal.positions @ np.linalg.inv(crystal.lattice)
    numbers = [sorted(set(crystal.symbols)).index(s) for s in crystal.symbols]
    if not numbers:
        fractional, numbers = np.zeros((1, 3)), [0]
    spglib.error.OLD_ERROR_HANDLING = False
    try:
        found = spglib.get_symmetry_dataset((crystal.lattice, fractional, numbers), symprec=1e-4)
    except spglib.error.SpglibError:
        return []
    basis = np.linalg.inv(found.transformation_matrix).T
    whole = np.rint(basis).astype(np.int64)
    if np.abs(basis - whole).max() > 1e-6 or round(abs(np.linalg.det(whole))) not in range(1, 9):
        return []
    rectangular = np.array([[1, 0, 0], [1, 2, 0], [0, 0, 1]], dtype=np.int64)
    return [whole, np.asarray(rectangular @ whole)]


def _cosets(adjugate: IntArray, det: int) -> IntArray:
    """Shifts by whole reciprocal vectors of the boxes that the crystal's own do not contain, (det, 3)."""
    every = np.array(list(product(range(det), repeat=3)), dtype=np.int64)
    _, first = np.unique(every @ adjugate.T % det, axis=0, return_index=True)
    return np.asarray(every[np.sort(first)])
