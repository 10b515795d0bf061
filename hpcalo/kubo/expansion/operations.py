"""The point group for the expansion: operations of the crystal that responses do not contradict."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation, parent, subgroup
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.expansion.fit import SAME
from hpcalo.kubo.expansion.forms import Kind, PointOperation
from hpcalo.typing import RealArray

CONTRADICTED = 0.3
"""Part of a response by which it may differ from its image: more than the errors of meshes and of turned Wannier
functions, less than what a wrong operation does.
"""


def point_operation(op: Operation) -> PointOperation:
    """What it does to n̂ besides vectors: an exchange of sublattices reverses it."""
    return PointOperation(op.axial, op.polar, -op.axial if op.exchanges else op.axial)


@dataclass(frozen=True)
class Known:
    """A response at several directions, values (A, i, j, …), even (parity 1) or odd (−1) in n̂."""

    kind: Kind
    parity: int
    values: RealArray


def point_group(crystal: Crystal, n_hat: RealArray, known: Sequence[Known]) -> list[PointOperation]:
    """The operations of the crystal without its magnetization that the responses at n_hat (A, 3) do not contradict."""
    return consistent(parent(crystal), bool(len(crystal.symbols)), n_hat, known)


def consistent(
    operations: Sequence[Operation], atoms: bool, n_hat: RealArray, known: Sequence[Known]
) -> list[PointOperation]:
    """Those that the responses do not contradict; without known atoms, one counts only if two directions show it."""
    untested = 0.0 if atoms else np.inf
    kept = []
    for op in operations:
        found = [_deviation(point_operation(op), n_hat, response) for response in known]
        if all((untested if deviation is None else deviation) < CONTRADICTED for deviation in found):
            kept.append(op)
    return [point_operation(op) for op in subgroup(kept)]


def _deviation(op: PointOperation, n_hat: RealArray, known: Known) -> float | None:
    """Root mean square of t(g n̂) − g t(n̂) relative to that of t where both are known; None where they never are."""
    difference, size = 0.0, 0.0
    for a, b, sign in itertools.product(range(len(n_hat)), range(len(n_hat)), (1.0, -1.0)):
        if np.abs(op.n @ n_hat[a] - sign * n_hat[b]).max() < SAME:
            one, other = known.values[a], (1.0 if sign > 0.0 else known.parity) * known.values[b]
            image = np.einsum("ik,jl,kl...->ij...", op.axial, known.kind.second(op), one)
            difference += float(((other - image) ** 2).sum())
            size += float((one**2).sum() + (other**2).sum())
    if size == 0.0:
        return None
    return float(np.sqrt(2.0 * difference / size))


def stored(crystal: Crystal) -> dict[str, object]:
    """Attributes that tell a result's readers the crystal's operations; `restored` reads them.

    lattice_A: the rows of the lattice, Å. point_operations: nine integers of the rotation of fractional coordinates and
    1 where it exchanges the sublattices of an antiferromagnet, else 0; of each operation of the crystal without its
    magnetization. atoms: their symbols, "" where none are known.
    """
    numbers = [[*op.rotation.ravel().tolist(), int(op.exchanges)] for op in parent(crystal)]
    return {
        "lattice_A": crystal.lattice.ravel().tolist(),
        "point_operations": [n for row in numbers for n in row],
        "atoms": " ".join(crystal.symbols),
    }


def restored(attrs: Mapping[str, object]) -> tuple[Operation, ...] | None:
    """The operations of the crystal of a result with these attributes; None where it does not tell them."""
    if "point_operations" not in attrs or "lattice_A" not in attrs:
        return None
    columns = np.asarray(attrs["lattice_A"], dtype=np.float64).reshape(3, 3).T
    rows = np.asarray(attrs["point_operations"], dtype=np.int64).reshape(-1, 10)
    back = np.linalg.inv(columns)
    turns = [row[:9].reshape(3, 3) for row in rows]
    return tuple(
        Operation(turn, columns @ turn @ back, False, bool(row[9])) for turn, row in zip(turns, rows, strict=True)
    )
