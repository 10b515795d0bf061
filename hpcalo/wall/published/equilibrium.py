"""Equilibrium <f> of the published model on the window of momenta, with the chosen <G>, and its collisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.equilibrium import Carriers, occupation, occupation_mu
from hpcalo.wall.config import Paper
from hpcalo.wall.published.collisions import Relaxation
from hpcalo.wall.units import K_B


@dataclass(frozen=True)
class Equilibrium:
    """f0 at the nodes x (nm) with temperatures (K), both (nodes,).

    `sign` s of the band energy p^2/2m + s (J/2) M.sigma with G the density of sigma: 1 where G is the electron spin, -1
    where it is the moment.
    """

    carriers: Carriers
    options: Paper
    sign: float
    x: RealArray
    temperature: RealArray

    def bands(self, p: RealArray) -> tuple[RealArray, RealArray]:
        """F0 and the size of <G> along its direction at the momenta p (points,): (points, nodes) both."""
        c = self.carriers
        if self.options.collision == "paper":
            kt = K_B * self.temperature[None, :]
            energy = (p**2 / (2.0 * c.mass))[:, None] - c.fermi_energy
            plus, minus = (expit(-(energy + s * c.exchange / 2.0) / kt) for s in (self.sign, -self.sign))
        else:
            minus, plus = np.swapaxes(occupation(c, p, self.temperature), 1, 2)[:: int(self.sign)]
        g0 = (plus - minus) / 2.0  # with s = 1, the paper's +(J/2) M.sigma, negative: -g0 M then lies along +M
        kind = self.options.equilibrium
        along = -1.0 if self.options.convention == "spin" else 1.0
        if kind == "cosM":
            size = along * np.cos(c.precession * self.x[None, :] / (p / c.mass)[:, None])
        elif kind == "M":
            size = along * np.ones_like(g0)
        else:
            size = g0 if kind.startswith("+") else -g0
        return (plus + minus) / 2.0, size

    def distribution(self, m: RealArray, p: RealArray) -> RealArray:
        """f0 (points, nodes, 4): F0 of the two bands and the chosen <G>.

        Occupations, or with collision = 'bgk3d' densities integrated over p_perp in 1/(nm^3 eV fs/nm).
        """
        full, size = self.bands(p)
        out = np.empty((p.size, m.shape[0], 4))
        out[:, :, 0] = full
        direction = np.broadcast_to([0.0, 0.0, 1.0], m.shape) if self.options.equilibrium.endswith("z") else m
        out[:, :, 1:] = size[:, :, None] * direction[None]
        return out

    def relaxation(self, p: RealArray, dp: float) -> Relaxation:
        """Collisions on the window of momenta p, spacing dp. Raises InputError where it holds no carriers."""
        c = self.carriers
        if self.options.collision == "paper":
            return Relaxation(np.array([1.0 / c.tau, *[1.0 / c.tau_sf] * 3]))
        up, down = np.swapaxes(occupation_mu(c, p, self.temperature), 1, 2)
        sums = dp * np.stack([up.sum(axis=0), down.sum(axis=0)])
        if not sums.min() > 0.0:
            raise InputError("paper.window: no carriers in it that collisions could scatter into")
        up, down = up / sums[0], down / sums[1]
        return Relaxation(
            np.full(4, 1.0 / c.tau), (up + down) / 2.0, -self.sign * (up - down) / 2.0, 1.0 / c.tau, 1.0 / c.tau_sf
        )
