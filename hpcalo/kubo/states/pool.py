"""Memory that is used again: touching fresh memory takes longer than the arithmetic on small matrices."""

from __future__ import annotations

import math
import sys

import numpy as np

from hpcalo.typing import ComplexArray

MOST = 12
"""Buffers that are kept."""


class Pool:
    """Arrays in memory that nobody uses any more.

    An array is safe for as long as anything refers to it or to a part of it.
    """

    def __init__(self) -> None:
        self._buffers: list[ComplexArray] = []

    def array(self, *shape: int) -> ComplexArray:
        """An array of this shape with any content."""
        size = math.prod(shape)
        for buffer in self._buffers:
            if buffer.size >= size and sys.getrefcount(buffer) == UNUSED:
                return buffer[:size].reshape(shape)
        if len(self._buffers) == MOST:
            del self._buffers[0]  # who still uses it keeps it
        self._buffers.append(np.empty(size, dtype=np.complex128))
        return self._buffers[-1][:size].reshape(shape)


def _unused() -> int:
    """References to an entry of a list while a loop looks at it, as in `Pool.array`."""
    for buffer in [np.empty(0)]:
        return sys.getrefcount(buffer)
    raise AssertionError


UNUSED = _unused()
