"""One steady solution of the published model: its distribution, moments, fluxes and torques."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.equilibrium import Carriers


@dataclass(frozen=True)
class Solution:
    """m: int G dp, (nodes, 3) in eV fs/nm; n: int F dp, (nodes,); fluxes per Eqs. (12), (13)."""

    f: RealArray
    m: RealArray
    n: RealArray
    spin_current: RealArray
    charge_current: RealArray
    torque: RealArray
    """(J/hbar) M x m, 1/fs times the unit of m"""
    torque_divergence: RealArray
    """Eq. (17): the same torque from j_s and n through Eq. (16)"""
    a: RealArray
    """A(x) = u_x n, Eq. (18)"""
    b: RealArray
    """B(x) = M . int v G dp, Eq. (18)"""
    electric_field: float
    """E in V/m: the given one, or what the circuit demands"""


def torque_of_balance(c: Carriers, m: RealArray, b: RealArray) -> RealArray:
    """(J/hbar) M x m (nodes, 3) of Eq. (16) for its right side b (nodes, 3)."""
    xi = c.xi
    closed = (b + xi * np.cross(m, b) + xi * xi * m * np.einsum("ic,ic->i", m, b)[:, None]) / (1.0 + xi * xi)
    return np.asarray(c.precession * np.cross(m, closed))
