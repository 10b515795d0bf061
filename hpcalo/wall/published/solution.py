"""One steady solution of the published model: its distribution, moments, fluxes and torques."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.equilibrium import Carriers


@dataclass(frozen=True)
class Solution:
    """f (points, nodes, 4); m: int G dp, Eq. (12), (nodes, 3) in eV fs/nm; n: int F dp, Eq. (10), (nodes,); fluxes."""

    f: RealArray
    m: RealArray
    n: RealArray
    spin_current: RealArray
    """int (v G + u_x F M) dp, Eq. (13), (nodes, 3) in eV"""
    charge_current: RealArray
    """-2 int (v F + u_x M.G) dp, Eq. (11), (nodes,) in eV"""
    torque: RealArray
    """(J/hbar) M x m, 1/fs times the unit of m"""
    torque_divergence: RealArray
    """Eq. (17): the same torque from j_s and n through Eq. (16)"""
    electric_field: float
    """E in V/m: the given one, or what the circuit demands"""

    def behind(self, left: int) -> Solution:
        """The same without the first `left` nodes."""
        if left == 0:
            return self
        return replace(
            self,
            f=self.f[:, left:],
            m=self.m[left:],
            n=self.n[left:],
            spin_current=self.spin_current[left:],
            charge_current=self.charge_current[left:],
            torque=self.torque[left:],
            torque_divergence=self.torque_divergence[left:],
        )


def torque_of_balance(c: Carriers, m: RealArray, b: RealArray) -> RealArray:
    """(J/hbar) M x m (nodes, 3) of Eq. (16) for its right side b (nodes, 3)."""
    xi = c.xi
    closed = (b + xi * np.cross(m, b) + xi * xi * m * np.einsum("ic,ic->i", m, b)[:, None]) / (1.0 + xi * xi)
    return np.asarray(c.precession * np.cross(m, closed))
