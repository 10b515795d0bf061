"""`seed_hr.dat`: H(R), and `seed_r.dat`: the position matrix r(R) beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.raw import Cells, Matrices, RawWannier, check_count, fill_rows, read_head
from hpcalo.hamiltonian.readers.wannier90.stream import NumberStream
from hpcalo.hamiltonian.readers.wannier90.text import whole
from hpcalo.typing import ComplexArray, IntArray


def read_hr(path: Path) -> RawWannier:
    """Reads `seed_hr.dat` (six decimals of an eV), its lines in any order.

    Raises ModelError: missing, truncated, not numbers, elements missing or twice.
    """
    with NumberStream(path, "H(R) (_hr.dat)") as stream:
        stream.line()  # a remark with the date
        head = read_head(stream, lambda n: 7 * n * n, 1)
        needed = head.before + head.cells * 7 * head.N**2
        cells, H = Cells(head.cells), Matrices(path, head.N, head.cells, 1)
        try:
            complete = fill_rows(stream, cells, H) and stream.at_end()
            R = cells.all() if complete else None
            H_Rnn = None if R is None else H.done(R)
        except ModelError as problem:
            raise _named(stream, problem, head.N, head.cells, needed) from None
        if R is None or H_Rnn is None:
            check_count(stream, head.N, head.cells, (needed,))
            raise ModelError(f"{path}: its lines are out of step")
    return RawWannier(R=R, degeneracy=head.degeneracy, H_Rnn=H_Rnn)


def read_r(path: Path, R: IntArray, N: int) -> ComplexArray:
    """Reads `seed_r.dat`: <0m|r|Rn> (nR, 3, N, N) Å on the cells of `seed_hr.dat`, not divided by its degeneracies.

    Wannier90 before version 3 does not write the number of cells. Raises ModelError as `read_hr`, and for another
    number of functions or other cells than those of H.
    """
    with NumberStream(path, "r(R) (_r.dat)") as stream:
        stream.line()
        counts = stream.row()
        if len(counts) == 1:
            rest = stream.row()
            counts = np.append(counts, rest[:1]) if len(rest) == 1 else counts
            stream.put_back(rest[len(counts) - 1 :])
        found = whole(counts, path, "the numbers of Wannier functions and of cells R")
        if found.tolist() not in ([N], [N, len(R)]):
            words = " and ".join(str(n) for n in found[:2])
            raise ModelError(f"{path}: is for {words} functions and cells, H for {N} and {len(R)}: of different runs")
        needed = len(found) + len(R) * 11 * N**2
        cells, A = Cells(len(R), fixed=R), Matrices(path, N, len(R), 3)
        try:
            complete = fill_rows(stream, cells, A) and stream.at_end()
            A_Rvnn = A.done(R) if complete else None
        except ModelError as problem:
            raise _named(stream, problem, N, len(R), needed) from None
        if A_Rvnn is None:
            check_count(stream, N, len(R), (needed,))
            raise ModelError(f"{path}: its lines are out of step")
    return A_Rvnn


def _named(stream: NumberStream, problem: ModelError, N: int, nR: int, needed: int) -> ModelError:
    """The error with its file; raises that of the count of numbers instead where the count is the reason."""
    text = str(problem)
    if text.startswith(str(stream.path)):
        return problem
    check_count(stream, N, nR, (needed,))
    return ModelError(f"{stream.path}: {text}")
