"""The spin-diffusion problem: the part of the steady equation that a line solve alone is slow in.

It is Mom A Prolong in closed form, with Prolong from moments to the distribution that collisions relax towards, and Mom
back to moments. For slow variation it turns into D d_xx - (J/hbar) M x - 1/tau_sf.
"""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.solvers.line import MIDDLE, SIDES


class SpinDiffusion:
    """Solves the problem for the 4 cells moments by block elimination from both ends of the wire.

    Every rank has the whole problem and works on the halves of the wire that contain its nodes.
    """

    def __init__(self, mesh: Mesh, kinetic: Kinetic) -> None:
        self.mesh = mesh
        self.k = kinetic
        self._sides = (SIDES[0] if mesh.first < mesh.middle else 0) | (SIDES[1] if mesh.last > mesh.middle + 1 else 0)
        self.take_weights()
        self._blocks = np.empty((mesh.n, 3, 4, 4))  # [row node][column node - row node + 1][row comp][column comp]
        self._lu = np.empty((0, 3, 4, 4))

    def take_weights(self) -> None:
        """Takes the weights of the kinetic operator, which depend on its temperature. Collective."""
        self._sums = self.mesh.with_ghosts(self.k.weight_sums())

    def blocks(self, shift: float) -> RealArray:
        """Response of the own nodes' moments to those of their neighbours: (n, 3 [offset + 1], 4, 4)."""
        k, c = self.k, self.k.carriers
        _wall.diffusion_blocks(
            self._sums, k.m_ghost, k.mf, k.dm_dx, self._blocks, dx=k.dx, a=1.0 / c.tau + shift, b=c.precession,
            half_j=k.half_j, inverse_tau=1.0 / c.tau, inverse_tau_sf=1.0 / c.tau_sf,
        )  # fmt: skip
        return self._blocks

    def factor(self, shift: float) -> None:
        """Raises ConvergenceError if the operator is singular. Collective."""
        lu, mesh, middle = self.mesh.gather(self.blocks(shift)), self.mesh, self.mesh.middle
        done = round(-mesh.max(-_wall.block_factor(lu, middle, self._sides)))
        if done == mesh.cells:
            self._exchange(lu)
            done = _wall.block_factor(lu, middle, MIDDLE)
        if done < mesh.cells:
            raise ConvergenceError(f"spin-diffusion preconditioner: the operator is singular at node {done}")
        self._lu = lu

    def solve(self, q: RealArray) -> RealArray:
        """Own rows of the solution for the right-hand side q (n, 4). Collective."""
        x, middle = self.mesh.gather(q), self.mesh.middle
        _wall.block_solve(self._lu, x, middle, self._sides, 0)
        self._exchange(x)
        _wall.block_solve(self._lu, x, middle, MIDDLE, MIDDLE | self._sides)
        return x[self.mesh.first : self.mesh.last]

    def _exchange(self, field: RealArray) -> None:
        """Gives every rank the values that the eliminations leave next to the middle node in a whole field."""
        comm, middle = self.mesh.comm, self.mesh.middle
        if comm.size > 1:
            comm.Bcast(field[middle - 1], root=0)
            if middle + 1 < self.mesh.cells:
                comm.Bcast(field[middle + 1], root=comm.size - 1)
