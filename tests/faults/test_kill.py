"""kill -9 of one rank, of all ranks, of the launcher, at any moment: the run is continued to the same bits.

12 moments by default; HPCALO_KILLS=50 tries 50.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from program import differences

from hpcalo.errors import HpcaloError
from hpcalo.output import checkpoint
from hpcalo.output.hdf5 import read_dataset

KILLS = int(os.environ.get("HPCALO_KILLS", "12"))
INPUT = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
n_hat = [[0, 0, 1], [1, 0, 1]]
gamma = [0.03, 0.1]
quantities = ["torkance", "conductivity"]
[kubo.energies]
minimum = -4.6
maximum = 4.6
points = 41
[kubo.k]
grid = [96, 96, 1]
shift = [0.5, 0.5, 0.0]
symmetry = "off"
[execution]
checkpoint_interval = 0.01
"""
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):
    """The uninterrupted result, and how long the run took after its start (from the first sign of life of the lock)."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "a.toml").write_text(INPUT)
    process = start(folder, "run", "a.toml", "-q")
    begin = wait_for(folder / "a.h5.lock")
    assert process.wait(120) == 0
    return folder / "a.h5", time.monotonic() - begin


@pytest.fixture(scope="module")
def start(launch_environment):
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun not found")

    def begin(folder: Path, *arguments: str, ranks: int = 2, code: str = "") -> subprocess.Popen:
        program = ["-c", code] if code else ["-m", "hpcalo"]
        return subprocess.Popen(
            ["mpirun", "-n", str(ranks), sys.executable, *program, *arguments],
            cwd=folder,
            env=launch_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    return begin


def wait_for(path: Path, timeout: float = 30) -> float:
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
    process.wait(20)
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in ranks):  # without a launcher the ranks notice that it is gone, and end
        assert time.monotonic() < deadline, "ranks go on without their launcher"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def no_wrong_file(folder: Path, whole: Path) -> None:
    """What bears the result's name is the whole result; what looks like a checkpoint is whole."""
    if (folder / "a.h5").exists():
        assert differences(whole, folder / "a.h5") == []
    for path in checkpoint.files_of(folder / "a.h5"):
        if path.exists():
            checkpoint._read(path)
    for path in folder.glob("*.h5.*"):  # no other file can be taken for a result, but one that only lacks its name
        try:
            read_dataset(path)
        except HpcaloError:
            continue
        assert differences(whole, path) == []


def strike_at(start, folder: Path, moment: str, count: int, victim: str, chance: random.Random) -> None:
    """Kills while rank 0 stands at that moment of its writing; at the end of a run that has no such moment."""
    process = start(folder, moment, str(count), code=STANDS_STILL)
    deadline = time.monotonic() + 120
    while not (folder / "here").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    strike(process, victim, chance)
    (folder / "here").unlink(missing_ok=True)


@pytest.mark.parametrize("number", range(2 if KILLS <= 12 else KILLS // 2))
def test_killed_while_writing(whole, start, tmp_path, number):
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    count = 1 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_file(tmp_path, result)
    again = ["restart", "a.h5"] if checkpoint.exists(tmp_path / "a.h5") else ["run", "a.toml", "--force"]
    assert start(tmp_path, *again, "-q", ranks=1 + number % 3).wait(120) == 0
    assert differences(result, tmp_path / "a.h5") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.toml"}


@pytest.mark.parametrize("number", range(KILLS))
def test_killed(whole, start, tmp_path, number):
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    process = start(tmp_path, "run", "a.toml", "-q")
    wait_for(tmp_path / "a.h5.lock")
    # Every third near the end: the last checkpoints, the result, the tidying up.
    time.sleep(takes * (chance.uniform(0.7, 1.05) if number % 3 == 2 else chance.uniform(0.0, 0.9)))
    strike(process, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_file(tmp_path, result)
    again = ["restart", "a.h5"] if checkpoint.exists(tmp_path / "a.h5") else ["run", "a.toml", "--force"]
    assert start(tmp_path, *again, "-q", ranks=1 + number % 3).wait(120) == 0
    assert differences(result, tmp_path / "a.h5") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.toml"}
