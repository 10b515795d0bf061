"""Fourier sums X(k) = Σ_R exp(2πi k·R) X(R) at points that share no line: one real matrix product for all of them.

With X(k) = Σ cos(2πk·R) [X(R) + X(−R)] + sin(2πk·R) i[X(R) − X(−R)] over one of each R and −R, the factors are real:
half the work of a complex product.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import ComplexArray, IntArray, RealArray

PIECE = 64
"""Points of a product. It is always made of so many, so that a point's sums do not depend on how many there are."""


class PointSum:
    """Sums of all columns.

    R: (nR, 3). columns: (nR, M).
    """

    def __init__(self, R: IntArray, columns: ComplexArray) -> None:
        place = {tuple(r): i for i, r in enumerate(R.tolist())}
        half = [r for r in place if r > (0, 0, 0) or tuple(-c for c in r) not in place]
        here = np.array([place[r] for r in half], dtype=int)
        there = np.array([place.get(tuple(-c for c in r), -1) for r in half], dtype=int)
        other = np.where(there[:, None] >= 0, columns[there], 0.0)
        home = [columns[[place[0, 0, 0]]]] if (0, 0, 0) in place else []
        self._R = np.array(half, dtype=float).reshape(-1, 3)
        self._home = len(home)
        factors = np.concatenate([*home, columns[here] + other, 1j * (columns[here] - other)])
        self._columns = np.ascontiguousarray(factors).view(np.float64)

    def values(self, k: RealArray, out: ComplexArray) -> ComplexArray:
        """The sums at points k (K, 3), fractional, into out (K', M); returns the first K.

        out has room for a whole number of pieces.
        """
        K, n = len(k), len(self._R)
        # Not a matrix product, whose bits depend on the number of points.
        angle = 2.0 * np.pi * (k[:, :1] * self._R[:, 0] + k[:, 1:2] * self._R[:, 1] + k[:, 2:] * self._R[:, 2])
        phases = np.zeros((-(-K // PIECE) * PIECE, len(self._columns)))
        phases[:K, : self._home] = 1.0
        np.cos(angle, out=phases[:K, self._home : self._home + n])
        np.sin(angle, out=phases[:K, self._home + n :])
        for start in range(0, len(phases), PIECE):
            piece = slice(start, start + PIECE)
            np.matmul(phases[piece], self._columns, out=out[piece].view(np.float64))
        return out[:K]
