"""The iterative method of the steady equation: flexible GMRES, or a method of PETSc that the user asks for."""

from __future__ import annotations

import numpy as np

from hpcalo.wall.grid import Mesh
from hpcalo.wall.petsc import PETSc
from hpcalo.wall.solvers.formulations import EvenSystem, MomentSystem
from hpcalo.wall.solvers.krylov import RESTART, FlexibleGMRES
from hpcalo.wall.solvers.measured_ksp import MeasuredKsp, Shell, setup_failure
from hpcalo.wall.solvers.options import PREFIX, SolverOptions

PREFIXES = ("ksp_", "pc_")


def iterative_ksp(
    mesh: Mesh, system: EvenSystem | MomentSystem, options: SolverOptions, tolerance: float, limit: int
) -> MeasuredKsp:
    """A KSP for the system, preconditioned from the right. tolerance: relative residual. limit: iterations at most.

    Collective. Raises InputError for options that do not go together.
    """
    width = int(np.prod(system.shape[1:]))
    size = (mesh.n * width, mesh.cells * width)
    operator = Shell(system.apply, system.shape)
    preconditioner = Shell(system.precondition, system.shape)
    matrix = PETSc.Mat().createPython((size, size), operator, comm=mesh.comm)
    matrix.setUp()
    ksp = PETSc.KSP().create(comm=mesh.comm)
    ksp.setOptionsPrefix(PREFIX)
    ksp.setOperators(matrix)
    pc = ksp.getPC()
    pc.setType(PETSc.PC.Type.PYTHON)
    pc.setPythonContext(preconditioner)
    own = FlexibleGMRES(mesh, system)
    ksp.setType(PETSc.KSP.Type.PYTHON)
    ksp.setPythonContext(own)
    ksp.setPCSide(PETSc.PC.Side.RIGHT)
    ksp.setTolerances(rtol=tolerance, atol=1e-300, max_it=limit)
    try:
        with options.active():
            ksp.setFromOptions()
            if ksp.getType() != PETSc.KSP.Type.PYTHON:
                ksp.setGMRESRestart(RESTART)
                ksp.setFromOptions()
        ksp.setUp()
    except PETSc.Error as problem:
        raise setup_failure(options, problem, *PREFIXES) from None
    relative, absolute, *_ = ksp.getTolerances()
    return MeasuredKsp(
        mesh, system, ksp, matrix, options, (relative, absolute),
        prefixes=PREFIXES, advice="raise solver.iterations or use solver.method = 'direct'",
        alive=(operator, preconditioner, own),
    )  # fmt: skip
