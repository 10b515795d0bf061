"""Which coordinates of k run along a line, and which Cartesian components a velocity has."""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.types import Crystal


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
