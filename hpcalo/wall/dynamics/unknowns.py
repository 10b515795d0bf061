"""The unknowns of the time-dependent mode in one rank's part of a PETSc vector.

M (n, 3), e (n, 4, points) and o (faces, 4, points) follow each other. Odd parts are on the own faces: the face to the
left of each own node and, on the last rank, the face of the right reservoir. e and o are in units of the scale of the
driven distribution, so that one tolerance fits all.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.grid import Mesh


class Unknowns:
    """Packs, unpacks and multiplies vectors of unknowns. points: momenta p > 0."""

    def __init__(self, mesh: Mesh, points: int) -> None:
        self.mesh, self.points = mesh, points
        self.faces = mesh.n + (1 if mesh.at_right else 0)
        """Own faces."""
        self.m_end = 3 * mesh.n
        self.e_end = (3 + 4 * points) * mesh.n
        self.size = self.e_end + 4 * points * self.faces
        """Length of this rank's part."""

    def unpack(self, a: RealArray) -> tuple[RealArray, RealArray, RealArray]:
        """(M, e, o) as views."""
        n, points = self.mesh.n, self.points
        m, e, o = a[: self.m_end], a[self.m_end : self.e_end], a[self.e_end :]
        return m.reshape(n, 3), e.reshape(n, 4, points), o.reshape(self.faces, 4, points)

    def unpack_distribution(self, f: RealArray) -> tuple[RealArray, RealArray]:
        """(e, o) of the part without M, as views."""
        n, points, end = self.mesh.n, self.points, self.e_end - self.m_end
        return f[:end].reshape(n, 4, points), f[end:].reshape(self.faces, 4, points)

    @staticmethod
    def pack(*parts: RealArray) -> RealArray:
        """The parts one after the other, a new array."""
        return np.concatenate([part.reshape(-1) for part in parts])

    def equilibrium(self) -> RealArray:
        """The distribution part of a state without deviation from equilibrium."""
        return np.zeros(self.size - self.m_end)

    def all_faces(self, o: RealArray) -> RealArray:
        """o on the n + 1 faces around the own nodes. Collective."""
        ghost = self.mesh.with_ghosts(np.ascontiguousarray(o[: self.mesh.n]))
        last = o[-1:] if self.mesh.at_right else ghost[-1:]
        return np.concatenate([ghost[1:-1], last])

    def dot(self, a: RealArray, b: RealArray) -> float:
        """Inner product of two vectors, with the same bits on any number of ranks. Collective.

        It is added in the order of the wire.
        """
        n = self.mesh.n
        product = a * b
        m, e, o = product[: self.m_end], product[self.m_end : self.e_end], product[self.e_end :]
        nodes = m.reshape(n, -1).sum(axis=1) + e.reshape(n, -1).sum(axis=1)
        faces = o.reshape(self.faces, -1).sum(axis=1)
        nodes += faces[:n]
        if self.mesh.at_right:
            nodes[-1] += faces[n]  # the face of the right reservoir
        return self.mesh.total(nodes)
