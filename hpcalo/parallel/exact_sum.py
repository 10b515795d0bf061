"""Sums whose result does not depend on the order of the addends, on the number of ranks, or on restarts.

A double is split into three integers with fixed quanta, exactly; integers add without rounding and so in any order. The
only rounding, of what lies below the last quantum, happens to each addend alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError

QUANTA = (2.0**10, 2.0**-30, 2.0**-70)
LIMIT = 2.0**48  # beyond it the first integer of one addend could exceed 38 bits
MAX_ADDENDS = 2**23  # 39-bit integers, so that 2^23 of them stay in 63 bits
PIECE = 8192  # elements
_CARRY_BITS = 40  # between neighbouring quanta


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
        """Adds an array of this shape, or one to each of some `rows` of the first axis (no row twice). Raises
        ConvergenceError, naming `where`, if an element is not finite or too large.
        """
        expected = self.shape if rows is None else (len(rows), *self.shape[1:])
        if values.shape != expected:
            raise ValueError(f"shape {values.shape} added to a sum of shape {expected}")
        largest = float(np.abs(values).max(initial=0.0))
        if not largest < LIMIT:  # also true for NaN
            bad = np.argwhere(~(np.abs(values) < LIMIT))[0]
            index = tuple(int(i) for i in bad)
            raise ConvergenceError(
                f"{where or 'sum'}: element {index} is {values[index]}, not a finite number of usable size"
            )
        if self.addends >= MAX_ADDENDS:
            raise ConvergenceError(f"{where or 'sum'}: more than {MAX_ADDENDS} blocks; use larger blocks")
        if rows is None:
            self._split(values.reshape(-1), self.limbs.reshape(len(QUANTA), -1))
        else:
            for row, addend in zip(rows, values, strict=True):
                self._split(addend.reshape(-1), self.limbs[:, row].reshape(len(QUANTA), -1))
        self.addends += 1 if rows is None else len(rows)

    @staticmethod
    def _split(values: NDArray[np.float64], limbs: NDArray[np.int64]) -> None:
        """Adds values (size,) to limbs (3, size), a piece at a time that stays in cache."""
        for start in range(0, len(values), PIECE):
            piece = slice(start, start + PIECE)
            rest = values[piece].copy()
            whole = np.empty_like(rest)
            for limb, quantum in zip(limbs, QUANTA, strict=True):
                np.rint(np.multiply(rest, 1.0 / quantum, out=whole), out=whole)
                limb[piece] += whole.astype(np.int64)
                whole *= quantum
                rest -= whole

    def rows(self, chosen: NDArray[np.bool_]) -> ExactSum:
        """The sum of some rows of the first axis, as exact."""
        total = ExactSum(self.shape[1:])
        total.limbs[...] = self.limbs[:, chosen].sum(axis=1)
        total.addends = self.addends
        return total

    def merge(self, other: ExactSum) -> None:
        """Adds the addends of another sum of the same shape."""
        self.limbs += other.limbs
        self.addends += other.addends

    def allreduce(self, comm: Any) -> ExactSum:
        """The sum over all ranks, on every rank: one collective reduction of integers."""
        total = ExactSum(self.shape)
        comm.Allreduce(self.limbs, total.limbs)
        total.addends = comm.allreduce(self.addends)
        if total.addends > MAX_ADDENDS:
            raise ConvergenceError(f"sum over ranks: more than {MAX_ADDENDS} blocks; use larger blocks")
        return total

    def value(self) -> NDArray[np.float64]:
        """The sum, rounded to double once."""
        high, middle, low = (limb.copy() for limb in self.limbs)
        # Carry upwards so that the lower limbs lie in [-2^39, 2^39): then each converts to double without rounding,
        # and the additions below round only where the result does.
        half = np.int64(1) << (_CARRY_BITS - 1)
        carry = (low + half) >> _CARRY_BITS
        low -= carry << _CARRY_BITS
        middle += carry
        carry = (middle + half) >> _CARRY_BITS
        middle -= carry << _CARRY_BITS
        high += carry
        return high.astype(np.float64) * QUANTA[0] + (
            middle.astype(np.float64) * QUANTA[1] + low.astype(np.float64) * QUANTA[2]
        )
