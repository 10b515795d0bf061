"""`seed_hr.dat`: H(R) alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcalo.errors import ModelError
from hpcalo.hamiltonian.readers.wannier90.raw import RawWannier, check_order, counted_numbers
from hpcalo.hamiltonian.readers.wannier90.text import read_text, whole


def read_hr(path: Path) -> RawWannier:
    """Reads `seed_hr.dat` (six decimals of an eV). Raises ModelError: missing, truncated, not numbers, out of step."""
    text = read_text(path, "H(R) (_hr.dat)").partition("\n")[2]  # the first line is a remark with the date
    N, degeneracy, values = counted_numbers(text, path, 2, lambda n: 7 * n * n)
    rows = values.reshape(len(degeneracy), N * N, 7)
    check_order(rows[:, :, 3:5], N, path)
    if not (rows[:, :, :3] == rows[:, :1, :3]).all():
        raise ModelError(f"{path}: the {N * N} lines of a cell do not all name the same R")
    H = (rows[:, :, 5] + 1j * rows[:, :, 6]).reshape(-1, N, N).mT
    return RawWannier(R=whole(rows[:, 0, :3], path, "cells R"), degeneracy=degeneracy, H_Rnn=np.ascontiguousarray(H))
