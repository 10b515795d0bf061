"""Which coordinates of k run along a line, and which Cartesian components a velocity has."""

from __future__ import annotations

from hpcalo.hamiltonian.types import Crystal


def line_order(periodic: tuple[bool, bool, bool]) -> tuple[int, int, int]:
    """Coordinates that do not repeat come first.

    They have one value, and the line runs along a direction with many points.
    """
    first, second, last = sorted(range(3), key=lambda c: periodic[c])
    return first, second, last


def velocity_directions(crystal: Crystal) -> tuple[int, ...]:
    """Cartesian components along which the periodic lattice vectors reach."""
    return crystal.directions
