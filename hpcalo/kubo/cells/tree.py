"""The sum over k of one direction of the magnetization by cells that are cut where they contribute much.

A cell's integral is its share of the zone times its midpoint's value. A cell that contributes more than a threshold, in
the root mean square over the wanted numbers, is cut into 2^d, and so on. What is cut follows from the values of single
points, and the sums are exact: the same bits on any number of ranks and after restarts.

How wrong the sum is, its cells tell. Were the midpoints independent samples of their cells, the sum would scatter by as
much as its replicates, in which the parts of each cut cell have random signs, as many + as −. How large the error of
a cell really is against that is seen from the cells that were cut: there the sum over the parts corrects the midpoint.
Some cells, chosen as if at random, are cut for this alone, whatever they contribute: they also tell where errors do not
show in what cells contribute, because the mesh is too coarse to hit a resonance. Then all cells of the level are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.kubo.cells.batch import Batch
from hpcalo.kubo.cells.loop import Task, Wanted, rms, rows_and_values
from hpcalo.kubo.cells.signs import chosen, keys
from hpcalo.kubo.cells.zone import Zone
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.parts import Level, SummedPass
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.parallel.packing import Packing
from hpcalo.typing import BoolArray, IntArray, RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

REPLICATES = 16
MEMORY = 256 * 2**20
"""Bytes that the sums of all replicates may take."""
SAMPLED = 8
"""One in 2^d times so many cells is cut to see its error: an eighth more points."""
WORSE = 2.0
"""A sum that is so many times farther from a mesh than this from a coarser mesh is the worse of the two."""
ENOUGH = 8
"""Cells of a level that say something of all others."""
DEEPEST = 12
"""Level of the smallest cells."""


@dataclass
class Seen:
    """What the cut cells of a level show, mean squares over the wanted numbers, summed over the cells.

    corrections: of what the sum over a cell's parts corrects. contributions: of what the cells contributed. scatter: of
    what they would add to the replicates. sample: contribution and correction of each cell that was cut to
    see this, (2, S).
    """

    corrections: float = 0.0
    contributions: float = 0.0
    scatter: float = 0.0
    sample: RealArray = field(default_factory=lambda: np.zeros((2, 0)))

    def relative_error(self) -> float:
        """Error of a cell over what it contributes."""
        return float(np.sqrt(self.corrections / self.contributions)) if self.contributions > 0.0 else 1.0

    def small_error(self, limit: float) -> float:
        """Error of one of the sampled cells that contribute less than the limit; 0 where too few are known."""
        corrections = self.sample[1, self.sample[0] <= limit**2]
        return float(np.sqrt(corrections.mean())) if len(corrections) >= ENOUGH else 0.0


class CellTree:
    """All cells of a direction, and the sums over those that are not cut. Its methods are collective and raise what a
    pass over k raises.

    symmetry: of the Hamiltonian. divisions: of the coarsest cells along each direction, all of which are cut once; 1
    where the crystal does not repeat. points: computed, those that were taken out of the sum again twice.
    """

    def __init__(self, solver: StateSolver, request: Request, symmetry: Symmetry, divisions: Sequence[int]) -> None:
        self.zone = Zone(solver.crystal, symmetry.operations, divisions, solver.order)
        self.operations = symmetry.operations
        self._violation = symmetry.violation_of(request)
        self._request, self._packing = request, Packing(request.shapes())
        self._replicates = int(np.clip(MEMORY // (64 * self._packing.size), 4, REPLICATES))
        self._rows = np.zeros((1 + self._replicates, self._packing.size))
        self.batches: list[Batch] = []
        self._columns, self._coarsest, self._start = 0, np.zeros(0), RawSums()
        self._seen: dict[int, Seen] = {}
        self.points = 0

    @property
    def cells(self) -> list[int]:
        """Number of cells of each level that are in the sum, one of each orbit."""
        counts = [0] * (1 + max((b.cells.level for b in self.batches), default=0))
        for batch in self.batches:
            counts[batch.cells.level] += int(batch.summed.sum())
        return counts

    @property
    def complete(self) -> int:
        """Level of the finest mesh all of whose cells are known: all cells of the level before were cut."""
        return min((b.cells.level for b in self.batches if not b.divided.all()), default=0)

    def start(self, solver: StateSolver, comm: Intracomm, *, checkpoints: PassCheckpoints | None = None) -> RawSums:
        """The raw sums of the coarsest cells, from which the size of the wanted numbers is seen."""
        base = Batch.base(self.zone, self._replicates)
        rows = self._compute(solver, base, np.arange(len(base)), comm, checkpoints)
        self.batches = [base]
        self._start = symmetrized(self._packing.unpack(rows[0]), self.operations, self._request)
        return self._start

    def grow(
        self,
        solver: StateSolver,
        wanted: Wanted,
        threshold: float,
        comm: Intracomm,
        *,
        checkpoints: PassCheckpoints | None = None,
        quiet: bool = True,
        label: str = "",
    ) -> SummedPass:
        """Cuts every cell that contributes more than the threshold. wanted: the same in every call."""
        self._coarsest = wanted({name: values[None] for name, values in self._start.items()})[0]
        self._columns = len(self._coarsest)
        before = -1
        while before < len(self.batches):  # what the cells show of their errors may ask for more of them
            before, number = len(self.batches), 0
            while number < len(self.batches):  # the parts of cut cells come to the end of the list
                batch = self.batches[number]
                number += 1
                new = np.flatnonzero(~batch.divided & (batch.out | self._large(batch, threshold)))
                if len(new):
                    self._cut(solver, batch, new, wanted, threshold, comm, checkpoints, quiet=quiet, label=label)
        return self._result()

    def _cut(
        self,
        solver: StateSolver,
        batch: Batch,
        new: IntArray,
        wanted: Wanted,
        threshold: float,
        comm: Intracomm,
        checkpoints: PassCheckpoints | None,
        *,
        quiet: bool,
        label: str,
    ) -> None:
        """Takes cells out of the sum, and their parts in."""
        again = new[batch.summed[new]]
        if len(again):
            self._rows -= self._compute(solver, batch, again, comm, checkpoints, quiet=quiet, label=label)
            batch.summed[again] = False
        batch.divided[new] = True
        parts = Batch.parts(self.zone, batch.cells.take(new), self._replicates)
        parts.out = self._sampled(parts)
        limits = (wanted, self._limit(parts.cells.level, threshold))
        every = np.arange(len(parts))
        self._rows += self._compute(solver, parts, every, comm, checkpoints, limits, quiet=quiet, label=label)
        parts.summed = ~parts.out & ~(parts.weights * rms(parts.values) > limits[1])
        self.batches.append(parts)
        self._note(batch, new, parts)

    def _compute(
        self,
        solver: StateSolver,
        batch: Batch,
        which: IntArray,
        comm: Intracomm,
        checkpoints: PassCheckpoints | None,
        limits: tuple[Wanted, float] | None = None,
        *,
        quiet: bool = True,
        label: str = "",
    ) -> RealArray:
        """Sum and replicates over some cells of a batch; with limits those that do not exceed them, and the values of
        all.
        """
        wanted, threshold = limits or (None, np.inf)
        columns = self._columns if limits else 0
        out = batch.out if limits else np.zeros(len(batch), dtype=bool)
        task = Task(solver, self._request, self.zone, batch, which, threshold, out, wanted, columns)
        rows, values = rows_and_values(task, self._packing, comm, checkpoints, quiet=quiet, label=label)
        if limits:
            batch.values = values
        self.points += len(which)
        return rows

    def _large(self, batch: Batch, threshold: float) -> BoolArray:
        if not batch.values.shape[1]:
            return np.zeros(len(batch), dtype=bool)
        return np.asarray(batch.weights * rms(batch.values) > self._limit(batch.cells.level, threshold))

    def _limit(self, level: int, threshold: float) -> float:
        """What a cell of the level may contribute: nothing where errors do not show in what the cells contribute."""
        if level >= DEEPEST:
            return np.inf
        seen = self._seen.get(level, Seen())
        return threshold if seen.small_error(threshold) <= threshold else 0.0

    def _sampled(self, batch: Batch) -> BoolArray:
        """A sample of those parts of cells that were cut because all of their level were."""
        coarser = [b for b in self.batches if b.cells.level == batch.cells.level - 1]
        if not all(b.divided.all() for b in coarser):
            return np.zeros(len(batch), dtype=bool)
        return chosen(keys(batch.cells.level, batch.cells.numerators), SAMPLED * self.zone.parts)

    def _note(self, batch: Batch, cut: IntArray, parts: Batch) -> None:
        """What the parts correct, against what the cells contribute and what the replicates would say."""
        if batch.values.shape[1]:
            before = batch.weights[cut, None] * batch.values[cut]
            corrections = ((parts.family_values().sum(axis=1) - before) ** 2).mean(axis=1)
            contributions = (before**2).mean(axis=1)
            seen = self._seen.setdefault(batch.cells.level, Seen())
            seen.corrections += float(corrections.sum())
            seen.contributions += float(contributions.sum())
            seen.scatter += batch.shares_of_scatter(cut) / batch.values.shape[1]
            sample = np.stack([contributions, corrections])[:, batch.out[cut]]
            seen.sample = np.concatenate([seen.sample, sample], axis=1)

    def _scale(self) -> float:
        """By how much the errors of the cells in the sum exceed their scatter.

        Each level as its cut cells show it, the finest one as the level before, and not less than the sample shows.
        If the sum differs from that of the finest mesh all of whose cells are known, by more than this mesh and the
        coarser one before it differ, then the integrand is smooth and a mesh is better: errors are then as large as
        that difference.
        """
        scatter, number, largest = dict[int, float](), dict[int, int](), dict[int, float]()
        for batch in self.batches[1:]:
            level = batch.cells.level
            scatter[level] = scatter.get(level, 0.0) + float(batch.scatter().mean())
            number[level] = number.get(level, 0) + int(batch.summed.sum())
            size = (batch.weights * rms(batch.values))[batch.summed].max(initial=0.0)
            largest[level] = max(largest.get(level, 0.0), float(size))
        ratio, errors = 1.0, 0.0
        for level in sorted(scatter):
            seen = self._seen.get(level, Seen())
            if seen.scatter > 0.0:
                ratio = seen.corrections / seen.scatter
            sampled = seen.small_error(largest[level])
            errors += max(ratio * scatter[level], number[level] * sampled**2)
        total = sum(scatter.values())
        return float(np.sqrt((errors + self._worse_than_a_mesh()) / total)) if total > 0.0 else 1.0

    def _worse_than_a_mesh(self) -> float:
        """Mean square over the wanted numbers of the difference to the finest complete mesh if that is better, else
        0.
        """
        meshes, whole = [self._coarsest], np.zeros(self._columns)
        for level in range(1, len(self.cells)):
            batches = [b for b in self.batches if b.cells.level == level]
            whole = whole + sum((b.weights * b.summed) @ b.values for b in batches)
            if all(b.divided.all() for b in self.batches if b.cells.level == level - 1):
                meshes.append(np.asarray(sum(b.weights @ b.values for b in batches)))
        gap, before = (float(np.mean(d**2)) for d in (whole - meshes[-1], meshes[-1] - meshes[-2]))
        return gap if gap > WORSE**2 * before else 0.0

    def _result(self) -> SummedPass:
        def whole(flat: RealArray) -> RawSums:
            return symmetrized(self._packing.unpack(flat), self.operations, self._request)

        total, *replicates = self._rows
        R, scale = len(replicates), self._scale() * np.sqrt(1.0 - 1.0 / self._replicates)
        level = Level(1.0, np.full(R, 1.0 / R), tuple(whole(total + scale * r) for r in replicates))
        return SummedPass(
            whole(total),
            (level,),
            self.zone.dimension,
            points=sum(len(b) for b in self.batches),
            even=sum(len(b) for b in self.batches if b.cells.level == self.complete),
            violation=self._violation,
        )
