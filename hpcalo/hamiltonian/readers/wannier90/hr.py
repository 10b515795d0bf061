"""`seed_hr.dat`: H(R) alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.tb import RawWannier, orbital_columns
from hpcalo.hamiltonian.readers.wannier90.text import check_sizes, first_integers, numbers, read_text, whole


def read_hr(path: Path) -> RawWannier:
    """Reads `seed_hr.dat` (six decimals of an eV). Raises ModelError: missing, truncated, not numbers, out of step."""
    text = read_text(path, "H(R) (_hr.dat)")
    rest = text.partition("\n")[2]  # the first line is a remark with the date
    N, nR = first_integers(rest, 2, path, "the numbers of Wannier functions and of cells R")
    check_sizes(N, nR, path)
    values = numbers(rest, path, 2)
    needed = 2 + nR + nR * N * N * 7
    if values.size != needed:
        what = "truncated" if values.size < needed else "has something behind its end"
        raise ModelError(
            f"{path}: {N} Wannier functions and {nR} cells need {needed} numbers, found {values.size}: {what}"
        )
    degeneracy = whole(values[2 : 2 + nR], path, "degeneracies")
    if degeneracy.min() < 1:
        raise ModelError(f"{path}: degeneracy {degeneracy.min()} of a cell: at least 1 is needed")
    rows = values[2 + nR :].reshape(nR, N * N, 7)
    if not (rows[:, :, 3:5] == orbital_columns(N)).all():
        raise ModelError(f"{path}: the orbital numbers do not run from 1 to {N}, the first one fastest")
    if not (rows[:, :, :3] == rows[:, :1, :3]).all():
        raise ModelError(f"{path}: the {N * N} lines of a cell do not all name the same R")
    H = (rows[:, :, 5] + 1j * rows[:, :, 6]).reshape(nR, N, N).mT
    return RawWannier(R=whole(rows[:, 0, :3], path, "cells R"), degeneracy=degeneracy, H_Rnn=np.ascontiguousarray(H))
