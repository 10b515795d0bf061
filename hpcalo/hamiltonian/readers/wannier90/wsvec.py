"""`seed_wsvec.dat`: minimal-distance replicas."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text, whole
from hpcalo.hamiltonian.replicas import Folding
from hpcalo.typing import IntArray


def replica_folding(path: Path, R: IntArray, N: int) -> Folding:
    """The folding with minimal-distance replicas: each element goes in equal parts to the nearest images of its pair.

    Raises ModelError if the file is missing, truncated, or made for other cells or another number of functions.
    """
    text = read_text(path, "minimal-distance replicas (_wsvec.dat)")
    values = whole(numbers(text.partition("\n")[2], path, 2), path, "replicas")
    flat = values.tolist()
    starts = np.empty(len(R) * N * N, dtype=np.int64)
    position = 0
    for number in range(len(starts)):
        if position + 6 > len(flat):
            raise ModelError(
                f"{path}: ends after {number} of {len(starts)} entries ({len(R)} cells, {N}² pairs): truncated"
            )
        starts[number] = position
        images = flat[position + 5]
        if not 1 <= images <= 64:
            raise ModelError(f"{path}: entry {number + 1} has {images} replicas, expected 1 to 64 (shifted lines?)")
        position += 6 + 3 * images
    if position > len(flat):
        raise ModelError(f"{path}: ends inside its last entry: truncated")
    if position < len(flat):
        raise ModelError(f"{path}: has numbers after its {len(starts)} entries: made for other cells or functions")
    head = values[starts[:, None] + np.arange(6)]
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    try:
        source_of = np.array([index[tuple(r)] for r in head[:, :3].tolist()])
    except KeyError as missing:
        raise ModelError(f"{path}: names the cell {missing.args[0]}, which is not in the Hamiltonian") from None
    if head[:, 3:5].min() < 1 or head[:, 3:5].max() > N:
        raise ModelError(f"{path}: names the function {head[:, 3:5].max()}, the Hamiltonian has {N}")
    key = (source_of * N + head[:, 3] - 1) * N + head[:, 4] - 1
    if len(np.unique(key)) != len(key):
        raise ModelError(f"{path}: names a cell and pair of functions twice")
    count = head[:, 5]
    entry = np.repeat(np.arange(len(starts)), count)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count)
    shift = values[(starts[entry] + 6 + 3 * within)[:, None] + np.arange(3)]
    source = source_of[entry]
    cells, cell = np.unique(R[source] + shift, axis=0, return_inverse=True)
    return Folding.in_equal_parts(cells, source, cell.ravel(), head[entry, 3] - 1, head[entry, 4] - 1, len(R), N)
