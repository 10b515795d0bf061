"""Where a result goes: the checks before a computation, and the file that appears under its name only when complete."""

from __future__ import annotations

import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.errors import InputError, OutputError, one_line
from hpcalo.io.lock import OutputLock
from hpcalo.io.seal import seal
from hpcalo.parallel.early import TransientFile
from hpcalo.parallel.guard import on_root

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

LONGEST_NAME = 180  # bytes; file systems take 255, and the temporary name is longer than the final one


def check_output(path: Path, *, force: bool = False, need_bytes: int = 0) -> None:
    """Raises InputError or OutputError if the file exists (without force) or could not be written. Serial."""
    try:
        if path.is_dir():
            raise OutputError(f"{path}: is a folder; give a file name")
        if "\0" in str(path):
            raise OutputError("output: a file name must not contain a zero byte")
        if len(os.fsencode(path.name)) > LONGEST_NAME:
            raise OutputError(f"{path.name[:40]}…: the name is too long")
        if os.path.lexists(path):
            if not path.is_file():
                raise OutputError(f"{path}: exists and is not a regular file")
            if not force:
                raise OutputError(f"{path}: exists already; --force overwrites it")
        folder = path.parent
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "there is no such folder"
            raise OutputError(f"{path}: {folder}: {what}")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(f"{path}: no permission to write in {folder}")
        free = shutil.disk_usage(folder).free
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise InputError(f"{path}: cannot be an output file: {reason}") from None
    if need_bytes > free:
        raise OutputError(
            f"{path}: the result needs {_size(need_bytes)}, but {folder.absolute()} has only {_size(free)} left"
        )


@contextmanager
def prepare_output(path: Path, comm: Intracomm, *, force: bool = False, need_bytes: int = 0) -> Iterator[Path]:
    """Surrounds a computation: checks that its output can be written and locks the name until the end. Collective.

    What earlier runs that died while writing have left (`NAME.part-…`) is removed. Yields the path.
    Raises InputError or OutputError on all ranks.
    """
    lock = OutputLock(path)

    def claim() -> None:
        check_output(path, force=force, need_bytes=need_bytes)
        lock.acquire()
        for pattern in (".part-*", ".checkpoint-?.part-*", ".frames.part-*", ".point-*.part-*"):
            for rest in path.parent.glob(glob.escape(path.name) + pattern):
                with suppress(OSError):
                    rest.unlink()

    on_root(comm, claim)
    with ExitStack() as stack:
        if comm.rank == 0:
            stack.enter_context(TransientFile(lock.path))
            stack.callback(lock.release)
        yield path


@contextmanager
def atomic_write(path: Path, *, force: bool = False, sealed: bool = True) -> Iterator[Path]:
    """Yields a temporary name in the same folder; renamed to `path` on leaving, after it is safe on disk. Serial.

    The block writes and closes the file. If it fails, the temporary file is removed and `path` is as before. sealed:
    whether an HDF5 file gets its checksum; without, for one that is still going to change. Raises OutputError.
    """
    part = temporary_name(path)
    try:
        with TransientFile(part), writing(path):
            yield part
            commit(part, path, force=force, sealed=sealed)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path, comm: Intracomm, *, force: bool = False) -> Iterator[Path]:
    """`atomic_write` of a file that all ranks write together: they have the same temporary name. Collective.

    If the block fails on any rank, that file is removed and `path` is as before. Raises OutputError on all ranks.
    """
    part = on_root(comm, lambda: temporary_name(path))
    try:
        with TransientFile(part):
            yield part
            comm.Barrier()  # every rank has closed the file
            on_root(comm, lambda: commit(part, path, force=force))
    except BaseException:
        # On every rank: the others may be stuck in a collective call and be ended before they can tidy up.
        with suppress(OSError):
            part.unlink()
        raise


def temporary_name(path: Path) -> Path:
    """A name beside `path` that no other process uses; `prepare_output` removes what is left under such a name."""
    return path.with_name(f"{path.name}.part-{socket.gethostname()}-{os.getpid()}")


def commit(part: Path, path: Path, *, force: bool, sealed: bool = True) -> None:
    """Seals the finished temporary file, makes it durable and gives it its name. Serial. Raises OutputError."""
    with writing(path):
        if sealed:
            seal(part)
        sync_path(part, os.O_RDWR)
        if force:
            os.replace(part, path)
        else:
            _rename_new(part, path)
        sync_path(path.parent, os.O_RDONLY)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Surrounds what writes a file: the operating system's refusal becomes an OutputError that names `path`."""
    try:
        yield
    except OSError as problem:
        raise cannot_write(path, problem) from None


def cannot_write(path: Path, problem: BaseException) -> OutputError:
    """The error that says why the file system refused."""
    if isinstance(problem, OSError) and problem.strerror:
        return OutputError(f"{path}: cannot be written: {problem.strerror}")
    text = one_line(problem)
    # HDF5 hides the system's reason in its own words: "… (file write failed: time = …, errno = 28, error message = '…'"
    _, found, reason = text.partition("error message = '")
    return OutputError(f"{path}: cannot be written: {reason.partition(chr(39))[0] if found else text[:200]}")


def _rename_new(part: Path, path: Path) -> None:
    """Renames without ever replacing a file: a result must not be lost because its name was taken meanwhile."""
    if not os.path.lexists(path):
        try:
            os.link(part, path)  # atomic and fails if the name exists, which a rename does not
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.rename(part, path)
            return
        else:
            part.unlink()
            return
    number = 2
    while os.path.lexists(spare := path.with_name(f"{path.stem}-{number}{path.suffix}")):
        number += 1
    os.rename(part, spare)
    raise OutputError(f"{path}: appeared during the run and was not overwritten; the result is in {spare}")


def sync_path(path: Path, flags: int) -> None:
    """Makes a file or the names in a folder durable. Raises OSError."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} TiB"
