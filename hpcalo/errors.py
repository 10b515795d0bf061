"""Errors that a user can act on. Each message is one line; `__main__` prints it and exits with `exit_code`."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

MOST_FILES = 1000
"""Entries of a folder that are compared with the name of a missing file."""


class HpcaloError(Exception):
    """Root of all expected failures: printed as one line, never as a traceback."""

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputError(HpcaloError):
    """The input file, a command-line value or the way of calling the program is wrong."""

    exit_code = 2


class ModelError(HpcaloError):
    """A Hamiltonian file is missing, damaged or not physical."""

    exit_code = 3


class ConvergenceError(HpcaloError):
    """A solver failed or a result is not finite."""

    exit_code = 4


class OutputError(HpcaloError):
    """A result cannot be written."""

    exit_code = 5


class CheckpointError(HpcaloError):
    """A checkpoint is missing, torn or belongs to another calculation."""

    exit_code = 6


class EnvironmentMismatch(HpcaloError):
    """The libraries do not fit together (two MPIs, serial HDF5, complex PETSc)."""

    exit_code = 7


class OutOfMemory(HpcaloError):
    """A rank needs more memory than its node has or its job may use; `hpcalo check` estimates what a rank needs."""

    exit_code = 8


class Interrupted(HpcaloError):
    """A signal stopped the program; what had been computed is in a checkpoint."""

    exit_code = 75  # EX_TEMPFAIL: submit again


def nearest(given: str, allowed: Iterable[str], likeness: float = 0.5) -> str:
    """Half a sentence with the allowed value that is nearest to the given one, `; did you mean 'x'?`, or nothing."""
    match = difflib.get_close_matches(given, list(allowed), n=1, cutoff=likeness)
    return f"; did you mean '{match[0]}'?" if match else ""


def nearest_file(missing: Path) -> str:
    """The same for a file that is not there: the nearest name in its folder. Serial."""
    try:
        names = [entry.name for entry in islice(os.scandir(missing.parent), MOST_FILES) if entry.is_file()]
    except (OSError, ValueError):
        return ""
    match = difflib.get_close_matches(missing.name, [n for n in names if n != missing.name], n=1, cutoff=0.7)
    return f"; did you mean '{missing.with_name(match[0])}'?" if match else ""


def one_line(text: object) -> str:
    """The text with line breaks and runs of blanks folded and control characters spelled out: a message of one line."""
    line = " ".join(str(text).split())
    return line if line.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def require_text(path: Path, what: str = "") -> Path:
    """The name of a file, if a result can keep it and the file system takes it. Raises InputError.

    A name of other bytes than UTF-8, or with characters that the locale does not have, would be refused when the
    result is written.
    """
    try:
        str(path).encode("utf-8")
        os.fsencode(path)
    except UnicodeError:
        text = f"{what}{ascii(str(path))[1:-1]}: the name is not UTF-8, or this locale has not its characters"
        raise InputError(f"{text}: rename it, or set LC_ALL=C.UTF-8") from None
    return path


def short_paths(text: str) -> str:
    """The text for a terminal: absolute paths in it are relative to the current folder where that is shorter."""
    try:
        here = Path.cwd()
    except OSError:  # the folder has been removed
        return text
    below = ""
    for steps, folder in enumerate((here, *here.parents)):
        if len(back := "../" * steps) > len(str(folder)):
            break
        known = rf"(?!{below}(?:[^\w./-]|$))" if below else ""  # the folder itself keeps its name
        text = re.sub(rf"(?<![^\s'\"(\[=:,]){re.escape(str(folder))}/{known}(?=[\w.])", back, text)
        below = re.escape(folder.name)
    return text
