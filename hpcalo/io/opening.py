"""HDF5 files on file systems that have no locks."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import h5py

NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What a file system says that cannot lock: NFS without a lock server, Lustre mounted without flock."""


def open_file(path: Path, mode: str, **options: Any) -> h5py.File:  # h5py's own
    """As `h5py.File`, and without a lock where the file system refuses every lock.

    HDF5's lock keeps two programs from writing one file. Two runs of hpcalo are kept apart by `hpcalo.io.lock`, which
    needs no lock of the file system, and a result appears under its name only when it is complete: nothing is lost.
    Raises OSError as `h5py.File`; where another program holds the lock, or the file system claims so, it names the
    variable that turns locks off.
    """
    try:
        return h5py.File(path, mode, **options)
    except OSError as problem:
        if "lock" not in str(problem):
            raise
        if problem.errno in NO_LOCKS:
            return h5py.File(path, mode, locking=False, **options)
        if problem.errno in (errno.EAGAIN, errno.EACCES):
            raise OSError(
                problem.errno,
                "another program is writing it, or its file system refuses locks "
                "(if no program is: HDF5_USE_FILE_LOCKING=FALSE in the environment)",
                str(path),
            ) from None
        raise
