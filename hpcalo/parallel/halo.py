"""What neighbouring ranks of a line know of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


def beyond_ends(comm: Intracomm, first: RealArray, last: RealArray, out: RealArray) -> RealArray:
    """Values that the neighbours on a line of ranks have next to this rank's `first` and `last`: out (2, ...).

    Zero beyond the two ends of the line. Collective; two messages a rank.
    """
    from mpi4py import MPI  # noqa: PLC0415  (importing this module alone must not load MPI)

    size, rank = comm.size, comm.rank
    left, right = (rank - 1 if rank else MPI.PROC_NULL), (rank + 1 if rank < size - 1 else MPI.PROC_NULL)
    requests = [comm.Irecv(out[0], left, 1), comm.Irecv(out[1], right, 2)]
    requests += [comm.Isend(first, left, 2), comm.Isend(last, right, 1)]
    if left == MPI.PROC_NULL:
        out[0] = 0.0
    if right == MPI.PROC_NULL:
        out[1] = 0.0
    MPI.Request.Waitall(requests)
    return out
