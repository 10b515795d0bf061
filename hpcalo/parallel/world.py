"""The one place where MPI is started and the world communicator is named; all else takes a communicator."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import mpi4py

from hpcalo.parallel.early import abort_with

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def defer_start() -> None:
    """Lets mpi4py be imported (by h5py, for example) without starting MPI; call before its first import.

    Commands that work alone (`check`, `info`, `plot`) then run on login nodes where MPI cannot start.
    """
    mpi4py.rc.initialize = False
    mpi4py.rc.finalize = True


def world() -> Intracomm:
    """Starts MPI if needed and returns a duplicate of the world communicator for the program's own traffic.

    Only the main thread calls MPI, so no more than MPI_THREAD_FUNNELED is asked for.
    """
    from mpi4py import MPI  # noqa: PLC0415  (imported here so that `hpcalo --help` does not load MPI)

    if not MPI.Is_initialized():
        MPI.Init_thread(MPI.THREAD_FUNNELED)
    if MPI.COMM_WORLD.size > 1:
        abort_with(lambda code: None if MPI.Is_finalized() else MPI.COMM_WORLD.Abort(code))
    return MPI.COMM_WORLD.Dup()


def alone() -> Intracomm:
    """The communicator of this process by itself, for what every rank holds and computes the same."""
    from mpi4py import MPI  # noqa: PLC0415  (as above)

    return MPI.COMM_SELF


def has_company() -> bool:
    """Whether MPI is running and this process has other ranks. Starts nothing."""
    mpi = sys.modules.get("mpi4py.MPI")
    return mpi is not None and mpi.Is_initialized() and not mpi.Is_finalized() and mpi.COMM_WORLD.size > 1
