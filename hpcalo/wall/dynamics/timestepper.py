"""PETSc's time stepper (TS) as both modes use it: settings, one piece of a run, errors in words.

A run is a chain of pieces: from one output time to the next, and in between at most so many steps. Each piece is a new
TS that starts from the saved state alone (M, time, step size and, in time-dependent mode, the distribution).
Continuing from a file is then the same computation as not having stopped, bit for bit, and output times are hit
exactly.

Nothing here may depend on how the wire is cut into ranks: step sizes follow from error norms, and a last bit there
would be a last bit everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hpcalo.errors import ConvergenceError, HpcaloError
from hpcalo.wall.config import Time
from hpcalo.wall.dynamics.nonfinite import NonFiniteTracker
from hpcalo.wall.dynamics.state import State
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.options import PREFIX, petsc_text, reason_name
from hpcalo.wall.units import NS_IN_FS

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

TS_TYPES = {"rk": "rk", "bdf": "bdf", "arkimex": "arkimex", "rosw": "rosw", "cn": "cn"}
STEPS_PER_PIECE = {"rk": 50, "arkimex": 50, "rosw": 50, "cn": 100, "bdf": 500}
"""Accepted steps of a piece. A new start costs a one-step method nothing; BDF has to build up its history again."""
BDF_START = 1.0 / 32.0
"""BDF starts with half a backward Euler step without error control; a start this much smaller makes it harmless."""
BDF_RISE = 8
"""Steps after which the controller of BDF has found its own size again."""
END_ERROR = 1e-12
"""Relative rounding error of the sum of steps that ends at an output time."""
NOT_CONVERGED = 91  # PETSC_ERR_NOT_CONVERGED
PETSC_ERRORS = {NOT_CONVERGED: "nonlinear solver failed too often", 72: "floating point error"}


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


def make_ts(comm: Intracomm, time: Time, t: float, dt: float, end: float) -> PETSc.TS:
    """A TS for a piece from t towards `end` (fs) with the settings of the input; `-hpcalo_wall_ts_...` comes later."""
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
    ts.setMaxSteps(STEPS_PER_PIECE[time.integrator])
    ts.setExactFinalTime(PETSc.TS.ExactFinalTime.MATCHSTEP)
    ts.setTolerances(rtol=time.tolerance, atol=time.tolerance)
    ts.setMaxSNESFailures(5)
    ts.setMaxStepRejections(50)
    return ts


def adapt_options(time: Time) -> dict[str, str]:
    """Options that petsc4py 3.18 offers no setter for; those of the user take precedence."""
    options = {"ts_adapt_type": "none" if time.fixed_step else "basic", "ts_bdf_order": "2"}
    if time.fixed_step:
        options["ts_exact_final_time"] = "matchstep"
    return options


def reduce_first_step(ts: PETSc.TS, time: Time) -> None:
    """A smaller first step for BDF; call when the type is settled."""
    if ts.getType() == PETSc.TS.Type.BDF and not time.fixed_step:
        ts.setTimeStep(BDF_START * ts.getTimeStep())


def run_ts(ts: PETSc.TS, vector: PETSc.Vec, equation: str, tracker: NonFiniteTracker) -> None:
    """Integrates `equation` (its name in messages) from `vector`, in place.

    Raises ConvergenceError with PETSc's reason if the end was not reached, and with what was not finite before.
    """
    try:
        ts.solve(vector)
    except PETSc.Error as problem:
        cause = problem.__cause__ or problem.__context__
        if isinstance(cause, HpcaloError):
            raise cause from None
        text = PETSC_ERRORS.get(problem.ierr) or f"PETSc error {problem.ierr}: {petsc_text(problem)}"
        # The ranks can talk about it only where all came to the same conclusion; else each says what it knows.
        found = tracker.report() if problem.ierr == NOT_CONVERGED else tracker.text
        raise ConvergenceError(f"{equation}: time stepping failed{_ending(ts, text, found)}") from None
    reason = ts.getConvergedReason()
    if reason < 0:
        text = _ending(ts, reason_name(reason, PETSc.TS.ConvergedReason), tracker.report())
        raise ConvergenceError(f"{equation}: time stepping stopped{text}")


def _ending(ts: PETSc.TS, reason: str, found: str) -> str:
    return f" at t = {ts.getTime() / NS_IN_FS:.6g} ns: {reason}{'; ' if found else ''}{found}"


def advanced(ts: PETSc.TS, time: Time, state: State, end: float) -> State:
    """`state` with the time, step size and step count that TS has arrived at.

    Raises ConvergenceError where TS has not moved, or has stopped before `end` for another reason than the number of
    steps.
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


def next_step(ts: PETSc.TS, state: State, end: float) -> float:
    """First step of the next piece: the proposal of the controller, or the old step where `end` has cut it short."""
    proposed = float(ts.getTimeStep())
    if ts.getStepNumber() <= 1 and end - state.t < state.dt:
        return state.dt
    if ts.getType() == PETSc.TS.Type.BDF and ts.getStepNumber() <= BDF_RISE:
        return max(proposed, state.dt)  # else short pieces would begin with ever smaller steps
    return proposed
