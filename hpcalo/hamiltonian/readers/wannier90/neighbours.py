"""Derivatives in k on the mesh of a Wannier90 run: the vectors b to neighbours and their weights."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.typing import IntArray, RealArray

SAME_LENGTH = 1e-5
"""1/Å, between vectors of one shell."""
COMPLETE = 1e-4
"""What Σ w b_a b_c may differ from δ_ac by."""


def vectors(k: RealArray, own: int, neighbours: IntArray, G: IntArray, lattice: RealArray) -> RealArray:
    """The vectors b (nn, 3) 1/Å from point `own` to its neighbours, k[neighbours] + G.

    k: (nk, 3) fractional. G: (nn, 3). lattice: (3, 3) Å.
    """
    reciprocal = 2.0 * np.pi * np.linalg.inv(lattice).T
    return np.asarray((k[neighbours] + G - k[own]) @ reciprocal, dtype=np.float64)


def weights(b: RealArray) -> RealArray:
    """Weights w (nn,) Å², equal for vectors of one length, with Σ_b w b_a b_c = δ_ac.

    N. Marzari, D. Vanderbilt, Phys. Rev. B 56, 12847 (1997), (B1). b: (nn, 3) 1/Å. Raises ModelError if no weights
    fulfil that.
    """
    length = np.linalg.norm(b, axis=1)
    order = np.argsort(length, kind="stable")
    shell = np.zeros(len(b), dtype=np.int64)
    shell[order] = np.concatenate([[0], np.cumsum(np.diff(length[order]) > SAME_LENGTH)])
    products = np.einsum("ba,bc->bac", b, b).reshape(len(b), 9)
    sums = np.stack([products[shell == s].sum(axis=0) for s in range(shell.max() + 1)], axis=1)
    one = np.eye(3).ravel()
    per_shell = np.linalg.lstsq(sums, one, rcond=1e-9)[0]
    gap = float(np.abs(sums @ per_shell - one).max())
    if gap > COMPLETE:
        raise ModelError(f"its {len(b)} neighbours do not make derivatives: Σ w b b differs from 1 by {gap:.2g}")
    return np.asarray(per_shell[shell], dtype=np.float64)
