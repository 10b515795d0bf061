"""Parts of a k mesh from which its error is estimated: classes of sub-meshes that are unlike by symmetry.

A mesh of N points along a direction is the union of m meshes of N/m points (cosets of a subgroup), for any divisor m.
Cosets that an operation of the crystal maps onto each other have the same sums and know nothing of the error; a class
holds all of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import IntArray, RealArray

LARGEST = 9
"""Largest modulus along a direction of the finest division."""
FACTORS = (2, 3, 4)
"""By what the coarser division may have larger moduli."""
MOST = 16
"""Classes of a division whose sums are kept: more would not make the estimate better, only dearer."""
LEAST_POINTS = 2
"""Points along a direction that a sub-mesh must have."""
FEWEST = 4
"""Points along a direction of a coarser mesh that tells how a mesh converges."""
SAME_SHIFT = 1e-6
"""Of shifts in units of the spacing; closer ones are equal."""


@dataclass(frozen=True)
class Cosets:
    """One division of a mesh into classes of sub-meshes.

    modulus: how much coarser a sub-mesh is than the mesh, per direction divided (geometric mean). parts: (P,) the class
    that each part belongs to, −1 where the class is not kept. alike: whether class 0 is the sub-mesh with the shift of
    the mesh, in units of its own spacing: what the mesh would be with fewer points.
    """

    modulus: float
    parts: IntArray
    alike: bool = False

    @property
    def classes(self) -> int:
        """Number of classes kept."""
        return int(self.parts.max(initial=-1)) + 1


@dataclass(frozen=True)
class Division:
    """The parts of a mesh, and the divisions that they make up, the finest first.

    table: the part of each coset by its index (i mod table.shape) on the mesh. untested: directions that repeat but are
    not divided, 0 … 2.
    """

    table: IntArray
    levels: tuple[Cosets, ...] = ()
    untested: tuple[int, ...] = ()

    @property
    def parts(self) -> int:
        """Number of parts."""
        return int(self.table.max()) + 1

    @property
    def dimensions(self) -> int:
        """Number of directions that are divided."""
        return sum(m > 1 for m in self.table.shape)

    def labels(self, cells: NDArray[np.integer]) -> NDArray[np.integer]:
        """Parts that the points with these indices (K, 3) belong to; two bytes a point."""
        a, b, c = (cells[:, axis] % size for axis, size in enumerate(self.table.shape))
        return np.asarray(self.table.astype(np.int16)[a, b, c])

    def describe(self) -> str:
        """One line for the user."""
        if not self.levels:
            return "no parts to estimate errors from"
        return "errors from " + " and ".join(str(level.classes) for level in self.levels) + " kinds of sub-meshes"

    def coarser(self) -> Division:
        """The same without its coarsest level, so with fewer parts."""
        if len(self.levels) < 2:
            return replace(UNDIVIDED, untested=self.untested)
        levels = self.levels[:-1]
        return _joined([(level.modulus, level.parts[self.table], level.alike) for level in levels], self.untested)


UNDIVIDED = Division(np.zeros((1, 1, 1), dtype=np.int64))


def divide(
    grid: Sequence[int], shift: Sequence[float], images: Sequence[RealArray], periodic: Sequence[bool]
) -> Division:
    """The division of a mesh: along each direction the least modulus with two classes or more, and a multiple of it.

    A film's halves come first where symmetry distinguishes them: the points whose indices have an even sum, and the
    others, like the squares of a chessboard.

    images: (3, 3) matrices that take fractional k to an equivalent k; those that do not map the mesh onto itself do not
    count. Directions that no modulus suits stay undivided.
    """
    n, s = np.array(grid, dtype=np.int64), np.asarray(shift, dtype=np.float64)
    maps = [m for matrix in images if (m := _index_map(matrix, n, s)) is not None]
    fine = np.ones(3, dtype=np.int64)
    for group in _mixed(maps, n):
        for modulus in range(2, LARGEST + 1):
            moduli = np.ones(3, dtype=np.int64)
            moduli[group] = modulus
            if _divides(moduli, n) and _classes(moduli, maps).max() > 0:
                fine[group] = modulus
                break
    untested = tuple(c for c in range(3) if periodic[c] and fine[c] == 1)
    if fine.max() == 1:
        return Division(UNDIVIDED.table, untested=untested)
    factors = [_factor(fine, n, group) for group in _mixed(maps, n) if fine[group[0]] > 1]
    coarse = fine.copy()
    if all(factors):
        for group, factor in zip((g for g in _mixed(maps, n) if fine[g[0]] > 1), factors, strict=True):
            coarse[group] *= factor
    chosen = [fine, coarse] if all(factors) else [fine]
    cells = np.array(list(itertools.product(*map(range, chosen[-1]))))
    levels: list[tuple[float, IntArray, bool]] = []
    for divided in chosen:
        alike = _alike(divided, n, s)
        table = _kept(_classes(divided, maps), alike)
        index = cells % divided
        coarseness = float(math.prod(divided) ** (1.0 / np.count_nonzero(divided > 1)))
        levels.append((coarseness, table[tuple(index.T)].reshape(chosen[-1]), alike is not None))
    if (halves := _chessboard(fine, maps)) is not None:
        levels.insert(0, (math.sqrt(2.0), halves[tuple((cells % fine).T)].reshape(chosen[-1]), False))
    return _joined(levels, untested)


def _joined(levels: Sequence[tuple[float, IntArray, bool]], untested: tuple[int, ...]) -> Division:
    """The division of several levels: modulus, class by the index of a coset, whether class 0 is a mesh alike."""
    columns = np.stack([table.ravel() for _, table, _ in levels], axis=1)
    pairs, part = np.unique(columns, axis=0, return_inverse=True)
    found = tuple(Cosets(modulus, pairs[:, i], alike) for i, (modulus, _, alike) in enumerate(levels))
    return Division(part.reshape(levels[0][1].shape).astype(np.int64), found, untested)


def _alike(moduli: IntArray, n: IntArray, shift: RealArray) -> tuple[int, ...] | None:
    """The coset that is a coarser mesh with the same shift; with a generic shift all of them are.

    None if there is none (the halves of a half-shifted mesh are shifted by a quarter), or with too few points.
    """
    if np.any((n // moduli < FEWEST) & (moduli > 1)):
        return None
    index = shift * (moduli - 1)
    generic = np.abs(2.0 * shift - np.rint(2.0 * shift)) > SAME_SHIFT
    whole = np.abs(index - np.rint(index)) <= SAME_SHIFT
    if not np.all(whole | generic | (moduli == 1)):
        return None
    a, b, c = (int(i) for i in np.where(generic, 0, np.rint(index)) % moduli)
    return a, b, c


def _chessboard(fine: IntArray, maps: Sequence[tuple[IntArray, IntArray]]) -> IntArray | None:
    """For each coset of a film's mesh divided by `fine` whether the sum of its indices is even or odd.

    None where `fine` does not divide by two along two directions, or where the maps do not preserve the parity.
    """
    if sorted(fine) != [1, 2, 2]:
        return None
    halves = np.indices(tuple(int(m) for m in fine)).sum(axis=0) % 2
    classes = _classes(fine, maps)
    mixed = any(np.ptp(halves[classes == c]) for c in range(int(classes.max()) + 1))
    return None if mixed else np.asarray(halves, dtype=np.int64)


def _index_map(matrix: RealArray, n: IntArray, shift: RealArray) -> tuple[IntArray, IntArray] | None:
    """(A, b) of i → A i + b, what the matrix does to the indices of the mesh; None if it leaves the mesh."""
    A = n[:, None] * matrix / n
    b = A @ shift - shift
    if max(np.abs(A - np.rint(A)).max(), np.abs(b - np.rint(b)).max()) > 1e-6:
        return None
    return np.rint(A).astype(np.int64), np.rint(b).astype(np.int64)


def _mixed(maps: Sequence[tuple[IntArray, IntArray]], n: IntArray) -> list[list[int]]:
    """Directions with more than one point, in groups that the maps mix."""
    mixing = sum((np.abs(A) for A, _ in maps), np.eye(3, dtype=np.int64))
    several = np.flatnonzero(n > 1)
    if not len(several):
        return []
    reached = np.linalg.matrix_power((mixing + mixing.T)[np.ix_(several, several)], 3) > 0
    return [[int(c) for c in several[row]] for row in np.unique(reached, axis=0)[::-1]]


def _divides(moduli: IntArray, n: IntArray) -> bool:
    return bool(np.all((n % moduli == 0) & ((moduli == 1) | (n // moduli >= LEAST_POINTS))))


def _factor(fine: IntArray, n: IntArray, group: list[int]) -> int:
    """By what the modulus of these directions may grow; 0 if by nothing."""
    for factor in FACTORS:
        moduli = fine.copy()
        moduli[group] *= factor
        if _divides(moduli, n):
            return factor
    return 0


def _classes(moduli: IntArray, maps: Sequence[tuple[IntArray, IntArray]]) -> IntArray:
    """The class of each coset, (m1, m2, m3).

    Directions that a map mixes have equal moduli, so that it takes a coset to one coset.
    """
    cells = np.array(list(itertools.product(*map(range, moduli))))
    strides = np.array([moduli[1] * moduli[2], moduli[2], 1])
    images = [(cells @ A.T + b) % moduli @ strides for A, b in maps]  # permutations of the cosets
    first = np.arange(len(cells))  # the smallest number that is known of each coset's class
    while True:
        smaller = np.min([first, *(first[image] for image in images)], axis=0)
        if np.array_equal(smaller, first):
            return np.unique(first, return_inverse=True)[1].reshape(moduli)
        first = smaller


def _kept(table: IntArray, first: tuple[int, ...] | None) -> IntArray:
    """The table with new numbers of the classes: of all of them, or of a sample of MOST and −1 for the others.

    first: index of the coset whose class is kept as number 0, if any.
    """
    count = int(table.max()) + 1
    order = np.arange(count) if count <= MOST else np.random.default_rng(0).permutation(count)
    if first is not None:
        order = np.concatenate([[table[first]], order[order != table[first]]])
    kept = order[:1] if first is not None else order[:0]
    kept = np.concatenate([kept, np.sort(order[len(kept) : MOST])])
    numbers = np.full(count, -1, dtype=np.int64)
    numbers[kept] = np.arange(len(kept))
    return np.asarray(numbers[table], dtype=np.int64)
