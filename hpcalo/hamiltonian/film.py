"""Which lattice vectors repeat, how thick a film is, and which atom an orbital belongs to."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import IntArray, RealArray


def periodic_directions(R: IntArray) -> tuple[bool, bool, bool]:
    """A direction repeats if any cell of the Hamiltonian lies along it."""
    return bool(R[:, 0].any()), bool(R[:, 1].any()), bool(R[:, 2].any())


def layer_thickness(lattice: RealArray, periodic: tuple[bool, bool, bool], positions: RealArray) -> float | None:
    """Thickness of a film in Å: extent of its atoms along the normal plus one mean distance of its layers.

    A bulk-like slab of n layers a distance d apart gets n·d. None if it is no film or has a single layer.
    """
    if sum(periodic) != 2:
        return None
    in_plane = lattice[list(periodic)]
    normal = np.cross(in_plane[0], in_plane[1])
    heights = np.sort(positions @ (normal / np.linalg.norm(normal)))
    layers = 1 + int((np.diff(heights) > 0.3).sum())  # atoms within 0.3 Å make one rumpled layer
    extent = float(heights[-1] - heights[0])
    return extent * layers / (layers - 1) if layers > 1 else None


def thickness_or_default(
    given: float | None, lattice: RealArray, periodic: tuple[bool, bool, bool], positions: RealArray
) -> tuple[float | None, tuple[str, ...]]:
    """The thickness that is used, and a note if it was derived from the atoms."""
    if given is not None or all(periodic):
        return given, ()
    derived = layer_thickness(lattice, periodic, positions)
    if derived is None:
        return None, ("thickness: taken as the length of the non-periodic lattice vectors (set it with 'thickness')",)
    text = f"thickness {derived:.4f} Å: extent of the atoms plus one mean layer spacing (set it with 'thickness')"
    return derived, (text,)


def nearest_atoms(centres: RealArray, lattice: RealArray, positions: RealArray) -> IntArray:
    """For each centre (N, 3) Å the number of the atom that is nearest, periodic images included."""
    shifts = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ lattice
    apart = centres[:, None] - positions[None]
    apart -= np.rint(apart @ np.linalg.inv(lattice)) @ lattice
    distance = np.linalg.norm(apart[:, :, None] + shifts, axis=-1).min(axis=-1)
    return np.argmin(distance, axis=1).astype(np.int64)
