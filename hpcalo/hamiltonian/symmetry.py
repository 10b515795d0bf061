"""The magnetic point group of a crystal with a given magnetization direction: candidates from spglib.

Candidates follow from lattice, atoms and moments. Whether the Hamiltonian has them is decided by
`hpcalo.kubo.sums.symmetry`, which compares responses at symmetry-related k-points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import spglib
import spglib.error

from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import IntArray, RealArray


@dataclass(frozen=True)
class Operation:
    """A point operation, combined with time reversal or not.

    rotation: (3, 3) integers, acts on fractional coordinates of positions. cartesian: (3, 3) orthogonal. time_reversal:
    bool.
    """

    rotation: IntArray
    cartesian: RealArray
    time_reversal: bool

    @property
    def is_identity(self) -> bool:
        """Neither rotates nor reverses time."""
        return not self.time_reversal and np.array_equal(self.rotation, np.eye(3, dtype=np.int64))

    @property
    def k_matrix(self) -> RealArray:
        """(3, 3), takes fractional coordinates of k to those of its image: ±(W⁻¹)ᵀ, minus with time reversal."""
        sign = -1.0 if self.time_reversal else 1.0
        return sign * np.rint(np.linalg.inv(self.rotation.astype(np.float64)).T)

    @property
    def polar(self) -> RealArray:
        """How a polar vector transforms, (3, 3)."""
        return self.cartesian

    @property
    def axial(self) -> RealArray:
        """How an axial vector transforms, (3, 3)."""
        return self.cartesian * np.sign(np.linalg.det(self.cartesian))

    @property
    def time_sign(self) -> float:
        """−1 with time reversal, else +1."""
        return -1.0 if self.time_reversal else 1.0

    def key(self) -> tuple[int, ...]:
        """Hashable identity of the operation."""
        return (*(int(x) for x in self.rotation.ravel()), int(self.time_reversal))

    def times(self, other: Operation) -> Operation:
        """This operation after the other."""
        return Operation(
            self.rotation @ other.rotation,
            self.cartesian @ other.cartesian,
            self.time_reversal != other.time_reversal,
        )


def identity() -> Operation:
    """The operation that does nothing."""
    return Operation(np.eye(3, dtype=np.int64), np.eye(3), False)


def candidates(crystal: Crystal, n_hat: RealArray, tolerance: float = 1e-4) -> tuple[Operation, ...]:
    """Operations of the crystal that keep the magnetization direction n̂ and the periodic directions, identity first.

    An operation with and without time reversal may both be offered where no atom carries a moment.
    """
    numbers = _numbers(crystal)
    lattice = crystal.lattice
    fractional = crystal.positions @ np.linalg.inv(lattice)
    if not len(numbers):
        fractional, numbers = np.zeros((1, 3)), [1]
    # The chemical cell alone gives all rotations; which of them, with or without time reversal, keep the magnet is
    # decided here: the group of the moments then never depends on how spglib treats an atom with a small induced
    # moment.
    cell = (lattice, fractional, numbers)
    spglib.error.OLD_ERROR_HANDLING = False  # exceptions instead of None; the only way in the versions that have both
    try:
        rotations = np.unique(spglib.get_symmetry_dataset(cell, symprec=tolerance).rotations, axis=0)
    except spglib.error.SpglibError:
        rotations = np.eye(3, dtype=int)[None]  # no symmetry is used of a cell that spglib cannot analyse
    spinless = not np.any(crystal.moments)
    result = []
    for W in rotations.astype(np.int64):
        if not _keeps_periodic(W, crystal.periodic):
            continue
        R = lattice.T @ W @ np.linalg.inv(lattice.T)
        for time_reversal in (False, True):
            op = Operation(W, R, time_reversal)
            image = op.time_sign * op.axial @ n_hat
            if spinless or np.abs(image - n_hat).max() < 1e-9:
                result.append(op)
    return tuple(sorted(result, key=lambda op: not op.is_identity))


def closed(operations: Sequence[Operation]) -> bool:
    """Whether the product of any two operations is among them."""
    keys = {op.key() for op in operations}
    return all(a.times(b).key() in keys for a in operations for b in operations)


def _keeps_periodic(W: IntArray, periodic: tuple[bool, bool, bool]) -> bool:
    """Periodic and other directions do not mix."""
    p = np.array(periodic)
    return not np.any(W[np.ix_(p, ~p)]) and not np.any(W[np.ix_(~p, p)])


def _numbers(crystal: Crystal) -> list[int]:
    """One integer per kind of atom; kinds are symbol and size of the moment, so that unlike moments are not
    exchanged.
    """
    kinds: dict[tuple[str, float], int] = {}
    return [
        kinds.setdefault((symbol, round(float(moment), 3)), len(kinds) + 1)
        for symbol, moment in zip(crystal.symbols, crystal.moments, strict=True)
    ]
