"""Which operations of the crystal a model has, how well each holds, and what breaks the others.

Wannier functions and printed digits break a crystal's symmetry by a little. Of an operation g the check compares, at
points k of no symmetry, the sums at gk with those at k transformed by g. A deviation is relative to the sum itself, or
where symmetry makes that small, to the sum of the same matrix elements with arbitrary phases: the size that it would
have without symmetry. Where operations hold, but not exactly, more points show what is left of the deviations in a mean
over the zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation, identity, subgroup
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.found import EXACT, SAMPLES, Symmetry
from hpcalo.kubo.sums.phases import ArbitraryPhases
from hpcalo.kubo.sums.request import BROADENED, Request, Sums
from hpcalo.kubo.sums.symmetry import transformed
from hpcalo.typing import RealArray

LEVELS = "levels"
"""Name of what is compared where a request has no sums: the band energies, relative to WIDTH."""

PROBES = np.array([[0.1234, 0.3719, 0.2713], [0.4127, 0.0931, 0.1873]])
"""Points of no symmetry at which related points are compared."""

STEPS = np.array([0.8191725133961645, 0.6710436067037893, 0.5497004779019703])
"""Steps of a sequence of evenly spread points: 1/p, 1/p², 1/p³ with p⁴ = p + 1."""

WIDTH = 0.1
"""eV; broadening of the sums that are compared, and twice their k_B T: a level on a grid energy then does no harm."""

ROUNDING = 1e-4
"""Share of the product of the two largest matrix elements (times 1/eV^p) that is nothing: a single band has no sum."""

Deviations = dict[str, RealArray]
"""Largest relative deviation of each raw sum, one number for each of its parts: Re and Im with broadening, the four
thermal sums; one for a sum over levels."""


class SymmetryCheck:
    """Finds the operations that hold to a tolerance, in rounds: one for each probe, one for the mean of the deviations.

    A round needs `tasks` sums, made anywhere and in any order by `sums`; `settle` then drops the operations that do not
    hold, and `state` is what the other processes need before the next round.
    """

    def __init__(
        self, solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float
    ) -> None:
        self._solver, self._request, self._tolerance = solver, _probe_request(request), tolerance
        self._probes = PROBES * np.array(solver.crystal.periodic, dtype=float)
        self._all = tuple(operations)
        self._found: dict[tuple[int, ...], Deviations] = {}
        self._broken: dict[tuple[int, ...], tuple[float, str]] = {}
        self._exact = True
        self._violation: Deviations = {}

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self._probes) + 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the sums at one point."""
        return self._request.shapes() or {LEVELS: (self._solver.size,)}

    @property
    def left(self) -> tuple[Operation, ...]:
        """The operations but the identity that hold so far."""
        return tuple(op for op in self._all if not op.is_identity and op.key() not in self._broken)

    def tasks(self, number: int) -> int:
        """Number of sums of a round.

        At the probe, once more with arbitrary phases, and at its images; in the last round at points and one image of
        each.
        """
        if number == len(self._probes):
            return 0 if self._exact else 2 * SAMPLES
        return 2 + len(self.left) if self.left else 0

    def sums(self, number: int, task: int) -> RawSums:
        """One of the sums of a round."""
        if number == len(self._probes):
            k, op = self._sample(task // 2)
            return self._at(op.k_matrix @ k if task % 2 else k)
        k = self._probes[number]
        if task > 1:
            k = self.left[task - 2].k_matrix @ k
        return self._with_arbitrary_phases(k) if task == 1 else self._at(k)

    def _sample(self, number: int) -> tuple[RealArray, Operation]:
        """A point of a sequence that fills the zone evenly, and an operation."""
        k = (0.5 + (number + 1) * STEPS) % 1.0 * np.array(self._solver.crystal.periodic, dtype=float)
        return k, self.left[number % len(self.left)]

    def _at(self, k: RealArray) -> RawSums:
        if LEVELS in self.shapes:
            first, second, last = k[list(self._solver.order)]
            return {LEVELS: self._solver.line(first, second, np.array([last]), frozenset()).E_kn[0]}
        return sum_block(self._solver, k[None], np.ones(1), self._request, slice(None))

    def _with_arbitrary_phases(self, k: RealArray) -> RawSums:
        if LEVELS in self.shapes:
            return {LEVELS: np.full(self._solver.size, WIDTH)}
        solver = ArbitraryPhases(self._solver)
        natural = sum_block(solver, k[None], np.ones(1), self._request, slice(None))
        for name, (_, pair) in self._request.pair_sums().items():
            floor = ROUNDING * float(np.prod([solver.largest_of(operator) for operator in pair]))
            natural[name] = np.maximum(np.abs(natural[name]), floor)
        return natural

    def settle(self, number: int, sums: Sequence[RawSums]) -> None:
        """Compares the sums of a round."""
        if not sums:
            return
        if number == len(self._probes):
            self._settle_mean(sums)
            return
        at_probe, natural, *images = sums
        for op, image in zip(self.left, images, strict=True):
            found = self._compare(image, transformed(at_probe, op, self._request), natural)
            worst, name = max((float(parts.max()), name) for name, parts in found.items())
            if worst > self._tolerance:
                self._broken[op.key()] = (worst, name)
            else:
                earlier = self._found.get(op.key(), {})
                self._found[op.key()] = {n: np.maximum(parts, earlier.get(n, 0.0)) for n, parts in found.items()}
        self._exact = max((self._worst(op) for op in self.left), default=0.0) <= EXACT

    def _settle_mean(self, sums: Sequence[RawSums]) -> None:
        count = len(sums) // 2
        levels = self._request.level_sums()
        for name in sums[0]:
            expected = [transformed(sums[2 * i], self._sample(i)[1], self._request)[name] for i in range(count)]
            gap = np.array([raw[name] for raw in sums[1::2]]) - np.array(expected)
            if name in levels:
                gap = np.cumsum(gap, axis=-1)
            left = np.hypot(gap.mean(axis=0), gap.std(axis=0) / np.sqrt(count))
            self._violation[name] = np.sqrt((self._by_parts(name, left).max(axis=2) ** 2).mean(axis=1))

    @property
    def state(self) -> tuple[dict[tuple[int, ...], tuple[float, str]], bool]:
        """What the rounds so far have ruled out; the same on all processes before a round."""
        return self._broken, self._exact

    @state.setter
    def state(self, state: tuple[dict[tuple[int, ...], tuple[float, str]], bool]) -> None:
        self._broken, self._exact = state

    def result(self) -> Symmetry:
        """What was found, where `settle` was called. Of operations that are no group, those that are one count."""
        worst = {op.key(): self._worst(op) for op in self.left}
        group = {op.key() for op in subgroup(sorted(self.left, key=lambda op: worst[op.key()]))}
        kept = tuple(op for op in self.left if op.key() in group)
        lost = [(op, worst[op.key()], "the products of operations") for op in self.left if op.key() not in group]
        broken = [(op, *self._broken[op.key()]) for op in self._all if op.key() in self._broken]
        return Symmetry(
            crystal=len(self._all),
            operations=(identity(), *kept),
            deviations=(0.0, *(worst[op.key()] for op in kept)),
            broken=(*broken, *lost),
            violation=self._violation if kept else {},
        )

    def _worst(self, op: Operation) -> float:
        return max(float(parts.max()) for parts in self._found[op.key()].values())

    def _compare(self, image: RawSums, expected: RawSums, natural: RawSums) -> Deviations:
        found = {}
        for name in image:
            size = np.maximum(np.abs(expected[name]), np.abs(natural[name])) if name != LEVELS else natural[name]
            found[name] = self._ratios(name, np.abs(image[name] - expected[name]), size)
        return found

    def _ratios(self, name: str, gap: RealArray, size: RealArray) -> RealArray:
        """By part of a sum, its largest deviation, relative to the largest component."""
        levels = self._request.level_sums()
        negligible = levels[name].negligible if name in levels else 0.0
        return _largest_ratio(self._by_parts(name, gap), self._by_parts(name, size), negligible)

    def _by_parts(self, name: str, values: RealArray) -> RealArray:
        """A sum as (parts, the rest, components)."""
        pairs = self._request.pair_sums()
        if name not in pairs:
            return values.reshape(1, 1, -1)
        if pairs[name][0] == BROADENED:  # (G, P, 2, NE)
            return values.transpose(2, 0, 3, 1).reshape(2, -1, values.shape[1])
        return values.transpose(1, 2, 0)  # (P, 4, Q)


def symmetries_of(solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float) -> Symmetry:
    """The result of a `SymmetryCheck`, with all rounds in this process. Serial."""
    check = SymmetryCheck(solver, operations, request, tolerance)
    for number in range(check.rounds):
        check.settle(number, [check.sums(number, task) for task in range(check.tasks(number))])
    return check.result()


def _largest_ratio(gap: RealArray, size: RealArray, negligible: float) -> RealArray:
    """By part: largest deviation over the largest component, of gaps and sizes (parts, rest, components)."""
    largest, scale = gap.max(axis=2), size.max(axis=2)
    counts = (largest > negligible) & (scale > 0.0)
    return np.asarray(np.where(counts, largest / np.where(scale > 0.0, scale, 1.0), 0.0).max(axis=1))


def _probe_request(request: Request) -> Request:
    """The same sums, smooth in the band energies: sums at T = 0 become thermal ones."""
    low, high = request.energies[0], request.energies[-1]
    sums = request.sums
    thermal = dict.fromkeys(sums.sea + sums.thermal + sums.fermi)
    levels = dict.fromkeys(request.level_sums().values())
    return replace(
        request,
        energies=np.linspace(low, high, 5),
        gammas=np.array([WIDTH]) if sums.broadened else request.gammas,
        mu=low + (high - low) * np.array([0.31, 0.5, 0.77]),
        kt=np.full(3, WIDTH / 2.0),
        sums=Sums(broadened=sums.broadened, thermal=tuple(thermal), levels=tuple(levels)),
        count_edges=np.zeros(0),
        window=False,
        scattering=None,
    )
