"""Fixtures for all tests, and the guard that keeps one failing rank from hanging the others.

Serial:    python -m pytest
Parallel:  mpirun -n N python -m pytest -m mpi --with-mpi --basetemp=…   (a folder of its own for each rank)
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import in_turn as in_turn_script
import numpy as np
import pytest
from limits import HANG
from mpi_settings import mpi_settings
from places import REPOSITORY, quick_tests

from hpcalo.parallel.world import world as start_mpi

pytest.register_assert_rewrite("program")  # a helper whose assertions are to say what they found

GRACE = 5.0  # seconds a failed rank waits for the others to finish the test

# As it was before any MPI library was loaded: a process started with what MPI adds to it would take itself for a rank.
ENVIRONMENT = dict(os.environ)
LAUNCH = {**mpi_settings(), **ENVIRONMENT}


@pytest.fixture(scope="session")
def world() -> Any:
    """The world communicator's duplicate for this test session (one process in a serial run)."""
    return start_mpi()


@pytest.fixture
def comm(world: Any) -> Iterator[Any]:
    """A communicator of all ranks for one test, so that a stray message of another test cannot arrive in it."""
    duplicate = world.Dup()
    yield duplicate
    duplicate.Free()


@pytest.fixture
def mpi_tmp_path(tmp_path: Path, comm: Any) -> Path:
    """A temporary folder that is the same one on all ranks."""
    return Path(comm.bcast(str(tmp_path), root=0))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("HPCALO_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"reference data not found: {folder}/data (set HPCALO_SHARED)")
    return folder


@pytest.fixture(scope="session")
def launch_environment() -> dict[str, str]:
    """The environment for processes that a test starts by itself."""
    return LAUNCH


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python …` in a process of its own, `launch(ranks, *arguments)`: under mpirun, or alone with ranks = 0."""

    def start(
        ranks: int,
        *arguments: str | Path,
        timeout: float = HANG,
        cwd: Path = tmp_path,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        if ranks:
            if shutil.which("mpirun") is None:
                pytest.skip("mpirun not found")
            command = ["mpirun", "-n", str(ranks), *command]
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**LAUNCH, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            pytest.fail(f"still running after {timeout} s: {' '.join(command)}\n{out}\n{err}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    return start


@pytest.fixture
def in_turn(launch: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., list[Any]]:
    """Commands of the program one after the other in one process, `in_turn(["info", "a.h5"], …, cwd=…)`: their ends."""

    def start(*commands: Sequence[str | Path], **options: Any) -> list[subprocess.CompletedProcess[str]]:
        lines = [[str(word) for word in command] for command in commands]
        done = launch(0, in_turn_script.SCRIPT, json.dumps(lines), **options)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return in_turn_script.read(lines, done.stdout)

    return start


class RankGuard:
    """After each test all ranks tell each other whether they failed; one that did waits only a moment."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.comm = start_mpi()
        self.failure: str | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report = yield
        if report.failed:
            self.failure = f"{item.nodeid} ({report.when})\n{report.longreprtext}"
        return report

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        mine = np.array([self.failure is not None], dtype=np.int32)
        everyone = np.empty(self.comm.size, dtype=np.int32)
        request = self.comm.Iallgather(mine, everyone)
        deadline = time.monotonic() + GRACE
        while not request.Test():
            if self.failure is not None and time.monotonic() > deadline:
                with self.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                    sys.stderr.write(f"\n[rank {self.comm.rank}] failed while others go on: {self.failure}\n")
                    sys.stderr.flush()
                    self.comm.Abort(1)
            time.sleep(0.002)
        self.failure = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks the quick tier (tests/quick.txt); under MPI, takes out what runs on other numbers of ranks."""
    if config.getoption("--with-mpi", default=False):
        ranks = start_mpi().size
        others = [item for item in items if (mark := item.get_closest_marker("ranks")) and ranks not in mark.args]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    listed = quick_tests()
    for item in items:
        path, _, name = item.nodeid.partition("::")
        folders = [parent.as_posix() for parent in Path(path).parents]
        test = f"{path}::{name.partition('[')[0]}"
        if listed & {path, test, *folders} and f"!{test}" not in listed:
            item.add_marker(pytest.mark.quick)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--with-mpi", default=False):
        config.pluginmanager.register(RankGuard(config), "hpcalo-rank-guard")
