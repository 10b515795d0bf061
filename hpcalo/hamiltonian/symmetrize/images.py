"""Minimal-distance replicas from given centres, where those of the file break the symmetry.

Centres that are off by 1e-4 Å turn a tie of two images into a choice of one, at the tolerance of 1e-5 Å that Wannier90
has, and the Hamiltonian then loses the symmetry by tenths of an electronvolt.
"""

from __future__ import annotations

import numpy as np

from hpcalo.hamiltonian.replicas import Folding
from hpcalo.typing import BoolArray, IntArray, RealArray

TIE = 1e-5
"""Å: images whose distances differ by less share an element (ws_distance_tol of Wannier90)."""
REACH = 2
"""Images of the supercell that are looked at, in each direction (ws_search_size of Wannier90)."""


def supercell(folding: Folding, R: IntArray) -> IntArray:
    """(3,) size of the mesh of Wannier90: what all shifts of the replicas are multiples of."""
    shift = folding.R[folding.cell] - R[folding.source]
    return np.gcd.reduce(np.abs(shift), axis=0)


def trusted_cells(R: IntArray, folding: Folding | None, N: int) -> BoolArray:
    """Cells none of whose elements has more than one image, or one elsewhere; all if that leaves none but R = 0."""
    everywhere = np.ones(len(R), dtype=bool)
    if folding is None:
        return everywhere
    moved = (folding.R[folding.cell] != R[folding.source]).any(axis=1) | (folding.weight < 1.0)
    inside = everywhere.copy()
    inside[folding.source[moved]] = False
    return inside if inside.sum() > 1 else everywhere


def centred_folding(folding: Folding, R: IntArray, lattice: RealArray, centres: RealArray) -> Folding:
    """The folding with images nearest for these centres (N, 3) Å."""
    size, N = supercell(folding, R), len(centres)
    span = [np.arange(-REACH, REACH + 1) * s if s else np.zeros(1, dtype=np.int64) for s in size]
    shifts = np.stack(np.meshgrid(*span, indexing="ij"), axis=-1).reshape(-1, 3)
    apart = centres[None, :] - centres[:, None]  # (m, n): from the function m to n
    rows = []
    for r, cell in enumerate(R):
        length = np.linalg.norm(apart[:, :, None] + (cell + shifts) @ lattice, axis=-1)
        m, n, t = np.nonzero(length < length.min(axis=2, keepdims=True) + TIE)
        rows.append(np.column_stack([np.full(len(m), r), m, n, cell + shifts[t]]))
    table = np.concatenate(rows)
    cells, number = np.unique(table[:, 3:], axis=0, return_inverse=True)
    source, m, n = table[:, :3].T
    return Folding.in_equal_parts(cells, source, number.ravel(), m, n, len(R), N)
