"""Initial magnetization and the measurement of a wall: position, width, angle, velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.errors import InputError
from hpcalo.typing import RealArray
from hpcalo.wall.config import Magnet, Texture
from hpcalo.wall.grid import Mesh


def wall_parameter(magnet: Magnet, texture: Texture) -> float:
    """D of the tanh wall in nm: given, or sqrt(A/K). Raises InputError where there is neither."""
    if texture.width is not None:
        return texture.width
    if magnet.anisotropy == 0.0:
        raise InputError("texture.width: is required where magnet.anisotropy is 0 (no sqrt(A/K))")
    return float(np.sqrt(magnet.exchange_stiffness / magnet.anisotropy)) * 1e9


def initial(texture: Texture, magnet: Magnet, x: RealArray, length: float) -> RealArray:
    """M (len(x), 3) at positions x (nm)."""
    centre = 0.5 * length if texture.centre is None else texture.centre
    phi = np.deg2rad(texture.angle)
    if texture.kind == "uniform":
        d = np.array(texture.direction)
        return np.tile(d / np.linalg.norm(d), (x.size, 1))
    width = wall_parameter(magnet, texture)
    if texture.kind == "wall":
        theta = 2.0 * np.arctan(np.exp((x - centre) / width))  # polar angle from +z: +z left, -z right
    elif texture.kind == "half-circle":
        # (cos th, 0, sin th) with th = pi/2 - pi s, s from 0 to 1 over the width: polar angle pi s
        theta = np.pi * np.clip((x - centre) / width + 0.5, 0.0, 1.0)
    else:
        theta = 2.0 * np.pi * (x - centre) / width
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


@dataclass(frozen=True)
class WallState:
    """Position nm (NaN without a wall), width parameter D nm, in-wall angle rad."""

    position: float
    width: float
    angle: float


def measure(mesh: Mesh, m: RealArray) -> WallState:
    """Position, width and angle of the wall in the own M (n, 3). Collective.

    Position: where M_z changes sign (linear between nodes), the crossing nearest to the wire's middle. Width:
    2/int |M'|^2, which is D for a tanh wall. Angle: of M_x and M_y averaged over the wall, from x towards y.
    """
    every = mesh.gather(m)
    z = every[:, 2]
    cross = np.flatnonzero((z[:-1] > 0) != (z[1:] > 0))
    slope2 = float(np.sum(np.diff(every, axis=0) ** 2)) / mesh.dx
    width = 2.0 / slope2 if slope2 > 0 else np.inf
    if cross.size == 0:
        return WallState(float("nan"), width, float("nan"))
    at = cross + z[cross] / (z[cross] - z[cross + 1])
    best = int(np.argmin(np.abs(at - 0.5 * (mesh.cells - 1))))
    near = np.abs(np.arange(mesh.cells) - at[best]) * mesh.dx < 4.0 * width
    mx, my = every[near, 0].sum(), every[near, 1].sum()
    return WallState(float(at[best] * mesh.dx), width, float(np.arctan2(my, mx)))


def velocity(mesh: Mesh, m_ghost: RealArray, rate: RealArray) -> float:
    """-int dM/dt.M'/int |M'|^2 in m/s, rate in 1/fs. Collective.

    M' is the centred difference of arcs: a texture that turns evenly and moves as it is has then the velocity of its
    displacement, which differences of M, chords, exceed by a sixth of the square of the angle between next nodes.
    """
    slope = (_arc(m_ghost[1:-1], m_ghost[2:]) - _arc(m_ghost[1:-1], m_ghost[:-2])) / (2.0 * mesh.dx)
    sums = mesh.totals(np.stack([(slope**2).sum(axis=1), -(rate * slope).sum(axis=1)], axis=1))
    return float(sums[1] / sums[0] * 1e6) if sums[0] > 1e-20 else 0.0


def _arc(m: RealArray, neighbour: RealArray) -> RealArray:
    """The tangent at M towards its neighbour, as long as the angle between them: all (n, 3)."""
    along = np.einsum("ic,ic->i", m, neighbour)
    across = neighbour - along[:, None] * m
    sine = np.linalg.norm(across, axis=1)
    factor = np.divide(np.arctan2(sine, along), sine, out=np.ones_like(sine), where=sine > 0.0)
    return np.asarray(across * factor[:, None])
