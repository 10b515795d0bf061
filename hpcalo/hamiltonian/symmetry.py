"""The magnetic point group of a crystal with a given magnetization direction: candidates from spglib.

Candidates follow from lattice, atoms and moments. Whether the Hamiltonian has them is decided by
`hpcalo.kubo.sums.symmetry_check`, which compares responses at symmetry-related k-points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import spglib
import spglib.error

from hpcalo.hamiltonian.types import Crystal
from hpcalo.typing import IntArray, RealArray


@dataclass(frozen=True)
class Operation:
    """A point operation, combined with time reversal or not.

    rotation: (3, 3) integers, acts on fractional coordinates of positions. cartesian: (3, 3) orthogonal. time_reversal:
    bool. exchanges: whether it exchanges the two sublattices of an antiferromagnet, and so takes n̂ to −n̂.
    """

    rotation: IntArray
    cartesian: RealArray
    time_reversal: bool
    exchanges: bool = False

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

    @property
    def label(self) -> str:
        """The operation in the notation of Schoenflies with its axis: "C4 [0 0 1]", "mirror [1 1 0] with T"."""
        turn = self.axial
        order = {3: 1, 2: 6, 1: 4, 0: 3, -1: 2}[round(float(np.trace(turn)))]
        proper = np.linalg.det(self.cartesian) > 0
        name = {1: "identity", 2: "C2", 3: "C3", 4: "C4", 6: "C6"}[order]
        if not proper:
            name = {1: "inversion", 2: "mirror", 3: "S6", 4: "S4", 6: "S3"}[order]
        axis = f" {_axis(turn, order)}" if order > 1 else ""
        return f"{name}{axis}{' with T' if self.time_reversal else ''}"

    def key(self) -> tuple[int, ...]:
        """Hashable identity of the operation."""
        return (*(int(x) for x in self.rotation.ravel()), int(self.time_reversal))

    def times(self, other: Operation) -> Operation:
        """This operation after the other."""
        return Operation(
            self.rotation @ other.rotation,
            self.cartesian @ other.cartesian,
            self.time_reversal != other.time_reversal,
            self.exchanges != other.exchanges,
        )


def identity() -> Operation:
    """The operation that does nothing."""
    return Operation(np.eye(3, dtype=np.int64), np.eye(3), False)


def candidates(
    crystal: Crystal, n_hat: RealArray, tolerance: float = 1e-4, *, exchanging: bool = False
) -> tuple[Operation, ...]:
    """Operations of the crystal that keep the magnetization direction n̂ and the periodic directions, identity first.

    An operation with and without time reversal may both be offered where no atom carries a moment. exchanging: also
    those that exchange the two sublattices of an antiferromagnet.
    """
    spinless = not np.any(crystal.moments)
    result = []
    for op in parent(crystal, tolerance, exchanging=exchanging):
        for time_reversal in (False, True):
            turned = replace(op, time_reversal=time_reversal)
            image = turned.time_sign * turned.axial @ n_hat
            if spinless or np.abs(image - (-n_hat if op.exchanges else n_hat)).max() < 1e-9:
                result.append(turned)
    return tuple(sorted(result, key=lambda op: not op.is_identity))


def parent(crystal: Crystal, tolerance: float = 1e-4, *, exchanging: bool = True) -> tuple[Operation, ...]:
    """The point group of the crystal without its magnetization.

    Every operation takes the magnet with n̂ to that with `axial` n̂, or its opposite where it exchanges the two
    sublattices of an antiferromagnet. Periodic directions are kept; atoms whose moments differ are not exchanged.
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
    exchanged = _exchanging(crystal, fractional, tolerance) if exchanging else []
    found = [*((W, False) for W in rotations), *((W, True) for W in exchanged)]
    return tuple(
        Operation(W.astype(np.int64), lattice.T @ W @ np.linalg.inv(lattice.T), False, exchanges)
        for W, exchanges in found
        if _keeps_periodic(W, crystal.periodic)
    )


def _exchanging(crystal: Crystal, fractional: RealArray, tolerance: float) -> list[IntArray]:
    """Rotations of the crystal that take atoms of one of two sublattices to those of the other, moments reversed."""
    number, moments = np.array(crystal.sublattices), crystal.moments
    if set(crystal.sublattices) - {0} != {1, 2} or not np.any(moments):
        return []
    kinds: dict[tuple[str, float, bool], int] = {}
    alike = [
        kinds.setdefault((symbol, round(abs(float(moment)), 3), bool(n)), len(kinds) + 1)
        for symbol, moment, n in zip(crystal.symbols, moments, number, strict=True)
    ]
    try:
        dataset = spglib.get_symmetry_dataset((crystal.lattice, fractional, alike), symprec=tolerance)
    except spglib.error.SpglibError:
        return []
    found = {}
    for W, t in zip(dataset.rotations, dataset.translations, strict=True):
        apart = (fractional @ W.T + t)[:, None] - fractional
        image = np.linalg.norm((apart - np.rint(apart)) @ crystal.lattice, axis=2).argmin(axis=1)
        if np.all(number[image] == np.array([0, 2, 1])[number]) and np.allclose(moments[image], -moments, atol=2e-3):
            found[tuple(W.ravel())] = W
    return list(found.values())


def closed(operations: Sequence[Operation]) -> bool:
    """Whether the product of any two operations is among them."""
    keys = {op.key() for op in operations}
    return all(a.times(b).key() in keys for a in operations for b in operations)


def subgroup(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """A group among the operations, identity first, as large as it gets from taking them in turn."""
    if closed([identity(), *(op for op in operations if not op.is_identity)]):
        return (identity(), *(op for op in operations if not op.is_identity))
    allowed = {op.key() for op in operations}
    group: dict[tuple[int, ...], Operation] = {identity().key(): identity()}
    for op in operations:
        grown = _generated({**group, op.key(): op}, allowed)
        group = grown or group
    return tuple(group.values())


def _generated(group: dict[tuple[int, ...], Operation], allowed: set[tuple[int, ...]]) -> dict | None:
    """The group that these generate; None if one of its operations is not allowed."""
    while True:
        products = {c.key(): c for a in group.values() for b in group.values() if (c := a.times(b)).key() not in group}
        if not products.keys() <= allowed:
            return None
        if not products:
            return group
        group = {**group, **products}


def _axis(turn: RealArray, order: int) -> str:
    """The axis of a proper rotation: small integers where they fit, else three decimals."""
    powers = np.sum([np.linalg.matrix_power(turn, p) for p in range(order)], axis=0)
    column = powers[:, np.argmax(np.abs(powers).sum(axis=0))]
    axis = column / np.abs(column).max()
    axis = axis * np.sign(axis[np.flatnonzero(np.abs(axis) > 1e-6)[-1]])
    for factor in range(1, 7):
        if np.abs(factor * axis - np.rint(factor * axis)).max() < 1e-3:
            return f"[{' '.join(str(int(x)) for x in np.rint(factor * axis))}]"
    return f"[{' '.join(f'{x:.3f}' for x in axis)}]"


def _keeps_periodic(W: IntArray, periodic: tuple[bool, bool, bool]) -> bool:
    """Periodic and other directions do not mix."""
    p = np.array(periodic)
    return not np.any(W[np.ix_(p, ~p)]) and not np.any(W[np.ix_(~p, p)])


def _numbers(crystal: Crystal) -> list[int]:
    """One integer per kind of atom.

    Symbol, size of the moment and sublattice make a kind, so that unlike moments are not exchanged.
    """
    kinds: dict[tuple[str, float, int], int] = {}
    return [
        kinds.setdefault((symbol, round(float(moment), 3), sublattice), len(kinds) + 1)
        for symbol, moment, sublattice in zip(
            crystal.symbols, crystal.moments, crystal.sublattices or (0,) * len(crystal.symbols), strict=True
        )
    ]
