"""A KSP of PETSc that works on arrays and whose result is measured by the true residual."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Protocol

import numpy as np

from hpcalo.errors import ConvergenceError, HpcaloError
from hpcalo.typing import RealArray
from hpcalo.wall.grid import Mesh
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.krylov import ACCEPTED, FlexibleGMRES, node_squares
from hpcalo.wall.solvers.options import SolverOptions, petsc_text, reason_name

EQUATION = "steady Boltzmann equation"


class Measurable(Protocol):
    """The part of `hpcalo.wall.solvers.krylov.System` that a result is measured with."""

    def residual(self, b: RealArray, x: RealArray, out: RealArray | None) -> RealArray:
        """See `hpcalo.wall.solvers.krylov.System`."""

    def round_off(self, x: RealArray) -> float:
        """See `hpcalo.wall.solvers.krylov.System`."""


class Shell:
    """Matrix or preconditioner context that PETSc calls with vectors of the distributed unknown.

    `function(x, out)` works on the vectors' own memory: an iteration allocates no array.
    """

    def __init__(self, function: Callable[[RealArray, RealArray], None], shape: tuple[int, ...]) -> None:
        self.function, self.shape = function, shape

    def mult(self, _mat: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """y = A x."""
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))

    def apply(self, _pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """y = P x."""
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))


def setup_failure(options: SolverOptions, problem: PETSc.Error, *beginnings: str) -> HpcaloError:
    """The error of a KSP that PETSc cannot set up: the user's options of these beginnings, if there are any."""
    if given := options.given(*beginnings):
        return options.refusal(given, problem)
    return ConvergenceError(f"{EQUATION}: PETSc error {problem.ierr}: {petsc_text(problem)}")


def norm_of_squares(mesh: Mesh, squares: RealArray) -> float:
    """Norm of a right-hand side from its square by node, (n, 1). Collective.

    Raises ConvergenceError, on every rank, where it is not finite.
    """
    every = mesh.gather(squares)
    bad = np.flatnonzero(~np.isfinite(every[:, 0]))
    if bad.size:
        raise ConvergenceError(
            f"{EQUATION}: the right-hand side is not finite at x = {bad[0] * mesh.dx:.4g} nm "
            f"(node {bad[0]}){f' and at {bad.size - 1} other nodes' if bad.size > 1 else ''}"
        )
    return float(np.sqrt(every.sum(axis=0)[0]))


class MeasuredKsp:
    """Solves A x = b on arrays. Collective.

    limits: relative and absolute tolerance of the residual. prefixes: beginnings of the user's options for it. advice:
    what an error recommends. alive: Python contexts that PETSc itself does not keep alive. PETSc's objects are
    destroyed with this object: its own clean-up comes too late to call Python, and keeps the memory.
    """

    def __init__(
        self,
        mesh: Mesh,
        system: Measurable,
        ksp: PETSc.KSP,
        matrix: PETSc.Mat,
        options: SolverOptions,
        limits: tuple[float, float],
        *,
        prefixes: tuple[str, ...],
        advice: str,
        alive: tuple[object, ...] = (),
    ) -> None:
        self.mesh, self.system, self.ksp, self.options = mesh, system, ksp, options
        self.prefixes, self.advice, self._alive = prefixes, advice, alive
        self.relative, self.absolute = limits
        self._solution, self._right = matrix.createVecRight(), matrix.createVecLeft()
        self.iterations = 0
        """Of the last solve."""
        self._finalizer = weakref.finalize(self, destroy, ksp, matrix, self._solution, self._right)

    def destroy(self) -> None:
        """Destroys PETSc's objects now."""
        self._finalizer()

    @property
    def name(self) -> str:
        """The method in words."""
        return "flexible GMRES" if self.ksp.getType() == PETSc.KSP.Type.PYTHON else str(self.ksp.getType())

    def solve(self, right: RealArray, x: RealArray, size: float | None = None, *, guess: bool = False) -> None:
        """Solves into x, which holds the initial guess if `guess`.

        size: what the residual is measured against; the norm of `right` if not given. Raises ConvergenceError with
        PETSc's reason, or where the true residual is above the tolerance whatever PETSc says.
        """
        ksp, own = self.ksp, self.ksp.getType() == PETSc.KSP.Type.PYTHON
        if size is not None:
            ksp.setTolerances(rtol=1e-300, atol=max(self.absolute, self.relative * size))
        if own:
            method: FlexibleGMRES = ksp.getPythonContext()
            method.guessed, method.size = guess, size
        ksp.setInitialGuessNonzero(guess or own)
        self._right.placeArray(right.reshape(-1))
        self._solution.placeArray(x.reshape(-1))
        try:
            ksp.solve(self._right, self._solution)
        except PETSc.Error as problem:
            if isinstance(cause := problem.__cause__ or problem.__context__, HpcaloError):
                raise cause from None
            raise ConvergenceError(
                f"{EQUATION}: {self.name}: PETSc error {problem.ierr}: {petsc_text(problem)}"
            ) from None
        finally:
            self._right.resetArray()
            self._solution.resetArray()
        self.iterations = ksp.getIterationNumber()
        reason = ksp.getConvergedReason()
        if reason < 0:
            raise ConvergenceError(
                f"{EQUATION}: {self.name} stopped after {self.iterations} iterations: "
                f"{reason_name(reason, PETSc.KSP.ConvergedReason)} (residual {ksp.getResidualNorm():.2e}); "
                f"{self.advice}"
            )
        if not own:
            self._check_residual(right, x, size)

    def _check_residual(self, right: RealArray, x: RealArray, size: float | None) -> None:
        """Raises ConvergenceError where the true residual is above the tolerance (and the round-off of A x).

        PETSc's methods stop where their own test says so: after one step, or by the preconditioned residual.
        """
        if size is None:
            size = norm_of_squares(self.mesh, node_squares(right))
        allowed = max(self.relative * size, self.absolute)
        left = float(np.sqrt(self.mesh.totals(self.system.residual(right, x, None))[0]))
        if not left <= max(ACCEPTED * allowed, self.system.round_off(x)):
            reason = reason_name(self.ksp.getConvergedReason(), PETSc.KSP.ConvergedReason)
            given = ", ".join(self.options.given(*self.prefixes))
            raise ConvergenceError(
                f"{EQUATION}: {self.name} stopped after {self.iterations} iterations, "
                f"{reason}, with a residual of {left:.2e}; the tolerance is {allowed:.2e}{given and f' (with {given})'}"
            )


def destroy(*objects: PETSc.Object) -> None:
    """Destroys PETSc objects, in this order."""
    for item in objects:
        item.destroy()
