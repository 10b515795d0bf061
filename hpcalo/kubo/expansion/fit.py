"""Tensors of the expansion (56) from a response at several directions of the magnetization, by least squares."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcalo.kubo.expansion import powers
from hpcalo.kubo.expansion.forms import Block, Kind, PointOperation, forms
from hpcalo.typing import RealArray

DETERMINED = 0.15
"""Least singular value of the forms at the directions (1: evenly spread ones) with which their coefficients count as
determined.
"""
SAME = 1e-6
"""Directions closer than this are one."""


@dataclass(frozen=True)
class Fit:
    """The blocks of one parity that directions determine, and their least-squares coefficients.

    n_hat (A, 3). blocks: from the lowest order on, each as long as it and those before it are determined; the last
    order may have some of its blocks only. independent: how many numbers at the directions no symmetry relates.
    """

    kind: Kind
    n_hat: RealArray
    blocks: tuple[Block, ...]
    independent: int

    def tested(self, order: int) -> bool:
        """Whether the directions tell more than the coefficients of the orders up to `order`.

        Else these leave nothing, whatever the response is.
        """
        return self.independent > sum(len(block.coefficients) for block in self.blocks if block.order <= order)

    @property
    def orders(self) -> tuple[int, ...]:
        """The orders, ascending."""
        return tuple(dict.fromkeys(block.order for block in self.blocks))

    @cached_property
    def design(self) -> RealArray:
        """Values of the forms at the directions, (A·i·j, F)."""
        return _design(self.blocks, self.n_hat, self.kind)

    @cached_property
    def weights(self) -> RealArray:
        """(F, A, i, j): coefficients of the forms are the sums of values times these."""
        inverse = np.linalg.pinv(self.design)
        return np.asarray(inverse.reshape(len(inverse), len(self.n_hat), *self.kind.shape))

    def coefficients(self, values: RealArray) -> RealArray:
        """(F, …) of values (A, i, j, …)."""
        return np.asarray(np.tensordot(self.weights, values, 3))

    def tensors(self, coefficients: RealArray) -> dict[int, RealArray]:
        """The tensors t_ij(k…) by order, elements (i, j, K, …).

        In the sum over indices each element counts once for every ordering of those after the first two.
        """
        out: dict[int, RealArray] = {}
        for block, rows in zip(self.blocks, _rows(self.blocks), strict=True):
            elements = block.coefficients / powers.orderings(block.order)
            part = np.asarray(np.tensordot(elements, coefficients[rows], (0, 0)), dtype=np.float64)
            out[block.order] = out[block.order] + part if block.order in out else part
        return out

    def residual(self, values: RealArray, order: int) -> RealArray:
        """What the orders up to `order` leave of values (A, i, j, …): root mean squares, relative to the values, (…).

        The lower orders are fitted without the higher ones.
        """
        chosen = tuple(block for block in self.blocks if block.order <= order)
        rest = values
        if chosen:
            design = _design(chosen, self.n_hat, self.kind)
            flat = values.reshape(design.shape[0], -1)
            rest = (flat - design @ (np.linalg.pinv(design) @ flat)).reshape(values.shape)
        size, left = (np.sqrt((x**2).sum(axis=(0, 1, 2))) for x in (values, rest))
        return np.asarray(np.divide(left, size, out=np.zeros_like(size), where=size > 0.0))


def fitted(kind: Kind, parity: int, orders: int, n_hat: RealArray, operations: Sequence[PointOperation]) -> Fit:
    """The fit to directions n_hat (A, 3), with as much of the orders up to `orders` as they determine."""
    chosen: list[Block] = []
    independent = _independent(kind, parity, n_hat, operations)
    for block in forms(kind, parity, orders, operations):
        tried = [*chosen, block]
        if sum(len(b.coefficients) for b in tried) > independent:
            break
        if np.linalg.svd(_design(tried, n_hat, kind), compute_uv=False)[-1] < DETERMINED * np.sqrt(len(n_hat)):
            break
        chosen = tried
    return Fit(kind, n_hat, tuple(chosen), independent)


def _design(blocks: Sequence[Block], n_hat: RealArray, kind: Kind) -> RealArray:
    if not blocks:
        return np.zeros((len(n_hat) * int(np.prod(kind.shape)), 0))
    values = np.concatenate([block.at(n_hat) for block in blocks])
    return np.asarray(values.reshape(len(values), -1).T)


def _rows(blocks: Sequence[Block]) -> list[slice]:
    """Where the forms of each block stand among those of all."""
    ends = np.cumsum([0, *(len(block.coefficients) for block in blocks)])
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]


def _independent(kind: Kind, parity: int, n_hat: RealArray, operations: Sequence[PointOperation]) -> int:
    """How many independent numbers a response has at the directions.

    Of directions that an operation relates one counts; the operations that keep it leave so much of the response.
    """
    count, seen = 0.0, np.zeros((0, 3))
    for n in n_hat:
        across = np.eye(3) - np.outer(n, n)
        second = across if kind.symmetric else np.eye(kind.shape[1])
        size = int(np.prod(kind.shape))
        left = np.zeros((size, size))
        own = 0
        images = []
        for op in operations:
            images += [op.n @ n, -op.n @ n]
            for sign in (1.0, -1.0):
                if np.abs(op.n @ n - sign * n).max() < SAME:
                    left += (1.0 if sign > 0.0 else float(parity)) * np.kron(op.axial, kind.second(op))
                    own += 1
        if not len(seen) or all(np.abs(seen - image).max(axis=1).min() > SAME for image in images):
            if kind.symmetric:
                left = 0.5 * (left + np.eye(size).reshape(3, 3, size).swapaxes(0, 1).reshape(size, size) @ left)
            count += float(np.trace(np.kron(across, second) @ left)) / own
        seen = np.concatenate([seen, n[None]])
    return round(count)
