import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "restart"))
sys.path.insert(0, str(Path(__file__).parent))


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
            process.communicate(timeout=20)
