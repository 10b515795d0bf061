"""The plane of a map: its k-points, and where they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.errors import InputError
from hpcalo.hamiltonian.types import Crystal
from hpcalo.maps.config import MapsSection
from hpcalo.typing import RealArray


@dataclass(frozen=True)
class Plane:
    """Points of a plane, fractional and in the plane.

    k: (U, V, 3) fractional. x, y: (U, V) 1/Å, positions in the plane: x along the first edge, y across it. axes: (3, 3)
    Cartesian unit vectors along x, y, and the normal.
    """

    k: RealArray
    x: RealArray
    y: RealArray
    axes: RealArray


def plane_of(section: MapsSection, crystal: Crystal) -> Plane:
    """The points are middles of equal parallelograms, so that a map over a cell is a mesh without double points.

    Raises InputError for a plane that leaves the directions in which the model repeats.
    """
    first, second = np.array(section.first), np.array(section.second)
    for name, edge in (("first", first), ("second", second)):
        if np.abs(edge[~np.array(crystal.periodic)]).max(initial=0.0) > 1e-12:
            raise InputError(f"maps.{name}: {edge.tolist()}: the model does not repeat along one of these directions")
    U, V = section.points
    u, v = (np.arange(U) + 0.5) / U - 0.5, (np.arange(V) + 0.5) / V - 0.5
    offset = u[:, None, None] * first + v[None, :, None] * second
    reciprocal = 2.0 * np.pi * np.linalg.inv(crystal.lattice).T
    along = first @ reciprocal
    along /= np.linalg.norm(along)
    normal = np.cross(first @ reciprocal, second @ reciprocal)
    normal /= np.linalg.norm(normal)
    across = np.cross(normal, along)
    cartesian = offset @ reciprocal
    return Plane(
        np.array(section.centre) + offset, cartesian @ along, cartesian @ across, np.array([along, across, normal])
    )
