import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forked import Forked
from limits import HANG

pytest.register_assert_rewrite("killing")


@pytest.fixture
def begin(launch_environment, tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a command in the test's folder; what still runs at the end is ended."""
    started = []

    def start(*command: str) -> subprocess.Popen:
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=launch_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=HANG)


@pytest.fixture(scope="module")
def start(launch_environment) -> Callable[..., subprocess.Popen]:
    """Starts the program, or Python code, on some ranks in a folder, in a session of its own, and does not listen."""
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


@pytest.fixture(scope="session")
def forked(launch_environment) -> Iterator[Forked]:
    """Runs `python -c …` in a process of its own that has the program's libraries already: `forked(code, …, cwd=…)`."""
    programs = Forked(launch_environment)
    yield programs
    programs.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB of its own, and a function that remounts it with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0

    if os.geteuid() != 0 or shutil.which("mount") is None or not mount("size=2m"):
        pytest.skip("no file system can be mounted here")
    yield folder, lambda *options: mount("remount", *options)
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, timeout=10, check=False)
