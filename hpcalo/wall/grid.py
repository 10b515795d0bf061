"""The mesh along x, distributed over a communicator with PETSc's DMDA.

All fields live on the same nodes and the same partition. The wire has one dimension: solvers and kernels rely on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.parallel.halo import beyond_ends
from hpcalo.typing import RealArray
from hpcalo.wall.petsc import PETSc

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

RESERVOIR_DISTANCE = 8.0
"""Wall parameters D that should lie between a wall and the reservoirs at the ends of the wire."""

COMPONENTS = np.array(["x", "y", "z"])
"""The coordinate `component` of vectors."""


class Mesh:
    """`cells` nodes x_i = i dx, i = 0 ... cells - 1 (nm); face k lies between nodes k - 1 and k.

    The outermost faces belong to the reservoirs at x = -dx and x = length + dx. A rank's own nodes are first ...
    last - 1. Raises InputError where there are more ranks than nodes.
    """

    def __init__(self, comm: Intracomm, cells: int, length: float) -> None:
        if cells < comm.size:
            raise InputError(
                f"wire.cells: {cells} nodes cannot be divided among {comm.size} ranks; use fewer ranks per group"
            )
        self.comm = comm
        self.cells = cells
        self.length = length
        self.dx = length / (cells - 1)
        self._dms: dict[int, tuple[PETSc.DMDA, PETSc.Vec, PETSc.Vec]] = {}
        dm = self.dm(3)
        (self.first, self.last), *_ = dm.getRanges()
        self.n = self.last - self.first
        self.at_left = self.first == 0
        self.at_right = self.last == cells
        counts = comm.allgather(self.n)
        self.counts = np.asarray(counts, dtype=int)
        self.middle = cells // 2
        """The node where eliminations from both ends of the wire meet."""
        self.x = np.arange(self.first, self.last) * self.dx
        """Positions of the own nodes, nm."""
        self.around = np.clip(np.arange(self.first - 1, self.last + 1), 0, cells - 1)
        """Numbers of the own nodes and one on each side, where the end nodes are their own neighbours, (n + 2,)."""

    def dm(self, dof: int) -> PETSc.DMDA:
        """The DMDA with `dof` values a node."""
        if dof not in self._dms:
            dm = PETSc.DMDA().create(
                dim=1,
                dof=dof,
                sizes=[self.cells],
                boundary_type=[PETSc.DM.BoundaryType.GHOSTED],
                stencil_width=1,
                comm=self.comm,
            )
            self._dms[dof] = (dm, dm.createGlobalVec(), dm.createLocalVec())
        return self._dms[dof][0]

    def beyond(self, first: RealArray, last: RealArray, out: RealArray) -> RealArray:
        """The values of the neighbours next to the own end nodes, whose values are `first` and `last`: out (2, ...).

        Zero beyond the ends of the wire. Two messages a rank, no copy of the field. Collective.
        """
        if self.comm.size == 1:
            out[:] = 0.0
            return out
        return beyond_ends(self.comm, first, last, out)

    def with_ghosts(self, field: RealArray) -> RealArray:
        """A new array with one neighbour node added on both sides; zero beyond the ends of the wire. Collective."""
        dof = int(np.prod(field.shape[1:], dtype=int)) if field.ndim > 1 else 1
        dm = self.dm(dof)
        _, g, loc = self._dms[dof]
        g.array[:] = field.reshape(-1)
        dm.globalToLocal(g, loc)
        return np.array(loc.array, dtype=float).reshape((self.n + 2, *field.shape[1:]))

    def magnetization_with_ghosts(self, m: RealArray) -> RealArray:
        """M (n + 2, 3) with ghosts; beyond the ends the end values are repeated (no gradient at the reservoirs).

        Collective.
        """
        out = self.with_ghosts(m)
        if self.at_left:
            out[0] = out[1]
        if self.at_right:
            out[-1] = out[-2]
        return out

    def faces(self, node_ghosts: RealArray) -> RealArray:
        """Arithmetic mean on the n + 1 faces of the own nodes."""
        return 0.5 * (node_ghosts[:-1] + node_ghosts[1:])

    def gather(self, field: RealArray) -> RealArray:
        """The whole field, in node order, on every rank: a new array. Collective."""
        if self.comm.size == 1:
            return np.array(field, dtype=float, order="C")
        field = np.ascontiguousarray(field, dtype=float)
        width = int(np.prod(field.shape[1:], dtype=int)) if field.ndim > 1 else 1
        out = np.empty((self.cells, *field.shape[1:]))
        self.comm.Allgatherv(field, [out, self.counts * width])
        return out

    def total(self, field: RealArray) -> float:
        """Sum over all nodes of the wire of a field (n,): the same bits on any number of ranks. Collective."""
        return float(self.gather(field).sum(axis=0))

    def totals(self, field: RealArray) -> RealArray:
        """Sums over all nodes of the wire of a field (n, k), (k,): the same bits on any number of ranks. Collective.

        The whole field is moved: sum within the nodes first.
        """
        return np.asarray(self.gather(field).sum(axis=0), dtype=np.float64)

    def max(self, value: float) -> float:
        """Largest value over the ranks. Collective."""
        return float(max(self.comm.allgather(float(value))))
