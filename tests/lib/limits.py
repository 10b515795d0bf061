"""How long the tests wait. Only for what would never come: on a busy machine everything takes many times as long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

HANG = 300.0
"""Seconds until a process counts as hung."""


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """What happens inside takes this process no longer, by the clock that stands still while others have the core."""
    begin = time.process_time()
    yield
    taken = time.process_time() - begin
    assert taken < seconds, f"took {taken:.1f} s of processor time; expected less than {seconds:g} s"
