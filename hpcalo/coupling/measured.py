"""Values with their errors through sums and averages: what a Kubo result is sure of, its coefficients are sure of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Measured:
    """Values and their errors, of the same shape. An error that is not known is NaN."""

    values: RealArray
    errors: RealArray

    def combined(self, axes: str, weights: RealArray) -> Measured:
        """Σ w x, with the axes as `numpy.einsum` takes them.

        All values come from the same k points, and nobody knows whether their errors agree in sign. The error of the
        sum is the largest that is possible, Σ |w| Δx: for elements and energies that err alike it is exact.
        """
        used = np.abs(weights) > 0.0
        unknown = np.einsum(axes, np.isnan(self.errors).astype(float), used.astype(float)) > 0.0
        errors = np.einsum(axes, np.nan_to_num(self.errors), np.abs(weights))
        values = np.einsum(axes, self.values, weights)
        return Measured(np.asarray(values, dtype=np.float64), np.where(unknown, np.nan, errors))

    def times(self, factor: float) -> Measured:
        """In another unit."""
        return Measured(factor * self.values, abs(factor) * self.errors)
