"""Arrays that are spread over the ranks: what must fit, and the collective writing of each rank's rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.files import cannot_write
from hpcalo.parallel.guard import on_root, together

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

SLAB_BYTES = 2**30  # one collective write moves at most this much per rank: MPI counts are 32-bit integers


def check_slab(variable: Variable) -> None:
    """Raises ValueError if the rows of a slab do not fit into the array that they are part of."""
    slab = variable.data
    rows = len(slab.data)
    if slab.data.ndim != len(slab.shape) or slab.data.shape[1:] != tuple(slab.shape[1:]):
        raise ValueError(f"{variable.name}: slab of shape {slab.data.shape} does not fit into {slab.shape}")
    if slab.data.dtype.kind not in "fiub":
        raise ValueError(f"{variable.name}: cannot spread type {slab.data.dtype} over ranks")
    if rows and not 0 <= slab.offset <= slab.shape[0] - rows:
        raise ValueError(f"{variable.name}: rows {slab.offset}…{slab.offset + rows} are outside {slab.shape}")


def check_cover(comm: Intracomm, slabs: Sequence[Variable]) -> None:
    """Raises ValueError unless every row comes from exactly one rank: the number of rows must fit. Collective."""
    count = on_root(comm, lambda: len(slabs))
    with together(comm):
        if len(slabs) != count:
            raise ValueError(f"{len(slabs)} spread variables on this rank, {count} on rank 0")
    rows = np.array([len(v.data.data) for v in slabs], dtype=np.int64)
    total = np.empty_like(rows)
    comm.Allreduce(rows, total)
    for variable, given in zip(slabs, total, strict=True):
        if given != variable.data.shape[0]:
            raise ValueError(f"{variable.name}: the ranks hold {given} rows of {variable.data.shape[0]}")


def write_slabs(part: Path, path: Path, comm: Intracomm, slabs: Sequence[Variable]) -> None:
    """Writes every rank's rows into the arrays of the file `part`, which becomes `path`. Collective."""
    error: Exception | None = None
    with together(comm):
        try:
            file = h5py.File(part, "r+", driver="mpio", comm=comm)
        except OSError as problem:
            raise cannot_write(path, problem) from None
    try:
        transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
        transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
        for variable in slabs:
            rounds = _rounds(comm, variable.data)
            for number in range(rounds):
                try:
                    _write_part(file[variable.name], variable.data, number, rounds, transfer)
                except OSError as problem:  # the other ranks are in the same call: continue, and report at the end
                    error = error or problem
    finally:
        try:
            file.close()
        except (OSError, RuntimeError) as problem:
            error = error or problem
    with together(comm):
        if error is not None:
            raise cannot_write(path, error) from None


def _rounds(comm: Intracomm, slab: Slab) -> int:
    """Number of collective calls in which all ranks write their slabs, none more than SLAB_BYTES at once."""
    from mpi4py import MPI  # noqa: PLC0415

    return max(1, int(comm.allreduce(-(-slab.data.nbytes // SLAB_BYTES), op=MPI.MAX)))


def _write_part(dataset: h5py.Dataset, slab: Slab, number: int, rounds: int, transfer: h5py.h5p.PropDXID) -> None:
    rows = len(slab.data)
    begin, end = rows * number // rounds, rows * (number + 1) // rounds
    data = np.ascontiguousarray(slab.data[begin:end])
    if data.dtype == bool:
        data = data.astype(np.int8)
    in_file = dataset.id.get_space()
    if data.size:
        in_memory = h5py.h5s.create_simple(data.shape)
        in_file.select_hyperslab((slab.offset + begin, *(0,) * (data.ndim - 1)), data.shape)
    else:
        in_memory = h5py.h5s.create_simple((1,) * max(data.ndim, 1))
        in_memory.select_none()
        in_file.select_none()
        data = np.zeros((1,) * max(data.ndim, 1), dtype=data.dtype)
    dataset.id.write(in_memory, in_file, data, dxpl=transfer)
