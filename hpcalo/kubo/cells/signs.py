"""Signs that look random and are not: the same for a cell in every run, on any number of ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.typing import IntArray, RealArray

_STEP, _FIRST, _SECOND = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def scrambled(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits without relation to those of the key: the finalizer of splitmix64."""
    with np.errstate(over="ignore"):
        x = key + _STEP
        x = (x ^ (x >> np.uint64(30))) * _FIRST
        x = (x ^ (x >> np.uint64(27))) * _SECOND
        return np.asarray(x ^ (x >> np.uint64(31)))


def keys(level: int, numerators: IntArray) -> NDArray[np.uint64]:
    """One number for each cell, (K,)."""
    key = scrambled(np.full(len(numerators), level, dtype=np.uint64))
    for c in range(3):
        key = scrambled(key ^ numerators[:, c].astype(np.uint64))
    return key


def contrasts(key: NDArray[np.uint64], dimension: int, count: int) -> RealArray:
    """For each key `count` patterns of as many +1 as −1 over the 2^d parts of a cell, (K, count, 2^d).

    They are the rows of a Hadamard matrix but the first, in random order and sign. The mean square of a pattern's sum
    over numbers x is that of independent signs for x − mean(x), times 2^d/(2^d − 1).
    """
    parts = np.arange(2**dimension)
    rows = np.array([[(-1.0) ** bin(row & part).count("1") for part in parts] for row in parts[1:]])
    out = np.empty((len(key), count, len(parts)))
    for r in range(count):
        bits = scrambled(key ^ scrambled(np.full(1, r + 1, dtype=np.uint64)))
        row = (bits >> np.uint64(8)) % np.uint64(len(rows))
        out[:, r] = rows[row.astype(np.int64)] * np.where(bits & np.uint64(1), 1.0, -1.0)[:, None]
    return out


def sketch(columns: int, width: int) -> RealArray:
    """A matrix (columns, width) of signs, so that the norm of a row times it is on average that of the row."""
    bits = scrambled(np.arange(columns * width, dtype=np.uint64)).reshape(columns, width)
    return np.where(bits & np.uint64(1 << 20), 1.0, -1.0) / np.sqrt(width)


def chosen(key: NDArray[np.uint64], one_in: int) -> NDArray[np.bool_]:
    """A sample of the cells, one in so many."""
    return np.asarray(scrambled(key) % np.uint64(one_in) == 0)
