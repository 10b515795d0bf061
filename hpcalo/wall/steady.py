"""Steady (or time-shifted) spinor Boltzmann equation as a linear solve with PETSc, distributed over x.

Two formulations, both preconditioned by one exact sweep S and a 4-vector spin-diffusion (DSA) problem:
- even:    unknown u with e = P^-1 u (4 points a node), complete operator with momentum coupling by the (J/2) M' force;
           A P^-1 is one operation of two passes, so that only one Krylov basis is kept and e is formed once at the end;
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


class SpinDiffusion:
    """The 4-vector coarse problem Mom A Prolong: banded LU of 4 cells unknowns, the same on every rank."""

    def __init__(self, mesh: Mesh, kinetic: Kinetic) -> None:
        self.mesh = mesh
        self.k = kinetic

    def factor(self, shift: float) -> None:
        """Blocks by three colours and four components, then LAPACK's banded LU. Collective."""
        mesh, k = self.mesh, self.k
        index = np.arange(mesh.first, mesh.last)
        e, out, ends = np.empty(k.shape), np.empty(k.shape), np.empty((2, *k.shape[1:]))
        blocks = np.zeros((mesh.n, 3, 4, 4))  # [row node][column node - row node + 1][row comp][column comp]
        for colour in range(3):
            mine = index % 3 == colour
            for component in range(4):
                q = np.zeros((mesh.n, 4))
                q[mine, component] = 1.0
                k.prolong(q, out=e)
                response = k.moments(k.apply(e, mesh.beyond(e[0], e[-1], ends), shift, out))
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
        shape = kinetic.shape  # work arrays, so that no call allocates memory that it gives back
        self._ends = np.empty((2, *shape[1:]))
        self._moments = np.empty(shape[:2])
        self._work, self._right = np.empty(shape), np.empty(shape)
        self._zero, self._driven = np.zeros((shape[0] + 2, *shape[1:])), np.empty((shape[0] + 1, *shape[1:]))

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
        """A e."""
        return self.k.apply(e, self.mesh.beyond(e[0], e[-1], self._ends), self.shift, out)

    def _scatter(self, q: Array) -> Array:
        """Spin-diffusion correction (moments) of what a sweep's own collisions with moments q scatter back."""
        if not self.accelerate:
            return np.zeros_like(q)
        every, spin = self.k.gain_rates
        return self.diffusion.solve(q * np.array([every, spin, spin, spin]))

    def _preconditioned(self, u: Array, out: Array) -> None:
        """A P^-1 u: one sweep, and one pass of A over its result plus the correction, which is nowhere stored."""
        y, q, k = self._work, self._moments, self.k
        self.sweep.solve(u, y, moments=q)
        w = self._scatter(q)
        edges = [k.prolong(w, base=y, rows=slice(i, i + 1))[0] for i in (0, self.mesh.n - 1)]
        k.apply(y, self.mesh.beyond(edges[0], edges[1], self._ends), self.shift, out, added=w)

    def _recover(self, u: Array, out: Array) -> Array:
        """P^-1 u."""
        self.sweep.solve(u, out, moments=self._moments)
        return self.k.prolong(self._scatter(self._moments), base=out, out=out)

    def _schur(self, q: Array, out: Array) -> None:
        self.sweep.solve(None, self._work, gain=q, moments=out)
        np.subtract(q, out, out=out)

    def _schur_precondition(self, q: Array, out: Array) -> None:
        np.add(q, self._scatter(q), out=out)

    # -- solves -----------------------------------------------------------------------------------------------------

    def _make_ksp(self) -> None:
        mesh = self.mesh
        moments = self.formulation == "moments"
        shape: tuple[int, ...] = (mesh.n, 4) if moments else self.k.shape
        width = 4 if moments else 4 * self.k.p.size
        local, total = mesh.n * width, mesh.cells * width
        operator = _Shell(self._schur if moments else self._preconditioned, shape)
        matrix = PETSc.Mat().createPython(((local, total), (local, total)), operator, comm=mesh.comm)
        matrix.setUp()
        ksp = PETSc.KSP().create(comm=mesh.comm)
        ksp.setOptionsPrefix(PREFIX)
        ksp.setOperators(matrix)
        pc = ksp.getPC()
        self._keep = [operator, matrix]
        if moments:
            ksp.setType(PETSc.KSP.Type.FGMRES)
            preconditioner = _Shell(self._schur_precondition, shape)
            pc.setType(PETSc.PC.Type.PYTHON)
            pc.setPythonContext(preconditioner)
            self._keep.append(preconditioner)
        else:
            ksp.setType(PETSc.KSP.Type.GMRES)
            pc.setType(PETSc.PC.Type.NONE)  # the operator is preconditioned from the right already
        ksp.setGMRESRestart(60)
        ksp.setTolerances(rtol=self.tolerance, atol=1e-300, max_it=self.limit)
        with self.options.active():
            ksp.setFromOptions()
        ksp.setUp()
        self._ksp = ksp
        self._limits = ksp.getTolerances()[:2]
        self._vectors = (matrix.createVecRight(), matrix.createVecLeft())

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
                response = self._apply(e.reshape(k.shape)).reshape(mesh.n, width)
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

    def _run(self, ksp: Any, right: Array, guess: Array | None, size: float | None = None) -> Array:
        """The solution, in memory that the next call overwrites. `size`: what the residual is measured against."""
        assert self._vectors is not None  # for the type checker: set together with the KSP
        x, b = self._vectors
        b.array[:] = right.reshape(-1)
        norm = b.norm()
        if not np.isfinite(norm):
            raise ConvergenceError("steady Boltzmann equation: the right-hand side is not finite")
        if size is not None:
            relative, absolute = self._limits
            ksp.setTolerances(rtol=1e-300, atol=max(absolute, relative * size))
        if guess is not None:
            x.array[:] = guess.reshape(-1)
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
        return x.array_r

    def solve_even(self, right: Array, guess: Array | None = None) -> Array:
        """e with A e = right, both (n, 4, points). Collective. Raises ConvergenceError."""
        size = float(np.sqrt(self.mesh.sum(float(np.vdot(right, right)))))
        if size == 0.0:
            self.last_iterations = 0
            return np.zeros(self.k.shape)
        if self.method == "direct":
            return self._run(self._direct_ksp, right, None).reshape(self.k.shape).copy()
        if self._ksp is None:
            self._make_ksp()
        if self.formulation == "moments":
            start = np.empty((self.mesh.n, 4))
            self.sweep.solve(right, self._work, moments=start)
            q = self._run(self._ksp, start, None if guess is None else self.k.moments(guess))
            e = self.sweep.solve(right, gain=q.reshape(-1, 4))
        else:
            left = right
            if guess is not None:
                left = np.subtract(right, self._apply(guess, self._work), out=self._work)
            u = self._run(self._ksp, left, None, size)
            e = self._recover(u.reshape(self.k.shape), np.empty(self.k.shape))
            if guess is not None:
                e += guess
        # A last exact correction in the space of moments: charge and spin balance then hold to round-off,
        # not just to the Krylov tolerance.
        rest = self.k.moments(right) - self.k.moments(self._apply(e, self._work))
        return self.k.prolong(self.diffusion.solve(rest), base=e, out=e)

    def solve(self, source: Array, guess: Array | None = None) -> tuple[Array, Array]:
        """(e, o) driven by the odd source on the faces (n + 1, 4, points). Collective."""
        driven = self.k.odd(self._zero, source, self.shift, self._driven)
        right = self.k.balance(self._zero[1:-1], driven, self.shift, gain=False, out=self._right)
        np.negative(right, out=right)
        e = self.solve_even(right, guess)
        return e, self.k.odd(self.mesh.with_ghosts(e), source, self.shift)
