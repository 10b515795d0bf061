"""Continuity of the DMI energy (8) for any texture n̂(r, t) and any spiralization D(n̂, r).

With F = Σ_i D_i·(n̂ × ∂_i n̂), D_i the row i of D, J_i = −D_i·(n̂ × ∂_t n̂) (7) and ω = n̂ × ∂_t n̂

    ∂_t F + ∇·J^DMI = −τ·ω,    τ = Σ_i {(∂_i D_i)_⊥ − 2 (D_i·n̂) ∂_i n̂ − [∂_φ D_i]·(n̂ × ∂_i n̂)},

with the torque τ = −δF/δφ on the magnetization, ∂_i D_i the whole derivative along r_i, ∂_φ that by rotations of n̂ at
one place, and ⊥ the part across n̂. (8) prints 0 for the right side, which it is where the DMI does no work: for a
texture that moves without changing shape in a uniform D. The term ∂_i D_i is the bound torque of Table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcalo.kubo.responses.motion import current
from hpcalo.typing import RealArray

Texture = Callable[[RealArray, float], RealArray]
"""n̂ (…, 3) at places r (…, d) in m and at a time in s."""
Tensor = Callable[[RealArray, RealArray], RealArray]
"""D (…, d, 3) in J/m² for n̂ (…, 3) at places r (…, d): rows are directions of space, columns of the torque."""


@dataclass(frozen=True)
class Continuity:
    """Terms at the places (…), in W/m³: ∂_t F, ∇·J^DMI, and −τ·ω, which is their sum."""

    energy_rate: RealArray
    divergence: RealArray
    source: RealArray

    @property
    def gap(self) -> float:
        """Largest |∂_t F + ∇·J + τ·ω|, relative to the largest of the three terms; 0 where all are."""
        rest = np.abs(self.energy_rate + self.divergence - self.source).max()
        size = max(np.abs(term).max() for term in (self.energy_rate, self.divergence, self.source))
        return float(rest / size) if size > 0.0 else 0.0


@dataclass(frozen=True)
class MovingTexture:
    """A texture in a film or crystal with DMI.

    step: m, time_step: s, of the central differences, whose errors are of second order in them.
    """

    texture: Texture
    tensor: Tensor
    step: float
    time_step: float

    def _shifts(self, r: RealArray) -> list[RealArray]:
        return list(self.step * np.eye(r.shape[-1]))

    def gradient(self, r: RealArray, t: float) -> RealArray:
        """∂_i n̂: (…, d, 3) in 1/m."""
        ends = [(self.texture(r + s, t), self.texture(r - s, t)) for s in self._shifts(r)]
        return np.stack([(a - b) / (2.0 * self.step) for a, b in ends], axis=-2)

    def rate(self, r: RealArray, t: float) -> RealArray:
        """∂_t n̂: (…, 3) in 1/s."""
        h = self.time_step
        return np.asarray((self.texture(r, t + h) - self.texture(r, t - h)) / (2.0 * h), dtype=np.float64)

    def at(self, r: RealArray, t: float) -> RealArray:
        """D at the place and time: (…, d, 3)."""
        return self.tensor(self.texture(r, t), r)

    def energy(self, r: RealArray, t: float) -> RealArray:
        """F^DMI in J/m³: (…)."""
        turned = np.cross(self.texture(r, t)[..., None, :], self.gradient(r, t))
        return np.asarray((self.at(r, t) * turned).sum(axis=(-2, -1)), dtype=np.float64)

    def current(self, r: RealArray, t: float) -> RealArray:
        """J^DMI (7) in W/m²: (…, d)."""
        return current(self.at(r, t), self.texture(r, t), self.rate(r, t))

    def torque(self, r: RealArray, t: float) -> RealArray:
        """−δF/δφ on the magnetization per volume, across n̂, in J/m³: (…, 3)."""
        n, slope, D = self.texture(r, t), self.gradient(r, t), self.at(r, t)
        turned = np.asarray(np.cross(n[..., None, :], slope), dtype=np.float64)
        ends = [(self.at(r + s, t), self.at(r - s, t)) for s in self._shifts(r)]
        bound = sum((a[..., i, :] - b[..., i, :]) / (2.0 * self.step) for i, (a, b) in enumerate(ends))
        along = np.einsum("...ij,...j->...i", D, n)
        tau = bound - 2.0 * np.einsum("...i,...ij->...j", along, slope) - self._by_rotation(n, r, turned)
        return np.asarray(tau - n * (n * tau).sum(axis=-1, keepdims=True), dtype=np.float64)

    def _by_rotation(self, n: RealArray, r: RealArray, turned: RealArray) -> RealArray:
        """Σ_i [∂_φk D_i]·(n̂ × ∂_i n̂) of rotations about the axes k: (…, 3)."""
        angle, found = 1e-4, []
        for axis in np.eye(3):
            ends = [self.tensor(_rotated(n, sign * angle * axis), r) for sign in (1.0, -1.0)]
            found.append(((ends[0] - ends[1]) / (2.0 * angle) * turned).sum(axis=(-2, -1)))
        return np.stack(found, axis=-1)

    def continuity(self, r: RealArray, t: float) -> Continuity:
        """The three terms of the continuity equation at places r (…, d)."""
        h = self.time_step
        rate = (self.energy(r, t + h) - self.energy(r, t - h)) / (2.0 * h)
        ends = [(self.current(r + s, t), self.current(r - s, t)) for s in self._shifts(r)]
        divergence = sum((a[..., i] - b[..., i]) / (2.0 * self.step) for i, (a, b) in enumerate(ends))
        omega = np.cross(self.texture(r, t), self.rate(r, t))
        return Continuity(rate, np.asarray(divergence), -(self.torque(r, t) * omega).sum(axis=-1))


def _rotated(n: RealArray, phi: RealArray) -> RealArray:
    """n̂ after a small rotation by phi (3,), of unit length to second order in it."""
    turned = n + np.cross(phi, n)
    return np.asarray(turned / np.linalg.norm(turned, axis=-1, keepdims=True), dtype=np.float64)
