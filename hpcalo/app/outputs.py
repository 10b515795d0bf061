"""Which files a verb may write, and what an unfinished run leaves beside its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hpcalo.errors import CheckpointError, InputError


def refuse_own_input(path: Path, files: Iterable[Path]) -> None:
    """Raises InputError if the result would replace a file the run reads: `--force` does not mean that. Serial."""
    for file in files:
        with suppress(OSError, ValueError):
            if path.samefile(file):
                raise InputError(f"{path}: is read by this run; choose another output")


def refuse_unfinished(path: Path) -> None:
    """Raises CheckpointError if an unfinished run of this output can be continued and would be lost. Serial."""
    from hpcalo.io import checkpoint  # noqa: PLC0415

    if checkpoint.exists(path):
        raise CheckpointError(
            f"{path}: an earlier run left a checkpoint; 'hpcalo restart {path}' continues it, --force starts over"
        )


def remove_unfinished(result: Path) -> None:
    """Removes everything that an unfinished run stores beside its result. Serial; needs the output's lock."""
    from hpcalo.io import checkpoint  # noqa: PLC0415

    checkpoint.remove(result)
    with suppress(OSError):
        result.with_name(f"{result.name}.frames").unlink()


def publish(path: Path, force: bool, write: Callable[[Path], object]) -> None:
    """A file that appears under its name only when it is whole. Serial. Raises OutputError."""
    from hpcalo.io.files import atomic_write  # noqa: PLC0415

    with atomic_write(path, force=force) as part:
        write(part)
