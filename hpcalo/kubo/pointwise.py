"""What single k-points give for the numbers that have a target: what refines the cells of the zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpcalo.io.dataset import Result, Variable
from hpcalo.kubo.cells.loop import Integrand
from hpcalo.kubo.cells.signs import sketch
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.fields import coordinates
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.summary.numbers import numbers
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.target.targets import values_with_target
from hpcalo.typing import RealArray

STEP = 1e-3
"""Step towards a point's sums, relative to their distance: numbers that are no sums over k are linear in it."""
COLUMNS = 48
"""Numbers of a point; of more, so many combinations that have their norm on average."""


class PointNumbers:
    """The numbers with a target of one direction of the magnetization, as functions of its sums alone.

    run: of this direction, with its first sums as `raw`. Numbers that need several directions are left out.
    """

    def __init__(self, run: RunSums, section: KuboSection) -> None:
        self._run, self._accuracies = run, section.accuracies
        self._chosen = [
            r for r in responses(section.quantities) if any(q.name in self._accuracies for q in r.quantities)
        ]
        fields = [v for r in self._chosen for v in r.variables(run)]
        axes = coordinates(run, self._chosen, 0.0, fields)
        found = values_with_target(fields, axes, run.mu, self._accuracies).variables
        self._allowed = np.concatenate([np.zeros(0), *(v.allowed for v in found)])
        counts = np.concatenate([np.zeros(0, dtype=bool), *(v.counts for v in found)])
        self._axes = {c.name: c for c in [*axes, Variable("mu", ("mu",), run.mu, "eV")]}
        twice = [dict(run.raw[0])] * 2  # which shows what numbers belong to single directions
        self._start = self._numbers(twice)[0]
        self._use = counts & np.isfinite(self._start) & (self._allowed > 0.0)
        many = self.columns > COLUMNS
        self._sketch = sketch(self.columns, COLUMNS) * np.sqrt(COLUMNS / self.columns) if many else None

    @property
    def columns(self) -> int:
        """How many numbers have a target and a size."""
        return int(self._use.sum())

    def __call__(self, raw: RawSums) -> RealArray:
        """Of K points, (K, n), in units of the allowed errors, relative to the numbers themselves."""
        start = self._run.raw[0]
        moved = {name: start[name] + STEP * (values - start[name]) for name, values in raw.items()}
        count = len(next(iter(moved.values())))
        values = self._numbers([{name: array[i] for name, array in moved.items()} for i in range(count)])
        change = (values - self._start)[:, self._use] / (STEP * self._allowed[self._use])
        change = np.nan_to_num(change, nan=0.0, posinf=0.0, neginf=0.0)
        return change if self._sketch is None else change @ self._sketch

    def _numbers(self, raws: Sequence[RawSums]) -> RealArray:
        """All numbers with a target from several sums at once, (K, n): they stand in for directions."""
        K = len(raws)
        run = replace(self._run, n_hat=np.repeat(self._run.n_hat, K, axis=0), raw=tuple(raws))
        fields = {v.name: v for r in self._chosen for v in r.variables(run)}
        result = Result(Path(), fields, self._axes, attrs={}, texts={})
        found = [one.value for one in numbers(result) if one.name in self._accuracies]
        whole = [v.reshape(K, -1) if len(v) == K else np.full((K, v.size), np.nan) for v in found]
        return np.concatenate([np.zeros((K, 0)), *whole], axis=1)


def point_numbers(run: RunSums, section: KuboSection) -> Integrand | None:
    """As a function for the cells; None where no number has a target."""
    found = PointNumbers(run, section)
    return found if found.columns else None
