"""`seed_tb.dat`: lattice, H(R) and the position matrix r(R)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, first_integers, numbers, read_text, whole
from hpcalo.typing import ComplexArray, IntArray, RealArray


@dataclass(frozen=True)
class RawWannier:
    """What the file says, before degeneracies are divided out.

    R: (nR, 3). degeneracy: (nR,), of cells on the border of the Wigner-Seitz supercell. H_Rnn: (nR, N, N) eV. A_Rvnn:
    (nR, 3, N, N) Å or None. lattice: (3, 3) Å rows, or None.
    """

    R: IntArray
    degeneracy: IntArray
    H_Rnn: ComplexArray
    A_Rvnn: ComplexArray | None = None
    lattice: RealArray | None = None


def read_tb(path: Path) -> RawWannier:
    """Reads `seed_tb.dat` of Wannier90 3.x. Raises ModelError: missing, truncated, not numbers, columns out of step."""
    text = read_text(path, "H(R) and r(R) (_tb.dat)")
    body = text.partition("\n")[2]  # the first line is a remark with the date
    lattice_text, rest = _split_lines(body, 3)
    lattice = numbers(lattice_text, path, 2)
    if lattice.size != 9:
        raise ModelError(f"{path}: lines 2 to 4 hold {lattice.size} numbers, the lattice has 9")
    N, nR = first_integers(rest, 2, path, "the numbers of Wannier functions and of cells R")
    check_sizes(N, nR, path)
    values = numbers(rest, path, 5)
    needed = 2 + nR + nR * (3 + 4 * N * N) + nR * (3 + 8 * N * N)
    if values.size != needed:
        what = "truncated" if values.size < needed else "has something behind its end"
        raise ModelError(
            f"{path}: {N} Wannier functions and {nR} cells need {needed} numbers, found {values.size}: {what}"
        )
    degeneracy = whole(values[2 : 2 + nR], path, "degeneracies")
    if degeneracy.min() < 1:
        raise ModelError(f"{path}: degeneracy {degeneracy.min()} of a cell: at least 1 is needed")
    H_block, r_block = np.split(values[2 + nR :], [nR * (3 + 4 * N * N)])
    H_block, r_block = H_block.reshape(nR, -1), r_block.reshape(nR, -1)
    R = whole(H_block[:, :3], path, "cells R")
    if not np.array_equal(R, whole(r_block[:, :3], path, "cells R of the position matrix")):
        raise ModelError(f"{path}: the cells of H and of the position matrix differ")
    H_rows = H_block[:, 3:].reshape(nR, N * N, 4)
    r_rows = r_block[:, 3:].reshape(nR, N * N, 8)
    expected = orbital_columns(N)
    for rows, name in ((H_rows, "H"), (r_rows, "r")):
        if not (rows[:, :, :2] == expected).all():
            raise ModelError(f"{path}: {name}: the orbital numbers do not run from 1 to {N}, the first one fastest")
    H = (H_rows[:, :, 2] + 1j * H_rows[:, :, 3]).reshape(nR, N, N).mT
    A = (r_rows[:, :, 2::2] + 1j * r_rows[:, :, 3::2]).reshape(nR, N, N, 3)
    return RawWannier(
        R=R,
        degeneracy=degeneracy,
        H_Rnn=np.ascontiguousarray(H),
        A_Rvnn=np.ascontiguousarray(A.transpose(0, 3, 2, 1)),
        lattice=lattice.reshape(3, 3),
    )


def orbital_columns(N: int) -> RealArray:
    """The two columns of orbital numbers in one cell's block: (N², 2), the first orbital running fastest."""
    second, first = np.divmod(np.arange(N * N), N)
    return np.stack([first + 1, second + 1], axis=1).astype(np.float64)


def _split_lines(text: str, count: int) -> tuple[str, str]:
    """The first `count` lines, and the rest."""
    position = 0
    for _ in range(count):
        found = text.find("\n", position)
        if found < 0:
            return text, ""
        position = found + 1
    return text[:position], text[position:]
