"""Collisions of the published model: relaxation, and the gain of collisions that conserve charge and spin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Relaxation:
    """C g = g R - gain: rates (4,) of F and G, and the gain of collisions that conserve charge and spin.

    `h`, `d` (points, nodes): half sum and half difference of the weights of the bands with G along and against M, each
    with int dp = 1; None for the published collisions. 1/tau and 1/tau_sf in 1/fs.
    """

    rates: RealArray
    h: RealArray | None = None
    d: RealArray | None = None
    inverse_tau: float = 0.0
    inverse_tau_sf: float = 0.0

    def gain(self, g: RealArray, m: RealArray, dp: float) -> RealArray:
        """Collisions of the consistent model (docs/theory/wall.md) but for the loss; g, result (points, nodes, 4)."""
        if self.h is None or self.d is None:
            return np.zeros_like(g)
        q = dp * g.sum(axis=0)
        n, spin = q[:, 0], q[:, 1:]
        out = np.empty_like(g)
        out[:, :, 0] = self.inverse_tau * (self.h * n + self.d * np.einsum("ic,ic->i", m, spin))
        conserving = self.inverse_tau - self.inverse_tau_sf  # rate of collisions that keep the spin
        out[:, :, 1:] = (self.inverse_tau * self.d * n)[:, :, None] * m + conserving * self.h[:, :, None] * spin
        return out
