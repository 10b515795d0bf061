"""Signals while the program starts: heard from its first lines on, whatever is being loaded, and told in one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from inputs import RASHBA, SAVED
from killing import alive, ranks_of

from hpcalo.errors import Interrupted
from hpcalo.parallel import early

LONG = RASHBA.format(quantities='"torkance"', energies="", side="500")
MODULE = [sys.executable, "-m", "hpcalo"]
COMMAND = [sys.executable, "-c", "from hpcalo.start import main; main()"]  # what the installed `hpcalo` does
DELAYS = (0.0, 0.02, 0.1, 0.3, 0.7, 1.2)


def hears(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for this signal."""
    try:
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return False
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


def wait_until_heard(pid: int) -> None:
    """The last of the handlers is in place. (That of SIGINT is Python's own before.)"""
    deadline = time.monotonic() + 20
    while not hears(pid, early.SIGNALS[-1]):
        assert time.monotonic() < deadline
        assert alive(pid)
        time.sleep(0.0005)


def lines_of(process: subprocess.Popen, timeout: float = 40) -> list[str]:
    return [line for line in process.communicate(timeout=timeout)[1].splitlines() if line.strip()]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT], ids=lambda n: n.name)
def test_run_alone(begin, tmp_path, number, delay):
    (tmp_path / "a.toml").write_text(LONG)
    process = begin(*(MODULE if delay else COMMAND), "run", "a.toml", "-q")
    wait_until_heard(process.pid)
    time.sleep(delay)
    process.send_signal(number)
    lines = lines_of(process)
    assert process.returncode == 75, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"hpcalo: error: stopped by {number.name}"), lines
    left = {path.name.partition(".checkpoint")[0] for path in tmp_path.iterdir()}
    assert left <= {"a.toml", "a.h5"}
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(("victims", "delay"), [("one", 0.05), ("all", 0.0), ("all", 0.4)])
def test_run_of_two_ranks(begin, tmp_path, victims, delay):
    """Also if only one of them is told: the others learn it from it."""
    (tmp_path / "a.toml").write_text(LONG)
    process = begin("mpirun", "-n", "2", *MODULE, "run", "a.toml", "-q")
    deadline = time.monotonic() + 20
    while len(ranks := ranks_of(process.pid)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    for rank in ranks:
        wait_until_heard(rank)
    time.sleep(delay)
    for rank in ranks if victims == "all" else ranks[-1:]:
        with suppress(ProcessLookupError):
            os.kill(rank, signal.SIGUSR1)
    lines = [line for line in lines_of(process) if line.startswith("hpcalo: ")]
    assert process.returncode == 75, lines
    assert len(lines) == 1, lines
    assert "stopped by " in lines[0]


def test_restart_keeps_its_checkpoint(begin, launch, tmp_path):
    (tmp_path / "a.toml").write_text(LONG)
    first = begin(*MODULE, "run", "a.toml", "-q", "--set", "execution.checkpoint_interval=0.05")
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("a.h5.checkpoint-?")) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGTERM)
    first.wait(30)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.h5.checkpoint-?")}
    assert before
    again = begin(*MODULE, "restart", "a.h5", "-q")
    wait_until_heard(again.pid)
    again.send_signal(signal.SIGTERM)
    lines = lines_of(again)
    assert (again.returncode, len(lines)) == (75, 1), lines
    assert "'hpcalo restart a.h5' continues" in lines[0]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("a.h5.checkpoint-?")} == before


def test_second_signal_ends_at_once(begin, tmp_path):
    """Even where nobody asks for the first one: a library that takes its time to load."""
    code = "from hpcalo.parallel.early import listen; listen(); import time; time.sleep(30)"
    process = begin(sys.executable, "-c", code)
    wait_until_heard(process.pid)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)  # the same request over another way
    time.sleep(1.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert lines_of(process) == ["hpcalo: error: stopped at once by SIGTERM"]
    assert process.returncode == 75


@pytest.mark.parametrize(
    ("number", "code", "text"),
    # Python now and then ends itself with the signal where it was asked to exit with 130: a shell sees 130 of both.
    [(signal.SIGTERM, {75}, ["hpcalo: error: stopped by SIGTERM"]), (signal.SIGINT, {130, -signal.SIGINT}, [])],
    ids=["SIGTERM", "SIGINT"],
)
@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_commands_that_keep_nothing(begin, tmp_path, number, code, text, delay):
    (tmp_path / "a.toml").write_text(SAVED.format(side=96, interval=0.01))
    process = begin(*MODULE, "check", "a.toml")
    wait_until_heard(process.pid)
    time.sleep(delay)
    process.send_signal(number)
    lines = lines_of(process)
    assert process.returncode in code, lines
    assert [line.replace(" at once", "") for line in lines] == text


def test_next_to_nothing_is_loaded_before():
    heavy = "{'click', 'numpy', 'mpi4py', 'pathlib', 'inspect', 'hpcalo.__main__', 'hpcalo.errors'}"
    code = f"import sys; import hpcalo.start; print(*sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert loaded.stdout.strip() == ""
    assert Interrupted.exit_code == early.EXIT_CODE
