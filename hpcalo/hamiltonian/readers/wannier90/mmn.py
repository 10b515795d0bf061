"""`seed.mmn`: overlaps of Bloch states with those of the neighbours in k, one k-point after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import whole
from hpcalo.typing import ComplexArray, IntArray, RealArray

WHAT = "overlaps (.mmn)"
MOST_NEIGHBOURS = 1000
LARGEST = 1.0 + 1e-3
"""No overlap of normalized states is larger."""


@dataclass(frozen=True)
class Overlaps:
    """The overlaps of one k-point.

    own: its number, from 0. neighbours, G: (nn,) and (nn, 3), so that k + b = k[neighbours] + G. M_bmn: (nn, bands,
    bands), <u_m,k|u_n,k+b>.
    """

    own: int
    neighbours: IntArray
    G: IntArray
    M_bmn: ComplexArray


def overlaps(path: Path, bands: int, nk: int) -> Iterator[Overlaps]:
    """The k-points of the file in its order; memory is that of one of them.

    bands, nk: as in the checkpoint. Raises ModelError: missing, truncated, other counts, no overlaps, a k-point whose
    neighbours are apart.
    """
    with NumberStream(path, WHAT) as stream:
        stream.line()
        counts = stream.integers(3, "the numbers of bands, k-points and neighbours", by_line=True)
        if tuple(counts[:2]) != (bands, nk) or not 1 <= counts[2] <= MOST_NEIGHBOURS:
            raise ModelError(
                f"{path}: {counts[0]} bands, {counts[1]} k-points, {counts[2]} neighbours; the checkpoint has {bands} "
                f"bands at {nk} k-points: the files are of different runs"
            )
        nn, block, done = int(counts[2]), 5 + 2 * bands * bands, set[int]()
        for _ in range(nk):
            values = stream.take(nn * block)
            if len(values) < nn * block:
                raise ModelError(f"{path}: ends after {stream.taken - 3} numbers of {nk * nn * block}: truncated")
            rows = values.reshape(nn, block)
            heads = whole(rows[:, :5], path, "numbers of k-points")
            _check_heads(path, heads, nk, done)
            M = np.ascontiguousarray(rows[:, 5:]).view(np.complex128).reshape(nn, bands, bands).mT
            if np.abs(M).max() > LARGEST:
                raise ModelError(f"{path}: k-point {heads[0, 0]}: an overlap of {np.abs(M).max():.3g}, larger than 1")
            yield Overlaps(int(heads[0, 0]) - 1, heads[:, 1] - 1, heads[:, 2:], M)
        if not stream.at_end():
            raise ModelError(f"{path}: has numbers after its {nk * nn} overlaps")


def _check_heads(path: Path, heads: IntArray, nk: int, done: set[int]) -> None:
    """The heads (nn, 5) of a k-point: all of one that is new, neighbours that exist. Raises ModelError."""
    own = int(heads[0, 0])
    if not (heads[:, 0] == own).all():
        raise ModelError(f"{path}: the neighbours of k-point {own} do not follow each other")
    if own in done or heads[:, :2].min() < 1 or heads[:, :2].max() > nk:
        raise ModelError(f"{path}: k-point {own} comes twice, or one of its neighbours does not exist")
    done.add(own)


def read_eig(path: Path, bands: int, nk: int, excluded: IntArray) -> RealArray:
    """Energies (nk, bands) eV of `seed.eig`; of a file with the excluded bands too those that are not excluded.

    Raises ModelError: missing, truncated, other counts.
    """
    with NumberStream(path, "band energies (.eig)") as stream:
        every = stream.take(3 * nk * (bands + len(excluded)))
        if not stream.at_end() or every.size % (3 * nk):
            raise ModelError(f"{path}: {stream.count_to_end()} numbers, not three for each of {bands} bands at {nk} k")
    found = every.size // (3 * nk)
    rows = every.reshape(nk, found, 3)
    expected = np.stack(np.meshgrid(np.arange(found), np.arange(nk)), axis=-1) + 1.0
    if found not in {bands, bands + len(excluded)} or not np.array_equal(rows[:, :, :2], expected):
        raise ModelError(f"{path}: not the energies of {bands} bands at {nk} k-points: the files are of different runs")
    keep = np.arange(bands) if found == bands else np.setdiff1d(np.arange(found), excluded - 1)
    return np.ascontiguousarray(rows[:, keep, 2])
