"""What closed-form models are made of: hops to cells with their adjoints, and checks of parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ModelError
from hpcalo.typing import ComplexArray, IntArray

VACUUM = 10.0
"""Å, length of lattice vectors that do not repeat; no result depends on it (volumes use `thickness`)."""


def finite(**values: float) -> None:
    """Raises ModelError for a value that is not finite, naming it."""
    for name, value in values.items():
        if not np.isfinite(value):
            raise ModelError(f"{name} = {value}: expected a finite number")


def positive(**values: float) -> None:
    """Raises ModelError for a value that is not finite and positive, naming it."""
    finite(**values)
    for name, value in values.items():
        if value <= 0:
            raise ModelError(f"{name} = {value}: must be positive")


def collect(hops: list[tuple[tuple[int, int, int], NDArray]], N: int) -> tuple[IntArray, ComplexArray]:
    """R and H(R) from hops (R, matrix) of one direction each: the opposite direction is added as X(−R) = X(R)†."""
    cells: dict[tuple[int, int, int], ComplexArray] = {}
    for r, matrix in hops:
        cells[r] = cells.get(r, np.zeros((N, N), dtype=np.complex128)) + matrix
        if r != (0, 0, 0):
            back = (-r[0], -r[1], -r[2])
            cells[back] = cells.get(back, np.zeros((N, N), dtype=np.complex128)) + np.conj(matrix).T
    order = sorted(cells)
    return np.array(order, dtype=np.int64), np.array([cells[r] for r in order])


def exchange_only(R: IntArray, onsite: NDArray) -> ComplexArray:
    """An array over R that holds `onsite` in cell 0 and zeros elsewhere."""
    odd = np.zeros((len(R), *onsite.shape), dtype=np.complex128)
    odd[int(np.flatnonzero((R == 0).all(axis=1))[0])] = onsite
    return odd
