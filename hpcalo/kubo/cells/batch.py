"""Cells that were made together, with what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hpcalo.kubo.cells.signs import contrasts, keys
from hpcalo.kubo.cells.zone import Cells, Zone
from hpcalo.typing import BoolArray, IntArray, RealArray


@dataclass
class Batch:
    """Cells of one level that one step of refinement made.

    cells: (K,). weights: (K,) shares of the zone. signs: (K, R), a cell's share in each replicate: patterns of as many
    + as − over the parts of each cell that was cut; a replicate then sees how much the parts differ.
    families: (F, 2^d) numbers of the cells that the parts of a cut cell are; None on level 0. values: (K, n), what the
    midpoints give for the n numbers with a target; on level 0 of means only. sizes: (K,), what each cell contributes,
    root mean square over these numbers; none on level 0. products: (F, 2^d, 2^d) of the contributions of two parts,
    mean over these numbers.
    corrections: (F, n), by how much what the parts of a cut cell contribute differs from what it did; of
    sums over points none.
    summed: (K,), in the sum; out: never were, whatever they contribute; divided: have been cut.
    """

    cells: Cells
    weights: RealArray
    signs: RealArray
    families: IntArray | None
    summed: BoolArray
    out: BoolArray
    divided: BoolArray
    values: RealArray = field(default_factory=lambda: np.zeros((0, 0)))
    sizes: RealArray = field(default_factory=lambda: np.zeros(0))
    products: RealArray = field(default_factory=lambda: np.zeros((0, 1, 1)))
    corrections: RealArray = field(default_factory=lambda: np.zeros((0, 0)))

    @staticmethod
    def base(zone: Zone, replicates: int) -> Batch:
        """All cells of level 0."""
        cells = zone.base()
        return Batch._of(zone, cells, np.zeros((len(cells), replicates)), None)

    @staticmethod
    def parts(zone: Zone, cells: Cells, replicates: int) -> Batch:
        """The cells that these are cut into."""
        parts, families = zone.parts_of(cells)
        patterns = contrasts(keys(cells.level, cells.numerators), zone.dimension, replicates)
        order = np.argsort(families, axis=None, kind="stable")
        times = np.bincount(families.ravel(), minlength=len(parts))
        # Equal parts of one cell share its patterns.
        signs = np.add.reduceat(patterns.transpose(0, 2, 1).reshape(-1, replicates)[order], np.cumsum(times) - times)
        return Batch._of(zone, parts, signs / times[:, None], families)

    @staticmethod
    def _of(zone: Zone, cells: Cells, signs: RealArray, families: IntArray | None) -> Batch:
        K = len(cells)
        no, yes = np.zeros(K, dtype=bool), np.ones(K, dtype=bool)
        out = yes if families is None else no
        return Batch(cells, zone.weights(cells), signs, families, no.copy(), out, no.copy())

    def __len__(self) -> int:
        return len(self.cells)

    def learn(self, values: RealArray, sizes: RealArray) -> RealArray:
        """Takes what the midpoints give; returns what the parts of each cut cell contribute together, (F, n)."""
        assert self.families is not None
        self.values, self.sizes = values, sizes
        share = self.weights / np.bincount(self.families.ravel(), minlength=len(self))
        z = (share[:, None] * values)[self.families]
        self.products = z @ z.transpose(0, 2, 1) / values.shape[1]
        return np.asarray(z.sum(axis=1))

    def scatter(self) -> float:
        """Mean square, over replicates and numbers with a target, of Σ ε z over the cells in the sum.

        In each family as many ε are + as −; the squares are summed over the families.
        """
        if self.families is None:
            return 0.0
        taken = self.summed[self.families].astype(float)
        parts = taken.shape[1]
        own = np.einsum("fp,fpp->", taken, self.products)
        together = np.einsum("fp,fpq,fq->", taken, self.products, taken, optimize=True)
        return float(parts * own - together) / (parts - 1)

    def lacking(self, part: float) -> RealArray:
        """What the sum lacks if it is such a part of what cutting corrected, (n,).

        Of each cut cell in proportion to its parts in the sum, and not more than these contribute.
        """
        if self.families is None or not len(self.corrections):
            return np.zeros(1)
        taken = self.summed[self.families]
        most = (taken * self.sizes[self.families]).sum(axis=1)
        size = part * np.sqrt((self.corrections**2).mean(axis=1))
        share = np.minimum(1.0, np.divide(most, size, out=np.ones_like(size), where=size > 0.0))
        return np.asarray((part * share * taken.mean(axis=1)) @ self.corrections)

    def inherited(self, which: IntArray) -> RealArray:
        """What cutting corrected of the cells that these are parts of, their shares of it, (K, n)."""
        assert self.families is not None
        F, parts = self.families.shape
        owner = np.empty(len(self), dtype=np.int64)
        owner[self.families] = np.arange(F)[:, None]
        share = np.bincount(self.families.ravel(), minlength=len(self)) / parts
        return np.asarray(share[which, None] * self.corrections[owner[which]])

    def shares_of_scatter(self, which: IntArray) -> float:
        """What these cells would add to the scatter if they and the others of their families were in the sum."""
        if self.families is None:
            return 0.0
        here = np.zeros(len(self), dtype=bool)
        here[which] = True
        parts = self.families.shape[1]
        each = parts * np.diagonal(self.products, axis1=1, axis2=2) - self.products.sum(axis=2)
        return float(each[here[self.families]].sum()) / (parts - 1)


def together(cells: Sequence[tuple[Batch, IntArray]]) -> Cells:
    """Cells of several batches of one level."""
    taken = [batch.cells.take(which) for batch, which in cells]
    numerators, orbits = (np.concatenate([getattr(c, name) for c in taken]) for name in ("numerators", "orbits"))
    return Cells(taken[0].level, numerators, orbits)
