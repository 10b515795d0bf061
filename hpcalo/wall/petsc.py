"""PETSc as the wall engine uses it: `from hpcalo.wall.petsc import PETSc`. MPI must have been started (mpi4py) before.

PETSc's own signal handlers are left out: SIGTERM and SIGUSR1 are polite requests to stop here, and a closed pipe is
no crash.
"""

from __future__ import annotations

from hpcalo.errors import EnvironmentMismatch

try:
    import petsc4py
except ImportError as problem:
    raise EnvironmentMismatch(
        f"runs of a wall need petsc4py, which cannot be loaded ({problem}): pip install 'hpcalo[wall]', "
        "after PETSC_DIR says where PETSc is (docs/guide/cluster.md)"
    ) from None

petsc4py.init(["hpcalo", "-no_signal_handler"])

from petsc4py import PETSc  # noqa: E402

__all__ = ["PETSc"]
