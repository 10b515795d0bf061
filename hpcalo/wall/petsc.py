"""PETSc as the wall engine uses it: `from hpcalo.wall.petsc import PETSc`. MPI must have been started (mpi4py) before.

PETSc's own signal handlers are left out: SIGTERM and SIGUSR1 are polite requests to stop here, and a closed pipe is
no crash.
"""

from __future__ import annotations

import petsc4py

petsc4py.init(["hpcalo", "-no_signal_handler"])

from petsc4py import PETSc  # noqa: E402

__all__ = ["PETSc"]
