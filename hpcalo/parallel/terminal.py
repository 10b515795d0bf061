"""Text for people: what a terminal or a log is given, and what happens when it takes nothing any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

from hpcalo.errors import OutputError

LAYOUT = "\n\r\t"
"""Control characters that texts of this program use; a progress bar returns to the beginning of its line."""


def spelled_out(text: str) -> str:
    """The text with control characters and what UTF-8 cannot hold spelled out.

    None of it moves the cursor, changes colours or answers for the user, whatever file it comes from.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in LAYOUT else ascii(c)[1:-1] for c in text)


class Terminal:
    """A text stream on which writing never fails: where it is full or closed, the text is dropped.

    needed: the text is what the command is for; then OutputError is raised, or BrokenPipeError where the reader has
    seen enough. Characters that the stream's
    encoding does not have are spelled out, too. stream: None where the process was started without one.
    """

    def __init__(self, stream: TextIO | None, *, needed: bool = False) -> None:
        self._stream, self._needed = stream, needed

    def write(self, text: str) -> int:
        """Writes, or drops, the whole text."""
        if self._stream is not None:
            try:
                self._stream.write(self._shown(text))
            except (OSError, ValueError) as problem:
                self._failed(problem)
        return len(text)

    def flush(self) -> None:
        """Passes on what was written."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as problem:
                self._failed(problem)

    def isatty(self) -> bool:
        """Whether a person may be looking."""
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def _shown(self, text: str) -> str:
        text, encoding = spelled_out(text), getattr(self._stream, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeError:
            return text.encode(encoding, "backslashreplace").decode(encoding)
        return text

    def _failed(self, problem: OSError | ValueError) -> None:
        """Gives the stream a place where it can leave what it could not write.

        It would fail again at the end of the process, and change the exit code.
        """
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
        if self._needed and isinstance(problem, BrokenPipeError):
            raise problem
        if self._needed:
            raise OutputError(f"standard output: cannot be written: {getattr(problem, 'strerror', '') or problem}")


def errors() -> Terminal:
    """The standard error of now."""
    return sys.stderr if isinstance(sys.stderr, Terminal) else Terminal(sys.stderr)


@contextmanager
def terminals(*, needed: bool) -> Iterator[None]:
    """In this block standard output and error are Terminals. needed: of the output, whether it may be lost."""
    before = sys.stdout, sys.stderr
    here = Terminal(sys.stdout, needed=needed), Terminal(sys.stderr)
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in here)
    try:
        yield
        here[0].flush()
    finally:
        for stream in here:
            with suppress(OSError, OutputError):
                stream.flush()
        sys.stdout, sys.stderr = before
