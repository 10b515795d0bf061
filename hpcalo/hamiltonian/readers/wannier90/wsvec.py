"""`seed_wsvec.dat`: minimal-distance replicas, and how matrices over R are spread over them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text, whole
from hpcalo.typing import ComplexArray, IntArray, RealArray


@dataclass(frozen=True)
class Folding:
    """How elements of X(R) go to the cells of the model: X_new[cell, m, n] += weight · X_old[source, m, n].

    The old X is already divided by the degeneracies. R: (nR, 3) new cells. source, cell, m, n: (entries,) numbers of
    the old cell, the new cell, the functions. weight: (entries,) 1/(number of replicas).
    """

    R: IntArray
    source: IntArray
    cell: IntArray
    m: IntArray
    n: IntArray
    weight: RealArray

    def apply(self, X_Rnn: NDArray) -> ComplexArray:
        """(nR_old, …, N, N) → (nR_new, …, N, N), complex."""
        N = X_Rnn.shape[-1]
        picked = X_Rnn[self.source, ..., self.m, self.n]
        picked = picked * self.weight.reshape(-1, *([1] * (picked.ndim - 1)))
        flat = np.zeros((len(self.R) * N * N, *picked.shape[1:]), dtype=np.complex128)
        # one element can be reached from several R: `at` adds, where a plain index would overwrite
        np.add.at(flat, (self.cell * N + self.m) * N + self.n, picked)
        spread = flat.reshape(len(self.R), N, N, -1).transpose(0, 3, 1, 2)
        return np.ascontiguousarray(spread.reshape(len(self.R), *X_Rnn.shape[1:]))


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
            raise ModelError(f"{path}: entry {number + 1} has {images} replicas: 1 to 64 are possible (out of step?)")
        position += 6 + 3 * images
    if position > len(flat):
        raise ModelError(f"{path}: ends inside its last entry: truncated")
    if position < len(flat):
        raise ModelError(f"{path}: has something behind its {len(starts)} entries: made for other cells or functions")
    head = values[starts[:, None] + np.arange(6)]
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    try:
        source_of = np.array([index[tuple(r)] for r in head[:, :3].tolist()])
    except KeyError as missing:
        raise ModelError(f"{path}: names the cell {missing.args[0]}, which the Hamiltonian does not have") from None
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
    return folding_of(cells, source, cell.ravel(), head[entry, 3] - 1, head[entry, 4] - 1, len(R), N)


def folding_of(cells: IntArray, source: IntArray, cell: IntArray, m: IntArray, n: IntArray, nR: int, N: int) -> Folding:
    """The folding of these entries, equal weights for all images of one element.

    Raises ModelError if an element of the nR × N × N would get lost, so that the Hamiltonian would change.
    """
    key = (source * N + m) * N + n
    images = np.bincount(key, minlength=nR * N * N)
    if images.min() < 1:
        raise ModelError(f"replicas: {int((images == 0).sum())} of {nR * N * N} matrix elements go nowhere")
    return Folding(R=cells, source=source, cell=cell, m=m, n=n, weight=1.0 / images[key])
