"""What a model has of the symmetry of its crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpcalo.hamiltonian.symmetry import Operation, identity
from hpcalo.kubo.sums.request import BROADENED, FERMI, SEA, THERMAL, Request, raw_name
from hpcalo.typing import RealArray

EXACT = 1e-9
"""Largest deviation of an operation that holds to rounding."""

SAMPLES = 32
"""Points from which the mean of the deviations is known."""

PARTS = {BROADENED: [0, 1], THERMAL: [0, 1, 2, 3], SEA: [3, 0], FERMI: [3]}
"""Which parts of the smooth sums are those of a kind of sums: a sea sum's first curve is (36), as the last thermal sum,
its second (32), as the first.
"""


@dataclass(frozen=True)
class Symmetry:
    """The operations that a model has, of those that its crystal has.

    crystal: number of the crystal's operations. operations: the group of those that hold, identity first. deviations:
    largest relative deviation of each. broken: the others, with their deviation and the sum that shows it. violation:
    by raw sum of the check and its parts, what is left of the deviations in the mean over the zone, in the unit of the
    sum: the mean of SAMPLES points and its standard error, of the largest component, root mean square; empty if all
    hold to rounding. expected: whether nothing was checked, and they are those of the crystal.
    """

    crystal: int = 1
    operations: tuple[Operation, ...] = field(default_factory=lambda: (identity(),))
    deviations: tuple[float, ...] = (0.0,)
    broken: tuple[tuple[Operation, float, str], ...] = ()
    violation: Mapping[str, RealArray] = field(default_factory=dict)
    expected: bool = False

    @property
    def worst(self) -> float:
        """Largest relative deviation of an operation that holds."""
        return max(self.deviations)

    def violation_of(self, request: Request) -> dict[str, RealArray]:
        """The violation of each raw sum of a request, part by part.

        Parts: Re and Im with broadening, the four thermal sums, the two curves of a sea sum; of others as a whole,
        (1,).
        """
        found: dict[str, RealArray] = {}
        for name, (kind, pair) in request.pair_sums().items():
            source = name if kind == BROADENED else raw_name(THERMAL, pair)
            if source in self.violation:
                found[name] = self.violation[source][PARTS[kind]]
        for name, observable in request.level_sums().items():
            if observable.name in self.violation:
                found[name] = self.violation[observable.name]
        return found
