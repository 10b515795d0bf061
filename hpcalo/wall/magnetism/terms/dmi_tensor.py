"""DMI whose strength depends on the direction n of the magnetization: energy on the faces, exact derivatives."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.directions import Directional
from hpcalo.wall.magnetism.terms.medium import Medium


class DmiTensor:
    """E = int D(n).(n x n') dx along the wire: ½ [D(a) + D(b)].(a x b) on the face between nodes with a and b.

    D_j(n) is the spiralization D_xj (J/m^2) of an electronic structure over the magnet's thickness.
    """

    def __init__(self, medium: Medium, spiralization: Directional, factor: float) -> None:
        """factor: thickness of the cell over that of the magnet. Collective."""
        nodes = factor * spiralization.strengths(medium.temperature)
        faces = medium.mesh.faces(medium.mesh.with_ghosts(nodes)) * medium.inner_faces()[:, None]
        self.nodes, self.faces = spiralization.along_wire(nodes), spiralization.along_wire(faces)
        """D(n) on the own nodes and on the faces around them, where the ends of the wire have none."""

    def energy(self, a: RealArray, b: RealArray) -> RealArray:
        """J/m^2 of the faces (n + 1,) between a and b (n + 1, 3)."""
        return np.asarray((self._mean(a, b) * np.cross(a, b)).sum(axis=1))

    def gradients(self, a: RealArray, b: RealArray) -> tuple[RealArray, RealArray]:
        """Derivatives of `energy` by a and by b, (n + 1, 3)."""
        mean, area = self._mean(a, b), np.cross(a, b)
        by_a, by_b = (0.5 * (self.faces.slope(n) * area[:, :, None]).sum(axis=1) for n in (a, b))
        return by_a + np.cross(b, mean), by_b + np.cross(mean, a)

    def hessians(self, a: RealArray, b: RealArray) -> tuple[RealArray, RealArray, RealArray]:
        """Second derivatives of `energy`: by a twice, by a then b, by b twice, (n + 1, 3, 3)."""
        area, mean = np.cross(a, b)[:, :, None, None], _cross_matrix(self._mean(a, b))
        slope_a, slope_b = 0.5 * self.faces.slope(a), 0.5 * self.faces.slope(b)
        bent_a, bent_b = (0.5 * (self.faces.curvature(n) * area).sum(axis=1) for n in (a, b))
        turn_a, turn_b = _cross_matrix(b) @ slope_a, -_cross_matrix(a) @ slope_b
        mixed = slope_a.swapaxes(1, 2) @ _cross_matrix(a) - mean + _cross_matrix(b) @ slope_b
        return bent_a + turn_a + turn_a.swapaxes(1, 2), mixed, bent_b + turn_b + turn_b.swapaxes(1, 2)

    def _mean(self, a: RealArray, b: RealArray) -> RealArray:
        return 0.5 * (self.faces.at(a) + self.faces.at(b))


def _cross_matrix(a: RealArray) -> RealArray:
    """Matrices (n, 3, 3) of a x for a (n, 3)."""
    return np.asarray(np.cross(a[:, None, :], np.eye(3)), dtype=np.float64).swapaxes(1, 2)
