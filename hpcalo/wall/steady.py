"""Steady (or time-shifted) spinor Boltzmann equation as a linear solve with PETSc, distributed over x.

Two formulations, both preconditioned by one exact sweep and a 4-vector spin-diffusion (DSA) problem:
- even:    unknown e (4 points a node), complete operator with momentum coupling by the (J/2) M' force;
- moments: unknown (dn, dm), the Schur complement q - Mom T^-1 Gain q; exact when the force is off, where it is used.

The spin-diffusion operator is Mom A Prolong, obtained by applying A to coloured unit moments: whatever A contains, the
coarse problem is consistent with it, and it turns into D d_xx - (J/hbar) M x - 1/tau_sf for slow variation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from hpcalo.errors import ConvergenceError
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kinetic import Kinetic
from hpcalo.wall.options import PREFIX, SolverOptions
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.sweep import Sweep

Array = NDArray[np.float64]


def reason_name(reason: int, enum: Any) -> str:
    """PETSc's name of a converged reason."""
    names = [n for n in dir(enum) if n.isupper() and getattr(enum, n) == reason and "ITERATING" not in n]
    return min(names, key=len) if names else str(reason)


class _Shell:
    """Matrix and preconditioner contexts that PETSc calls with vectors of the distributed unknown.

    `function(x, out)` works on the vectors' own memory: no array is allocated within an iteration.
    """

    def __init__(self, function: Any, shape: tuple[int, ...]) -> None:
        self.function = function
        self.shape = shape

    def mult(self, _mat: Any, x: Any, y: Any) -> None:
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))

    def apply(self, _pc: Any, x: Any, y: Any) -> None:
        self.function(x.array_r.reshape(self.shape), y.array.reshape(self.shape))


class SpinDiffusion:
    """The 4-vector coarse problem Mom A Prolong: banded LU of 4 cells unknowns, the same on every rank."""

    def __init__(self, mesh: Mesh, kinetic: Kinetic) -> None:
        self.mesh = mesh
        self.k = kinetic

    def factor(self, shift: float) -> None:
        """Blocks by three colours and four components, then LAPACK's banded LU. Collective."""
        mesh, k = self.mesh, self.k
        index = np.arange(mesh.first, mesh.last)
        blocks = np.zeros((mesh.n, 3, 4, 4))  # [row node][column node - row node + 1][row comp][column comp]
        for colour in range(3):
            mine = index % 3 == colour
            for component in range(4):
                q = np.zeros((mesh.n, 4))
                q[mine, component] = 1.0
                response = k.moments(k.apply(mesh.with_ghosts(k.prolong(q)), shift))
                for offset in (-1, 0, 1):
                    rows = (index + offset) % 3 == colour
                    blocks[rows, offset + 1, :, component] = response[rows]
        every = mesh.gather(blocks)
        n = mesh.cells
        band = np.zeros((22, 4 * n))  # dgbtrf: kl + (kl + ku + 1) rows, kl = ku = 7
        for offset in (-1, 0, 1):
            rows = np.arange(max(0, -offset), min(n, n - offset))
            for r in range(4):
                for c in range(4):
                    i, j = 4 * rows + r, 4 * (rows + offset) + c
                    band[14 + i - j, j] = every[rows, offset + 1, r, c]
        self.lu, self.pivots, info = lapack.dgbtrf(band, 7, 7)
        if info != 0:
            raise ConvergenceError(f"spin-diffusion preconditioner: LAPACK dgbtrf returned {info} (singular operator)")

    def solve(self, q: Array) -> Array:
        """Own rows of the solution for the right-hand side q (n, 4). Collective."""
        every = self.mesh.gather(q).reshape(-1)
        x, info = lapack.dgbtrs(self.lu, 7, 7, every, self.pivots)
        if info != 0:
            raise ConvergenceError(f"spin-diffusion preconditioner: LAPACK dgbtrs returned {info}")
        return x.reshape(-1, 4)[self.mesh.first : self.mesh.last]


class SteadySolver:
    """Solves A e = r for the magnetization last given to `update`.

    `method`: "krylov" or "direct" (MUMPS LU of the assembled matrix; memory 3 cells (4 points)^2). `iterations` of the
    last solve are kept in `last_iterations`. Raises ConvergenceError with PETSc's reason; never returns a bad result.
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
        self.sweep = Sweep(mesh.comm, kinetic)
        self.diffusion = SpinDiffusion(mesh, kinetic)
        self.shift = 0.0
        self.last_iterations = 0
        self._ksp: Any = None
        self._vectors: tuple[Any, Any] | None = None

    def update(self, m_ghost: Array, shift: float = 0.0) -> None:
        """Factors everything that depends on M (n + 2, 3, with ghosts) and on the shift. Collective."""
        self.k.set_magnetization(m_ghost)
        self.refactor(shift)

    def refactor(self, shift: float) -> None:
        """As `update` for the magnetization already set."""
        self.shift = shift
        if self.method == "direct":
            self._direct()
            return
        self.sweep.factor(shift)
        self.diffusion.factor(shift)

    # -- the pieces PETSc calls -------------------------------------------------------------------------------------

    def _apply(self, e: Array, out: Array | None = None) -> Array:
        return self.k.apply(self.mesh.with_ghosts(e, view=True), self.shift, out)

    def _gain(self, q: Array) -> Array:
        """Moments of the collision gain for moments q."""
        c = self.k.carriers
        return q * np.array([1.0 / c.tau] + 3 * [1.0 / c.tau - 1.0 / c.tau_sf])

    def precondition(self, r: Array, out: Array | None = None) -> Array:
        """One sweep, then the spin-diffusion correction of what the sweep's own collisions scatter back."""
        y = self.sweep.solve(r, out)
        if not self.accelerate:
            return y
        return self.k.prolong(self.diffusion.solve(self._gain(self.k.moments(y))), base=y, out=y)

    def _schur(self, q: Array, out: Array) -> None:
        out[:] = q - self.k.moments(self.sweep.solve(self.k.gain(q)))

    def _schur_precondition(self, q: Array, out: Array) -> None:
        out[:] = q + self.diffusion.solve(self._gain(q)) if self.accelerate else q

    # -- solves -----------------------------------------------------------------------------------------------------

    def _make_ksp(self, width: int) -> None:
        mesh = self.mesh
        local, total = mesh.n * width, mesh.cells * width
        moments = self.formulation == "moments"
        shape = (mesh.n, 4) if moments else self.k.shape
        operator = _Shell(self._schur if moments else self._apply, shape)
        preconditioner = _Shell(self._schur_precondition if moments else self.precondition, shape)
        matrix = PETSc.Mat().createPython(((local, total), (local, total)), operator, comm=mesh.comm)
        matrix.setUp()
        ksp = PETSc.KSP().create(comm=mesh.comm)
        ksp.setOptionsPrefix(PREFIX)
        ksp.setOperators(matrix)
        ksp.setType(PETSc.KSP.Type.FGMRES)
        ksp.setGMRESRestart(60)
        pc = ksp.getPC()
        pc.setType(PETSc.PC.Type.PYTHON)
        pc.setPythonContext(preconditioner)
        ksp.setTolerances(rtol=self.tolerance, atol=1e-300, max_it=self.limit)
        with self.options.active():
            ksp.setFromOptions()
        ksp.setUp()
        self._ksp = ksp
        self._vectors = (matrix.createVecRight(), matrix.createVecLeft())
        self._keep = (operator, preconditioner, matrix)

    def _direct(self) -> None:
        """Assembles A by colouring (3 x 4 points applications) and factors it with MUMPS."""
        mesh, k = self.mesh, self.k
        width = 4 * k.p.size
        size = (mesh.n * width, mesh.cells * width)
        matrix = PETSc.Mat().createAIJ((size, size), bsize=width, nnz=3 * width, comm=mesh.comm)
        matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
        index = np.arange(mesh.first, mesh.last)
        blocks = np.zeros((mesh.n, 3, width, width))
        for colour in range(3):
            for column in range(width):
                e = np.zeros((mesh.n, width))
                e[index % 3 == colour, column] = 1.0
                response = k.apply(mesh.with_ghosts(e.reshape(k.shape)), self.shift).reshape(mesh.n, width)
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
        with self.options.active():
            ksp.setFromOptions()
        self._direct_ksp = ksp
        self._vectors = (matrix.createVecRight(), matrix.createVecLeft())

    def _run(self, ksp: Any, right: Array, guess: Array | None) -> Array:
        assert self._vectors is not None  # for the type checker: set together with the KSP
        x, b = self._vectors
        b.array[:] = right.reshape(-1)
        if not np.isfinite(b.norm()):
            raise ConvergenceError("steady Boltzmann equation: the right-hand side is not finite")
        x.array[:] = 0.0 if guess is None else guess.reshape(-1)
        ksp.setInitialGuessNonzero(guess is not None and ksp.getType() != PETSc.KSP.Type.PREONLY)
        ksp.solve(b, x)
        self.last_iterations = ksp.getIterationNumber()
        reason = ksp.getConvergedReason()
        if reason < 0:
            raise ConvergenceError(
                f"steady Boltzmann equation: {ksp.getType()} stopped after {self.last_iterations} iterations: "
                f"{reason_name(reason, PETSc.KSP.ConvergedReason)} (residual {ksp.getResidualNorm():.2e}); "
                "raise solver.iterations or use solver.method = 'direct'"
            )
        return np.array(x.array_r)

    def solve_even(self, right: Array, guess: Array | None = None) -> Array:
        """e with A e = right, both (n, 4, points). Collective. Raises ConvergenceError."""
        if not self.mesh.sum(float(np.abs(right).sum())):
            self.last_iterations = 0
            return np.zeros(self.k.shape)
        if self.method == "direct":
            return self._run(self._direct_ksp, right, None).reshape(self.k.shape)
        if self._ksp is None:
            self._make_ksp(4 if self.formulation == "moments" else 4 * self.k.p.size)
        if self.formulation == "moments":
            q = self._run(
                self._ksp, self.k.moments(self.sweep.solve(right)), None if guess is None else self.k.moments(guess)
            )
            e = self.sweep.solve(right + self.k.gain(q.reshape(-1, 4)))
        else:
            e = self._run(self._ksp, right, guess).reshape(self.k.shape)
        # A last exact correction in the space of moments: charge and spin balance then hold to round-off,
        # not just to the Krylov tolerance.
        return self.k.prolong(self.diffusion.solve(self.k.moments(right - self._apply(e))), base=e)

    def solve(self, source: Array, guess: Array | None = None) -> tuple[Array, Array]:
        """(e, o) driven by the odd source on the faces (n + 1, 4, points). Collective."""
        zero = np.zeros((self.mesh.n + 2, *self.k.shape[1:]))
        driven = self.k.odd(zero, source, self.shift)
        e = self.solve_even(-self.k.balance(zero[1:-1], driven, self.shift), guess)
        return e, self.k.odd(self.mesh.with_ghosts(e), source, self.shift)
