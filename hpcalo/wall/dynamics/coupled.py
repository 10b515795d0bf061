"""Time-dependent mode: distribution and magnetization are stepped together by an implicit or IMEX TS.

Unknowns on a rank: M (n, 3), e (n, 4, points) and o (n, 4, points) on the face left of each node, and on the last rank
the right reservoir's face. e and o are kept in units of `scale`, the size of the driven distribution, so that one
tolerance fits all.

    de/dt = -balance(e, o),   do/dt = source(M, E) - transport(e) - relaxation(o),   dM/dt = LLG(M, dm)

E is given, or follows from e and M as the circuit demands (`hpcalo.wall.electrons.circuit`).

ARKIMEX: the electrons implicit, M explicit. BDF, ROSW, CN: everything implicit. The implicit systems are solved with
the exact kinetic block (the steady solver at shift a) and the exact magnetic block; what couples the two, and E to e
(only the force at the wall does), is left to the nonlinear iteration, or, fully implicit, to FGMRES on the true
(matrix-free) Jacobian.

The result has the same bits on any number of ranks: step sizes follow from the largest weighted error (a maximum does
not depend on an order), inner products are added in the order of the wire (`hpcalo.wall.solvers.newton`), and of the
nonlinear iteration only the number of its steps depends on a norm.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError, InputError
from hpcalo.wall.config import Time
from hpcalo.wall.dynamics.finite import Trouble, where_not_finite
from hpcalo.wall.dynamics.stepping import (
    State,
    Stepper,
    adapt_options,
    advanced,
    gentle_start,
    make_ts,
    normalized,
    project,
    run_ts,
)
from hpcalo.wall.electrons.circuit import Circuit
from hpcalo.wall.electrons.transport import Response, Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.newton import BlockTridiagonal, Fgmres
from hpcalo.wall.solvers.options import PREFIX, SolverOptions
from hpcalo.wall.units import CURRENT_IN_SI, NS_IN_FS, VOLT_PER_METRE

Array = NDArray[np.float64]

DIFFERENCE = 1.5e-8  # about sqrt(eps): step of the difference quotient, relative to the size of the state


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
        self.mesh, self.magnetics, self.transport, self.time = mesh, magnetics, transport, time
        self.imex = time.integrator == "arkimex"
        points = transport.p.size
        self.faces = mesh.n + (1 if mesh.at_right else 0)
        self.split = (3 * mesh.n, (3 + 4 * points) * mesh.n)
        self.local = self.split[1] + 4 * points * self.faces
        self.points = points
        self.scale = self._scale()
        self.circuit = Circuit(mesh, transport, self.scale)
        self.trouble = Trouble(mesh)
        self._factored: tuple[float, bytes] | None = None

    def _scale(self) -> float:
        """Largest distribution that E of the bulk or kappa drives within tau."""
        d, k = self.transport.drive, self.transport.kinetic
        field = abs(self.transport.bulk_field) * VOLT_PER_METRE or 1e-5
        local = max(float(np.abs(k.source_e).max()) * field, float(np.abs(k.source_k).max()) * abs(d.gradient))
        return self.mesh.max(local) * self.transport.carriers.tau

    # -- packing ----------------------------------------------------------------------------------------------------

    def unpack(self, a: Array) -> tuple[Array, Array, Array]:
        """(M, e, o own faces) as views, the latter two in units of `scale`."""
        i, j = self.split
        n, points = self.mesh.n, self.points
        return a[:i].reshape(n, 3), a[i:j].reshape(n, 4, points), a[j:].reshape(self.faces, 4, points)

    def _all_faces(self, o: Array) -> Array:
        """o on the n + 1 faces around the own nodes."""
        ghost = self.mesh.with_ghosts(np.ascontiguousarray(o[: self.mesh.n]))
        last = o[-1:] if self.mesh.at_right else ghost[-1:]
        return np.concatenate([ghost[1:-1], last])

    def equilibrium(self) -> Array:
        """The distribution part of a state without deviation from equilibrium."""
        return np.zeros(self.local - self.split[0])

    def steady(self, m: Array) -> Array:
        """The distribution part of the state in which the electrons have settled for this M (n, 3)."""
        ghost = self.mesh.magnetization_with_ghosts(m)
        t = self.transport
        field = self.circuit.given
        if field is None:
            field = sum(t.fields(t.respond(ghost))[:2])
        t.solver.update(ghost)
        e, o = t.solver.solve(self._source(field))
        self._factored = None
        o = o[: self.faces] / self.scale
        if self.circuit.given is None:  # the solver's tolerance leaves something of the current
            o = self.circuit.with_mean(o, self.circuit.asked)
        return np.concatenate([e.reshape(-1) / self.scale, o.reshape(-1)])

    def _source(self, field: float) -> Array:
        k = self.transport.kinetic
        out = k.source(field, self.transport.drive.gradient)
        return out + k.equilibrium_source() if k.gradient_source else out

    def _odd_rate(self, e_ghost: Array, o: Array) -> tuple[float, Array]:
        """E in V/nm, and do/dt on the own faces; M is the one last given to the kinetic operator. Collective."""
        k, faces = self.transport.kinetic, self.faces
        if (given := self.circuit.given) is not None:
            return given, k.odd_rate(e_ghost, o, self._source(given) / self.scale)[:faces]
        rate = k.odd_rate(e_ghost, o, None)[:faces]
        field = self.circuit.field(o[:faces], rate)
        rate += self._source(field)[:faces] / self.scale
        return field, rate

    # -- what TS calls ----------------------------------------------------------------------------------------------

    def _rates(self, t: float, a: Array) -> tuple[Array, Array, Array]:
        """dM/dt, de/dt, do/dt (own faces), the latter two in units of `scale`."""
        m, e, o = self.unpack(a)
        mesh, k = self.mesh, self.transport.kinetic
        ghost = mesh.magnetization_with_ghosts(m)
        k.set_magnetization(ghost)
        o_all = self._all_faces(o)
        e_ghost = mesh.with_ghosts(np.ascontiguousarray(e))
        de = -k.balance(np.ascontiguousarray(e), o_all)
        _, do = self._odd_rate(e_ghost, o_all)
        spin = np.ascontiguousarray(self.scale * k.moments(e)[:, 1:])
        dm = self.magnetics.rate(ghost, t, spin, self.transport.torque_scale)
        self._look(t, m, spin, dm, e, o, de, do)
        return dm, de, do

    def _look(self, t: float, m: Array, spin: Array, dm: Array, *electrons: Array) -> None:
        """Notes what is not finite on this rank."""
        first = self.mesh.first
        self.trouble.look(t, first, magnetization=m, spin_accumulation=spin, rate_of_the_magnetization=dm)
        if electrons:
            e, o, de, do = electrons
            self.trouble.look(t, first, distribution=e, odd_distribution=o)
            self.trouble.look(t, first, rate_of_the_distribution=de, rate_of_the_odd_distribution=do)

    def _implicit(self, _ts: Any, t: float, u: Any, udot: Any, f: Any) -> None:
        dm, de, do = self._rates(t, u.array_r)
        rates = np.concatenate([np.zeros(dm.size) if self.imex else dm.reshape(-1), de.reshape(-1), do.reshape(-1)])
        f.array[:] = udot.array_r - rates

    def _explicit(self, _ts: Any, t: float, u: Any, f: Any) -> None:
        f.array[:] = 0.0
        m, e, _ = self.unpack(u.array_r)
        spin = np.ascontiguousarray(self.scale * self.transport.kinetic.moments(e)[:, 1:])
        ghost = self.mesh.magnetization_with_ghosts(m)
        rate = self.magnetics.rate(ghost, t, spin, self.transport.torque_scale)
        self._look(t, m, spin, rate)
        f.array[: self.split[0]] = rate.reshape(-1)

    def _jacobian(self, _ts: Any, t: float, u: Any, _udot: Any, shift: float, j: Any, _p: Any) -> None:
        m, e, _ = self.unpack(u.array_r)
        ghost = self.mesh.magnetization_with_ghosts(m)
        key = (shift, ghost.tobytes())
        mine = 1 if self._factored == key else 0
        if self.mesh.comm.allreduce(mine) < self.mesh.comm.size:
            self.transport.solver.update(ghost, shift)
            self._factored = key
        self.shift = shift
        self._ghost = ghost
        if not self.imex:
            spin = np.ascontiguousarray(self.scale * self.transport.kinetic.moments(e)[:, 1:])
            blocks = -self.magnetics.jacobian(ghost, t, spin, self.transport.torque_scale)
            blocks[:, 1] += shift * np.eye(3)
            self._magnetic = BlockTridiagonal(self.mesh.gather(blocks))
            self._at, self._time = np.array(u.array_r), t
            self._here = np.concatenate([r.reshape(-1) for r in self._rates(t, self._at)])
            self._size = self.mesh.max(np.abs(self._at).max(initial=0.0))
        j.assemble()

    def apply(self, _pc: Any, x: Any, y: Any) -> None:
        """Magnetic block, then kinetic block at the shift of the present stage."""
        rm, re, ro = self.unpack(x.array_r)
        if self.imex:
            ym = rm / self.shift
        else:
            ym = self._magnetic.solve(self.mesh.gather(rm))[self.mesh.first : self.mesh.last]
        k, solver = self.transport.kinetic, self.transport.solver
        k.set_magnetization(self._ghost)  # residuals at other M may have been evaluated since the factorization
        source = self._all_faces(ro)
        zero = np.zeros((self.mesh.n + 2, *k.shape[1:]))
        driven = k.odd(zero, source, self.shift)
        e = solver.solve_even(re - k.balance(zero[1:-1], driven, self.shift))
        o = k.odd(self.mesh.with_ghosts(e), source, self.shift)[: self.faces]
        out = np.concatenate([ym.reshape(-1), e.reshape(-1), o.reshape(-1)])
        y.array[:] = out if self.circuit.given is not None else self.closed(x.array_r, out)

    def closed(self, right: Array, x: Array) -> Array:
        """x with the change of E that gives <o> its exact value, <ro>/(shift + 1/tau) of the right-hand side; M is the
        Jacobian's. Collective.
        """
        k = self.transport.kinetic
        k.set_magnetization(self._ghost)
        (*_, ro), (_, _, o) = self.unpack(right), self.unpack(x)
        mean = self.circuit.mean_flow(ro) / (self.shift + 1.0 / k.carriers.tau)
        return np.concatenate([x[: self.split[1]], self.circuit.with_mean(o, mean).reshape(-1)])

    def mult(self, _mat: Any, x: Any, y: Any) -> None:
        """shift x - d(rates) x by a one-sided difference about the state of the last Jacobian."""
        direction = x.array_r
        largest = self.mesh.max(np.abs(direction).max(initial=0.0))
        if largest == 0.0:
            y.set(0.0)
            return
        h = DIFFERENCE * (1.0 + self._size) / largest
        there = self._rates(self._time, self._at + h * direction)
        y.array[:] = self.shift * direction - (np.concatenate([r.reshape(-1) for r in there]) - self._here) / h

    def dot(self, a: Array, b: Array) -> float:
        """Inner product of two vectors of unknowns, added in the order of the wire. Collective."""
        i, j = self.split
        n = self.mesh.n
        product = a * b
        nodes = product[:i].reshape(n, -1).sum(axis=1) + product[i:j].reshape(n, -1).sum(axis=1)
        faces = product[j:].reshape(self.faces, -1).sum(axis=1)
        nodes += faces[:n]
        if self.mesh.at_right:
            nodes[-1] += faces[n]  # the right reservoir's face
        return float(self.mesh.total(nodes))

    def _after_step(self, ts: Any) -> None:
        project(ts, ts.getSolution(), self.mesh, self.mesh.first, self.mesh.n)
        self.trouble.forget()
        if self.watch is not None:
            self.watch()

    # -- pieces -----------------------------------------------------------------------------------------------------

    def piece(self, state: State, end: float) -> State:
        """The state some steps later, at `end` (fs) at the latest. `state.f` None: starts with electrons settled for
        the initial M.
        """
        comm = self.mesh.comm
        self.trouble.forget()
        try:
            f = self.steady(state.m) if state.f is None else state.f
        except ConvergenceError as problem:
            raise ConvergenceError(f"at t = {state.t / NS_IN_FS:.6g} ns: {problem}") from None
        vector = PETSc.Vec().createMPI((self.local, None), comm=comm)
        vector.array[:] = np.concatenate([state.m.reshape(-1), f])
        total = vector.getSize()
        options = adapt_options(self.time)
        options["ts_adapt_wnormtype"] = "infinity"
        # A Rosenbrock method is one linear solve a stage; solving on makes another method of it, of second order.
        options["snes_type"] = "ksponly" if self.time.integrator == "rosw" else "newtonls"
        options["snes_rtol"] = "1e-10"
        options["snes_atol"] = "1e-13"
        options["snes_stol"] = "1e-13"
        options["snes_linesearch_type"] = "basic"
        matrix = PETSc.Mat().createPython(((self.local, total), (self.local, total)), self, comm=comm)
        with self.options.active(options), ExitStack() as ending:
            ts = make_ts(comm, self.time, state.t, state.dt, end)
            ksp = ts.getSNES().getKSP()
            pc = ksp.getPC()
            for part in (matrix, pc, ksp, ts):  # at once, also where stepping fails: at its own end PETSc has no Python
                ending.callback(part.destroy)
            matrix.setUp()
            ts.setIFunction(self._implicit, vector.duplicate())
            ts.setIJacobian(self._jacobian, matrix, matrix)
            if self.imex:
                ts.setRHSFunction(self._explicit, vector.duplicate())
            if self.imex:
                ksp.setType(PETSc.KSP.Type.PREONLY)
            else:
                ksp.setType(PETSc.KSP.Type.PYTHON)
                ksp.setPythonContext(Fgmres(self.dot, close=self.closed if self.circuit.given is None else None))
                ksp.setTolerances(rtol=1e-6)
            pc.setType(PETSc.PC.Type.PYTHON)
            pc.setPythonContext(self)
            # The inner kinetic solver has the prefix of the whole; the outer Krylov method gets its own.
            ksp.setOptionsPrefix(PREFIX + "newton_")
            ts.setPostStep(self._after_step)
            ts.setFromOptions()
            gentle_start(ts, self.time)
            run_ts(ts, vector, "Boltzmann + Landau-Lifshitz-Gilbert", self.trouble)
            done, t = advanced(ts, self.time, state, end), ts.getTime()
        out = np.array(vector.array_r)
        m = normalized(out[: self.split[0]].reshape(-1, 3), self.mesh, self.mesh.first, t)
        _, e, o = self.unpack(out)
        for what, part, place in (("distribution", e, "node"), ("odd distribution", o, "face")):
            if where := where_not_finite(self.mesh, what, part, self.mesh.first, t, place):
                raise ConvergenceError(where)
        PETSc.garbage_cleanup(comm)  # PETSc keeps what Python has let go of until it is told so
        self._factored = None
        return replace(done, m=m, f=out[self.split[0] :])

    def parts(self, state: State) -> tuple[Array, Array]:
        """e and o (own faces) in units of `scale`: what is stored for continuation."""
        f = self.equilibrium() if state.f is None else state.f
        _, e, o = self.unpack(np.concatenate([state.m.reshape(-1), f]))
        return e, o

    def shifted(self, f: Array, cells: int, m: Array) -> Array:
        """The distribution moved left by whole cells, for the M (n, 3) that has been moved; end values fill what comes
        in, which does not change the mean current of a circuit that holds it. Collective.
        """
        mesh = self.mesh
        _, e, o = self.unpack(np.concatenate([np.zeros(self.split[0]), f]))
        every_e = mesh.gather(np.ascontiguousarray(e))
        every_o = mesh.gather(np.ascontiguousarray(o[: mesh.n]))
        last = mesh.comm.bcast(o[-1:] if mesh.at_right else None, root=mesh.comm.size - 1)
        every_o = np.concatenate([every_o, last])
        node = np.clip(np.arange(mesh.first, mesh.last) + cells, 0, mesh.cells - 1)
        face = np.clip(np.arange(mesh.first, mesh.first + self.faces) + cells, 0, mesh.cells)
        moved = every_o[face]
        if self.circuit.given is None:
            self.transport.kinetic.set_magnetization(mesh.magnetization_with_ghosts(m))
            moved = self.circuit.with_mean(moved, self.circuit.mean_flow(o))
        return np.concatenate([every_e[node].reshape(-1), moved.reshape(-1)])

    def electric(self, state: State) -> tuple[float, float]:
        """E and the mean current density along the wire, V/m and A/m^2, of the state's distribution. Collective."""
        self.transport.kinetic.set_magnetization(self.mesh.magnetization_with_ghosts(state.m))
        e, o = self.parts(state)
        field, _ = self._odd_rate(self.mesh.with_ghosts(np.ascontiguousarray(e)), self._all_faces(o))
        return field / VOLT_PER_METRE, -2.0 * CURRENT_IN_SI * self.scale * self.circuit.mean_flow(o)

    def response(self, state: State) -> Response:
        """Moments and fluxes of the state's distribution, as the quasi-static mode gives them. Collective."""
        k = self.transport.kinetic
        k.set_magnetization(self.mesh.magnetization_with_ghosts(state.m))
        e, o = self.parts(state)
        return Response(self.scale * k.moments(e), self.scale * k.flux(self._all_faces(o)))
