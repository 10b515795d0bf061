"""Locks that a dead run has left: taken over where it is certain that it is dead, and only there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from limits import HANG

from hpcalo.errors import OutputError
from hpcalo.io.lock import OutputLock, identity, machine, process_start_ticks


@pytest.fixture
def output(tmp_path):
    return tmp_path / "a.h5"


def like_mine(**changes):
    """What a lock of this very process says, with these differences."""
    return {**identity(), **changes}


def left_behind(output, **changes):
    """A lock with these differences from one of this very process."""
    output.with_name("a.h5.lock").write_text(json.dumps(like_mine(**changes)))


def taken_over(output) -> bool:
    lock = OutputLock(output)
    try:
        lock.acquire()
    except OutputError as problem:
        text = str(problem)
        assert "another run is writing it" in text
        assert f"remove {lock.path}" in text
        return False
    assert json.loads(lock.path.read_text())["pid"] == os.getpid()
    lock.release()
    assert not lock.path.exists()
    return True


def test_of_a_living_process(output):
    left_behind(output)
    assert not taken_over(output)


def test_of_a_process_that_is_gone(output):
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left_behind(output, pid=int(child.stdout), process_start=1)
    assert taken_over(output)


def test_of_a_zombie(output, tmp_path):
    """Killed, and its parent (a launcher, a container's first process) does not ask for it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom hpcalo.io.lock import OutputLock\n"
        "OutputLock(Path('a.h5')).acquire()\nprint('locked', flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "locked\n"
    assert not taken_over(output)
    process.kill()
    deadline = time.monotonic() + HANG
    while (state := _state(process.pid)) != "Z":
        assert time.monotonic() < deadline, state
        time.sleep(0.005)
    assert process_start_ticks(process.pid) is None
    assert taken_over(output)
    process.communicate(timeout=HANG)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_of_a_process_whose_number_is_used_again(output):
    left_behind(output, process_start=process_start_ticks(os.getpid()) - 1)
    assert taken_over(output)


def test_after_the_machine_was_started_again(output):
    if not machine()["machine"] or not machine()["boot"]:
        pytest.skip("this system does not tell its machine and its start apart")
    left_behind(output, boot="another start")
    assert taken_over(output)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "elsewhere"},
        {"host": "elsewhere", "boot": "b", "machine": "m"},
        {"machine": "m", "boot": "b"},  # another machine of the same name
        {"processes": "pid:[1]", "pid": 2**22 + 1},  # a container of this host
        {"host": "elsewhere", "pid": "12"},
        {"pid": None},
    ],
    ids="-".join,
)
def test_where_nothing_is_known_it_stands(output, changes):
    left_behind(output, **changes)
    assert not taken_over(output)
    assert output.with_name("a.h5.lock").exists()


def test_locks_of_an_earlier_version(output):
    """They name host, process and its start only."""
    names = ("host", "pid", "process_start", "job", "job_restarts")
    path = output.with_name("a.h5.lock")
    path.write_text(json.dumps({name: identity()[name] for name in names}))
    assert not taken_over(output)
    path.write_text(json.dumps({name: like_mine(process_start=1)[name] for name in names}))
    assert taken_over(output)


def test_of_an_earlier_start_of_the_same_job(output, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    left_behind(output, host="elsewhere", job="7", job_restarts="2")
    assert not taken_over(output)
    left_behind(output, host="elsewhere", job="8", job_restarts="1")
    assert not taken_over(output)
    left_behind(output, host="elsewhere", job="7", job_restarts="1")
    assert taken_over(output)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\0" * 100, "{}", '{"host": 3}'])
def test_damaged_locks(output, text):
    """An empty one was made a moment ago, or by a run that died before it wrote its name: time tells."""
    path = output.with_name("a.h5.lock")
    path.write_text(text)
    assert not taken_over(output)
    os.utime(path, (time.time() - 60, time.time() - 60))
    assert taken_over(output) == (text == "")


def test_only_one_of_many_takes_it(output, tmp_path):
    """Processes that find the same dead lock in the same moment."""
    left_behind(output, process_start=1)
    code = (
        "import sys\nfrom pathlib import Path\nfrom hpcalo.errors import OutputError\n"
        "from hpcalo.io.lock import OutputLock\n"
        "lock = OutputLock(Path('a.h5'))\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "try: lock.acquire()\nexcept OutputError: print('no', flush=True)\nelse: print('yes', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    many = [
        subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    try:
        for process in many:
            assert process.stdout.readline() == "ready\n"
        for process in many:
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = sorted(process.stdout.readline().strip() for process in many)
    finally:
        for process in many:
            process.communicate(timeout=HANG)
    assert answers == ["no"] * 5 + ["yes"]
