"""How large the errors of cells are against their scatter: what the cells that were cut show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hpcalo.kubo.cells.batch import Batch
from hpcalo.typing import IntArray, RealArray

WORSE = 2.0
"""A sum that is so many times farther from a mesh than this from a coarser mesh is the worse of the two."""
ORDER = 2
"""Midpoints and means over cells converge with this power of the edges where the integrand is smooth."""
ENOUGH = 8
"""Cells of a level that say something of all others."""


@dataclass
class Seen:
    """What the cut cells of a level show, mean squares over the numbers with a target, summed over the cells.

    corrections: of what the sum over a cell's parts corrects. contributions: of what the cells contributed. scatter: of
    what they would add to the replicates. inherited: of their shares of what cutting their parents corrected. alike:
    mean product of these and the corrections. number: of the cells that inherited. sample: contribution and correction
    of each cell that was cut to see this, (2, S).
    """

    corrections: float = 0.0
    contributions: float = 0.0
    scatter: float = 0.0
    inherited: float = 0.0
    alike: float = 0.0
    number: int = 0
    sample: RealArray = field(default_factory=lambda: np.zeros((2, 0)))

    def add(self, batch: Batch, which: IntArray, corrections: RealArray) -> None:
        """Cells of a batch that were cut, and what their parts correct (F, n)."""
        squares, corrected = batch.sizes[which] ** 2, (corrections**2).mean(axis=1)
        self.corrections += float(corrected.sum())
        self.contributions += float(squares.sum())
        self.scatter += batch.shares_of_scatter(which)
        if len(batch.corrections):
            inherited = batch.inherited(which)
            self.inherited += float((inherited**2).mean(axis=1).sum())
            self.alike += float((inherited * corrections).mean(axis=1).sum())
            self.number += len(which)
        sample = np.stack([squares, corrected])[:, batch.out[which]]
        self.sample = np.concatenate([self.sample, sample], axis=1)

    def relative_error(self) -> float:
        """Error of a cell over what it contributes."""
        return float(np.sqrt(self.corrections / self.contributions)) if self.contributions > 0.0 else 1.0

    def smoothness(self, otherwise: float) -> float:
        """Corrections of cells over those that second order would make of their parents', from 0 to 1.

        The slope of a regression; otherwise: where too few cells are known.
        """
        if self.number < ENOUGH or self.inherited <= 0.0:
            return otherwise
        return float(np.clip(2.0**ORDER * self.alike / self.inherited, 0.0, 1.0))

    def small_error(self, limit: float) -> float:
        """Error of one of the sampled cells that contribute less than the limit; 0 where too few are known."""
        corrections = self.sample[1, self.sample[0] <= limit**2]
        return float(np.sqrt(corrections.mean())) if len(corrections) >= ENOUGH else 0.0


def scale_of(batches: Sequence[Batch], known: Mapping[int, Seen], coarsest: RealArray) -> float:
    """By how much the errors of the cells in the sum exceed their scatter.

    Each level as its cut cells show it, the finest one as the level before, and not less than the sample shows. Errors
    of smooth integrands have the same sign in many cells: then all parts of cut cells together still lack a part of
    what cutting these corrected, as far as corrections follow from those of the level before.
    If the sum differs from that of the finest mesh all of whose cells are known, by more than this mesh and the
    coarser one before it differ, then the integrand is smooth and a mesh is better: errors are then as large as
    that difference.

    batches: all of a tree. known: what its cut cells show, of each level. coarsest: what the coarsest cells together
    give for the numbers with a target, (n,).
    """
    scatter, number, largest = dict[int, float](), dict[int, int](), dict[int, float]()
    for batch in batches[1:]:
        level = batch.cells.level
        scatter[level] = scatter.get(level, 0.0) + batch.scatter()
        number[level] = number.get(level, 0) + int(batch.summed.sum())
        largest[level] = max(largest.get(level, 0.0), float(batch.sizes[batch.summed].max(initial=0.0)))
    ratio, smooth, errors, lacking = 1.0, 1.0, 0.0, np.zeros(len(coarsest))
    for level in sorted(scatter):
        seen = known.get(level, Seen())
        if seen.scatter > 0.0:
            ratio = seen.corrections / seen.scatter
        sampled = seen.small_error(largest[level])
        errors += max(ratio * scatter[level], number[level] * sampled**2)
        smooth = seen.smoothness(smooth)
        for batch in (b for b in batches if b.cells.level == level):
            lacking += batch.lacking(smooth / (2.0**ORDER - 1.0))
    total = sum(scatter.values())
    errors += float(np.mean(lacking**2)) + _worse_than_a_mesh(batches, coarsest)
    return float(np.sqrt(errors / total)) if total > 0.0 else 1.0


def _worse_than_a_mesh(every: Sequence[Batch], coarsest: RealArray) -> float:
    """Mean square difference to the finest complete mesh, over the numbers with a target; 0 if that is no better."""
    meshes, whole = [coarsest], np.zeros(len(coarsest))
    for level in range(1, 1 + max(b.cells.level for b in every)):
        batches = [b for b in every if b.cells.level == level]
        whole = whole + sum((b.weights * b.summed) @ b.values for b in batches)
        if all(b.divided.all() for b in every if b.cells.level == level - 1):
            meshes.append(np.asarray(sum(b.weights @ b.values for b in batches)))
    gap, before = (float(np.mean(d**2)) for d in (whole - meshes[-1], meshes[-1] - meshes[-2]))
    return gap if gap > WORSE**2 * before else 0.0
