"""Eigenstates and operators in the eigenbasis along lines of k-points: what every response is made of."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import ComplexArray, RealArray

VELOCITY, TORQUE, SPIN, CURVATURE = "velocity", "torque", "spin", "curvature"


@dataclass
class States:
    """Eigenstates of a batch of K points; operators that were not asked for are None.

    E_kn: (K, N) ascending, eV. velocity, torque: (K, N, v, N) <n|O_v|m>, eV Å and eV (velocity has the components
    `directions` of the solver, torque all three). spin_kn: (K, N) expectation of σ·n̂. curvature_kvn: (K, 3, N) Å², the
    part of the Berry curvature that no sum over the model's own bands contains, components (yz, zx, xy).
    """

    E_kn: RealArray
    velocity: ComplexArray | None = None
    torque: ComplexArray | None = None
    spin_kn: RealArray | None = None
    curvature_kvn: RealArray | None = None


class StateSolver(Protocol):
    """Diagonalizes a model with a given magnetization direction along lines of k-points."""

    crystal: Crystal
    size: int
    n_hat: RealArray
    order: tuple[int, int, int]
    """Which fractional coordinate is constant in a block of lines, in a line, and runs along the line."""
    directions: tuple[int, ...]
    """Cartesian components that the velocity has."""

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: Set[str]) -> States:
        """States at the points of a line, with the operators named in `need`."""
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
