"""How a failure ends the program: the line on stderr and the exit code."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress

from hpcalo.errors import HpcaloError, OutOfMemory, one_line, short_paths
from hpcalo.parallel.terminal import errors

TRACEBACK_VARIABLE = "HPCALO_TRACEBACK"
INTERNAL_EXIT_CODE = 70  # EX_SOFTWARE


def message(problem: BaseException, rank: int | None = None) -> str:
    """The line a user sees for this exception; `rank` where only that rank failed."""
    rank_text = "" if rank is None else f"[rank {rank}] "
    text = short_paths(one_line(problem))
    if isinstance(problem, HpcaloError):
        return f"hpcalo: error: {rank_text}{text}"
    if isinstance(problem, KeyboardInterrupt):
        return f"hpcalo: {rank_text}interrupted"
    if isinstance(problem, MemoryError):
        detail = f" ({text})" if text else ""
        return (
            f"hpcalo: error: {rank_text}out of memory{detail}: use more nodes or fewer ranks per node; "
            "'hpcalo check INPUT' estimates the memory a rank needs"
        )
    where = ""
    if not os.environ.get(TRACEBACK_VARIABLE):
        frames = traceback.extract_tb(problem.__traceback__)
        where = f" (at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else " ("
        where += f"; set {TRACEBACK_VARIABLE}=1 for the traceback)"
    return f"hpcalo: internal error: {rank_text}{type(problem).__name__}: {text}{where}"


def exit_code(problem: BaseException) -> int:
    """The exit status this exception ends the program with."""
    if isinstance(problem, HpcaloError):
        return problem.exit_code
    if isinstance(problem, SystemExit):
        return problem.code if isinstance(problem.code, int) else 1
    if isinstance(problem, KeyboardInterrupt):
        return 130
    if isinstance(problem, MemoryError):
        return OutOfMemory.exit_code
    return INTERNAL_EXIT_CODE


def show(failure: BaseException, rank: int | None = None) -> None:
    """Prints an exception's line on stderr, after its traceback if HPCALO_TRACEBACK is set."""
    stream = errors()
    if isinstance(failure, SystemExit):
        if isinstance(failure.code, str):
            stream.write(failure.code + "\n")
        stream.flush()
        return
    text = message(failure, rank) + "\n"
    if os.environ.get(TRACEBACK_VARIABLE):
        text = "".join(traceback.format_exception(failure)) + text
    with suppress(OSError, ValueError, AttributeError, HpcaloError):  # full, closed, or none at all
        sys.stdout.flush()
    stream.write(text)  # one write, so that the lines of several ranks do not interleave
    stream.flush()
