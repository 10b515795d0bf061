"""Which files are opened in a block of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OPENED: list[str] | None = None
"""Names of opened files while somebody wants to know."""


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if OPENED is not None and event == "open":
        OPENED.append(str(arguments[0]))


sys.addaudithook(note)


@contextmanager
def opened_below(folder: Path) -> Iterator[set[str]]:
    """The names of the files below the folder that were opened in this block, known at its end."""
    global OPENED  # noqa: PLW0603  (an audit hook cannot be removed)
    found: set[str] = set()
    OPENED = []
    try:
        yield found
    finally:
        found.update(Path(name).name for name in OPENED if name.startswith(str(folder)))
        OPENED = None


def none_open() -> bool:
    """Whether nothing was opened in the block that is under way."""
    return not OPENED
