"""`seed_tb.dat`: lattice, H(R) and the position matrix r(R)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier, check_order, counted_numbers
from hpcalo.hamiltonian.readers.wannier90.text import numbers, read_text, whole


def read_tb(path: Path) -> RawWannier:
    """Reads `seed_tb.dat` of Wannier90 3.x. Raises ModelError: missing, truncated, not numbers, columns out of step."""
    text = read_text(path, "H(R) and r(R) (_tb.dat)").partition("\n")[2]  # the first line is a remark with the date
    lattice_text, text = _split_lines(text, 3)
    lattice = numbers(lattice_text, path, 2)
    if lattice.size != 9:
        raise ModelError(f"{path}: lines 2 to 4 hold {lattice.size} numbers, the lattice has 9")
    N, degeneracy, values = counted_numbers(text, path, 5, lambda n: (3 + 4 * n * n) + (3 + 8 * n * n))
    nR = len(degeneracy)
    H_block, r_block = np.split(values, [nR * (3 + 4 * N * N)])
    H_block, r_block = H_block.reshape(nR, -1), r_block.reshape(nR, -1)
    R = whole(H_block[:, :3], path, "cells R")
    if not np.array_equal(R, whole(r_block[:, :3], path, "cells R of the position matrix")):
        raise ModelError(f"{path}: the cells of H and of the position matrix differ")
    H_rows = H_block[:, 3:].reshape(nR, N * N, 4)
    r_rows = r_block[:, 3:].reshape(nR, N * N, 8)
    check_order(H_rows[:, :, :2], N, path, "H: ")
    check_order(r_rows[:, :, :2], N, path, "r: ")
    H = (H_rows[:, :, 2] + 1j * H_rows[:, :, 3]).reshape(nR, N, N).mT
    A = (r_rows[:, :, 2::2] + 1j * r_rows[:, :, 3::2]).reshape(nR, N, N, 3)
    return RawWannier(
        R=R,
        degeneracy=degeneracy,
        H_Rnn=np.ascontiguousarray(H),
        A_Rvnn=np.ascontiguousarray(A.transpose(0, 3, 2, 1)),
        lattice=lattice.reshape(3, 3),
    )


def _split_lines(text: str, count: int) -> tuple[str, str]:
    """The first `count` lines, and the rest."""
    position = 0
    for _ in range(count):
        found = text.find("\n", position)
        if found < 0:
            return text, ""
        position = found + 1
    return text[:position], text[position:]
