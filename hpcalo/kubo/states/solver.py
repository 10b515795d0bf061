"""Eigenstates and observables in the eigenbasis along lines of k-points: what every response is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import Observable
from hpcalo.typing import Array, RealArray


@dataclass
class States:
    """Eigenstates of a batch of K points, and the observables that were requested.

    E_kn: (K, N) ascending, eV. `states[VELOCITY]` and its like: an Operator as complex (K, N, v, N) <n|O_v|m>, a
    LevelProperty as real (K, N) or (K, v, N), in the observable's unit.
    """

    E_kn: RealArray
    observables: dict[Observable, Array] = field(default_factory=dict)

    def __getitem__(self, observable: Observable) -> Array:
        """The observable's array. Raises KeyError if it was not requested."""
        return self.observables[observable]

    def part(self, start: int, stop: int) -> States:
        """Those of some of the points; shares the arrays."""
        return States(self.E_kn[start:stop], {o: values[start:stop] for o, values in self.observables.items()})


class StateSolver(Protocol):
    """Diagonalizes a model with a given magnetization direction along lines of k-points."""

    crystal: Crystal
    size: int
    n_hat: RealArray
    order: tuple[int, int, int]
    """The fractional coordinate that is constant in a block of lines, the one that is constant in a line, and the one
    that runs along the line.
    """
    directions: tuple[int, ...]
    """Cartesian components that the velocity has."""

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        """States at the points of a line, with the observables in `need`."""
        ...


@runtime_checkable
class PointSolver(Protocol):
    """A StateSolver that also takes points of different lines together."""

    scattered: int
    """Points of a line, on average, below which this is quicker."""

    def points(self, k: RealArray, need: frozenset[Observable]) -> States:
        """States at points k (K, 3), fractional, with the observables in `need`.

        A point's states do not depend on the others.
        """
        ...
