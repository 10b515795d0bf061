"""The sum over k of one direction of the magnetization by cells that are cut where they contribute much.

A cell's integral is its share of the zone times its midpoint's value. A cell that contributes more than a threshold, in
the root mean square over the numbers with a target, is cut into 2^d, and so on. What is cut follows from the values of
single points, and the sums are exact: the same bits on any number of ranks and after restarts.

How wrong the sum is, its cells tell. Were the midpoints independent samples of their cells, the sum would scatter by as
much as its replicates, in which the parts of each cut cell have random signs, as many + as −. How large the error of
a cell really is against that is seen from the cells that were cut: there the sum over the parts corrects the midpoint.
Some cells, chosen as if at random, are cut for this alone, whatever they contribute: they also tell where errors do not
show in what cells contribute, because the mesh is too coarse to hit a resonance. Then all cells of the level are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.kubo.cells.batch import Batch, together
from hpcalo.kubo.cells.loop import Integrand, Task, contributions, rows_and_values
from hpcalo.kubo.cells.projection import Projection
from hpcalo.kubo.cells.scale import Seen, scale_of
from hpcalo.kubo.cells.signs import chosen, keys
from hpcalo.kubo.cells.zone import Zone
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.checkpoints import PassCheckpoints
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.found import Symmetry
from hpcalo.kubo.sums.parts import Level, SummedPass
from hpcalo.kubo.sums.request import Request
from hpcalo.parallel.packing import Packing
from hpcalo.typing import BoolArray, IntArray, RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

REPLICATES = 16
MEMORY = 256 * 2**20
"""Bytes that the sums of all replicates may take."""
SAMPLED = 8
"""One in 2^d times so many cells is cut to see its error: an eighth more points."""
DEEPEST = 12
"""Level of the smallest cells."""


class CellTree:
    """All cells of a direction, and the sums over those that are not cut.

    Its methods are collective and raise what a pass over k raises.

    symmetry: of the Hamiltonian. divisions: of the coarsest cells along each direction, all of which are cut once; 1
    where the crystal does not repeat. points: computed, those that were taken out of the sum again twice.
    """

    def __init__(self, solver: StateSolver, request: Request, symmetry: Symmetry, divisions: Sequence[int]) -> None:
        self.zone = Zone(solver.crystal, symmetry.operations, divisions, solver.order)
        self.operations = symmetry.operations
        self._violation = symmetry.violation_of(request)
        self._projection = Projection(self.operations, request)
        self._request = replace(request, independent=self._projection.independent)
        self._means = bool(request.sums.broadened) and VELOCITY in request.need()
        self._packing = Packing(self._request.shapes())
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
        """The raw sums of the coarsest cells, from which the size of the numbers with a target is seen."""
        base = Batch.base(self.zone, self._replicates)
        shares = np.concatenate([base.weights[:, None], base.signs], axis=1)
        limits = np.full(len(base), np.inf)
        rows, _ = self._compute(solver, [(0, self.zone.points(base.cells))], shares, limits, None, comm, checkpoints)
        self.batches = [base]
        self._start = self._whole(rows[:1])[0]
        return self._start

    def grow(
        self,
        solver: StateSolver,
        integrand: Integrand,
        threshold: float,
        comm: Intracomm,
        *,
        checkpoints: PassCheckpoints | None = None,
        quiet: bool = True,
        label: str = "",
    ) -> SummedPass:
        """Cuts every cell that contributes more than the threshold. integrand: the same in every call."""
        self._coarsest = integrand({name: values[None] for name, values in self._start.items()})[0]
        self._columns = len(self._coarsest)
        projected: Integrand = lambda raw: integrand(self._projection.of(raw))  # noqa: E731
        before = -1
        while before < len(self.batches):  # what the cells show of their errors may ask for more of them
            before, level = len(self.batches), 0
            while level <= max(batch.cells.level for batch in self.batches):
                new = self._to_cut(level, threshold)
                if new:
                    self._cut(solver, new, projected, threshold, comm, checkpoints, quiet=quiet, label=label)
                level += 1
        return self._result()

    def _to_cut(self, level: int, threshold: float) -> list[tuple[Batch, IntArray]]:
        """The cells of a level that are to be cut, batch by batch."""
        batches = [batch for batch in self.batches if batch.cells.level == level]
        every = [(b, np.flatnonzero(~b.divided & (b.out | self._large(b, threshold)))) for b in batches]
        return [(batch, new) for batch, new in every if len(new)]

    def _cut(
        self,
        solver: StateSolver,
        new: Sequence[tuple[Batch, IntArray]],
        integrand: Integrand,
        threshold: float,
        comm: Intracomm,
        checkpoints: PassCheckpoints | None,
        *,
        quiet: bool,
        label: str,
    ) -> None:
        """Takes cells of one level out of the sum, and their parts in: both at once, for the ranks to share evenly."""
        # Means of the coarsest cells were summed without their values, which tell what cutting them corrects.
        level, unknown = new[0][0].cells.level, self._means and new[0][0].families is None
        again = [(batch, which[batch.summed[which] | unknown]) for batch, which in new]
        parts = Batch.parts(self.zone, together(new), self._replicates)
        for batch, which in new:
            batch.divided[which] = True
        parts.out = self._sampled(parts)
        limit = self._limit(level + 1, threshold)
        points = [(level, self.zone.points(together(again))), (level + 1, self.zone.points(parts.cells))]
        K = len(points[0][1])
        taken = [(-(batch.weights * batch.summed)[which], batch.signs[which]) for batch, which in again]
        taken.append((parts.weights, parts.signs))
        shares = np.concatenate([np.concatenate([w[:, None], w[:, None] * signs], axis=1) for w, signs in taken])
        limits = np.concatenate([np.full(K, np.inf), np.where(parts.out, -1.0, limit)])
        rows, values = self._compute(
            solver, points, shares, limits, integrand, comm, checkpoints, quiet=quiet, label=label
        )
        self._rows += rows
        for batch, which in again:
            batch.summed[which] = False
        if unknown:
            new[0][0].values = values[:K]
        values = values[K:]
        sums = parts.learn(values, contributions(parts.weights, values))
        parts.summed = ~parts.out & ~(parts.sizes > limit)
        self.batches.append(parts)
        corrections = self._corrections(new, sums)
        if self._means:
            parts.corrections = corrections
        self._note(new, corrections)

    def _compute(
        self,
        solver: StateSolver,
        points: Sequence[tuple[int, RealArray]],
        shares: RealArray,
        limits: RealArray,
        integrand: Integrand | None,
        comm: Intracomm,
        checkpoints: PassCheckpoints | None,
        *,
        quiet: bool = True,
        label: str = "",
    ) -> tuple[RealArray, RealArray]:
        """Sum and replicates as in Task over midpoints of cells, given with their levels, and their values."""
        k = np.concatenate([k for _, k in points])
        boxes = [np.broadcast_to(self.zone.edges(level), (len(k), 3, 3)) for level, k in points]
        edges = np.concatenate(boxes) if self._means else None
        task = Task(solver, self._request, k, edges, shares, limits, integrand, self._columns if integrand else 0)
        self.points += len(k)
        return rows_and_values(task, self._packing, comm, checkpoints, quiet=quiet, label=label)

    def _large(self, batch: Batch, threshold: float) -> BoolArray:
        if not len(batch.sizes):
            return np.zeros(len(batch), dtype=bool)
        return np.asarray(batch.sizes > self._limit(batch.cells.level, threshold))

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

    def _corrections(self, cut: Sequence[tuple[Batch, IntArray]], sums: RealArray) -> RealArray:
        """What the parts of each cut cell (F, n) correct; 0 for the coarsest cells where these are not known."""
        if not len(cut[0][0].values):
            return np.zeros_like(sums)
        before = [batch.weights[which, None] * batch.values[which] for batch, which in cut]
        return np.asarray(sums - np.concatenate(before))

    def _note(self, cut: Sequence[tuple[Batch, IntArray]], corrections: RealArray) -> None:
        """What the parts of cut cells correct (F, n) tells of their level."""
        start = 0
        for batch, which in cut:
            if len(batch.sizes):
                seen = self._seen.setdefault(batch.cells.level, Seen())
                seen.add(batch, which, corrections[start : start + len(which)])
            start += len(which)

    def _whole(self, rows: RealArray) -> list[RawSums]:
        """The sums over the zone from those over one cell of each orbit, of each row (K, size)."""
        sums = [self._packing.unpack(row) for row in rows]
        raw = self._projection.of({name: np.stack([one[name] for one in sums]) for name in sums[0]})
        return [{name: values[i] for name, values in raw.items()} for i in range(len(rows))]

    def _result(self) -> SummedPass:
        total, *replicates = self._rows
        R, scale = len(replicates), scale_of(self.batches, self._seen, self._coarsest)
        scale *= np.sqrt(1.0 - 1.0 / R)
        sums, *parts = self._whole(np.concatenate([total[None], total + scale * np.array(replicates)]))
        level = Level(1.0, np.full(R, 1.0 / R), tuple(parts))
        return SummedPass(
            sums,
            (level,),
            self.zone.dimension,
            points=sum(len(b) for b in self.batches),
            even=sum(len(b) for b in self.batches if b.cells.level == self.complete),
            violation=self._violation,
        )
