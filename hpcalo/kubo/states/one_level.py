"""Which levels have one energy, so that only what does not depend on the choice among their states has a meaning."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import BoolArray, RealArray

DEGENERATE = 1e-5
"""eV; levels that are this close to the next one belong together."""


def together(E_kn: RealArray, distance: float = DEGENERATE) -> BoolArray:
    """(K, N, N): whether two levels belong to one group, in which each is at most `distance` (eV) from the next."""
    begins = np.diff(E_kn, axis=1, prepend=-np.inf) > distance
    group = np.cumsum(begins, axis=1)
    return np.asarray(group[:, :, None] == group[:, None, :])
