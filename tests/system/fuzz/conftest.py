"""Profiles of the fuzz tests, and what no input may do. Quick by default; HPCALO_FUZZ=5000: so many cases a test."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from limits import HANG, processor_time
from mutations import LONG

from hpcalo.errors import HpcaloError, one_line

CASES = LONG or 120
MEMORY = 3 * 2**30  # bytes a damaged input may make the reader ask for, beyond what the process has
SECONDS = 3.0  # of the processor that a reader may take

settings.register_profile(
    "hpcalo",
    max_examples=CASES,
    derandomize=not LONG,
    deadline=None,  # of the clock on the wall, which runs on while the machine does something else
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("hpcalo")

_FORBIDDEN = (
    "pickle.find_class",
    "os.system",
    "os.exec",
    "subprocess.Popen",
    "socket.connect",
    "os.mkdir",
    "os.rename",
)
_seen: list[str] | None = None
_allowed: Path | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event in _FORBIDDEN or (event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        inside = _allowed is not None and isinstance(arguments[0], str | Path) and Path(arguments[0]).parent == _allowed
        if not (inside and event in {"open", "os.rename"}):
            _seen.append(f"{event} {arguments[:1]}")


sys.addaudithook(_watch)


@contextmanager
def _watched(folder: Path | None) -> Iterator[None]:
    global _seen, _allowed  # noqa: PLW0603  (an audit hook stays for the life of the process: this switches it)
    _seen, _allowed = [], folder
    try:
        yield
        assert not _seen, _seen
    finally:
        _seen = None


@pytest.fixture(scope="session")
def survives() -> Callable[..., bool]:
    """Calls a reader: True if it took the input, False if it refused it in one readable line. All else is a failure.

    It may write nowhere but directly in `folder`, and take so many seconds of the processor.
    """

    def attempt(read: Callable[[], object], folder: Path | None = None, seconds: float = SECONDS) -> bool:
        try:
            with processor_time(seconds), _watched(folder):
                read()
        except HpcaloError as problem:
            text = str(problem)
            assert text == one_line(text), text
            assert 5 < len(text) < 900, text
            return False
        return True

    return attempt


class Child:
    """Calls a function in a child process; its exit code, negative where the child was killed or broke down."""

    def __call__(self, work: Callable[[], object]) -> int:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                faulthandler.disable()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                self.goes_on()
                work()
                code = 0
            except BaseException as problem:
                os.write(2, f"{type(problem).__name__}: {problem}\n".encode())
                raise
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @staticmethod
    def goes_on() -> None:
        """The child has so long again until it counts as hung."""
        signal.alarm(int(HANG))


@pytest.fixture
def in_child() -> Child:
    """All cases of a test in one child: a process forks in a tenth of a second, and any breakdown fails the test."""
    return Child()


@pytest.fixture(autouse=True)
def _limited_memory() -> Iterator[None]:
    """A reader that believes an absurd size gets a MemoryError, which fails the test, not the machine's memory."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
