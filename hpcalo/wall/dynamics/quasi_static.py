"""Quasi-static mode: LLG by TS, with electrons that follow the magnetization without delay.

Every rank steps the whole M, with the same arithmetic on all of them (M is a thousand times smaller than the
distribution). The rate is computed node by node on the rank that owns the node, and gathered.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.errors import InputError
from hpcalo.parallel.world import alone
from hpcalo.typing import RealArray
from hpcalo.wall.config import Time
from hpcalo.wall.dynamics.nonfinite import NonFiniteTracker
from hpcalo.wall.dynamics.spin_accumulation import SpinAccumulation
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.dynamics.timestepper import Stepper, adapt_options, advanced, make_ts, reduce_first_step, run_ts
from hpcalo.wall.dynamics.unit_length import normalized, project
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.heated import HeatedWire
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.options import SolverOptions
from hpcalo.wall.solvers.tridiagonal import fill_tridiagonal, set_direct_solver, tridiagonal_matrix


@dataclass(frozen=True)
class _Known:
    """The whole rate at one t and M (3 cells,) of a step's end, where the next step begins."""

    t: float
    m: RealArray
    rate: RealArray

    def is_at(self, t: float, u: PETSc.Vec) -> bool:
        return t == self.t and np.array_equal(u.array_r, self.m)


class QuasiStatic(Stepper):
    """LLG with the stationary response of the electrons to the present M. Collective.

    transport: None for LLG alone. options: PETSc options of the input. heat: the wire's temperature, where it is
    computed; it advances after the steps of the magnetization.
    """

    def __init__(
        self,
        mesh: Mesh,
        magnetics: Magnetics,
        transport: Transport | None,
        time: Time,
        options: SolverOptions | None = None,
        heat: HeatedWire | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        if time.integrator in {"arkimex", "rosw"} and time.refresh == "stage":
            raise InputError("time.refresh: 'stage' needs time.integrator = 'rk'; the others take 'step' or 'interval'")
        self.mesh, self.magnetics, self.transport, self.time = mesh, magnetics, transport, time
        self.heat = heat
        self.accumulation = SpinAccumulation(mesh, transport, time)
        self.tracker = NonFiniteTracker(mesh)
        if heat is not None:
            heat.rate = self._rate
            if heat.torques is not None:
                heat.torques.spins = self.accumulation.parts
                self.accumulation.heated = True
        self._matrix: PETSc.Mat | None = None
        self._known: _Known | None = None

    @property
    def torque_scale(self) -> RealArray:
        """(g mu_B/M_s) J/hbar on the own nodes, (n,) in nm^3/fs."""
        return self.transport.torque_scale if self.transport is not None else np.zeros(self.mesh.n)

    def rate(self, t: float, m: RealArray) -> RealArray:
        """dM/dt (n, 3) in 1/fs. Collective."""
        return self._rate(t, self.mesh.magnetization_with_ghosts(m))

    def _rate(self, t: float, ghost: RealArray) -> RealArray:
        if self.accumulation.active and (self.time.refresh == "stage" or self.accumulation.torques is None):
            self.accumulation.solve(t, ghost)
        return self.magnetics.rate(ghost, t, self.accumulation.spin(ghost[1:-1]), self.torque_scale)

    def _rhs(self, _ts: PETSc.TS, t: float, u: PETSc.Vec, f: PETSc.Vec) -> None:
        if (known := self._known) is not None and known.is_at(t, u):
            f.array[:] = known.rate
            return
        rate = self.mesh.gather(self._rate(t, own_with_ghosts(self.mesh, u)))
        if not np.isfinite(rate).all():  # on all ranks or on none: the rate is whole
            m = u.array_r.reshape(-1, 3)
            spin = self.mesh.gather(self.accumulation.spin(m[self.mesh.first : self.mesh.last]))
            self.tracker.check(t, 0, magnetization=m, spin_accumulation=spin, rate_of_the_magnetization=rate)
        f.array[:] = rate.reshape(-1)

    def _jacobian(self, _ts: PETSc.TS, t: float, u: PETSc.Vec, _j: PETSc.Mat, p: PETSc.Mat) -> None:
        ghost = own_with_ghosts(self.mesh, u)
        blocks = self.magnetics.jacobian(ghost, t, self.accumulation.spin(ghost[1:-1]), self.torque_scale)
        fill_tridiagonal(p, self.mesh.gather(blocks))

    def _before_step(self, ts: PETSc.TS) -> None:
        if not self.accumulation.active or self.time.refresh == "stage":
            return
        ghost = own_with_ghosts(self.mesh, ts.getSolution())
        if self.accumulation.due(ts.getTime(), ghost[1:-1]):
            self.accumulation.solve(ts.getTime(), ghost)
            self._known = None
            if self.heat is not None:
                rate = self._rate(ts.getTime(), ghost)
                self.heat.renewed(ts.getTime(), ghost[1:-1], rate)
                self._know(ts.getTime(), ts.getSolution(), rate)

    def _after_step(self, ts: PETSc.TS) -> None:
        project(ts, self.mesh, 0, self.mesh.cells)
        self.tracker.reset()
        if self.heat is not None:
            self._heat_step(self.heat, ts.getTime(), ts.getSolution())
        if self.watch is not None:
            self.watch()

    def _heat_step(self, heat: HeatedWire, t: float, u: PETSc.Vec) -> None:
        ghost = own_with_ghosts(self.mesh, u)
        rate = self._rate(t, ghost)
        self._know(t, u, heat.after_step(t, ghost[1:-1], rate))

    def _know(self, t: float, u: PETSc.Vec, rate: RealArray) -> None:
        self._known = _Known(t, np.array(u.array_r), self.mesh.gather(rate).reshape(-1))

    def piece(self, state: State, end: float) -> State:
        """The state some steps later, at `end` (fs) at the latest, starting from `state` and nothing else."""
        mesh = self.mesh
        self.accumulation.reset()
        self._known = None
        self.tracker.reset()
        if self.heat is not None and state.thermal is not None:
            self.heat.begin(state.thermal, state.m, state.t)
        vector = PETSc.Vec().createSeq(3 * mesh.cells, comm=alone())
        vector.array[:] = mesh.gather(state.m).reshape(-1)
        with self.options.active(adapt_options(self.time)), ExitStack() as ending:
            ts = self._make_ts(state, end, vector, ending)
            run_ts(ts, vector, "Landau-Lifshitz-Gilbert", self.tracker)
            m = normalized(np.array(vector.array_r).reshape(-1, 3), mesh, 0, ts.getTime())[mesh.first : mesh.last]
            done = replace(advanced(ts, self.time, state, end), m=m)
        if self.heat is not None:
            done = replace(done, thermal=self.heat.finish(done.m, done.t))
        PETSc.garbage_cleanup(alone())  # PETSc keeps what Python has dropped until this call
        return done

    def _make_ts(self, state: State, end: float, vector: PETSc.Vec, ending: ExitStack) -> PETSc.TS:
        """The TS of one piece; `ending` destroys it and what calls Python: at its own end PETSc has none."""
        ts = make_ts(alone(), self.time, state.t, state.dt, end)
        ksp = ts.getSNES().getKSP()
        pc = ksp.getPC()
        for part in (pc, ksp, ts):
            ending.callback(part.destroy)
        ending.callback(pc.setType, PETSc.PC.Type.NONE)  # first: what is raised in a callback keeps the TS alive
        ts.setRHSFunction(self._rhs, vector.duplicate())
        if self._matrix is None:
            self._matrix = tridiagonal_matrix(self.mesh.cells)
        ts.setRHSJacobian(self._jacobian, self._matrix, self._matrix)  # explicit types do not ask for it
        set_direct_solver(ksp)
        ts.setPreStep(self._before_step)
        ts.setPostStep(self._after_step)
        ts.setFromOptions()
        reduce_first_step(ts, self.time)
        return ts


def own_with_ghosts(mesh: Mesh, u: PETSc.Vec) -> RealArray:
    """The own nodes and their neighbours, (n + 2, 3), of a vector that holds the whole M; end values are repeated."""
    m = u.array_r.reshape(-1, 3)
    return np.take(m, mesh.around, axis=0)
