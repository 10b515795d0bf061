"""The linear systems within an implicit step of the time-dependent mode: Jacobian and preconditioner for PETSc.

The preconditioner is exact in two blocks: the kinetic one (the steady solver at the shift of the stage) and the
magnetic one (block tridiagonal). What couples the two, and E to e (only the force at the wall does), is left to the
nonlinear iteration or, where everything is implicit, to FGMRES on the true, matrix-free Jacobian.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.dynamics.rates import Rates
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.tridiagonal import BlockTridiagonal

DIFFERENCE = 1.5e-8
"""Step of the difference quotient relative to the size of the state: about the root of the machine precision."""


class NewtonSystem:
    """Context of the PETSc matrix (`mult`) and of its preconditioner (`apply`). Collective throughout.

    imex: M is explicit, its block is a multiple of the identity.
    """

    def __init__(self, rates: Rates, *, imex: bool) -> None:
        self.rates, self.imex = rates, imex
        self.mesh, self.transport, self.unknowns = rates.mesh, rates.transport, rates.unknowns
        self.shift = 0.0
        self._factored: tuple[float, bytes] | None = None

    def invalidate(self) -> None:
        """Call where the kinetic solver has been, or may have been, factored for something else."""
        self._factored = None

    def jacobian(
        self, _ts: PETSc.TS, t: float, u: PETSc.Vec, _udot: PETSc.Vec, shift: float, j: PETSc.Mat, _p: PETSc.Mat
    ) -> None:
        """Prepares both for this state and shift (1/fs); what TS calls as its IJacobian."""
        m, e, _ = self.unknowns.unpack(u.array_r)
        ghost = self.mesh.magnetization_with_ghosts(m)
        key = (shift, ghost.tobytes())
        mine = 1 if self._factored == key else 0
        if self.mesh.comm.allreduce(mine) < self.mesh.comm.size:
            self.transport.solver.update(ghost, shift)
            self._factored = key
        self.shift = shift
        self._ghost = ghost
        if not self.imex:
            blocks = -self.rates.magnetics.jacobian(ghost, t, self.rates.spin(e), self.transport.torque_scale)
            blocks[:, 1] += shift * np.eye(3)
            self._magnetic = BlockTridiagonal(self.mesh.gather(blocks))
            self._at, self._time = np.array(u.array_r), t
            self._here = self.unknowns.pack(*self.rates.all(t, self._at))
            self._size = self.mesh.max(np.abs(self._at).max(initial=0.0))
        j.assemble()

    def apply(self, _pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Magnetic block, then kinetic block at the shift of the present stage."""
        rm, re, ro = self.unknowns.unpack(x.array_r)
        if self.imex:
            ym = rm / self.shift
        else:
            ym = self._magnetic.solve(self.mesh.gather(rm))[self.mesh.first : self.mesh.last]
        k, solver = self.transport.kinetic, self.transport.solver
        k.set_magnetization(self._ghost)  # rates at other M may have been evaluated since the factorization
        source = self.unknowns.all_faces(ro)
        zero = np.zeros((self.mesh.n + 2, *k.shape[1:]))
        driven = k.odd(zero, source, self.shift)
        e = solver.solve_even(re - k.balance(zero[1:-1], driven, self.shift))
        o = k.odd(self.mesh.with_ghosts(e), source, self.shift)[: self.unknowns.faces]
        out = self.unknowns.pack(ym, e, o)
        y.array[:] = out if self.rates.circuit.given is not None else self.with_exact_current(x.array_r, out)

    def with_exact_current(self, right: RealArray, x: RealArray) -> RealArray:
        """x after the change of E that gives <o> its exact value: <ro>/(shift + 1/tau) of the right-hand side.

        M is that of the Jacobian.
        """
        k, circuit = self.transport.kinetic, self.rates.circuit
        k.set_magnetization(self._ghost)
        (*_, ro), (_, _, o) = self.unknowns.unpack(right), self.unknowns.unpack(x)
        mean = circuit.mean_flow(ro) / (self.shift + 1.0 / k.carriers.tau)
        return self.unknowns.pack(x[: self.unknowns.e_end], circuit.with_mean(o, mean))

    def mult(self, _mat: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """shift x - d(rates) x by a one-sided difference about the state of the last Jacobian."""
        direction = x.array_r
        largest = self.mesh.max(np.abs(direction).max(initial=0.0))
        if largest == 0.0:
            y.set(0.0)
            return
        h = DIFFERENCE * (1.0 + self._size) / largest
        there = self.rates.all(self._time, self._at + h * direction)
        y.array[:] = self.shift * direction - (self.unknowns.pack(*there) - self._here) / h
