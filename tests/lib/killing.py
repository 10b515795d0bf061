"""kill -9 of runs at chosen moments, and how they go on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from limits import HANG
from program import differences

from hpcalo.io import checkpoint

KILLS = int(os.environ.get("HPCALO_KILLS", "9"))
THOROUGH = KILLS > 9
LIVES = 3  # times that one run is killed, each time after it has gone on
VICTIMS = ("one rank", "all ranks", "launcher")

# Rank 0 stands still at call number COUNT of a function of the module os, before it or after it.
STANDS_STILL = """
import os, sys, time
from pathlib import Path
moment, count = sys.argv[1], int(sys.argv[2])
name, _, after = moment.partition(" ")
real = getattr(os, name)
def stop():
    Path("here").touch()
    time.sleep(60)
def call(*arguments, **options):
    global count
    count -= 1
    if count == 0 and not after:
        stop()
    answer = real(*arguments, **options)
    if count == 0 and after:
        stop()
    return answer
setattr(os, name, call)
from hpcalo.__main__ import main
main(["run", "a.toml", "-q"])
"""
# Checkpoints get their name by os.replace, a new result by os.link; fsync comes before and after each.
MOMENTS = ("link after", "replace", "link", "fsync", "replace after")


def uninterrupted(start: Callable[..., subprocess.Popen], folder: Path, text: str) -> tuple[Path, float]:
    """The result of a run that nothing happens to, and how long it took after its start (from the first sign of life
    of the lock).
    """
    (folder / "a.toml").write_text(text)
    process = start(folder, "run", "a.toml", "-q")
    begin = wait_for(folder / "a.h5.lock")
    assert process.wait(HANG) == 0
    return folder / "a.h5", time.monotonic() - begin


def again(folder: Path) -> list[str]:
    """The command that goes on from the checkpoint, or begins anew where there is none."""
    return ["restart", "a.h5", "-q"] if checkpoint.exists(folder / "a.h5") else ["run", "a.toml", "--force", "-q"]


def continued(start: Callable[..., subprocess.Popen], folder: Path, whole: Path, ranks: int = 2) -> None:
    """The run goes on from its checkpoint, or begins anew without one, to the same bits; nothing else is left."""
    assert start(folder, *again(folder), ranks=ranks).wait(HANG) == 0
    assert differences(whole, folder / "a.h5") == []
    assert {path.name for path in folder.iterdir()} == {"a.h5", "a.toml"}


def wait_for_life(lock: Path, process: subprocess.Popen) -> None:
    """Until a living process holds the lock, or the run is over; a killed one leaves its lock behind."""
    deadline = time.monotonic() + HANG
    while process.poll() is None and not (lock.exists() and alive(holder(lock))):
        assert time.monotonic() < deadline, f"nobody holds {lock}"
        time.sleep(0.002)


def holder(lock: Path) -> int:
    """The process that holds a lock; 0 where it has just been released or is being written."""
    with suppress(OSError, ValueError, KeyError):
        return int(json.loads(lock.read_text())["pid"])
    return 0


def wait_for(path: Path, timeout: float = HANG) -> float:
    deadline = time.monotonic() + timeout
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.002)
    return time.monotonic()


def ranks_of(launcher: int) -> list[int]:
    """The processes that the launcher started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if entry.name.isdigit() and int(fields[1]) == launcher and fields[0] != "Z":
                found.append(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return sorted(found)


def strike(process: subprocess.Popen, victim: str, chance: random.Random) -> None:
    ranks = ranks_of(process.pid)
    targets = {"one rank": [chance.choice(ranks)] if ranks else [], "all ranks": ranks, "launcher": [process.pid]}
    for pid in targets[victim]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(HANG)
    deadline = time.monotonic() + HANG
    while any(alive(pid) for pid in ranks):  # without a launcher the ranks notice that it is gone, and end
        assert time.monotonic() < deadline, "ranks go on without their launcher"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until_dead(lock: Path) -> None:
    """Until the process that holds the lock is gone: the launcher may be back before the last rank that it killed."""
    deadline = time.monotonic() + HANG
    while lock.exists() and alive(holder(lock)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def killed(
    start: Callable[..., subprocess.Popen],
    folder: Path,
    moments: Iterable[float],
    ranks: Callable[[int], int],
    number: int,
    check: Callable[[], None],
) -> None:
    """Kills the run of a.toml after so many seconds, lets it go on, kills it again …; other victims every time.

    `ranks` of the life with that index. `check` is called after every kill. Ends early where the run was faster.
    """
    chance = random.Random(number)
    for life, seconds in enumerate(moments):
        process = start(folder, *again(folder), ranks=ranks(life))
        wait_for_life(folder / "a.h5.lock", process)
        time.sleep(seconds)
        strike(process, VICTIMS[(number + life) % 3], chance)
        check()
        if (folder / "a.h5").exists():
            return


def strike_at(start, folder: Path, moment: str, count: int, victim: str, chance: random.Random) -> None:
    """Kills while rank 0 stands at that moment of its writing; at the end of a run that has no such moment."""
    process = start(folder, moment, str(count), code=STANDS_STILL)
    deadline = time.monotonic() + HANG
    while not (folder / "here").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    strike(process, victim, chance)
    (folder / "here").unlink(missing_ok=True)
