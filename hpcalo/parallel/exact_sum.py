"""Sums whose result does not depend on the order of the addends, on the number of ranks, or on restarts.

A double is split into three integers with fixed quanta, exactly; integers add without rounding and so in any order. The
only rounding, of what lies below the last quantum, happens to each addend alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.parallel.kernels import _exact

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

QUANTA = (2.0**10, 2.0**-30, 2.0**-70)
LIMIT = 2.0**48  # beyond it the first integer of one addend could exceed 38 bits
MAX_ADDENDS = 2**23  # 39-bit integers, so that 2^23 of them stay in 63 bits


class ExactSum:
    """Element-wise sum of double arrays of one shape.

    Values up to 2^48 with an absolute resolution of 2^-70 per addend and at most 2^23 addends; `limbs` (3, *shape)
    int64 and `addends` are the whole state.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.limbs: NDArray[np.int64] = np.zeros((3, *shape), dtype=np.int64)
        self.addends = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one addend."""
        return self.limbs.shape[1:]

    def add(self, values: NDArray[np.float64], where: str = "", rows: NDArray[np.integer] | None = None) -> None:
        """Adds an array of this shape, or one to each of some `rows` of the first axis (no row twice).

        Raises ConvergenceError, naming `where`, if an element is not finite or too large.
        """
        expected = self.shape if rows is None else (len(rows), *self.shape[1:])
        if values.shape != expected:
            raise ValueError(f"shape {values.shape} added to a sum of shape {expected}")
        if self.addends >= MAX_ADDENDS:
            raise ConvergenceError(f"{where or 'sum'}: more than {MAX_ADDENDS} blocks; use larger blocks")
        which = np.zeros(1, dtype=np.int64) if rows is None else np.asarray(rows, dtype=np.int64)
        table = self._table(rows is not None)
        addends = np.ascontiguousarray(values, dtype=np.float64).reshape(len(which), table.shape[2])
        if not _exact.add(addends, which, table, LIMIT):
            bad = np.argwhere(~(np.abs(values) < LIMIT))[0]  # also true for NaN
            index = tuple(int(i) for i in bad)
            raise ConvergenceError(
                f"{where or 'sum'}: element {index} is {values[index]}, not a finite number of usable size"
            )
        self.addends += len(which)

    def merge(self, other: ExactSum) -> None:
        """Adds the addends of another sum of the same shape."""
        self.limbs += other.limbs
        self.addends += other.addends

    def allreduce(self, comm: Intracomm) -> ExactSum:
        """The sum over all ranks, on every rank: one collective reduction of integers."""
        total = ExactSum(self.shape)
        comm.Allreduce(self.limbs, total.limbs)
        total.addends = comm.allreduce(self.addends)
        if total.addends > MAX_ADDENDS:
            raise ConvergenceError(f"sum over ranks: more than {MAX_ADDENDS} blocks; use larger blocks")
        return total

    def value(self, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """The sum, rounded to double once; with `chosen`, that of these rows of the first axis, added up."""
        members = np.ones(1, dtype=np.uint8) if chosen is None else chosen.astype(np.uint8)
        out = np.empty(self.shape if chosen is None else self.shape[1:])
        _exact.value(self._table(chosen is not None), members, out.reshape(-1))
        return out

    def _table(self, by_rows: bool) -> NDArray[np.int64]:
        """The limbs as (3, rows, size): the whole in one row, or the rows of the first axis."""
        rows = self.shape[0] if by_rows else 1
        return self.limbs.reshape(len(QUANTA), rows, math.prod(self.shape[1:] if by_rows else self.shape))
