"""Files from disk: what comes before the HDF5 library sees them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import h5py

from hpcalo.errors import InputError
from hpcalo.io.examination import examine
from hpcalo.io.opening import open_file
from hpcalo.io.seal import verify
from hpcalo.io.survey import survey
from hpcalo.parallel.progress import say


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
    elif path.absolute() not in growing and _claims_to_be_ours(file):
        say(f"hpcalo: note: {path}: {_UNSEALED}")
    _looked_at.add(known)
    return file


growing: set[Path] = set()
"""Files that this process is filling: nobody has to be told that they have no checksum yet."""
_looked_at: set[tuple[int, int, int, int]] = set()
_ANY = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)
_UNSEALED = "has no checksum (unfinished, or written by another program): changes of its numbers would go unnoticed"


def _claims_to_be_ours(file: h5py.File) -> bool:
    """Whether anybody may go on reading: what has no format is refused in any case."""
    try:
        return "format" in file.attrs
    except _ANY:
        return False


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
