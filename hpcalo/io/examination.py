"""Files from disk that no seal vouches for: another process reads them first, with limits.

Damaged metadata may crash the HDF5 library or keep it busy for ever. What happens then happens to that process. It is a
copy of this one (fork); in a run on several ranks, where a copy could disturb MPI, it is a new one, which costs
several times as much.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from hpcalo.errors import InputError, one_line
from hpcalo.parallel.launcher import JOB_VARIABLES
from hpcalo.parallel.world import defer_start, has_company

SECONDS = 2
"""Of the processor, for a small file."""
RATE = 5 * 2**20
"""Bytes of a file that are read in a second at least: compressed ones are larger in memory."""
MEMORY = 2**32
"""Bytes beyond what this process has."""
REFUSED, NOT_OPENED = 3, 4
"""Exit codes of the other process."""


def examine(path: Path) -> None:
    """Has another process read the file. Serial. Raises InputError if that process refused it or did not survive.

    A file that HDF5 does not open is left to whoever opens it next.
    """
    code, text = _in_new_process(path) if has_company() else _in_copy(path)
    if code in (0, NOT_OPENED):
        return
    if code == REFUSED:
        raise InputError(f"{path}: cannot be read: {text}")
    if -code in (signal.SIGXCPU, signal.SIGKILL):
        raise InputError(f"{path}: is damaged: reading it does not come to an end")
    raise InputError(f"{path}: is damaged: the HDF5 library breaks down on it")


def _in_copy(path: Path) -> tuple[int, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(path, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text.decode("utf-8", "replace")


def _in_new_process(path: Path) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(JOB_VARIABLES)}
    command = [sys.executable, "-P", "-m", "hpcalo.io.examination", os.path.abspath(path)]
    folders = [entry for entry in sys.path if entry]
    environment["PYTHONPATH"] = os.pathsep.join(folders)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def _work(path: Path, answer: int) -> NoReturn:
    """Reads the file and ends this process."""
    code = 1
    try:
        _limit(path)
        code, text = _look(path)
        os.write(answer, text.encode("utf-8", "backslashreplace")[:1000])
    finally:
        os._exit(code)


def _look(path: Path) -> tuple[int, str]:
    from hpcalo.io.opening import open_file  # noqa: PLC0415
    from hpcalo.io.survey import survey  # noqa: PLC0415

    try:
        file = open_file(path, "r")
    except (OSError, ValueError):
        return NOT_OPENED, ""
    try:
        survey(file, read=True)
    except (ValueError, MemoryError) as problem:
        return REFUSED, one_line(problem)[:300]
    except (OSError, RuntimeError, LookupError, TypeError, AttributeError, NotImplementedError) as problem:
        return REFUSED, f"it is damaged: {one_line(problem)[:200]}"
    file.close()
    return 0, ""


def _limit(path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 2)  # the library's last words, and those of faulthandler
    seconds = SECONDS + path.stat().st_size // RATE
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


if __name__ == "__main__":
    defer_start()
    _work(Path(sys.argv[1]), 1)
