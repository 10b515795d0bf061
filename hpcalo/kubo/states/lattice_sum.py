"""Fourier sums X(k) = Σ_R exp(2πi k·R) X(R) and their k-derivatives, one lattice direction at a time.

For a line of points that differ in their last coordinate only, the sum over the first two coordinates of R is done
once. What remains per point is a sum over the few values of the last coordinate, a matrix product over the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import ComplexArray, IntArray, RealArray


@dataclass(frozen=True)
class Stage:
    """Sum over one coordinate of R: rows `starts[i]:starts[i+1]` of the input share the remaining coordinates."""

    coordinate: RealArray  # of each input row
    starts: IntArray

    @property
    def groups(self) -> int:
        """Number of rows of the result."""
        return len(self.starts) - 1

    def sum(self, k: float, X: NDArray, derivative: bool) -> ComplexArray:
        """Σ exp(2πi k R) X over each group, with a factor iR if `derivative`; X is (rows, M), real or complex."""
        phase = np.exp(2j * np.pi * k * self.coordinate)
        if derivative:
            phase = phase * (1j * self.coordinate)
        out = np.empty((self.groups, X.shape[1]), dtype=np.complex128)
        for g in range(self.groups):
            rows = slice(self.starts[g], self.starts[g + 1])
            if np.isrealobj(X):  # two real products: half the work of a complex one, and no complex copy of X
                out[g].real = phase[rows].real @ X[rows]
                out[g].imag = phase[rows].imag @ X[rows]
            else:
                out[g] = phase[rows] @ X[rows]
        return out


class LatticeSum:
    """Sums of two kinds of columns: `plain` (values only) and `graded` (values and gradient).

    R: (nR, 3). lattice: (3, 3) Å. plain: (nR, Mp), graded: (nR, Mg), both real or complex. order: the coordinate summed
    first, second and along the line. directions: (3, G), the Cartesian components that each of G gradients is made of,
    real or complex; none without them. cells, columns: R and all columns in the order in which they are summed.
    """

    def __init__(
        self,
        R: IntArray,
        lattice: RealArray,
        plain: NDArray,
        graded: NDArray,
        order: tuple[int, int, int],
        directions: NDArray,
    ) -> None:
        first, second, last = order
        sort = np.lexsort((R[:, first], R[:, second], R[:, last]))
        ordered = R[sort][:, [first, second, last]]
        self.order, self.cells = order, R[sort]
        self.plain_columns = plain.shape[1]
        self.columns = np.concatenate([plain[sort], graded[sort]], axis=1)
        self._first, after_first = _stage(ordered, 0)
        self._second, after_second = _stage(after_first, 1)
        self._last = after_second[:, 2].astype(np.float64)
        # R_v = Σ_c R_c a_cv; a coordinate that is always 0 (a film's third) has no derivative.
        self._lattice = lattice[[first, second, last]] @ directions
        self._active = [bool(directions.size and np.any(ordered[:, c])) for c in range(3)]
        self._key: tuple[float, float] | None = None
        self._key_first: float | None = None

    def line(
        self,
        k_first: float,
        k_second: float,
        k_last: RealArray,
        out: ComplexArray | None = None,
        gradient: ComplexArray | None = None,
    ) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
        """Plain values (K, Mp), graded values (K, Mg) and gradients (G, K, Mg) in units × Å at K points of a line.

        out: (K, Mp + Mg), of which the values then are parts. gradient: (G, K, Mg), where the gradients are written.
        """
        self._prepare(k_first, k_second)
        K, Mp = len(k_last), self.plain_columns
        phase = np.exp(2j * np.pi * np.outer(k_last, self._last))
        values = np.matmul(phase, self._values, out=out)
        graded = self._values[:, Mp:]
        if gradient is None:
            gradient = np.empty((self._lattice.shape[1], K, graded.shape[1]), dtype=np.complex128)
        for g, target in enumerate(gradient):
            weights = self._lattice[:, g]
            coordinates = tuple(c for c in range(3) if self._active[c] and weights[c] != 0.0)
            if not coordinates:
                target[...] = 0.0
                continue
            phases = [phase * (weights[c] * (1j * self._last if c == 2 else 1.0)) for c in coordinates]
            np.matmul(np.concatenate(phases, axis=1), self._stacked(coordinates), out=target)
        return values[:, :Mp], values[:, Mp:], gradient

    def _prepare(self, k_first: float, k_second: float) -> None:
        if self._key == (k_first, k_second):
            return
        Mp = self.plain_columns
        if self._key_first != k_first:
            self._one = self._first.sum(k_first, self.columns, False)
            self._one_d = self._first.sum(k_first, self.columns[:, Mp:], True) if self._active[0] else None
            self._key_first = k_first
        self._values = self._second.sum(k_second, self._one, False)
        self._derivatives = (
            None if self._one_d is None else self._second.sum(k_second, self._one_d, False),
            self._second.sum(k_second, self._one[:, Mp:], True) if self._active[1] else None,
            self._values[:, Mp:],  # differentiated by its phases
        )
        self._together: dict[tuple[int, ...], ComplexArray] = {}
        self._key = (k_first, k_second)

    def _stacked(self, coordinates: tuple[int, ...]) -> ComplexArray:
        """What is differentiated by these coordinates, one below the other, so that one product adds them up."""
        if coordinates not in self._together:
            parts = [part for c in coordinates if (part := self._derivatives[c]) is not None]
            self._together[coordinates] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return self._together[coordinates]


def _stage(R: IntArray, coordinate: int) -> tuple[Stage, IntArray]:
    """The stage that sums over `coordinate` of the ordered cells, and the cells that remain.

    In these that coordinate is 0.
    """
    rest = R.copy()
    rest[:, coordinate] = 0
    new = np.ones(len(R), dtype=bool)
    new[1:] = np.any(rest[1:] != rest[:-1], axis=1)
    starts = np.append(np.flatnonzero(new), len(R))
    return Stage(R[:, coordinate].astype(np.float64), starts), rest[new]
