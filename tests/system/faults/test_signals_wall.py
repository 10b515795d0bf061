"""Signals and kill -9 between two frames of a running wall: what the clock and the signal saved is continued to the
same bits. The run writes no frame between its first and its last one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from inputs import WIRE
from killing import ranks_of
from limits import HANG
from places import SLOWLY
from program import differences

from hpcalo.errors import HpcaloError
from hpcalo.io import checkpoint

END = 0.04  # ns
PAUSE = "0.3"  # seconds that a run to be stopped waits after every step
SIGNALLED = {signal.SIGINT: "rank 1", signal.SIGTERM: "rank 0", signal.SIGUSR1: "launcher"}
FEMTOSECONDS = 1e6  # in a nanosecond


@pytest.fixture
def begin(begin):
    """Starts the program on two ranks, slowed or as it is; what still runs at the end is ended."""

    def start(*arguments, slowly):
        program = [SLOWLY, PAUSE] if slowly else ["-m", "hpcalo"]
        return begin("mpirun", "-n", "2", sys.executable, *program, *arguments, "-q")

    return start


@pytest.fixture(scope="module")
def whole(tmp_path_factory, launch_environment):
    """The folder of the input and of its uninterrupted result."""
    folder = tmp_path_factory.mktemp("whole")
    text = WIRE.format(mode="quasi-static", points=24, gradient=2, end=END, every=END, integrator="rk", refresh=300)
    (folder / "a.toml").write_text(text + "[execution]\ncheckpoint_interval = 0.1\n")
    done = subprocess.run(
        ["mpirun", "-n", "2", sys.executable, "-m", "hpcalo", "run", "a.toml", "-q"],
        cwd=folder, env=launch_environment, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def saved(result: Path) -> tuple[float, dict[str, int]]:
    """The time (ns) and the number of frames that the newest checkpoint holds; -1 without one."""
    try:
        state = checkpoint.read(result).state
    except (HpcaloError, OSError):  # none yet, or just being replaced
        return -1.0, {}
    return state["t_fs"] / FEMTOSECONDS, state["counts"]


def saved_between_frames(process: subprocess.Popen, result: Path, after: float) -> float:
    """Waits until the clock has saved a state later than `after` (ns); no frame was written with it."""
    deadline = time.monotonic() + HANG
    while (now := saved(result))[0] <= after:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "no checkpoint by the clock"
        time.sleep(0.05)
    assert 0.0 < now[0] < END
    assert set(now[1].values()) == {1}, now  # the frame of the start alone
    return now[0]


def processes(launcher: int) -> dict[str, int]:
    """Those that the launcher started, by rank, and itself."""
    found = {"launcher": launcher}
    for pid in ranks_of(launcher):
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        rank = next(w.partition(b"=")[2].decode() for w in words if w.startswith(b"OMPI_COMM_WORLD_RANK="))
        found[f"rank {rank}"] = pid
    assert len(found) == 3
    return found


def finished(process: subprocess.Popen, folder: Path, whole: Path) -> None:
    errors = process.communicate(timeout=HANG)[1]
    assert process.returncode == 0, errors
    assert differences(whole / "a.h5", folder / "a.h5") == []
    assert {path.name for path in folder.iterdir()} == {"a.h5", "a.toml"}


def test_every_signal_saves_and_is_named(begin, whole, tmp_path):
    """One run, stopped three times: by each signal, sent to the second rank, to the first, to the launcher; then its
    ranks are killed.
    """
    shutil.copy(whole / "a.toml", tmp_path)
    command, reached = ["run", "a.toml"], 0.0
    for number, who in SIGNALLED.items():
        process = begin(*command, slowly=True)
        reached = saved_between_frames(process, tmp_path / "a.h5", reached)
        os.kill(processes(process.pid)[who], number)
        errors = process.communicate(timeout=HANG)[1]
        assert process.returncode == 75, errors
        (line,) = [line for line in errors.splitlines() if line.startswith("hpcalo: error:")]
        said = re.fullmatch(
            rf"hpcalo: error: stopped by {number.name} at (\S+) ns; 'hpcalo restart a\.h5' continues", line
        )
        assert said, line
        stopped = saved(tmp_path / "a.h5")[0]
        assert stopped == pytest.approx(float(said[1]), rel=1e-5)
        assert reached <= stopped < END
        assert not (tmp_path / "a.h5").exists()
        command, reached = ["restart", "a.h5"], stopped
    process = begin(*command, slowly=True)
    reached = saved_between_frames(process, tmp_path / "a.h5", reached)
    for name, pid in processes(process.pid).items():
        if name != "launcher":
            with suppress(ProcessLookupError):  # the launcher ends the other ranks by itself
                os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=HANG)
    assert process.returncode not in (0, 75)
    assert reached <= saved(tmp_path / "a.h5")[0] < END
    finished(begin(*command, slowly=False), tmp_path, whole)
