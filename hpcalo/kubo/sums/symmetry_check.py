"""Which operations of the crystal a model has, how well each holds, and what breaks the others.

Wannier functions and printed digits break a crystal's symmetry by a little. Of an operation g the check compares, at
points k of no symmetry, the sums at gk with those at k transformed by g. A deviation is relative to the sum itself, or
where symmetry makes that small, to the sum of the same matrix elements with arbitrary phases: the size that it would
have without symmetry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.symmetry import Operation, identity, subgroup
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import LevelProperty, Observable, Operator
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.request import BROADENED, Request, Sums
from hpcalo.kubo.sums.symmetry import transformed
from hpcalo.typing import RealArray

LEVELS = "levels"
"""Name of what is compared where a request has no sums: the band energies, relative to WIDTH."""

PROBES = np.array([[0.1234, 0.3719, 0.2713], [0.4127, 0.0931, 0.1873]])
"""Points of no symmetry at which related points are compared."""

WIDTH = 0.1
"""eV; broadening of the sums that are compared, and twice their k_B T: a level on a grid energy then does no harm."""

ROUNDING = 1e-4
"""Share of the product of the two largest matrix elements (times 1/eV^p) that is nothing: a single band has no sum."""

Deviations = dict[str, RealArray]
"""Largest relative deviation of each raw sum, one number for each of its parts: Re and Im with broadening, the four
thermal sums; one for a sum over levels."""


@dataclass(frozen=True)
class Symmetry:
    """The operations that a model has, of those that its crystal has.

    crystal: number of the crystal's operations. operations: the group of those that hold, identity first. deviations:
    largest relative deviation of each. broken: the others, with their deviation and the sum that shows it. violation:
    by raw sum of the check, the largest deviation among the operations that hold.
    """

    crystal: int = 1
    operations: tuple[Operation, ...] = field(default_factory=lambda: (identity(),))
    deviations: tuple[float, ...] = (0.0,)
    broken: tuple[tuple[Operation, float, str], ...] = ()
    violation: Mapping[str, RealArray] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """Largest relative deviation of an operation that holds."""
        return max(self.deviations)


class SymmetryCheck:
    """Finds the operations that hold to a tolerance, in rounds, one for each probe.

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

    @property
    def rounds(self) -> int:
        """Number of probes."""
        return len(self._probes)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the sums at one point."""
        return self._request.shapes() or {LEVELS: (self._solver.size,)}

    @property
    def left(self) -> tuple[Operation, ...]:
        """The operations but the identity that hold so far."""
        return tuple(op for op in self._all if not op.is_identity and op.key() not in self._broken)

    def tasks(self, number: int) -> int:
        """Number of sums of a round: at the probe, once more with arbitrary phases, and at its images."""
        return 2 + len(self.left) if self.left else 0

    def sums(self, number: int, task: int) -> RawSums:
        """One of the sums of a round."""
        k = self._probes[number]
        if task > 1:
            k = self.left[task - 2].k_matrix @ k
        if LEVELS in self.shapes:
            if task == 1:
                return {LEVELS: np.full(self._solver.size, WIDTH)}
            first, second, last = k[list(self._solver.order)]
            return {LEVELS: self._solver.line(first, second, np.array([last]), frozenset()).E_kn[0]}
        if task != 1:
            return sum_block(self._solver, k[None], np.ones(1), self._request, slice(None))
        solver = _ArbitraryPhases(self._solver)
        natural = sum_block(solver, k[None], np.ones(1), self._request, slice(None))
        for name, (_, pair) in self._request.pair_sums().items():
            floor = ROUNDING * float(np.prod([solver.largest[operator] for operator in pair]))
            natural[name] = np.maximum(np.abs(natural[name]), floor)
        return natural

    def settle(self, sums: Sequence[RawSums]) -> None:
        """Compares the sums of a round."""
        if not sums:
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

    @property
    def state(self) -> dict[tuple[int, ...], tuple[float, str]]:
        """What the rounds so far have ruled out; the same on all processes before a round."""
        return self._broken

    @state.setter
    def state(self, broken: dict[tuple[int, ...], tuple[float, str]]) -> None:
        self._broken = broken

    def result(self) -> Symmetry:
        """What was found, where `settle` was called. Of operations that are no group, those that are one count."""
        worst = {op.key(): self._worst(op) for op in self.left}
        group = {op.key() for op in subgroup(sorted(self.left, key=lambda op: worst[op.key()]))}
        kept = tuple(op for op in self.left if op.key() in group)
        lost = [(op, worst[op.key()], "the products of operations") for op in self.left if op.key() not in group]
        broken = [(op, *self._broken[op.key()]) for op in self._all if op.key() in self._broken]
        found = [self._found[op.key()] for op in kept]
        return Symmetry(
            crystal=len(self._all),
            operations=(identity(), *kept),
            deviations=(0.0, *(worst[op.key()] for op in kept)),
            broken=(*broken, *lost),
            violation={name: np.max([parts[name] for parts in found], axis=0) for name in (found[0] if found else ())},
        )

    def _worst(self, op: Operation) -> float:
        return max(float(parts.max()) for parts in self._found[op.key()].values())

    def _compare(self, image: RawSums, expected: RawSums, natural: RawSums) -> Deviations:
        pairs = self._request.pair_sums()
        negligible = {name: observable.negligible for name, observable in self._request.level_sums().items()}
        found = {}
        for name in image:
            gap, size = np.abs(image[name] - expected[name]), np.maximum(np.abs(expected[name]), np.abs(natural[name]))
            if name in pairs and pairs[name][0] == BROADENED:  # (G, P, 2, NE): parts, then the rest, components
                gap, size = (x.transpose(2, 0, 3, 1).reshape(2, -1, x.shape[1]) for x in (gap, size))
            elif name in pairs:  # (P, 4, Q)
                gap, size = (x.transpose(1, 2, 0) for x in (gap, size))
            elif name == LEVELS:
                gap, size = gap[None, :, None], natural[name][None, :, None]
            else:
                gap, size = (x.reshape(1, 1, -1) for x in (gap, size))
            found[name] = _largest_ratio(gap, size, negligible.get(name, 0.0))
        return found


def symmetries_of(solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float) -> Symmetry:
    """The result of a `SymmetryCheck`, with all rounds in this process. Serial."""
    check = SymmetryCheck(solver, operations, request, tolerance)
    for number in range(check.rounds):
        check.settle([check.sums(number, task) for task in range(check.tasks(number))])
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
    )


class _ArbitraryPhases:
    """A solver whose operators have the moduli of another's matrix elements, and fixed phases of no relation.

    largest: the largest modulus of each.
    """

    def __init__(self, solver: StateSolver) -> None:
        self._solver = solver
        self.crystal: Crystal = solver.crystal
        self.size, self.n_hat, self.order, self.directions = solver.size, solver.n_hat, solver.order, solver.directions
        self.largest: dict[Observable, float] = {}

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        """States at the points of a line."""
        states = self._solver.line(k_first, k_second, k_last, need)
        changed: dict[Observable, NDArray] = {}
        for number, (observable, values) in enumerate(states.observables.items()):
            if isinstance(observable, LevelProperty):
                changed[observable] = np.abs(values)
            elif isinstance(observable, Operator):
                angle = np.random.default_rng(number).uniform(-np.pi, np.pi, values.shape[1:])
                angle -= angle.transpose(2, 1, 0)
                changed[observable] = values * np.exp(1j * angle)
            self.largest[observable] = float(np.abs(values).max())
        return States(states.E_kn, changed)
