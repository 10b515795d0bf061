"""Cells that were made together, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

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
    midpoints give for the wanted numbers; none on level 0. summed: (K,), in the sum; out: never were, whatever they
    contribute; divided: have been cut.
    """

    cells: Cells
    weights: RealArray
    signs: RealArray
    families: IntArray | None
    values: RealArray
    summed: BoolArray
    out: BoolArray
    divided: BoolArray

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
        signs, times = np.zeros((len(parts), replicates)), np.zeros(len(parts))
        for place in range(zone.parts):  # equal parts of one cell share its patterns
            np.add.at(signs, families[:, place], patterns[:, :, place])
            np.add.at(times, families[:, place], 1.0)
        return Batch._of(zone, parts, signs / times[:, None], families)

    @staticmethod
    def _of(zone: Zone, cells: Cells, signs: RealArray, families: IntArray | None) -> Batch:
        K = len(cells)
        no, yes = np.zeros(K, dtype=bool), np.ones(K, dtype=bool)
        out = yes if families is None else no
        return Batch(cells, zone.weights(cells), signs, families, np.zeros((K, 0)), no.copy(), out, no.copy())

    def __len__(self) -> int:
        return len(self.cells)

    def family_values(self) -> RealArray:
        """What each part of each cut cell contributes, (F, 2^d, n)."""
        assert self.families is not None
        share = self.weights / np.bincount(self.families.ravel(), minlength=len(self))
        return np.asarray((share[:, None] * self.values)[self.families])

    def scatter(self) -> RealArray:
        """Mean square of the replicates' sums over the cells in the sum, for each wanted number, (n,)."""
        if self.families is None:
            return np.zeros(self.values.shape[1])
        z = np.where(self.summed[self.families][..., None], self.family_values(), 0.0)
        return _mean_square(z)

    def shares_of_scatter(self, which: IntArray) -> float:
        """What these cells would add to the scatter if they and the others of their families were in the sum; of all
        wanted numbers together.
        """
        if self.families is None:
            return 0.0
        z = self.family_values()
        parts = z.shape[1]
        each = (parts * z**2 - z * z.sum(axis=1, keepdims=True)).sum(axis=2) / (parts - 1)
        here = np.zeros(len(self), dtype=bool)
        here[which] = True
        return float(each[here[self.families]].sum())


def _mean_square(z: RealArray) -> RealArray:
    """Of Σ ε z over each family, ε as many + as −, summed over the families."""
    parts = z.shape[1]
    return np.asarray(((parts * (z**2).sum(axis=1) - z.sum(axis=1) ** 2) / (parts - 1)).sum(axis=0))
