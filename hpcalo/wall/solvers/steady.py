"""Steady (or time-shifted) spinor Boltzmann equation as a linear solve with PETSc, distributed over x.

`hpcalo.wall.solvers.formulations` states what is solved. The default KSP is the flexible GMRES of
`hpcalo.wall.solvers.krylov`, whose result has the same bits on any number of ranks; any of PETSc's own types can be
chosen instead (-hpcalo_wall_ksp_type), with results that are the same to the tolerance of the solve. The direct method
is a check.
"""

from __future__ import annotations

import os
import resource
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError, HpcaloError, InputError
from hpcalo.parallel.guard import together
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.formulations import EvenSystem, MomentSystem, Preconditioner
from hpcalo.wall.solvers.krylov import ACCEPTED, RESTART, FlexibleGMRES, node_squares
from hpcalo.wall.solvers.options import PREFIX, SolverOptions, petsc_text, reason_name

Array = NDArray[np.float64]

# Longest mean free path, in cells, for a sweep in single precision: its error is this squared times 6e-8.
SINGLE_FREE_PATH = 100.0
# Bytes for each of the 3 cells (4 points)^2 numbers of the matrix: its blocks, their copy in PETSc, MUMPS's factors.
DIRECT_BYTES = 48.0


def _memory() -> float:
    """Bytes that this process may have: the machine's, or less where the process has a limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float(machine if limit == resource.RLIM_INFINITY else min(machine, limit))


def _destroy(*objects: Any) -> None:
    for item in objects:
        item.destroy()


class _Shell:
    """Matrix or preconditioner context that PETSc calls with vectors of the distributed unknown.

    `function(x, out)` works on the vectors' own memory: no array is allocated within an iteration.
    """

    def __init__(self, function: Any, shape: tuple[int, ...]) -> None:
        self.function = function
        self.shape = shape

    def mult(self, _mat: Any, x: Any, y: Any) -> None:
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))

    def apply(self, _pc: Any, x: Any, y: Any) -> None:
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))


class SteadySolver:
    """Solves A e = r for the magnetization last given to `update`.

    `method`: "krylov" or "direct" (MUMPS LU of the assembled matrix; memory 3 cells (4 points)^2). `iterations` of the
    last solve are kept in `last_iterations`. Raises ConvergenceError with PETSc's reason, or where the true residual is
    above the tolerance whatever PETSc says; InputError for options that do not go together and a direct method without
    the memory for it.
    """

    def __init__(
        self,
        mesh: Mesh,
        kinetic: Kinetic,
        *,
        method: str = "krylov",
        tolerance: float = 1e-10,
        iterations: int = 1000,
        accelerate: bool = True,
        formulation: str | None = None,
        options: SolverOptions | None = None,
    ) -> None:
        self.options = options or SolverOptions()
        self.mesh, self.k = mesh, kinetic
        self.method = method
        self.tolerance, self.limit, self.accelerate = tolerance, iterations, accelerate
        self.formulation = formulation or ("even" if kinetic.half_j else "moments")
        free_path = float(kinetic.v[-1]) * kinetic.carriers.tau / kinetic.dx
        single = self.formulation == "even" and method == "krylov" and free_path <= SINGLE_FREE_PATH
        if single:  # PETSc's own methods work on the sweep in double precision; to ask for an option is to use it
            with self.options.active():
                single = not PETSc.Options(PREFIX).hasName("ksp_type")
        self.inverse = Preconditioner(mesh, kinetic, accelerate=accelerate, single=single)
        self.sweep, self.diffusion = self.inverse.sweep, self.inverse.diffusion
        self.even = EvenSystem(self.inverse)
        self.system: EvenSystem | MomentSystem = (
            MomentSystem(self.inverse) if self.formulation == "moments" else self.even
        )
        self.shift = 0.0
        self.last_iterations = 0
        self._ksp: Any = None
        self._own: Any = None  # the method behind the KSP, unless the user chose one of PETSc's
        self._vectors: tuple[Any, Any] | None = None
        self._factors: tuple[Any, ...] = ()  # PETSc's objects of the direct method
        shape = kinetic.shape  # work arrays, so that no call allocates memory that it gives back
        self._right, self._left, self._ends = np.empty(shape), np.empty(shape), np.empty((2, *shape[1:]))

    def update(self, m_ghost: Array, shift: float = 0.0) -> None:
        """Factors everything that depends on M (n + 2, 3, with ghosts) and on the shift. Collective."""
        self.k.set_magnetization(m_ghost)
        self.refactor(shift)

    def refactor(self, shift: float) -> None:
        """As `update` for the magnetization already set."""
        self.shift = self.inverse.shift = shift
        if self.method == "direct":
            self._direct()
        else:
            self.inverse.factor(shift)

    # -- solves -----------------------------------------------------------------------------------------------------

    def _make_ksp(self) -> None:
        mesh, system = self.mesh, self.system
        width = int(np.prod(system.shape[1:]))
        size = (mesh.n * width, mesh.cells * width)
        operator = _Shell(system.apply, system.shape)
        matrix = PETSc.Mat().createPython((size, size), operator, comm=mesh.comm)
        matrix.setUp()
        ksp = PETSc.KSP().create(comm=mesh.comm)
        ksp.setOptionsPrefix(PREFIX)
        ksp.setOperators(matrix)
        pc = ksp.getPC()
        pc.setType(PETSc.PC.Type.PYTHON)
        preconditioner = _Shell(system.precondition, system.shape)
        pc.setPythonContext(preconditioner)
        own = FlexibleGMRES(mesh, system)
        self._keep, self._own = [operator, matrix, preconditioner], own
        ksp.setType(PETSc.KSP.Type.PYTHON)
        ksp.setPythonContext(own)
        ksp.setPCSide(PETSc.PC.Side.RIGHT)
        ksp.setTolerances(rtol=self.tolerance, atol=1e-300, max_it=self.limit)
        try:
            with self.options.active():
                ksp.setFromOptions()
                if ksp.getType() != PETSc.KSP.Type.PYTHON:
                    ksp.setGMRESRestart(RESTART)
                    ksp.setFromOptions()
            ksp.setUp()
        except PETSc.Error as problem:
            raise self._refused(problem, "ksp_", "pc_") from None
        # At once, and before the interpreter ends: PETSc's clean-up comes too late to call Python, and keeps memory.
        weakref.finalize(self, _destroy, ksp, matrix)
        self._ksp = ksp
        self._limits = ksp.getTolerances()[:2]
        self._vectors = (matrix.createVecRight(), matrix.createVecLeft())

    def _direct(self) -> None:
        """Assembles A by colouring (3 x 4 points applications) and factors it with MUMPS."""
        mesh, k = self.mesh, self.k
        width = 4 * k.p.size
        size = (mesh.n * width, mesh.cells * width)
        _destroy(*self._factors)  # at once: what Python lets go of PETSc keeps
        self._factors = ()
        entries = 3 * int(mesh.counts.max()) * width**2
        needed = DIRECT_BYTES * entries
        room = -mesh.max(-_memory())
        large = f"solver.method: 'direct' needs about {needed / 2**30:.2g} GiB a rank, 144 bytes x cells (4 points)^2"
        advice = "use 'krylov', or more ranks"
        if needed > room or entries > np.iinfo(PETSc.IntType).max:
            raise InputError(f"{large}, more than the {room / 2**30:.2g} GiB there are or PETSc can number; {advice}")
        with together(mesh.comm):  # one rank alone may be without memory
            try:
                matrix = PETSc.Mat().createAIJ((size, size), bsize=width, nnz=3 * width, comm=mesh.comm)
                blocks = np.zeros((mesh.n, 3, width, width))
            except (PETSc.Error, MemoryError):
                raise InputError(f"{large}, and there is no room for it; {advice}") from None
        matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
        index = np.arange(mesh.first, mesh.last)
        for colour in range(3):
            for column in range(width):
                e = np.zeros((mesh.n, width))
                e[index % 3 == colour, column] = 1.0
                self.even.apply(e.reshape(k.shape), self._left)
                response = self._left.reshape(mesh.n, width)
                for offset in (-1, 0, 1):
                    rows = (index + offset) % 3 == colour
                    blocks[rows, offset + 1, :, column] = response[rows]
        for i, node in enumerate(index):
            for offset in (-1, 0, 1):
                if 0 <= node + offset < mesh.cells:
                    matrix.setValuesBlocked([node], [node + offset], blocks[i, offset + 1])
        matrix.assemble()
        ksp = PETSc.KSP().create(comm=mesh.comm)
        ksp.setOptionsPrefix(PREFIX + "direct_")
        ksp.setOperators(matrix)
        ksp.setType(PETSc.KSP.Type.PREONLY)
        pc = ksp.getPC()
        pc.setType(PETSc.PC.Type.LU)
        pc.setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
        try:
            with self.options.active():
                ksp.setFromOptions()
            ksp.setUp()
        except PETSc.Error as problem:
            raise self._refused(problem, "direct_") from None
        self._direct_ksp = ksp
        self._vectors = (matrix.createVecRight(), matrix.createVecLeft())
        self._factors = (ksp, matrix, *self._vectors)
        self._limits = (self.tolerance, 0.0)

    def _refused(self, problem: Any, *beginnings: str) -> HpcaloError:
        """What to raise where PETSc cannot set up a KSP: it is the user's options, if there are any."""
        if given := self.options.given(*beginnings):
            return InputError(f"{', '.join(given)}: {petsc_text(problem)}")
        return ConvergenceError(f"steady Boltzmann equation: PETSc error {problem.ierr}: {petsc_text(problem)}")

    def _run(self, ksp: Any, right: Array, x: Array, size: float | None = None, *, guess: bool = False) -> None:
        """Solves into x, which holds the initial guess if `guess`. `size`: what the residual is measured against."""
        assert self._vectors is not None  # for the type checker: set together with the KSP
        solution, b = self._vectors
        if size is not None:
            relative, absolute = self._limits
            ksp.setTolerances(rtol=1e-300, atol=max(absolute, relative * size))
        own = ksp.getType() == PETSc.KSP.Type.PYTHON
        if own:
            self._own.guessed, self._own.size = guess, size
        ksp.setInitialGuessNonzero(guess or own)
        b.placeArray(right.reshape(-1))
        solution.placeArray(x.reshape(-1))
        try:
            ksp.solve(b, solution)
        except PETSc.Error as problem:
            if isinstance(cause := problem.__cause__ or problem.__context__, HpcaloError):
                raise cause from None
            raise ConvergenceError(
                f"steady Boltzmann equation: {self._name(ksp)}: PETSc error {problem.ierr}: {petsc_text(problem)}"
            ) from None
        finally:
            b.resetArray()
            solution.resetArray()
        self.last_iterations = ksp.getIterationNumber()
        reason = ksp.getConvergedReason()
        if reason < 0:
            other = "raise solver.iterations or use solver.method = 'direct'"
            raise ConvergenceError(
                f"steady Boltzmann equation: {self._name(ksp)} stopped after {self.last_iterations} iterations: "
                f"{reason_name(reason, PETSc.KSP.ConvergedReason)} (residual {ksp.getResidualNorm():.2e}); "
                + ("use solver.method = 'krylov'" if self.method == "direct" else other)
            )
        if not own:
            self._check_residual(ksp, right, x, size)

    def _check_residual(self, ksp: Any, right: Array, x: Array, size: float | None) -> None:
        """Raises ConvergenceError where the true residual is above the tolerance (and the round-off of A x).

        PETSc's methods stop where their own test says so: after one step, or by the preconditioned residual.
        """
        system = self.even if self.method == "direct" else self.system
        relative, absolute = self._limits
        if size is None:
            size = self._size(node_squares(right))
        allowed = max(relative * size, absolute)
        left = float(np.sqrt(self.mesh.total(system.residual(right, x, None))[0]))
        if not left <= max(ACCEPTED * allowed, system.round_off(x)):
            reason = reason_name(ksp.getConvergedReason(), PETSc.KSP.ConvergedReason)
            given = ", ".join(self.options.given(*(["direct_"] if self.method == "direct" else ["ksp_", "pc_"])))
            raise ConvergenceError(
                f"steady Boltzmann equation: {self._name(ksp)} stopped after {self.last_iterations} iterations, "
                f"{reason}, with a residual of {left:.2e}; the tolerance is {allowed:.2e}{given and f' (with {given})'}"
            )

    @staticmethod
    def _name(ksp: Any) -> str:
        return "flexible GMRES" if ksp.getType() == PETSc.KSP.Type.PYTHON else str(ksp.getType())

    def _size(self, squares: Array) -> float:
        """Norm from its square by node (n, 1). Raises ConvergenceError, on every rank, where it is not finite."""
        every = self.mesh.gather(squares)
        bad = np.flatnonzero(~np.isfinite(every[:, 0]))
        if bad.size:
            raise ConvergenceError(
                f"steady Boltzmann equation: the right-hand side is not finite at x = {bad[0] * self.mesh.dx:.4g} nm "
                f"(node {bad[0]}){f' and at {bad.size - 1} other nodes' if bad.size > 1 else ''}"
            )
        return float(np.sqrt(every.sum(axis=0)[0]))

    def solve_even(self, right: Array, guess: Array | None = None) -> Array:
        """e with A e = right, both (n, 4, points). Collective. Raises ConvergenceError."""
        right = np.ascontiguousarray(right)
        e, rest = self._solve_even(right, self._size(node_squares(right)), guess)
        return e if rest is None else self.k.prolong(rest, base=e, out=e)

    def _solve_even(
        self, right: Array, size: float, guess: Array | None, even: Array | None = None
    ) -> tuple[Array, Array | None]:
        """e, and the moments of a distribution to be added to it."""
        e = np.empty(self.k.shape) if even is None else even
        if size == 0.0:
            self.last_iterations = 0
            e[...] = 0.0
            return e, None
        if self.method == "direct":
            self._run(self._direct_ksp, right, e)
            return e, None
        if self._ksp is None:
            self._make_ksp()
        if isinstance(self.system, MomentSystem):
            q = np.empty(self.system.shape) if guess is None else self.k.moments(guess)
            self._run(self._ksp, self.system.begin(right, e), q, guess=guess is not None)
        else:
            if guess is not None and guess is not e:
                e[...] = guess
            self._run(self._ksp, right, e, size, guess=guess is not None)
        # A last exact correction in the space of moments: charge and spin balance then hold to round-off,
        # not just to the Krylov tolerance.
        return e, self.diffusion.solve(self.system.rest)

    def solve(self, source: Array, guess: Array | None = None) -> tuple[Array, Array]:
        """(e, o) driven by the odd source on the faces (n + 1, 4, points). Collective.

        `guess`: e to start from.
        """
        o = np.empty(source.shape)
        return self._driven(source, guess, out=o), o

    def respond(
        self, source: Array, guess: Array | None = None, even: Array | None = None
    ) -> tuple[Array, Array, Array]:
        """As `solve`: e, its moments (n, 4) and the flux (n + 1, 4) of o, which is not kept. Collective.

        `even`: an array for e, which may be that of the guess.
        """
        moments, flux = np.empty((self.mesh.n, 4)), np.empty((self.mesh.n + 1, 4))
        return self._driven(source, guess, even, flux=flux, moments=moments), moments, flux

    def _driven(self, source: Array, guess: Array | None, even: Array | None = None, **wanted: Array) -> Array:
        """e, and what `Kinetic.odd_between` makes of it."""
        size = self._size(self.k.even_rhs(source, self.shift, self._right))
        e, rest = self._solve_even(self._right, size, guess, even)
        first, last = e[0], e[-1]
        if rest is not None:
            first, last = self.k.prolonged_ends(rest, e)
        ends = self.mesh.beyond(first, last, self._ends)
        self.k.odd_between(e, ends, source, self.shift, rest, **wanted)
        return e
