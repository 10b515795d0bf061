"""PETSc time stepping of the wall: what the two modes share, and the quasi-static mode.

A run is a chain of pieces: from one output time to the next, and on the way at most so many steps. Each piece is a new
TS that starts from the saved state alone (M, time, step size and, time-dependent, the distribution): continuing from a
file is then the same computation as not having stopped, bit for bit, and output times are hit exactly.

Nothing in it may depend on how the wire is cut into ranks: step sizes follow from error norms, and a last bit there
would be a last bit everywhere. In quasi-static mode every rank therefore steps the whole M, with the same arithmetic on
all of them (M is a thousand times smaller than the distribution); its rate is computed node by node where the node
lives and gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError, HpcaloError, InputError
from hpcalo.parallel.world import alone
from hpcalo.wall.config import Time
from hpcalo.wall.dynamics.finite import Trouble, where_not_finite
from hpcalo.wall.electrons.transport import Response, Torques, Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.options import PREFIX, SolverOptions, petsc_text
from hpcalo.wall.solvers.steady import reason_name
from hpcalo.wall.units import NS_IN_FS

Array = NDArray[np.float64]

TS_TYPES = {"rk": "rk", "bdf": "bdf", "arkimex": "arkimex", "rosw": "rosw", "cn": "cn"}
# Accepted steps of a piece. A one-step method loses nothing by a new start; BDF has to build up its history again.
PIECE = {"rk": 50, "arkimex": 50, "rosw": 50, "cn": 100, "bdf": 500}
# BDF starts with half a backward Euler step, whose error nobody controls: a start this much smaller makes it harmless.
BDF_START = 1.0 / 32.0
NOT_CONVERGED = 91  # PETSC_ERR_NOT_CONVERGED
PETSC_ERRORS = {NOT_CONVERGED: "nonlinear solver failed too often", 72: "floating point error"}
END_ERROR = 1e-12  # relative, of the sum of steps that ends at an output time
BDF_RISE = 8  # steps after which the controller has found its own size again


@dataclass(frozen=True)
class State:
    """All that a continuation needs. `m` (n, 3) own nodes; `t`, `dt` in fs; `origin` of the window in nm.

    `f`: own part of the distribution in time-dependent mode (see `hpcalo.wall.dynamics.coupled`), else None.
    """

    m: Array
    t: float
    dt: float
    origin: float = 0.0
    steps: int = 0
    f: Array | None = None


def normalized(m: Array, mesh: Mesh | None = None, first: int = 0, t: float = 0.0) -> Array:
    """M / |M|. Raises ConvergenceError where M is not finite or has vanished; it says where with a mesh, the number of
    the first node and the time in fs.
    """
    size = np.linalg.norm(m, axis=1, keepdims=True)
    good = np.isfinite(size) & (size >= 0.5)
    if not good.all():
        where = "" if mesh is None else where_not_finite(mesh, "it", np.where(good, size, np.nan)[:, 0], first, t)
        where = where.removeprefix("it is not finite").partition(";")[0]
        raise ConvergenceError(
            f"magnetization: |M| left [0.5, inf){where}: the time step is unstable; lower time.tolerance"
        )
    return m / size


def project(ts: Any, vector: Any, mesh: Mesh, first: int, count: int) -> None:
    """|M| = 1 for the `count` nodes, from number `first` on, with which TS's solution begins, after a step.

    PETSc takes a changed solution for a discontinuity and starts multistep methods again, at first order. The change
    here is of the size of the step's own error, so BDF and Crank-Nicolson's error estimate, which look back over two
    steps, are kept from noticing; Runge-Kutta methods must notice (they would reuse the last stage's rate).
    """
    state = vector.stateGet()
    m = vector.array_r[: 3 * count].reshape(-1, 3)
    vector.array[: 3 * count] = normalized(m, mesh, first, ts.getTime()).reshape(-1)
    if ts.getType() in {PETSc.TS.Type.BDF, PETSc.TS.Type.CN, PETSc.TS.Type.THETA}:
        vector.stateSet(state)


class Stepper:
    """A chain of pieces. `watch` is called after every accepted step (collective; what it raises ends the run)."""

    watch: Callable[[], None] | None = None

    def piece(self, state: State, end: float) -> State:
        """The state some steps later, at `end` (fs) at the latest, starting from `state` and nothing else."""
        raise NotImplementedError

    def pieces(self, state: State, end: float) -> Iterator[State]:
        """The states after each piece; the last one is at `end`."""
        while state.t < end:
            state = self.piece(state, end)
            yield state

    def segment(self, state: State, end: float) -> State:
        """The state at `end` (fs)."""
        for now in self.pieces(state, end):
            state = now
        return state


def make_ts(comm: Any, time: Time, t: float, dt: float, end: float) -> Any:
    """A TS for a piece from t towards `end` (fs) with the settings of the input, before those of
    `-hpcalo_wall_ts_...`."""
    ts = PETSc.TS().create(comm=comm)
    ts.setOptionsPrefix(PREFIX)
    ts.setProblemType(PETSc.TS.ProblemType.NONLINEAR)
    ts.setType(TS_TYPES[time.integrator])
    if time.integrator == "rk":
        ts.setRKType("5dp")
    elif time.integrator == "arkimex":
        ts.setARKIMEXType("3")
    elif time.integrator == "rosw":
        ts.setType("rosw")
    ts.setTime(t)
    ts.setTimeStep(min(dt, end - t))
    ts.setMaxTime(end)
    ts.setMaxSteps(PIECE[time.integrator])
    ts.setExactFinalTime(PETSc.TS.ExactFinalTime.MATCHSTEP)
    ts.setTolerances(rtol=time.tolerance, atol=time.tolerance)
    ts.setMaxSNESFailures(5)
    ts.setMaxStepRejections(50)
    return ts


def adapt_options(time: Time) -> dict[str, str]:
    """Options that petsc4py 3.18 offers no setter for; those the user gave take precedence."""
    options = {"ts_adapt_type": "none" if time.fixed_step else "basic", "ts_bdf_order": "2"}
    if time.fixed_step:
        options["ts_exact_final_time"] = "matchstep"
    return options


def run_ts(ts: Any, vector: Any, what: str, trouble: Trouble) -> None:
    """Solves and raises ConvergenceError with PETSc's reason if the end was not reached, and with what was not finite
    before.
    """
    try:
        ts.solve(vector)
    except PETSc.Error as problem:
        cause = problem.__cause__ or problem.__context__
        if isinstance(cause, HpcaloError):
            raise cause from None
        text = PETSC_ERRORS.get(problem.ierr) or f"PETSc error {problem.ierr}: {petsc_text(problem)}"
        # Only where all ranks came to the same conclusion can they talk about it; else each says what it knows.
        found = trouble.told() if problem.ierr == NOT_CONVERGED else trouble.text
        raise ConvergenceError(f"{what}: time stepping failed{_ending(ts, text, found)}") from None
    reason = ts.getConvergedReason()
    if reason < 0:
        text = _ending(ts, reason_name(reason, PETSc.TS.ConvergedReason), trouble.told())
        raise ConvergenceError(f"{what}: time stepping stopped{text}")


def _ending(ts: Any, reason: str, found: str) -> str:
    return f" at t = {ts.getTime() / NS_IN_FS:.6g} ns: {reason}{'; ' if found else ''}{found}"


class SpinAccumulation:
    """The quasi-static dm(M): solved again at the times `time.refresh` asks for, otherwise kept.

    Kept between solves it is carried along with the spins by the rotation that turns the old M into the new one, so
    that M x dm stays right to first order in the rotation.
    """

    def __init__(self, mesh: Mesh, transport: Transport | None, time: Time) -> None:
        self.mesh, self.transport, self.time = mesh, transport, time
        self.units: tuple[Response, Response] | None = None
        self.torques: Torques | None = None
        self.m, self.dm = np.zeros((0, 3)), np.zeros((0, 3))  # of the last solve
        self.t = -np.inf

    @property
    def active(self) -> bool:
        """Whether there is any drive at all."""
        if self.transport is None:
            return False
        d = self.transport.drive
        driven = d.electric_field != 0.0 or d.current_density != 0.0 or d.gradient != 0.0
        return driven or self.transport.electrons.gradient_source > 0.0

    def forget(self) -> None:
        """Drops the guess: the next solve starts from nothing (as a continued run does)."""
        self.units, self.torques, self.t = None, None, -np.inf

    def solve(self, t: float, m_ghost: Array) -> None:
        """Solves for this magnetization. Collective."""
        assert self.transport is not None  # `active` has been asked
        try:
            self.units = self.transport.respond(m_ghost, self.units)
            self.torques = self.transport.combine(self.units)
        except ConvergenceError as problem:
            raise ConvergenceError(f"at t = {t / NS_IN_FS:.6g} ns: {problem}") from None
        self.dm = np.ascontiguousarray(self.torques.electrical.q[:, 1:] + self.torques.thermal.q[:, 1:])
        self.m, self.t = m_ghost[1:-1].copy(), t

    def due(self, t: float, m: Array) -> bool:
        """Whether `time.refresh` asks for a solve at a step that starts at t. Collective."""
        if self.torques is None or self.time.refresh == "step":
            return True
        if t - self.t >= self.time.refresh_interval * (1.0 - 1e-9):
            return True
        turned = self.mesh.max(float(np.abs(m - self.m).max()))
        return turned > self.time.refresh_angle

    def spin(self, m: Array) -> Array:
        """dm (n, 3) in 1/nm^3 for the present M (n, 3)."""
        if self.torques is None:
            return np.zeros_like(m)
        if self.time.refresh == "stage":
            return self.dm
        out = np.empty_like(self.dm)
        _wall.llg_carry(self.m, m, self.dm, out)
        return out


class QuasiStatic(Stepper):
    """LLG by TS; the electrons follow the magnetization without delay.

    `transport` None: LLG alone. `options`: PETSc options of the input. Collective.
    """

    def __init__(
        self,
        mesh: Mesh,
        magnetics: Magnetics,
        transport: Transport | None,
        time: Time,
        options: SolverOptions | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        if time.integrator in {"arkimex", "rosw"} and time.refresh == "stage":
            raise InputError("time.refresh: 'stage' needs time.integrator = 'rk'; the others take 'step' or 'interval'")
        self.mesh, self.magnetics, self.transport, self.time = mesh, magnetics, transport, time
        self.accumulation = SpinAccumulation(mesh, transport, time)
        self.trouble = Trouble(mesh)
        self._matrix: Any = None

    @property
    def scale(self) -> Array:
        """(g mu_B/M_s) J/hbar on the own nodes."""
        return self.transport.torque_scale if self.transport is not None else np.zeros(self.mesh.n)

    def rate(self, t: float, m: Array) -> Array:
        """dM/dt (n, 3) in 1/fs. Collective."""
        return self._rate(t, self.mesh.magnetization_with_ghosts(m))

    def _rate(self, t: float, ghost: Array) -> Array:
        if self.accumulation.active and (self.time.refresh == "stage" or self.accumulation.torques is None):
            self.accumulation.solve(t, ghost)
        return self.magnetics.rate(ghost, t, self.accumulation.spin(ghost[1:-1]), self.scale)

    def _rhs(self, _ts: Any, t: float, u: Any, f: Any) -> None:
        rate = self.mesh.gather(self._rate(t, own_with_ghosts(self.mesh, u)))
        if not np.isfinite(rate).all():  # on all ranks or on none: the rate is whole
            m = u.array_r.reshape(-1, 3)
            spin = self.mesh.gather(self.accumulation.spin(m[self.mesh.first : self.mesh.last]))
            self.trouble.look(t, 0, magnetization=m, spin_accumulation=spin, rate_of_the_magnetization=rate)
        f.array[:] = rate.reshape(-1)

    def _jacobian(self, _ts: Any, t: float, u: Any, _j: Any, p: Any) -> None:
        ghost = own_with_ghosts(self.mesh, u)
        blocks = self.magnetics.jacobian(ghost, t, self.accumulation.spin(ghost[1:-1]), self.scale)
        fill_tridiagonal(p, self.mesh.gather(blocks))

    def _before_step(self, ts: Any) -> None:
        if not self.accumulation.active or self.time.refresh == "stage":
            return
        ghost = own_with_ghosts(self.mesh, ts.getSolution())
        if self.accumulation.due(ts.getTime(), ghost[1:-1]):
            self.accumulation.solve(ts.getTime(), ghost)

    def _after_step(self, ts: Any) -> None:
        project(ts, ts.getSolution(), self.mesh, 0, self.mesh.cells)
        self.trouble.forget()
        if self.watch is not None:
            self.watch()

    def piece(self, state: State, end: float) -> State:
        """The state some steps later, at `end` (fs) at the latest, starting from `state` and nothing else."""
        mesh = self.mesh
        self.accumulation.forget()
        self.trouble.forget()
        vector = PETSc.Vec().createSeq(3 * mesh.cells, comm=alone())
        vector.array[:] = mesh.gather(state.m).reshape(-1)
        with self.options.active(adapt_options(self.time)):
            ts = make_ts(alone(), self.time, state.t, state.dt, end)
            ts.setRHSFunction(self._rhs, vector.duplicate())
            if self._matrix is None:
                self._matrix = tridiagonal_matrix(mesh.cells)
            ts.setRHSJacobian(self._jacobian, self._matrix, self._matrix)  # explicit types do not ask for it
            direct_solver(ts.getSNES().getKSP())
            ts.setPreStep(self._before_step)
            ts.setPostStep(self._after_step)
            ts.setFromOptions()
            gentle_start(ts, self.time)
            run_ts(ts, vector, "Landau-Lifshitz-Gilbert", self.trouble)
        m = normalized(np.array(vector.array_r).reshape(-1, 3), mesh, 0, ts.getTime())[mesh.first : mesh.last]
        done = replace(advanced(ts, self.time, state, end), m=m)
        ts.destroy()
        PETSc.garbage_cleanup(alone())  # PETSc keeps what Python has let go of until it is told so
        return done


def own_with_ghosts(mesh: Mesh, u: Any) -> Array:
    """The own nodes and their neighbours, end values repeated, of a vector that holds the whole M."""
    m = u.array_r.reshape(-1, 3)
    return np.take(m, mesh.around, axis=0)


def gentle_start(ts: Any, time: Time) -> None:
    """A smaller first step where the method needs one; call when the type is settled."""
    if ts.getType() == PETSc.TS.Type.BDF and not time.fixed_step:
        ts.setTimeStep(BDF_START * ts.getTimeStep())


def advanced(ts: Any, time: Time, state: State, end: float) -> State:
    """`state` with the time, step size and step count that TS has arrived at.

    Raises ConvergenceError where TS has not moved, or has not stopped at `end` and not because of the number of steps.
    """
    reason, t = ts.getConvergedReason(), float(ts.getTime())
    at_end = reason == PETSc.TS.ConvergedReason.CONVERGED_TIME
    error = END_ERROR * (abs(end) + end - state.t)
    if at_end and abs(t - end) <= error:
        t = end
    elif at_end or reason != PETSc.TS.ConvergedReason.CONVERGED_ITS or t > end + error:
        raise ConvergenceError(
            f"time stepping stopped at t = {t / NS_IN_FS:.9g} ns instead of {end / NS_IN_FS:.9g} ns "
            f"({reason_name(reason, PETSc.TS.ConvergedReason)})"
        )
    if ts.getStepNumber() < 1 or t <= state.t:
        raise ConvergenceError(f"time stepping made no step from t = {state.t / NS_IN_FS:.9g} ns")
    dt = state.dt if time.fixed_step else next_step(ts, state, end)
    return replace(state, t=t, dt=dt, steps=state.steps + ts.getStepNumber())


def next_step(ts: Any, state: State, end: float) -> float:
    """Step size to begin the next piece with: the controller's proposal, or the old one where the segment's end cut it
    short."""
    proposed = float(ts.getTimeStep())
    if ts.getStepNumber() <= 1 and end - state.t < state.dt:
        return state.dt
    if ts.getType() == PETSc.TS.Type.BDF and ts.getStepNumber() <= BDF_RISE:
        return max(proposed, state.dt)  # else short pieces would begin with ever smaller steps
    return proposed


def tridiagonal_matrix(cells: int) -> Any:
    """AIJ matrix with 3 x 3 blocks for nearest neighbours, whole on every rank."""
    matrix = PETSc.Mat().createAIJ((3 * cells, 3 * cells), bsize=3, nnz=9, comm=alone())
    matrix.setUp()
    return matrix


def fill_tridiagonal(matrix: Any, blocks: Array) -> None:
    """Sets the blocks (cells, 3 [offset + 1], 3, 3) and assembles."""
    cells = blocks.shape[0]
    offset = np.arange(9) // 3 - 1
    neighbour = np.arange(cells)[:, None] + offset[None, :]
    kept = (neighbour >= 0) & (neighbour < cells)
    columns = np.repeat((3 * neighbour + np.arange(9)[None, :] % 3)[:, None, :], 3, axis=1)
    values = blocks.transpose(0, 2, 1, 3).reshape(cells, 3, 9)
    keep = np.repeat(kept[:, None, :], 3, axis=1)
    starts = np.concatenate([[0], np.cumsum(keep.sum(axis=2).reshape(-1))]).astype(np.int32)
    matrix.setValuesIJV(starts, columns[keep].astype(np.int32), values[keep])
    matrix.assemble()


def direct_solver(ksp: Any) -> None:
    """Sparse LU (MUMPS), the default for the small magnetic systems."""
    ksp.setType(PETSc.KSP.Type.PREONLY)
    pc = ksp.getPC()
    pc.setType(PETSc.PC.Type.LU)
    pc.setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
