"""The forms in which a response can depend on n̂: polynomials that a point group allows, across n̂ where it is a torque.

A response t_ij(n̂) of a crystal without magnetization obeys t(±Q n̂) = Q t(n̂) Rᵀ for every operation R of the crystal,
Q = R det R, with the minus where the operation exchanges the sublattices of an antiferromagnet; a torque is
perpendicular to n̂. Order by order these are linear conditions on coefficients, solved here as such, so that every
crystal is served alike. On the unit sphere an order contains those two, four, … below it, because n̂·n̂ = 1; the forms
of an order are orthogonal to these. Those of one order are told apart further by J(J + 1), the square of the generator
of common turns of n̂ and the torque: n̂ × [n̂ × (E × ẑ)] has J = 1, the other form of order 2 J = 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.kubo.expansion import powers
from hpcalo.typing import RealArray

EXACT = 1e-8
"""Singular values below it are zero."""


@dataclass(frozen=True)
class PointOperation:
    """An operation of the crystal: how it takes an axial and a polar vector and n̂, each (3, 3)."""

    axial: RealArray
    polar: RealArray
    n: RealArray


@dataclass(frozen=True)
class Kind:
    """What sort of tensor.

    The first index is a torque; the second one a torque, too, in a symmetric tensor, or a polar vector with the given
    Cartesian components.
    """

    polar: tuple[int, ...] = ()

    @property
    def symmetric(self) -> bool:
        """Whether both indices are torques."""
        return not self.polar

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of components."""
        return 3, len(self.polar) or 3

    def second(self, op: PointOperation) -> RealArray:
        """How the second index transforms."""
        return op.axial if self.symmetric else op.polar[np.ix_(self.polar, self.polar)]


@dataclass(frozen=True)
class Block:
    """The forms of one order and one J, orthonormal in the mean over all directions: coefficients (F, i, j, K)."""

    order: int
    momentum: int
    coefficients: RealArray

    def at(self, n: RealArray) -> RealArray:
        """Values (F, A, i, j) at n (A, 3)."""
        return np.asarray(np.einsum("fijk,ak->faij", self.coefficients, powers.monomials(n, self.order)))


def forms(kind: Kind, parity: int, orders: int, operations: Sequence[PointOperation]) -> list[Block]:
    """All blocks up to `orders` that are even (parity 1) or odd (−1) in n̂, by order and J."""
    out: list[Block] = []
    lower = np.zeros((0, *kind.shape, 1))
    for order in range(0 if parity > 0 else 1, orders + 1, 2):
        if order:
            lower = _raised(lower, order)
        found = _of_order(kind, order, operations, lower)
        out += found
        lower = np.concatenate([lower, *(block.coefficients for block in found)])
    return out


def _of_order(kind: Kind, order: int, operations: Sequence[PointOperation], lower: RealArray) -> list[Block]:
    root = np.asarray(np.linalg.cholesky(powers.metric(order)).T, dtype=np.float64)  # coefficients to orthonormal ones
    back = np.asarray(np.linalg.inv(root), dtype=np.float64)
    allowed = _allowed(kind, order, operations, root, back)
    allowed = allowed @ _null_space(_along(kind, order, back) @ allowed)
    known = np.einsum("fijk,lk->fijl", lower, root).reshape(len(lower), allowed.shape[0]).T
    rest = allowed - known @ (known.T @ allowed)
    u, s, _ = np.linalg.svd(rest, full_matrices=False)
    basis = u[:, s > 0.5]
    if not basis.shape[1]:
        return []
    squares, mixed = np.linalg.eigh(basis.T @ _momentum(kind, order, root, back) @ basis)
    momenta = np.rint(np.sqrt(0.25 + squares) - 0.5).astype(int)
    basis = basis @ mixed
    out = []
    for momentum in np.unique(momenta):
        chosen = basis[:, momenta == momentum].T.reshape(-1, *kind.shape, root.shape[0])
        out.append(Block(order, int(momentum), np.einsum("fijl,kl->fijk", chosen, back)))
    return out


def _allowed(
    kind: Kind, order: int, operations: Sequence[PointOperation], root: RealArray, back: RealArray
) -> RealArray:
    """Orthonormal basis (D, F) of what the operations leave as it is: t(n) = Q t(N⁻¹ n) Rᵀ for each of them."""
    K = root.shape[0]
    size = kind.shape[0] * kind.shape[1] * K
    mean = np.zeros((size, size))
    for op in operations:
        turn = root @ powers.turned(order, op.n.T) @ back
        mean += np.kron(op.axial, np.kron(kind.second(op), turn)) / len(operations)
    if kind.symmetric:
        swap = np.eye(size).reshape(3, 3, K, size).swapaxes(0, 1).reshape(size, size)
        mean = 0.5 * (mean + swap @ mean)
    values, vectors = np.linalg.eigh(0.5 * (mean + mean.T))
    return np.asarray(vectors[:, values > 1.0 - 1e-6])


def _along(kind: Kind, order: int, back: RealArray) -> RealArray:
    """The matrix that takes a tensor to its part along n̂, a polynomial of the next order; that must vanish."""
    first, second = kind.shape
    K, above = len(powers.exponents(order)), len(powers.exponents(order + 1))
    out = np.zeros((second, above, first, second, K))
    for i in range(3):
        image = powers.times(order, np.eye(3, dtype=np.int64)[i])
        for j in range(second):
            out[j, image, i, j, np.arange(K)] = 1.0
    return np.asarray((out.reshape(-1, K) @ back).reshape(second * above, -1))


def _null_space(matrix: RealArray) -> RealArray:
    if not matrix.shape[1]:
        return np.zeros((0, 0))
    _, s, vt = np.linalg.svd(matrix, full_matrices=True)
    return np.asarray(vt[int(np.sum(s > EXACT)) :].T)


def _momentum(kind: Kind, order: int, root: RealArray, back: RealArray) -> RealArray:
    """J² of common turns of n̂ and of the indices that are torques, (D, D)."""
    one = np.eye(3)
    spin = np.cross(one[:, None, :], one[None, :, :]).transpose(0, 2, 1)  # (e_a ×)_bc
    second = np.eye(kind.shape[1])
    size = kind.shape[0] * kind.shape[1] * root.shape[0]
    out = np.zeros((size, size))
    for axis, turn in enumerate(powers.generators(order)):
        total = np.kron(one, np.kron(second, root @ turn @ back))
        total += np.kron(spin[axis], np.kron(second, np.eye(len(root))))
        if kind.symmetric:
            total += np.kron(one, np.kron(spin[axis], np.eye(len(root))))
        out -= total @ total
    return out


def _raised(coefficients: RealArray, order: int) -> RealArray:
    """The same functions on the sphere, of order − 2, as polynomials of this order: times n̂·n̂."""
    if order < 2:
        return np.zeros((0, *coefficients.shape[1:3], len(powers.exponents(order))))
    out = np.zeros((*coefficients.shape[:-1], len(powers.exponents(order))))
    for axis in np.eye(3, dtype=np.int64):
        out[..., powers.times(order - 2, 2 * axis)] += coefficients
    return out
