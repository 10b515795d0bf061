"""Two runs never write the same output: a lock file beside it names who is writing."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

from hpcalo.errors import InputError, OutputError, one_line

NEWBORN = 10.0  # seconds


class OutputLock:
    """A lock file `NAME.lock`, made atomically and holding host, process and job; used by one rank.

    A lock whose process is known to be dead is taken over. On the same host: if the system was started again, or if the
    process is gone, is a zombie, or is another one that got the same number. On any host: if the lock belongs to an
    earlier start of the same batch job. Nothing is known of a process on another host, or in a container with its own
    process numbers.
    """

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(output.name + ".lock")
        self._output = output
        self._text = json.dumps(identity())

    def acquire(self) -> None:
        """Raises OutputError if another run holds the lock or the folder cannot be written."""
        while True:
            try:
                handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                if self._take_over():
                    return
                continue
            except OSError as problem:
                raise OutputError(f"{self._output}: cannot be written here: {problem.strerror}") from None
            with os.fdopen(handle, "w") as file:
                file.write(self._text)
            return

    def release(self) -> None:
        """Removes the lock if it is still this run's."""
        with suppress(OSError):
            if self.path.read_text() == self._text:
                self.path.unlink()

    def _take_over(self) -> bool:
        """True if a dead run's lock is now ours, False if the lock has vanished.

        Raises OutputError if it is held, InputError if it is no file.
        """
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise OutputError(f"{self.path}: cannot be read: {problem.strerror}") from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise InputError(f"{self.path}: is no lock of a run: it is not a regular file; remove it")
        with os.fdopen(handle, "r+") as file:
            # If several runs find the same dead lock, only one may take it: they queue here and look again.
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink == 0:
                return False
            text = file.read(4096)
            owner = _parse(text)
            # An empty lock belongs to a run that is about to write its name into it, or that died before it could.
            newborn = not text and time.time() - os.fstat(file.fileno()).st_mtime < NEWBORN
            if newborn or (text and not _is_dead(owner)):
                raise OutputError(
                    f"{self._output}: another run is writing it ({_who(owner)}); "
                    f"if that run is gone, remove {self.path}"
                )
            file.seek(0)
            file.truncate()
            file.write(self._text)
            file.flush()
            return True


def identity() -> dict[str, object]:
    """What a lock says about the process that holds it: machine, process, job."""
    return {
        **machine(),
        "pid": os.getpid(),
        "process_start": process_start_ticks(os.getpid()),
        "job": os.environ.get("SLURM_JOB_ID") or os.environ.get("PBS_JOBID") or "",
        "job_restarts": os.environ.get("SLURM_RESTART_COUNT", "0"),
    }


def machine() -> dict[str, str]:
    """What two processes must share for a process number to mean the same: host, installation, boot, container.

    A text is empty if the system does not provide it.
    """
    return {
        "host": socket.gethostname(),
        "machine": _first_line("/etc/machine-id"),
        "boot": _first_line("/proc/sys/kernel/random/boot_id"),
        "processes": _link_target("/proc/self/ns/pid"),
    }


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError):
        return ""


def _link_target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def process_start_ticks(pid: int) -> int | None:
    """Clock ticks since boot when the process started (tells a reused process number apart); None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            # The second field is the name in parentheses and may hold blanks; the start time is the 22nd field.
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _parse(text: str) -> dict[str, object]:
    try:
        owner = json.loads(text)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_dead(owner: dict[str, object]) -> bool:
    job = os.environ.get("SLURM_JOB_ID", "")
    if job and owner.get("job") == job:
        earlier, now = str(owner.get("job_restarts")), os.environ.get("SLURM_RESTART_COUNT", "0")
        if earlier.isdigit() and now.isdigit() and int(earlier) < int(now):
            return True
    here = machine()
    pid = owner.get("pid")
    if owner.get("host") != here["host"] or not isinstance(pid, int):
        return False
    # Locks of earlier versions do not hold these entries: then host and process number decide.
    then = {name: owner.get(name, now) for name, now in here.items()}
    if then["boot"] != here["boot"]:
        # Started again since, unless it is another machine of the same name: the installation tells them apart.
        return bool(here["machine"]) and then["machine"] == here["machine"]
    if then["processes"] != here["processes"]:
        return False
    start = process_start_ticks(pid)
    return start is None or start != owner.get("process_start")


def _who(owner: dict[str, object]) -> str:
    if not owner:
        return "unknown"
    job = f", job {owner['job']}" if owner.get("job") else ""
    return one_line(f"process {owner.get('pid')} on {owner.get('host')}{job}")[:200]
