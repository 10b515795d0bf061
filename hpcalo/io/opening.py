"""HDF5 files from disk: what comes before the library sees them, and file systems that have no locks."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import h5py

from hpcalo.errors import InputError
from hpcalo.io.examination import examine
from hpcalo.io.seal import verify
from hpcalo.io.survey import survey
from hpcalo.parallel.progress import say

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


def open_to_read(path: Path) -> h5py.File:
    """The one way to a file that this process has not written itself. Serial.

    A sealed file is compared with its checksum, and counted through, before anything in it is read. Another one is read
    by a second process first, and the user is told that nothing vouches for its numbers. A file that was looked at and
    has not changed since is opened at once.

    Raises InputError for what is no regular file, is damaged, keeps data in another file or is too large to be true;
    OSError and ValueError as `h5py.File`.
    """
    state = require_regular(path)
    known = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
    if known in _looked_at:
        return open_file(path, "r")
    sealed = verify(path)
    if not sealed:
        examine(path)
    file = open_file(path, "r")
    if sealed:
        try:
            survey(file)
        except _ANY as problem:
            file.close()
            raise InputError(f"{path}: cannot be read: {problem}") from None
    else:
        say(f"hpcalo: note: {path}: {_UNSEALED}")
    _looked_at.add(known)
    return file


_looked_at: set[tuple[int, int, int, int]] = set()
_ANY = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)
_UNSEALED = "has no checksum (unfinished, or written by another program): changes of its numbers would go unnoticed"


def require_regular(path: Path) -> os.stat_result:
    """What the file system says about a file.

    Raises InputError for a folder, a pipe or a device, which might keep a reader waiting for ever; OSError where there
    is none.
    """
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        what = "is a folder" if stat.S_ISDIR(state.st_mode) else "is not a regular file"
        raise InputError(f"{path}: {what}")
    return state
