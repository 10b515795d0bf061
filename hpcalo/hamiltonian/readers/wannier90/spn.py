"""`seed.spn` or `seed.spn.fmt`: spin matrices between Bloch states, unformatted or formatted (pw2wannier90, VASP)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.records import FortranRecords, is_unformatted
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import whole
from hpcalo.typing import ComplexArray, IntArray

MAX_BANDS = 20_000
WHAT = "spin matrices (.spn)"
NONE: IntArray = np.zeros(0, dtype=np.int64)


def read_spn(path: Path, bands: int, nk: int, excluded: IntArray = NONE) -> ComplexArray:
    """<a|σ_v|b> of the states that are not excluded, (nk, 3, bands, bands), without units (σ, not ħσ/2).

    Arguments and errors of `spin_matrices`.
    """
    return np.stack(list(spin_matrices(path, bands, nk, excluded)))


def spin_matrices(path: Path, bands: int, nk: int, excluded: IntArray = NONE) -> Iterator[ComplexArray]:
    """The same, one k-point after the other: (3, bands, bands).

    bands, nk, excluded: as in the checkpoint; the file may count all bands or only those that are not excluded. Raises
    ModelError: missing, truncated, another number of bands or k-points, not expectation values of a spin.
    """
    if is_unformatted(path, WHAT):
        yield from _unformatted(path, bands, nk, excluded)
    else:
        yield from _formatted(path, bands, nk, excluded)


def counts_excluded(path: Path, bands: int, excluded: IntArray) -> bool:
    """Whether the file's bands are those of the checkpoint and the excluded ones. Raises ModelError."""
    if is_unformatted(path, WHAT):
        with FortranRecords(path, WHAT) as records:
            found, _ = _counts_of(records)
    else:
        with NumberStream(path, WHAT) as stream:
            stream.line()
            found = int(stream.integers(1, "the number of bands", by_line=True)[0])
    return bool(len(excluded)) and found == bands + len(excluded)


def _unformatted(path: Path, bands: int, nk: int, excluded: IntArray) -> Iterator[ComplexArray]:
    with FortranRecords(path, WHAT) as records:
        found, found_nk = _counts_of(records)
        keep = _kept(path, (found, found_nk), bands, nk, excluded)
        half = found * (found + 1) // 2
        for i in range(nk):
            values = records.complexes(3 * half, f"the spin matrices of k-point {i + 1} of {nk}")
            yield _matrices(path, values, found, keep)


def _counts_of(records: FortranRecords) -> tuple[int, int]:
    records.text("the header")
    bands, nk = records.integers(2, "the numbers of bands and of k-points")
    return int(bands), int(nk)


def _formatted(path: Path, bands: int, nk: int, excluded: IntArray) -> Iterator[ComplexArray]:
    with NumberStream(path, WHAT) as stream:
        stream.line()
        counts = whole(stream.take(2, by_line=True), path, "the numbers of bands and of k-points")
        if len(counts) < 2:
            raise ModelError(f"{path}: ends before the numbers of bands and of k-points: truncated")
        found = int(counts[0])
        keep = _kept(path, (found, int(counts[1])), bands, nk, excluded)
        half = found * (found + 1) // 2
        needed = nk * half * 6
        for _ in range(nk):
            values = stream.take(half * 6)
            if len(values) < half * 6:
                left = stream.taken - 2
                raise ModelError(
                    f"{path}: {left} numbers, expected {needed} for {found} bands at {nk} k-points: truncated"
                )
            yield _matrices(path, values.view(np.complex128), found, keep)
        if not stream.at_end():
            raise ModelError(f"{path}: has more than the expected {needed} numbers for {found} bands at {nk} k-points")


def _kept(path: Path, found: tuple[int, int], bands: int, nk: int, excluded: IntArray) -> IntArray:
    """Which bands of the file are those of the checkpoint. Raises ModelError if they cannot be."""
    if not 1 <= found[0] <= MAX_BANDS or found[1] < 1:
        raise ModelError(f"{path}: {found[0]} bands and {found[1]} k-points: not a file with {WHAT}")
    if found == (bands, nk):
        return np.arange(bands)
    if found == (bands + len(excluded), nk):
        keep = np.setdiff1d(np.arange(found[0]), excluded - 1)
        if len(keep) == bands:
            return keep
    more = f" (and {len(excluded)} excluded ones)" if len(excluded) else ""
    raise ModelError(
        f"{path}: spin matrices of {found[0]} bands at {found[1]} k-points, the checkpoint has {bands} bands{more} at "
        f"{nk}: write it for the bands and the full k mesh of the Wannier90 run"
    )


def _matrices(path: Path, values: ComplexArray, bands: int, keep: IntArray) -> ComplexArray:
    """(3, kept, kept) from the file's triangle: it runs over m = 1…bands, n = 1…m and holds <n|σ|m>."""
    if not np.isfinite(values).all():
        raise ModelError(f"{path}: contains a number that is not finite")
    packed = values.reshape(-1, 3).T
    spin = np.zeros((3, bands, bands), dtype=np.complex128)
    row, column = np.tril_indices(bands)
    spin[:, column, row] = packed
    spin[:, row, column] = packed.conj()
    diagonal = packed[:, row == column]
    if np.abs(diagonal.imag).max() > 1e-6 or np.abs(diagonal).max() > 1 + 1e-6:
        raise ModelError(f"{path}: expectation values of σ are not real numbers between −1 and 1: damaged")
    return spin[:, keep[:, None], keep]
