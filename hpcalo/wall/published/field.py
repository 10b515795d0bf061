"""Paper mode with the whole effective field, in the published model's unit of time hbar/(J C max|m|).

Exchange, anisotropies, demagnetization, DMI and applied fields of the default model act on the box with free ends.

Exchange on a mesh this fine is faster than the torque by orders of magnitude, so that a step is taken implicitly: Radau
IIA of order 5 with the Jacobian of all but the electrons' answer to M, which changes Newton's convergence alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix

from hpcalo.errors import ConvergenceError
from hpcalo.parallel.world import alone
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput
from hpcalo.wall.grid import Mesh  # here, not below: PETSc is loaded by all ranks, and one of them computes
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import FS

Rate = Callable[[RealArray, float], RealArray]

TOLERANCE = 1e-7  # relative and absolute, of M in a step
MOST = 20_000  # evaluations of a step; each solves the kinetic equation


class FullField:
    """gamma M x H of one box. `per_s`: fs in one unit of the time s; `temperature` (nodes,) K; length in nm."""

    def __init__(self, settings: WallInput, length: float, temperature: RealArray, per_s: float, alpha: float) -> None:
        from scipy.integrate import solve_ivp  # noqa: PLC0415  (slow; every run of a wall loads this module)

        self._solve = solve_ivp
        magnet = settings.magnet.model_copy(update={"damping": alpha})
        self.mesh = Mesh(alone(), settings.paper.cells, length)
        self.magnetics = Magnetics(self.mesh, magnet, settings.drive.zeeman, temperature)
        self.per_s, self.gamma = per_s, magnet.gyromagnetic_ratio * FS

    def torque(self, m: RealArray, s: float) -> RealArray:
        """-gamma M x H at time s, (nodes, 3) per unit of s."""
        h = self.magnetics.field(self.mesh.magnetization_with_ghosts(m), s * self.per_s)
        return np.asarray(-self.gamma * self.per_s * np.cross(m, h))

    def jacobian(self, m: RealArray, s: float, spin: RealArray, scale: float) -> csc_matrix:
        """Of (T + alpha M x T)/(1 + alpha^2) with T = torque(m, s) - scale M x spin at fixed spin, (3 nodes)^2."""
        ghost, t = self.mesh.magnetization_with_ghosts(m), s * self.per_s
        factor = np.full(m.shape[0], scale / self.per_s)
        blocks = self.per_s * self.magnetics.jacobian(ghost, t, np.ascontiguousarray(spin), factor)
        n = m.shape[0]
        node, offset, a, b = np.indices(blocks.shape)
        column = node + offset - 1
        inside = (column >= 0) & (column < n)
        rows, columns = (3 * node + a)[inside], (3 * column + b)[inside]
        return coo_matrix((blocks[inside], (rows, columns)), shape=(3 * n, 3 * n)).tocsc()

    def step(
        self,
        m: RealArray,
        begin: float,
        end: float,
        rate: Callable[[RealArray, float], RealArray],
        spin: RealArray,
        scale: float,
    ) -> RealArray:
        """M (nodes, 3) at `end` of dM/ds = rate(M, s) from that at `begin`.

        `spin` and `scale` are those of `jacobian`. Raises ConvergenceError, also if a long step takes too many
        evaluations.
        """
        count = 0

        def counted(s: float, y: RealArray) -> RealArray:
            nonlocal count
            count += 1
            now = rate(y.reshape(m.shape), s).reshape(-1)
            if count > MOST or not np.isfinite(now).all():
                why = f"not done after {MOST} evaluations" if count > MOST else "the rate is not finite"
                raise ConvergenceError(f"paper model: step to s = {end:g}: {why}; use a shorter paper.step")
            return now

        try:
            found = self._solve(
                counted,
                (begin, end),
                m.reshape(-1),
                method="Radau",
                t_eval=[end],
                rtol=TOLERANCE,
                atol=TOLERANCE,
                jac=lambda s, y: self.jacobian(y.reshape(m.shape), s, spin, scale),
            )
        except RuntimeError as problem:  # of the factorization
            raise ConvergenceError(f"paper model: step to s = {end:g}: {problem}") from None
        if not found.success:
            raise ConvergenceError(f"paper model: no step from s = {begin:g} to {end:g}: {found.message}")
        return np.asarray(found.y[:, -1].reshape(m.shape))
