"""Spin torques in the terms of Zhang and Li, and in their damping-like and field-like parts."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import between_nodes
from hpcalo.wall.grid import Mesh
from hpcalo.wall.units import METRE_PER_SECOND


def zhang_li(mesh: Mesh, m_ghost: RealArray, torque: RealArray) -> tuple[float, float]:
    """(u, beta u) in m/s of a torque (n, 3) in 1/fs: least squares of -u M' + beta u M x M'. Collective.

    u = -int tau.M'/int |M'|^2, beta u = int tau.(M x M')/int |M'|^2 (docs/theory/wall.md). M' is the difference of the
    directions along which the drive acts on the faces of a node: a spin current that follows M then has exactly its u,
    which centred differences raise by the square of a quarter of the angle between next neighbours. (0, 0) if M is
    uniform.
    """
    m = m_ghost[1:-1]
    slope = np.diff(between_nodes(m_ghost), axis=0) / mesh.dx
    across = np.cross(m, slope)
    sums = mesh.totals(
        np.stack([(a * b).sum(axis=1) for a, b in ((slope, slope), (-torque, slope), (torque, across))], 1)
    )
    if sums[0] < 1e-20:
        return 0.0, 0.0
    return float(sums[1] / sums[0] / METRE_PER_SECOND), float(sums[2] / sums[0] / METRE_PER_SECOND)


def components(m_ghost: RealArray, torque: RealArray, dx: float) -> tuple[RealArray, RealArray]:
    """Damping-like and field-like parts of a torque (n, 3), each (n,): along the unit vectors of -M' and of M x M'.

    With p the direction of M', M x (M x p) = -p is the damping-like and M x p the field-like direction. 0 where M' = 0.
    """
    m = m_ghost[1:-1]
    slope = (m_ghost[2:] - m_ghost[:-2]) / (2.0 * dx)
    slope = slope - m * np.einsum("ic,ic->i", m, slope)[:, None]
    size = np.linalg.norm(slope, axis=1)
    unit = np.divide(slope, size[:, None], out=np.zeros_like(slope), where=size[:, None] > 1e-12)
    return -np.einsum("ic,ic->i", torque, unit), np.einsum("ic,ic->i", torque, np.cross(m, unit))
