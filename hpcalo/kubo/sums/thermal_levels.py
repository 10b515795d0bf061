"""Sums of properties of levels with functions of temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import RealArray

ROWS = 4


def add_thermal_levels(
    E_kn: RealArray,
    values: RealArray,
    mu: RealArray,
    kt: RealArray,
    weights: RealArray,
    part: NDArray[np.integer],
    out: RealArray,
) -> None:
    """Adds Σ_n g(E_n) X_n at the Q points (μ, T) to `out` (L, V, 4, Q), each k-point to the entry `part` (K,).

    values: (K, V, N). g: f · f (E−μ) + k_B T ln[1 + e^−u] with u = (E−μ)/k_BT, T times the entropy of a level · −f' ·
    −f' (E−μ).
    """
    Q = len(mu)
    for E, X, weight, entry in zip(E_kn, values, weights, part, strict=True):
        u = (E[None, :] - mu[:, None]) / kt[:, None]
        small = np.exp(-np.abs(u))
        fermi = np.where(u > 0.0, small, 1.0) / (1.0 + small)
        entropy = np.log1p(small) + np.abs(u) * small / (1.0 + small)  # even in u, and 0 far from μ
        slope = small / (1.0 + small) ** 2  # −f' k_B T
        g = np.concatenate([fermi, kt[:, None] * entropy, slope / kt[:, None], slope * u])
        out[entry] += weight * (X @ g.T).reshape(-1, ROWS, Q)
