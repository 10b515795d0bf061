"""Signals from the program's first moment on, while its libraries are still being loaded.

A SIGTERM, SIGINT or SIGUSR1 is answered in one of two ways:

* After `listen` it is remembered, for the runs: their ranks stop together, between two pieces of work
  (`hpcalo.parallel.signals`).
* After `end_at_once` it ends the process inside the handler, for the commands that keep nothing to continue from.

No handler of this module raises an exception. An exception would surface wherever the program happens to be; in its
first second that is inside an import, which leaves a library half loaded and the next import of it broken.

This module loads next to nothing: a signal that comes before `listen` has the operating system's answer.
"""

from __future__ import annotations

import os
import signal
import time

from hpcalo.parallel.launcher import launcher_rank

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module `typing` takes longer to load than all of this
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import NoReturn

    Handler = Callable[[int, FrameType | None], object] | int | None
    """What `signal.signal` takes and gives back."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
# Launchers and batch systems deliver the same request in several ways; copies that come this close are one request.
SAME_REQUEST = 1.0  # seconds
INTERRUPTED, FROM_KEYBOARD = 75, 130  # exit codes; the first is that of hpcalo.errors.Interrupted, not loaded yet
RANK_0_FIRST = 2.0  # seconds that the other ranks give rank 0 to speak


class Received:
    """What has come since the program's start: the latest signal's name, and when the first SIGTERM or SIGINT came."""

    name = ""
    first_request: float | None = None


_previous: dict[signal.Signals, Handler] = {}  # the handlers before `listen`
_transient: set[str] = set()
_abort: list[Callable[[int], object]] = []


def listen() -> bool:
    """From now on signals are remembered; a second SIGTERM or SIGINT ends the process. False if that was so already."""
    if _previous:
        return False
    for number in SIGNALS:
        _previous[number] = signal.signal(number, _remember)
    return True


def end_at_once() -> None:
    """From now on a signal ends the process, and one that has come already does so now. Nothing without `listen`."""
    if not _previous:
        return
    for number in SIGNALS:
        signal.signal(number, _end)
    if Received.name:
        _end(signal.Signals[Received.name], None)


def ignore() -> None:
    """From now on signals are ignored: the exit code stands while Python and MPI shut down.

    Python takes its handlers away long before that is over, and a process that has finished its work would be killed.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def forget() -> None:
    """Restores the handlers that were there before `listen`, for a program that goes on."""
    for number, handler in _previous.items():
        signal.signal(number, handler)
    _previous.clear()
    Received.name, Received.first_request = "", None


class TransientFile:
    """A file that must not outlive the process (a part, a lock): removed if a signal ends the process in the block."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(path)

    def __enter__(self) -> None:
        _transient.add(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        _transient.discard(self._path)


def abort_with(function: Callable[[int], object]) -> None:
    """Has `leave` call the function with the exit code, so that the other ranks of the job end too."""
    _abort[:] = [function]


def importing(frame: FrameType | None) -> bool:
    """Whether the interrupted code is, at any depth, in the middle of an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def leave(text: str, code: int) -> NoReturn:
    """Ends this process now, whatever it is doing: removes its transient files and prints `text`, if any, as an error.

    The other ranks of a job end with it. Rank 0 speaks first: its end is the end of the others.
    """
    ignore()
    for path in _transient:
        try:  # noqa: SIM105  (contextlib takes its time to load)
            os.unlink(path)
        except OSError:
            pass
    if launcher_rank() > 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the launcher's, once rank 0 is gone
        time.sleep(RANK_0_FIRST)
    if text:
        try:  # noqa: SIM105
            os.write(2, f"hpcalo: error: {text}\n".encode())  # sys.stderr may be in the middle of a line
        except OSError:
            pass
    for abort in _abort:
        abort(code)
    os._exit(code)


def _remember(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    Received.name = signal.Signals(number).name
    if number == signal.SIGUSR1:  # a batch system's early warning: a request however often it comes
        return
    if Received.first_request is None:
        Received.first_request = now
    elif now - Received.first_request > SAME_REQUEST:
        leave(f"stopped at once by {Received.name}", INTERRUPTED)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    if number == signal.SIGINT:
        leave("", FROM_KEYBOARD)
    leave(f"stopped by {signal.Signals(number).name}", INTERRUPTED)
