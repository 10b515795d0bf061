"""The one place where MPI is started and the world communicator is named; all else takes a communicator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import mpi4py

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

# Environment variables that tell a process its rank before MPI is started: Open MPI, PMIx, Hydra/PMI, MVAPICH, SLURM.
# SLURM's own comes last: it is also set, to 0, in a batch script.
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")


def defer_start() -> None:
    """Lets mpi4py be imported (by h5py, for example) without starting MPI; call before its first import.

    Commands that work alone (`check`, `info`, `plot`) then run on login nodes where MPI cannot start.
    """
    mpi4py.rc.initialize = False
    mpi4py.rc.finalize = True


def launcher_rank() -> int:
    """The rank the launcher gave this process, 0 if there is none; known before MPI is started."""
    for name in RANK_VARIABLES:
        text = os.environ.get(name, "")
        if text.isdigit():
            return int(text)
    return 0


# What launchers tell MPI about the other processes of a job (Open MPI, PMIx, PMI); not the user's own settings.
JOB_VARIABLES = ("PMIX_", "PMI_", "OMPI_COMM_", "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix")


def leave_job() -> None:
    """Makes this process one of its own; call before MPI is started.

    If a library then starts MPI (PETSc does when it is loaded), it does not wait for ranks that do not take part.
    """
    for name in [n for n in os.environ if n.startswith(JOB_VARIABLES)]:
        del os.environ[name]


def world() -> Intracomm:
    """Starts MPI if needed and returns a duplicate of the world communicator for the program's own traffic.

    Only the main thread calls MPI, so no more than MPI_THREAD_FUNNELED is asked for.
    """
    from mpi4py import MPI  # noqa: PLC0415  (imported here so that `hpcalo --help` does not load MPI)

    if not MPI.Is_initialized():
        MPI.Init_thread(MPI.THREAD_FUNNELED)
    return MPI.COMM_WORLD.Dup()


def alone() -> Intracomm:
    """The communicator of this process by itself, for what every rank holds and computes the same."""
    from mpi4py import MPI  # noqa: PLC0415  (as above)

    return MPI.COMM_SELF
