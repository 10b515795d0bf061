"""PETSc time stepping of the wall: what the two modes share, and the quasi-static mode.

A run is a chain of segments between output times. Each segment is a new TS that starts from the written state alone
(M, time, step size and, time-dependent, the distribution): continuing from a file is then the same computation as not
having stopped, bit for bit, and output times are hit exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.config.wall import Time
from hpcalo.errors import ConvergenceError, InputError
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetics import Magnetics
from hpcalo.wall.options import PREFIX, SolverOptions
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.steady import reason_name
from hpcalo.wall.transport import Response, Torques, Transport

Array = NDArray[np.float64]

TS_TYPES = {"rk": "rk", "bdf": "bdf", "arkimex": "arkimex", "rosw": "rosw", "cn": "cn"}


@dataclass(frozen=True)
class State:
    """All that a continuation needs. `m` (n, 3) own nodes; `t`, `dt` in fs; `origin` of the window in nm.

    `f`: own part of the distribution in time-dependent mode (see `hpcalo.wall.coupled`), else None.
    """

    m: Array
    t: float
    dt: float
    origin: float = 0.0
    steps: int = 0
    f: Array | None = None


def normalized(m: Array) -> Array:
    """M / |M|. Raises ConvergenceError where M is not finite or has vanished."""
    size = np.linalg.norm(m, axis=1, keepdims=True)
    if not np.all(np.isfinite(size)) or np.any(size < 0.5):
        raise ConvergenceError("magnetization: |M| left [0.5, inf): the time step is unstable; lower time.tolerance")
    return m / size


def project(ts: Any, vector: Any, count: int) -> None:
    """|M| = 1 for the first `count` values of TS's solution, after a step.

    PETSc takes a changed solution for a discontinuity and starts multistep methods again, at first order. The change
    here is of the size of the step's own error, so BDF is kept from noticing; one-step methods must notice (they would
    reuse the last stage's rate).
    """
    state = vector.stateGet()
    vector.array[:count] = normalized(vector.array_r[:count].reshape(-1, 3)).reshape(-1)
    if ts.getType() == PETSc.TS.Type.BDF:
        vector.stateSet(state)


def make_ts(comm: Any, time: Time, t: float, dt: float, end: float, steps: int) -> Any:
    """A TS from t to `end` (fs) with the settings of the input and then those of `-hpcalo_wall_ts_...`."""
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
    ts.setMaxSteps(2**31 - 1)
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


def run_ts(ts: Any, vector: Any, what: str) -> None:
    """Solves and raises ConvergenceError with PETSc's reason if the end was not reached."""
    try:
        ts.solve(vector)
    except PETSc.Error as problem:
        cause = problem.__cause__ or problem.__context__
        if isinstance(cause, ConvergenceError):
            raise cause from None
        text = {91: "nonlinear solver failed too often", 74: "floating point error"}.get(
            problem.ierr, f"PETSc error {problem.ierr}"
        )
        raise ConvergenceError(f"{what}: time stepping failed at t = {ts.getTime() * 1e-6:.6g} ns: {text}") from None
    reason = ts.getConvergedReason()
    if reason < 0:
        raise ConvergenceError(
            f"{what}: time stepping stopped at t = {ts.getTime() * 1e-6:.6g} ns: "
            f"{reason_name(reason, PETSc.TS.ConvergedReason)}"
        )


class SpinAccumulation:
    """The quasi-static dm(M): solved again at the times `time.refresh` asks for, otherwise kept.

    Kept between solves it is carried along with the spins by the rotation that turns the old M into the new one, so
    that M x dm stays right to first order in the rotation.
    """

    def __init__(self, mesh: Mesh, transport: Transport | None, time: Time) -> None:
        self.mesh, self.transport, self.time = mesh, transport, time
        self.units: tuple[Response, Response] | None = None
        self.torques: Torques | None = None
        self.m = np.zeros((0, 3))
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
        self.units = self.transport.respond(m_ghost, self.units)
        self.torques = self.transport.combine(self.units)
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
        q = self.torques.total.q[:, 1:]
        if self.time.refresh == "stage":
            return np.ascontiguousarray(q)
        axis = np.cross(self.m, m)
        return np.ascontiguousarray(q + np.cross(axis, q) + np.cross(axis, np.cross(axis, q)) / 2.0)


class QuasiStatic:
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
        self._matrix: Any = None

    @property
    def scale(self) -> Array:
        """(g mu_B/M_s) J/hbar on the own nodes."""
        return self.transport.torque_scale if self.transport is not None else np.zeros(self.mesh.n)

    def rate(self, t: float, m: Array) -> Array:
        """dM/dt (n, 3) in 1/fs. Collective."""
        ghost = self.mesh.magnetization_with_ghosts(m)
        if self.accumulation.active and (self.time.refresh == "stage" or self.accumulation.torques is None):
            self.accumulation.solve(t, ghost)
        return self.magnetics.rate(ghost, t, self.accumulation.spin(m), self.scale)

    def _rhs(self, _ts: Any, t: float, u: Any, f: Any) -> None:
        f.array[:] = self.rate(t, u.array_r.reshape(-1, 3)).reshape(-1)

    def _jacobian(self, _ts: Any, t: float, u: Any, _j: Any, p: Any) -> None:
        mesh = self.mesh
        m = u.array_r.reshape(-1, 3)
        ghost = mesh.magnetization_with_ghosts(m)
        blocks = self.magnetics.jacobian(ghost, t, self.accumulation.spin(m), self.scale)
        fill_tridiagonal(p, mesh, blocks)

    def _before_step(self, ts: Any) -> None:
        if not self.accumulation.active or self.time.refresh == "stage":
            return
        m = ts.getSolution().array_r.reshape(-1, 3)
        if self.accumulation.due(ts.getTime(), m):
            self.accumulation.solve(ts.getTime(), self.mesh.magnetization_with_ghosts(m))

    def _after_step(self, ts: Any) -> None:
        project(ts, ts.getSolution(), 3 * self.mesh.n)

    def segment(self, state: State, end: float) -> State:
        """The state at `end` (fs), starting from `state` and nothing else."""
        self.accumulation.forget()
        vector = self.mesh.dm(3).createGlobalVec()
        vector.array[:] = state.m.reshape(-1)
        with self.options.active(adapt_options(self.time)):
            ts = make_ts(self.mesh.comm, self.time, state.t, state.dt, end, state.steps)
            ts.setRHSFunction(self._rhs, vector.duplicate())
            if self._matrix is None:
                self._matrix = tridiagonal_matrix(self.mesh)
            ts.setRHSJacobian(self._jacobian, self._matrix, self._matrix)  # explicit types do not ask for it
            direct_solver(ts.getSNES().getKSP())
            ts.setPreStep(self._before_step)
            ts.setPostStep(self._after_step)
            ts.setFromOptions()
            run_ts(ts, vector, "Landau-Lifshitz-Gilbert")
        dt = state.dt if self.time.fixed_step else next_step(ts, state, end)
        m = normalized(np.array(vector.array_r).reshape(-1, 3))
        done = replace(state, m=m, t=end, dt=dt, steps=state.steps + ts.getStepNumber())
        ts.destroy()
        return done


def next_step(ts: Any, state: State, end: float) -> float:
    """Step size to begin the next segment with: the controller's proposal, or the old one where the segment cut it
    short."""
    proposed = float(ts.getTimeStep())
    if ts.getStepNumber() <= 1 and end - state.t < state.dt:
        return state.dt
    return proposed


def tridiagonal_matrix(mesh: Mesh) -> Any:
    """AIJ matrix with 3 x 3 blocks for nearest neighbours."""
    size = (3 * mesh.n, 3 * mesh.cells)
    matrix = PETSc.Mat().createAIJ((size, size), bsize=3, nnz=9, comm=mesh.comm)
    matrix.setUp()
    return matrix


def fill_tridiagonal(matrix: Any, mesh: Mesh, blocks: Array) -> None:
    """Sets the blocks (n, 3 [offset + 1], 3, 3) and assembles. Collective."""
    n = mesh.n
    offset = np.arange(9) // 3 - 1
    node = np.arange(mesh.first, mesh.last)
    neighbour = node[:, None] + offset[None, :]
    kept = (neighbour >= 0) & (neighbour < mesh.cells)
    columns = np.repeat((3 * neighbour + np.arange(9)[None, :] % 3)[:, None, :], 3, axis=1)
    values = blocks.transpose(0, 2, 1, 3).reshape(n, 3, 9)
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
