"""Time-dependent mode: distribution and magnetization are stepped together by an implicit or IMEX TS.

ARKIMEX: the electrons implicit, M explicit. BDF, ROSW, CN: everything implicit. `hpcalo.wall.dynamics.rates` has the
equations, `hpcalo.wall.dynamics.newton_system` the linear systems.

The result has the same bits on any number of ranks: step sizes follow from the largest weighted error (a maximum does
not depend on an order), inner products are added in the order of the wire, and of the nonlinear iteration only the
number of its steps depends on a norm.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from hpcalo.errors import ConvergenceError, InputError
from hpcalo.typing import RealArray
from hpcalo.wall.config import Time
from hpcalo.wall.dynamics.newton_system import NewtonSystem
from hpcalo.wall.dynamics.nonfinite import where_not_finite
from hpcalo.wall.dynamics.rates import Rates
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.dynamics.timestepper import Stepper, adapt_options, advanced, make_ts, reduce_first_step, run_ts
from hpcalo.wall.dynamics.unit_length import normalized, project
from hpcalo.wall.electrons.response import Response
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.fgmres import Fgmres
from hpcalo.wall.solvers.options import PREFIX, SolverOptions
from hpcalo.wall.units import CURRENT_IN_SI, NS_IN_FS, VOLT_PER_METRE


class Coupled(Stepper):
    """SBE + LLG in one TS. Collective throughout."""

    def __init__(
        self,
        mesh: Mesh,
        magnetics: Magnetics,
        transport: Transport,
        time: Time,
        options: SolverOptions | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        if time.integrator == "rk":
            raise InputError("time.integrator: 'rk' is explicit; time-dependent mode takes arkimex, bdf, rosw or cn")
        self.mesh, self.transport, self.time = mesh, transport, time
        self.imex = time.integrator == "arkimex"
        self.rates = Rates(mesh, magnetics, transport)
        self.unknowns, self.circuit, self.tracker = self.rates.unknowns, self.rates.circuit, self.rates.tracker
        self.newton = NewtonSystem(self.rates, imex=self.imex)

    @property
    def scale(self) -> float:
        """Unit of e and o in a state, 1/(nm^3 eV fs/nm)."""
        return self.rates.scale

    # -- distributions ----------------------------------------------------------------------------------------------

    def steady(self, m: RealArray) -> RealArray:
        """The distribution part of the state in which the electrons have settled for this M (n, 3)."""
        ghost = self.mesh.magnetization_with_ghosts(m)
        t = self.transport
        field = self.circuit.given
        if field is None:
            field = sum(t.fields(t.respond(ghost))[:2])
        t.solver.update(ghost)
        e, o = t.solver.solve(self.rates.source(field))
        self.newton.invalidate()
        o = o[: self.unknowns.faces] / self.scale
        if self.circuit.given is None:  # the solver's tolerance leaves an error of the current
            o = self.circuit.with_mean(o, self.circuit.target)
        return self.unknowns.pack(e / self.scale, o)

    def parts(self, state: State) -> tuple[RealArray, RealArray]:
        """e and o (own faces) in units of `scale`: what is stored for continuation."""
        return self.unknowns.unpack_distribution(self.unknowns.equilibrium() if state.f is None else state.f)

    def shifted(self, f: RealArray, cells: int, m: RealArray) -> RealArray:
        """The distribution moved left by whole cells, for the M (n, 3) that has been moved.

        End values fill what comes in, which does not change the mean current of a circuit that holds it. Collective.
        """
        mesh, faces = self.mesh, self.unknowns.faces
        e, o = self.unknowns.unpack_distribution(f)
        every_e = mesh.gather(np.ascontiguousarray(e))
        every_o = mesh.gather(np.ascontiguousarray(o[: mesh.n]))
        last = mesh.comm.bcast(o[-1:] if mesh.at_right else None, root=mesh.comm.size - 1)
        every_o = np.concatenate([every_o, last])
        node = np.clip(np.arange(mesh.first, mesh.last) + cells, 0, mesh.cells - 1)
        face = np.clip(np.arange(mesh.first, mesh.first + faces) + cells, 0, mesh.cells)
        moved = every_o[face]
        if self.circuit.given is None:
            self.transport.kinetic.set_magnetization(mesh.magnetization_with_ghosts(m))
            moved = self.circuit.with_mean(moved, self.circuit.mean_flow(o))
        return self.unknowns.pack(every_e[node], moved)

    def electric(self, state: State) -> tuple[float, float]:
        """E and the mean current density along the wire, V/m and A/m^2, of the state's distribution. Collective."""
        self.transport.kinetic.set_magnetization(self.mesh.magnetization_with_ghosts(state.m))
        e, o = self.parts(state)
        field, _ = self.rates.odd_rate(self.mesh.with_ghosts(np.ascontiguousarray(e)), self.unknowns.all_faces(o))
        return field / VOLT_PER_METRE, -2.0 * CURRENT_IN_SI * self.scale * self.circuit.mean_flow(o)

    def response(self, state: State) -> Response:
        """Moments and fluxes of the state's distribution, as the quasi-static mode gives them. Collective."""
        k = self.transport.kinetic
        k.set_magnetization(self.mesh.magnetization_with_ghosts(state.m))
        e, o = self.parts(state)
        return Response(self.scale * k.moments(e), self.scale * k.flux(self.unknowns.all_faces(o)))

    # -- steps ------------------------------------------------------------------------------------------------------

    def _implicit(self, _ts: PETSc.TS, t: float, u: PETSc.Vec, udot: PETSc.Vec, f: PETSc.Vec) -> None:
        dm, de, do = self.rates.all(t, u.array_r)
        f.array[:] = udot.array_r - self.unknowns.pack(np.zeros(dm.size) if self.imex else dm, de, do)

    def _explicit(self, _ts: PETSc.TS, t: float, u: PETSc.Vec, f: PETSc.Vec) -> None:
        f.array[:] = 0.0
        f.array[: self.unknowns.m_end] = self.rates.magnetic(t, u.array_r).reshape(-1)

    def _after_step(self, ts: PETSc.TS) -> None:
        project(ts, self.mesh, self.mesh.first, self.mesh.n)
        self.tracker.reset()
        if self.watch is not None:
            self.watch()

    def piece(self, state: State, end: float) -> State:
        """The state some steps later, at `end` (fs) at the latest.

        Where `state.f` is None the electrons start settled for the initial M.
        """
        comm = self.mesh.comm
        self.tracker.reset()
        try:
            f = self.steady(state.m) if state.f is None else state.f
        except ConvergenceError as problem:
            raise ConvergenceError(f"at t = {state.t / NS_IN_FS:.6g} ns: {problem}") from None
        vector = PETSc.Vec().createMPI((self.unknowns.size, None), comm=comm)
        vector.array[:] = self.unknowns.pack(state.m, f)
        with self.options.active(self._options()), ExitStack() as ending:
            ts = self._make_ts(state, end, vector, ending)
            run_ts(ts, vector, "Boltzmann + Landau-Lifshitz-Gilbert", self.tracker)
            done, t = advanced(ts, self.time, state, end), ts.getTime()
        out = np.array(vector.array_r)
        m, e, o = self.unknowns.unpack(out)
        m = normalized(m, self.mesh, self.mesh.first, t)
        for name, part, location in (("distribution", e, "node"), ("odd distribution", o, "face")):
            if where := where_not_finite(self.mesh, name, part, self.mesh.first, t, location):
                raise ConvergenceError(where)
        PETSc.garbage_cleanup(comm)  # PETSc keeps what Python has dropped until this call
        self.newton.invalidate()
        return replace(done, m=m, f=out[self.unknowns.m_end :])

    def _options(self) -> dict[str, str]:
        options = adapt_options(self.time)
        options["ts_adapt_wnormtype"] = "infinity"
        # A Rosenbrock method is one linear solve a stage; solving on makes another method of it, of second order.
        options["snes_type"] = "ksponly" if self.time.integrator == "rosw" else "newtonls"
        options["snes_rtol"] = "1e-10"
        options["snes_atol"] = "1e-13"
        options["snes_stol"] = "1e-13"
        options["snes_linesearch_type"] = "basic"
        return options

    def _make_ts(self, state: State, end: float, vector: PETSc.Vec, ending: ExitStack) -> PETSc.TS:
        """The TS of one piece; `ending` destroys it and what belongs to it."""
        comm, newton = self.mesh.comm, self.newton
        local, total = self.unknowns.size, vector.getSize()
        matrix = PETSc.Mat().createPython(((local, total), (local, total)), newton, comm=comm)
        ts = make_ts(comm, self.time, state.t, state.dt, end)
        ksp = ts.getSNES().getKSP()
        pc = ksp.getPC()
        for part in (matrix, pc, ksp, ts):  # at once, also where stepping fails: at its own end PETSc has no Python
            ending.callback(part.destroy)
        matrix.setUp()
        ts.setIFunction(self._implicit, vector.duplicate())
        ts.setIJacobian(newton.jacobian, matrix, matrix)
        if self.imex:
            ts.setRHSFunction(self._explicit, vector.duplicate())
            ksp.setType(PETSc.KSP.Type.PREONLY)
        else:
            finish = newton.with_exact_current if self.circuit.given is None else None
            ksp.setType(PETSc.KSP.Type.PYTHON)
            ksp.setPythonContext(Fgmres(self.unknowns.dot, finish=finish))
            ksp.setTolerances(rtol=1e-6)
        pc.setType(PETSc.PC.Type.PYTHON)
        pc.setPythonContext(newton)
        # The inner kinetic solver has the prefix of the whole; the outer Krylov method gets its own.
        ksp.setOptionsPrefix(PREFIX + "newton_")
        ts.setPostStep(self._after_step)
        ts.setFromOptions()
        reduce_first_step(ts, self.time)
        return ts
