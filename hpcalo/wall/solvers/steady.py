"""The steady (or time-shifted) spinor Boltzmann equation as a linear solve, distributed over x.

`hpcalo.wall.solvers.formulations` states what is solved. The default method is the flexible GMRES of
`hpcalo.wall.solvers.krylov`, whose result has the same bits on any number of ranks. Any of PETSc's own methods can be
chosen instead (-hpcalo_wall_ksp_type), with results that agree to the tolerance of the solve. The direct method is a
check.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.grid import Mesh
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.direct import direct_ksp
from hpcalo.wall.solvers.formulations import EvenSystem, MomentSystem, Preconditioner
from hpcalo.wall.solvers.iterative import iterative_ksp
from hpcalo.wall.solvers.krylov import node_squares
from hpcalo.wall.solvers.measured_ksp import MeasuredKsp, norm_of_squares
from hpcalo.wall.solvers.options import PREFIX, SolverOptions

SINGLE_FREE_PATH = 100.0
"""Longest mean free path, in cells, for a line solve in single precision: its error is this squared times 6e-8."""


class SteadySolver:
    """Solves A e = r for the magnetization last given to `update`.

    method: "krylov" or "direct" (memory 3 cells (4 points)^2). formulation: "even" or "moments", where not the default.
    `last_iterations` has those of the last solve. Raises ConvergenceError with PETSc's reason, or where the true
    residual is above the tolerance whatever PETSc says; InputError for options that do not go together and a direct
    method without the memory for it.
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
        self.method, self.tolerance, self.limit = method, tolerance, iterations
        self.formulation = formulation or ("even" if kinetic.half_j else "moments")
        self.inverse = Preconditioner(mesh, kinetic, accelerate=accelerate, single=self._single_precision())
        self.sweep, self.diffusion = self.inverse.sweep, self.inverse.diffusion
        self.even = EvenSystem(self.inverse)
        self.system: EvenSystem | MomentSystem = (
            MomentSystem(self.inverse) if self.formulation == "moments" else self.even
        )
        self.shift = 0.0
        self.last_iterations = 0
        self._ksp: MeasuredKsp | None = None
        shape = kinetic.shape  # work arrays, so that no call allocates memory that it gives back
        self._right, self._ends = np.empty(shape), np.empty((2, *shape[1:]))

    def _single_precision(self) -> bool:
        """Whether the line solve of the preconditioner runs in single precision."""
        k = self.k
        free_path = float(k.v[-1]) * k.carriers.tau / k.dx
        if self.formulation != "even" or self.method != "krylov" or free_path > SINGLE_FREE_PATH:
            return False
        with self.options.active():  # PETSc's own methods work in double precision; to ask for an option is to use it
            return not PETSc.Options(PREFIX).hasName("ksp_type")

    def take_temperature(self) -> None:
        """Takes what follows from a new temperature of the kinetic operator; `update` must follow. Collective."""
        self.diffusion.take_weights()

    def update(self, m_ghost: RealArray, shift: float = 0.0) -> None:
        """Factors everything that depends on M (n + 2, 3, with ghosts) and on the shift (1/fs). Collective."""
        self.k.set_magnetization(m_ghost)
        self.refactor(shift)

    def refactor(self, shift: float) -> None:
        """As `update`, for the magnetization already set."""
        self.shift = self.inverse.shift = shift
        if self.method == "direct":
            if self._ksp is not None:
                self._ksp.destroy()  # before the next one asks for memory
            self._ksp = direct_ksp(self.even, self.options, self.tolerance)
        else:
            self.inverse.factor(shift)

    # -- solves -----------------------------------------------------------------------------------------------------

    def solve_even(self, right: RealArray, guess: RealArray | None = None) -> RealArray:
        """e with A e = right, both (n, 4, points). Collective. Raises ConvergenceError."""
        right = np.ascontiguousarray(right)
        e, rest = self._solve_even(right, norm_of_squares(self.mesh, node_squares(right)), guess)
        return e if rest is None else self.k.prolong(rest, base=e, out=e)

    def _solve_even(
        self, right: RealArray, size: float, guess: RealArray | None, even: RealArray | None = None
    ) -> tuple[RealArray, RealArray | None]:
        """e, and the moments of a distribution to be added to it."""
        e = np.empty(self.k.shape) if even is None else even
        if size == 0.0:
            self.last_iterations = 0
            e[...] = 0.0
            return e, None
        if self._ksp is None:
            self._ksp = iterative_ksp(self.mesh, self.system, self.options, self.tolerance, self.limit)
        ksp, guessed = self._ksp, guess is not None
        try:
            if self.method == "direct":
                ksp.solve(right, e)
                return e, None
            if isinstance(self.system, MomentSystem):
                q = np.empty(self.system.shape) if guess is None else self.k.moments(guess)
                ksp.solve(self.system.begin(right, e), q, guess=guessed)
            else:
                if guess is not None and guess is not e:
                    e[...] = guess
                ksp.solve(right, e, size, guess=guessed)
        finally:
            self.last_iterations = ksp.iterations
        # A last exact correction in the space of moments: charge and spin balance then hold to round-off, and not just
        # to the Krylov tolerance.
        return e, self.diffusion.solve(self.system.rest)

    def solve(self, source: RealArray, guess: RealArray | None = None) -> tuple[RealArray, RealArray]:
        """(e, o) driven by the odd source on the faces (n + 1, 4, points). guess: e to start from. Collective."""
        o = np.empty(source.shape)
        return self._driven(source, guess, out=o), o

    def respond(
        self, source: RealArray, guess: RealArray | None = None, even: RealArray | None = None
    ) -> tuple[RealArray, RealArray, RealArray]:
        """As `solve`: e, its moments (n, 4), and the flux (n + 1, 4) of o, which is not stored. Collective.

        even: an array for e, which may be that of the guess.
        """
        moments, flux = np.empty((self.mesh.n, 4)), np.empty((self.mesh.n + 1, 4))
        return self._driven(source, guess, even, flux=flux, moments=moments), moments, flux

    def _driven(
        self, source: RealArray, guess: RealArray | None, even: RealArray | None = None, **outputs: RealArray
    ) -> RealArray:
        """e; `outputs` are filled by `Kinetic.odd_between`."""
        size = norm_of_squares(self.mesh, self.k.even_rhs(source, self.shift, self._right))
        e, rest = self._solve_even(self._right, size, guess, even)
        first, last = e[0], e[-1]
        if rest is not None:
            first, last = self.k.prolonged_ends(rest, e)
        ends = self.mesh.beyond(first, last, self._ends)
        self.k.odd_between(e, ends, source, self.shift, rest, **outputs)
        return e
