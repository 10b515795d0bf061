"""Eigenstates and observables in the eigenbasis along lines of k-points: what every response is made of."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hpcalo.kubo.states.observable import Observable


@dataclass
class States:
    """Eigenstates of a batch of K points, and the observables that were requested.

    E_kn: (K, N) ascending, eV. `states[VELOCITY]` and its like: an Operator as complex (K, N, v, N) <n|O_v|m>, a
    LevelProperty as real (K, N) or (K, v, N), in the observable's unit.
    """

    E_kn: RealArray
    observables: dict[Observable, NDArray[Any]] = field(default_factory=dict)

    def __getitem__(self, observable: Observable) -> NDArray[Any]:
        """The observable's array. Raises KeyError if it was not requested."""
        return self.observables[observable]


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

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: Set[Observable]) -> States:
        """States at the points of a line, with the observables in `need`."""
        ...


def line_order(periodic: tuple[bool, bool, bool]) -> tuple[int, int, int]:
    """Coordinates that do not repeat come first: they have one value, and the line runs along a direction with many
    points.
    """
    first, second, last = sorted(range(3), key=lambda c: periodic[c])
    return first, second, last


def velocity_directions(crystal: Crystal) -> tuple[int, ...]:
    """Cartesian components along which the periodic lattice vectors reach."""
    reach = np.abs(crystal.lattice[list(crystal.periodic)]).max(axis=0) if any(crystal.periodic) else np.zeros(3)
    return tuple(v for v in range(3) if reach[v] > 1e-9)
