"""How raw sums transform under the operations of the magnetic point group.

For an operation g: E_n(gk) = E_n(k), and the matrix elements of an observable at gk are those at k, transformed as a
vector (polar for the velocity, axial for the torque) and complex conjugated if g reverses time. The velocity changes
sign under time reversal, the torque (n̂ × ∂H/∂n̂, with n̂ reversed too) does not. So Re W takes the product of the two
time signs and Im W one sign more: with time reversal, the torkance's part from Im W is even and that from Re W odd.
Each observable states its own transformation (`Observable.transformation`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.request import BROADENED, Pair, Request
from hpcalo.typing import Array, RealArray

ROUNDING = 1e-14
"""Elements of a mean of orthogonal matrices below it are 0."""


def transformed(raw: RawSums, op: Operation, request: Request) -> RawSums:
    """The raw sums at gk from those at k."""
    pairs = request.pair_sums()
    levels = request.level_sums()
    out: RawSums = {}
    for name, values in raw.items():
        if name in pairs:
            out[name] = _pairs(values, *pairs[name], op, request)
        elif name in levels:
            matrix = levels[name].transformation(op, request.crystal)
            flat = values.reshape(len(matrix), -1)
            out[name] = np.asarray(np.tensordot(matrix, flat, 1), dtype=np.float64).reshape(values.shape)
        else:
            out[name] = values
    return out


def _pairs(values: RealArray, kind: str, pair: Pair, op: Operation, request: Request) -> RealArray:
    full = np.kron(*(operator.transformation(op, request.crystal) for operator in pair))
    if kind == BROADENED:  # (G, P, 2, NE): part 0 is Re W, part 1 Im W
        result = np.einsum("pq,gqre->gpre", full, values)
        result[:, :, 1] *= op.time_sign
        return result
    # the other sums are made of Im W
    return np.asarray(op.time_sign * np.tensordot(full, values, 1), dtype=np.float64)


def symmetrized(raw: RawSums, operations: Sequence[Operation], request: Request) -> RawSums:
    """The mean of all images.

    It makes the sum over the full grid from the weighted sum over its wedge, and of a full grid the tensor that the
    operations allow.
    """
    return Symmetrizer(operations, request)(raw)


class Symmetrizer:
    """`symmetrized` for several raw sums of one request: the means of the operations' matrices are made once."""

    def __init__(self, operations: Sequence[Operation], request: Request) -> None:
        self._operations, self._request = operations, request
        self._pairs, self._levels = request.pair_sums(), request.level_sums()
        self._matrices: dict[str, tuple[RealArray, ...]] = {}

    def __call__(self, raw: RawSums) -> RawSums:
        """The mean of all images."""
        if len(self._operations) == 1:
            return raw
        return {name: self._one(name, values) for name, values in raw.items()}

    def _one(self, name: str, values: RealArray) -> RealArray:
        if name not in self._matrices:
            self._matrices[name] = self._means(name)
        matrices = self._matrices[name]
        if not matrices:
            return values
        if len(matrices) == 2:  # of a sum with broadening (G, P, 2, NE): Re W and Im W, as in `_pairs`
            parts = zip(matrices, (values[:, :, 0], values[:, :, 1]), strict=True)
            return np.stack([np.matmul(matrix, part) for matrix, part in parts], axis=2)
        flat = np.tensordot(matrices[0], values.reshape(len(matrices[0]), -1), 1)
        return np.asarray(flat, dtype=np.float64).reshape(values.shape)

    def _means(self, name: str) -> tuple[RealArray, ...]:
        """Of a raw sum, the mean matrix; of one with broadening those of Re W and of Im W; none of a count."""
        crystal = self._request.crystal
        if name in self._pairs:
            kind, pair = self._pairs[name]
            full = [np.kron(*(o.transformation(op, crystal) for o in pair)) for op in self._operations]
            odd = _mean([op.time_sign * matrix for op, matrix in zip(self._operations, full, strict=True)])
            return (_mean(full), odd) if kind == BROADENED else (odd,)
        if name in self._levels:
            return (_mean([self._levels[name].transformation(op, crystal) for op in self._operations]),)
        return ()


def _mean(matrices: Sequence[Array]) -> RealArray:
    """The projection on what the operations leave as it is: one product instead of one for each operation."""
    total = np.asarray(sum(matrices)) / len(matrices)
    return np.where(np.abs(total) > ROUNDING, total, 0.0)
