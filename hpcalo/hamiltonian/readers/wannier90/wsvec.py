"""`seed_wsvec.dat`: minimal-distance replicas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import whole
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.typing import IntArray

AT_ONCE = 2**20
"""Numbers that are taken apart at once."""
WITHOUT = "replicas = false reads without it"


def replica_folding(path: Path, R: IntArray, N: int) -> Folding:
    """The folding with minimal-distance replicas: each element goes in equal parts to the nearest images of its pair.

    Raises ModelError if the file is missing, truncated, or made for other cells or another number of functions.
    """
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    given = np.zeros(len(R) * N * N, dtype=bool)
    targets, keys = [], []
    for head, shifts in _entries(path, len(R), N):
        try:
            source_of = np.array([index[tuple(r)] for r in head[:, :3].tolist()], dtype=np.int64)
        except KeyError as missing:
            raise ModelError(
                f"{path}: names the cell {missing.args[0]}, which is not in the Hamiltonian ({WITHOUT})"
            ) from None
        if head[:, 3:5].min() < 1 or head[:, 3:5].max() > N:
            raise ModelError(f"{path}: names the function {head[:, 3:5].max()}, the Hamiltonian has {N} ({WITHOUT})")
        key = (source_of * N + head[:, 3] - 1) * N + head[:, 4] - 1
        given[key] = True
        keys.append(np.repeat(key, head[:, 5]))
        targets.append((np.repeat(head[:, :3], head[:, 5], axis=0) + shifts).astype(np.int32))
    if not given.all():  # there are as many entries as elements
        raise ModelError(f"{path}: names a cell and pair of functions twice ({WITHOUT})")
    every = np.concatenate(keys)
    cells, cell = np.unique(np.concatenate(targets), axis=0, return_inverse=True)
    source, pair = np.divmod(every, N * N)
    m, n = np.divmod(pair, N)
    return Folding.in_equal_parts(cells.astype(np.int64), source, cell.ravel(), m, n, len(R), N)


def _entries(path: Path, nR: int, N: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Some entries at once: (entries, 6) R, m, n and number of images; (images, 3) shifts. Raises ModelError."""
    total, done = nR * N * N, 0
    left: IntArray = np.zeros(0, dtype=np.int64)
    with NumberStream(path, "minimal-distance replicas (_wsvec.dat)") as stream:
        stream.line()
        while done < total:
            more = whole(stream.take(AT_ONCE), path, "replicas")
            if not len(more):
                raise ModelError(f"{path}: ends after {done} of {total} entries ({nR} cells, {N}² pairs): truncated")
            values = np.concatenate([left, more])
            starts, end = _starts(values, total - done, path, done)
            left = values[end:]
            done += len(starts)
            if len(starts):
                head = values[starts[:, None] + np.arange(6)]
                ordinal = np.arange(head[:, 5].sum()) - np.repeat(np.cumsum(head[:, 5]) - head[:, 5], head[:, 5])
                first = np.repeat(starts + 6, head[:, 5]) + 3 * ordinal
                yield head, values[first[:, None] + np.arange(3)]
        if len(left) or not stream.at_end():
            raise ModelError(
                f"{path}: has numbers after its {total} entries: made for other cells or functions ({WITHOUT})"
            )


def _starts(values: IntArray, most: int, path: Path, done: int) -> tuple[IntArray, int]:
    """Where the whole entries begin, at most so many, and where the last of them ends. Raises ModelError."""
    flat = values[5:].tolist()  # the number of images of an entry that begins at i is flat[i]
    starts: list[int] = []
    position = 0
    while len(starts) < most and position < len(flat):
        images = flat[position]
        if not 1 <= images <= 64:
            raise ModelError(
                f"{path}: entry {done + len(starts) + 1} has {images} replicas, expected 1 to 64 (shifted lines?)"
            )
        if position + 6 + 3 * images > len(values):
            break
        starts.append(position)
        position += 6 + 3 * images
    return np.array(starts, dtype=np.int64), position
