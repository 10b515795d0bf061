"""Signals from the program's first moment, while its libraries are still being loaded.

`listen` notes a SIGTERM, SIGINT or SIGUSR1 for the first `hpcalo.parallel.signals.StopRequest`; commands that keep
nothing end on it at once (`end_at_once`). Imports next to nothing: what comes before it is not protected.
"""

import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
# Launchers and batch systems deliver the same request over several ways; copies that come this close are one request.
SAME_REQUEST = 1.0
EXIT_CODE = 75  # of hpcalo.errors.Interrupted, which is not loaded yet


class Stopped(BaseException):
    """A signal ends the program here and now. No Exception: nothing that deals with ordinary failures may keep it."""


class Heard:
    """What has come since the program's start: the latest signal's name and the time of the first that was not USR1."""

    name = ""
    first_hard: float | None = None
    loading = True  # nothing is open yet that would have to be closed
    previous: dict[signal.Signals, object] = {}  # noqa: RUF012  (one process, one state)


def listen() -> bool:
    """From now on signals are noted; a second SIGTERM or SIGINT ends the program. False if that was so already."""
    if Heard.previous:
        return False
    Heard.previous = {number: signal.signal(number, _note) for number in SIGNALS}
    return True


def loaded() -> None:
    """From now on there are handlers of exceptions: an end is raised."""
    Heard.loading = False


def end_at_once() -> None:
    """From now on, and if one has come already, a signal ends the program: this command keeps nothing to go on from."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _end)
    if Heard.name == "SIGINT":
        raise KeyboardInterrupt
    if Heard.name:
        raise Stopped(f"stopped by {Heard.name}")


def forget() -> None:
    """Back to what was before `listen`, for a program that goes on."""
    for number, handler in Heard.previous.items():
        signal.signal(number, handler)  # type: ignore[arg-type]
    Heard.previous, Heard.name, Heard.first_hard = {}, "", None


def _note(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    Heard.name = signal.Signals(number).name
    if number == signal.SIGUSR1:  # a batch system's early warning stays polite however often it comes
        return
    if Heard.first_hard is not None and now - Heard.first_hard > SAME_REQUEST:
        _end(number, frame)
    if Heard.first_hard is None:
        Heard.first_hard = now


def _end(number: int, frame: FrameType | None) -> NoReturn:
    text = f"stopped at once by {signal.Signals(number).name}"
    if Heard.loading:
        sys.stderr.write(f"hpcalo: error: {text}\n")
        sys.stderr.flush()
        os._exit(EXIT_CODE)
    raise Stopped(text)
