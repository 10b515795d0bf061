"""Common to seed_tb.dat, seed_hr.dat and seed_r.dat: their head, and matrices whose lines may have any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes
from hpcalo.typing import ComplexArray, IntArray, RealArray

AT_ONCE = 2**20
"""Numbers that are put into their places at once."""


@dataclass(frozen=True)
class RawWannier:
    """Content of the file, not yet divided by the degeneracies.

    R: (nR, 3). degeneracy: (nR,), of cells on the border of the Wigner-Seitz supercell. H_Rnn: (nR, N, N) eV. A_Rvnn:
    (nR, 3, N, N) Å or None. lattice: (3, 3) Å rows, or None.
    """

    R: IntArray
    degeneracy: IntArray
    H_Rnn: ComplexArray
    A_Rvnn: ComplexArray | None = None
    lattice: RealArray | None = None


@dataclass(frozen=True)
class Head:
    """N: functions. degeneracy: (nR,). before: how many numbers of the file come before the matrices."""

    N: int
    degeneracy: IntArray
    before: int

    @property
    def cells(self) -> int:
        """Number of cells R."""
        return len(self.degeneracy)


def read_head(stream: NumberStream, per_cell: Callable[[int], int], lines_before: int) -> Head:
    """The numbers of functions and of cells and the degeneracies, on lines of any length.

    per_cell: how many numbers each cell has at least, from N. lines_before: lines of text that came before. Raises
    ModelError for counts that no file has, or that are more than the file can hold.
    """
    counts = stream.integers(2, "the numbers of Wannier functions and of cells R")
    N, nR = int(counts[0]), int(counts[1])
    check_sizes(N, nR, stream.path)
    before = stream.taken + nR
    needed = before + nR * per_cell(N)
    if 2 * needed > stream.size:  # a digit and a blank each; repeat counts may still make so many of fewer bytes
        with NumberStream(stream.path, stream.what) as again:
            for _ in range(lines_before):
                again.line()
            check_count(again, N, nR, (needed,), at_least=True)
    degeneracy = stream.integers(nR, "the degeneracies of the cells")
    if degeneracy.min() < 1:
        raise ModelError(f"{stream.path}: degeneracy {degeneracy.min()} of a cell, expected at least 1")
    return Head(N, degeneracy, before)


def check_count(stream: NumberStream, N: int, nR: int, needed: Sequence[int], at_least: bool = False) -> None:
    """Reads to the end. Raises ModelError unless the file has one of the needed counts of numbers (or more)."""
    found = stream.count_to_end()
    if found in needed or (at_least and found >= min(needed)):
        return
    what = "truncated, write or copy it again" if found < max(needed) else "has numbers after its end"
    ways = " (the position matrix included), ".join(str(n) for n in sorted(needed, reverse=True))
    ways += " (without it)" if len(needed) > 1 else ""
    raise ModelError(f"{stream.path}: {N} Wannier functions and {nR} cells need {ways} numbers, found {found}: {what}")


class Cells:
    """The cells R in the order in which a file names them; `fixed` ones are those of another file."""

    def __init__(self, count: int, fixed: IntArray | None = None) -> None:
        self.count = count
        self.fixed = fixed is not None
        self._numbers = {} if fixed is None else {(int(r[0]), int(r[1]), int(r[2])): i for i, r in enumerate(fixed)}

    def numbers(self, R: RealArray) -> IntArray:
        """The number of each cell of (rows, 3). Raises ModelError for a cell too many, or that is not whole."""
        starts = np.concatenate([[0], np.flatnonzero((R[1:] != R[:-1]).any(axis=1)) + 1])
        found = np.array([self._number(R[i]) for i in starts], dtype=np.int64)
        return np.repeat(found, np.diff(np.append(starts, len(R))))

    def all(self) -> IntArray:
        """(nR, 3). Raises ModelError if fewer were named than announced."""
        if len(self._numbers) < self.count:
            raise ModelError(f"{len(self._numbers)} different cells R are named, {self.count} announced")
        return np.array(list(self._numbers), dtype=np.int64).reshape(-1, 3)

    def _number(self, r: RealArray) -> int:
        if not ((r == np.rint(r)) & (np.abs(r) < 2**31)).all():
            raise ModelError(f"cells R: {_text(r)} are not whole numbers (the columns are shifted)")
        cell = (int(r[0]), int(r[1]), int(r[2]))
        if cell not in self._numbers:
            if self.fixed:
                raise ModelError(f"the cells of H and of the position matrix differ: ({_text(r)}) is not one of H")
            if len(self._numbers) == self.count:
                raise ModelError(f"names more than the announced {self.count} cells R, first ({_text(r)})")
            self._numbers[cell] = len(self._numbers)
        return self._numbers[cell]


class Matrices:
    """Matrices X(R) that are filled in element by element, each exactly once: (nR, N, N), or (nR, 3, N, N) for r."""

    def __init__(self, path: Path, N: int, nR: int, components: int) -> None:
        """Raises ModelError if there is not enough memory for them."""
        self.N, self.components = N, components
        try:
            self._X = np.zeros((nR, components, N * N), dtype=np.complex128)
            self._given = np.zeros((nR, N * N), dtype=bool)
        except MemoryError:
            size = 16 * components * nR * N * N / 2**30
            raise ModelError(f"{path}: its matrices need {size:.0f} GiB of memory, more than there is") from None

    def put(self, cell: IntArray, pairs: RealArray, values: RealArray) -> None:
        """Sets elements: cell (rows,), pairs (rows, 2) orbital numbers from 1, values (rows, 2 · components).

        Raises ModelError for an orbital number that does not exist.
        """
        wrong = (pairs != np.rint(pairs)) | (pairs < 1) | (pairs > self.N)
        if wrong.any():
            raise ModelError(f"orbital number {pairs[wrong][0]:g}, expected 1 to {self.N}")
        place = ((pairs[:, 0] - 1) * self.N + pairs[:, 1] - 1).astype(np.int64)
        self._given[cell, place] = True
        self._X[cell, :, place] = values[:, ::2] + 1j * values[:, 1::2]

    def done(self, R: IntArray) -> ComplexArray:
        """The matrices. Raises ModelError if an element was not given (as many are given twice)."""
        missing = np.argwhere(~self._given)
        if len(missing):
            m, n = divmod(int(missing[0, 1]), self.N)
            cell = ", ".join(str(x) for x in R[missing[0, 0]])
            raise ModelError(
                f"the orbital numbers do not give every pair of 1 to {self.N} once: ({m + 1}, {n + 1}) of the cell "
                f"({cell}) is missing, another is named twice"
            )
        shape = (len(R), self.N, self.N) if self.components == 1 else (len(R), self.components, self.N, self.N)
        return self._X.reshape(shape)


def fill_rows(stream: NumberStream, cells: Cells, matrices: Matrices) -> bool:
    """Lines `R m n values`, as many as there are elements, in any order; whether they were all there."""
    width = 5 + 2 * matrices.components
    left = cells.count * matrices.N**2
    while left:
        rows = stream.take(min(left, AT_ONCE // width) * width)
        if len(rows) % width or not len(rows):
            return False
        rows = rows.reshape(-1, width)
        matrices.put(cells.numbers(rows[:, :3]), rows[:, 3:5], rows[:, 5:])
        left -= len(rows)
    return True


def fill_blocks(stream: NumberStream, cells: Cells, matrices: Matrices) -> bool:
    """Blocks of `R` and lines `m n values`; whether they were all there."""
    width = 2 + 2 * matrices.components
    size = 3 + width * matrices.N**2
    left = cells.count
    while left:
        blocks = stream.take(min(left, max(1, AT_ONCE // size)) * size)
        if len(blocks) % size or not len(blocks):
            return False
        blocks = blocks.reshape(-1, size)
        rows = blocks[:, 3:].reshape(-1, width)
        matrices.put(np.repeat(cells.numbers(blocks[:, :3]), matrices.N**2), rows[:, :2], rows[:, 2:])
        left -= len(blocks)
    return True


def _text(r: RealArray) -> str:
    return ", ".join(f"{x:g}" for x in r)
