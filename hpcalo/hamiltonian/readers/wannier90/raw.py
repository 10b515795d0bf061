"""Common to seed_tb.dat and seed_hr.dat: the head, and the order of the lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, first_integers, numbers, whole
from hpcalo.typing import ComplexArray, IntArray, RealArray


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


def counted_numbers(
    text: str, path: Path, first_line: int, per_cell: Callable[[int], int]
) -> tuple[int, IntArray, RealArray]:
    """N, the degeneracies (nR,), and the numbers after them (nR · per_cell(N),).

    text: from the numbers of Wannier functions and of cells on; line `first_line` of the file. Raises ModelError for
    too few or too many numbers, and for what is no number.
    """
    N, nR = first_integers(text, 2, path, "the numbers of Wannier functions and of cells R")
    check_sizes(N, nR, path)
    values = numbers(text, path, first_line)
    needed = 2 + nR + nR * per_cell(N)
    if values.size != needed:
        what = "truncated" if values.size < needed else "has numbers after its end"
        raise ModelError(
            f"{path}: {N} Wannier functions and {nR} cells need {needed} numbers, found {values.size}: {what}"
        )
    degeneracy = whole(values[2 : 2 + nR], path, "degeneracies")
    if degeneracy.min() < 1:
        raise ModelError(f"{path}: degeneracy {degeneracy.min()} of a cell, expected at least 1")
    return N, degeneracy, values[2 + nR :]


def check_order(numbers: RealArray, N: int, path: Path, what: str = "") -> None:
    """Raises ModelError unless the two columns of orbital numbers (cells, N², 2) run from 1 to N, the first fastest."""
    second, first = np.divmod(np.arange(N * N), N)
    if not (numbers == np.stack([first + 1, second + 1], axis=1)).all():
        raise ModelError(f"{path}: {what}the orbital numbers do not run from 1 to {N}, the first one fastest")
