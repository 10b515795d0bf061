"""From a Kubo result at several directions of the magnetization to tensors at any direction, in the orders of (56)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpcalo.coupling.measured import Measured
from hpcalo.coupling.requirements import SECTION
from hpcalo.coupling.selection import Selection
from hpcalo.errors import InputError
from hpcalo.kubo.expansion import powers
from hpcalo.kubo.expansion.fit import Fit, fitted
from hpcalo.kubo.expansion.forms import Kind, PointOperation
from hpcalo.kubo.expansion.operations import Known, consistent, restored
from hpcalo.typing import IntArray, RealArray
from hpcalo.wall.directions import Directional

PARITY = {"odd": -1, "even": 1, "spiralization": 1}
IN_PLANE = Kind((0, 1))
"""A torque, and a direction in the film's plane."""


class Expansion:
    """Fits of a result's tensors up to the order that the input asks for and the directions determine. Serial.

    Raises InputError, naming the file, where the result does not hold the operations of its crystal.
    """

    def __init__(self, selection: Selection, values: Mapping[str, Measured], sizes: Mapping[str, float]) -> None:
        """values: (A, direction, torque, T) by the names of `hpcalo.wall.coefficients.MEANING`.

        sizes: root mean square that residuals are relative to; 0 for what vanishes.
        """
        self.selection, self.sizes = selection, sizes
        self.highest = selection.section.order
        self.group = self._group(values)
        self.fits: dict[int, Fit] = {}
        self.found = {name: self._expanded(name, x) for name, x in values.items()}

    def _group(self, values: Mapping[str, Measured]) -> list[PointOperation]:
        """The operations of the crystal that the first response does not contradict, as in a Kubo run."""
        selection = self.selection
        operations = restored(selection.result.attrs)
        if operations is None:
            raise InputError(
                f"{selection.path}: does not hold the operations of its crystal, which {SECTION}.order > 2 needs; "
                "compute it again"
            )
        first = _family(next(iter(values)))
        known = [
            Known(IN_PLANE, _parity(name), x.values.swapaxes(1, 2))
            for name, x in values.items()
            if _family(name) == first
        ]
        return consistent(operations, bool(selection.result.attrs.get("atoms", "")), selection.n_hat, known)

    def _expanded(self, name: str, values: Measured) -> Directional:
        parity = _parity(name)
        if parity not in self.fits:
            self.fits[parity] = fitted(IN_PLANE, parity, self.highest, self.selection.n_hat, self.group)
        fit = self.fits[parity]
        weights = fit.weights.swapaxes(2, 3)  # (F, A, direction, torque)
        table = np.asarray(np.tensordot(weights, values.values, 3), dtype=np.float64)
        forms = fit.design.T.reshape(fit.weights.shape).swapaxes(2, 3)
        rest = values.values - np.tensordot(forms, table, (0, 0))
        size = self.sizes[name]
        left = float(np.sqrt((rest**2).mean())) / size if size > 0.0 else 0.0
        numbers = int(np.prod(values.values.shape[:3]))
        highest = max(fit.orders, default=0)
        return Directional(
            self.selection.temperatures,
            exponents(self.highest),
            monomial_forms(fit, self.highest),
            table,
            weights.reshape(len(weights), numbers),
            values.errors.reshape(numbers, -1),
            highest,
            left if fit.tested(highest) or size == 0.0 else float("nan"),
        )


def _family(name: str) -> str:
    return name.removesuffix("_odd").removesuffix("_even")


def _parity(name: str) -> int:
    return PARITY[name.rpartition("_")[2]]


def exponents(highest: int) -> IntArray:
    """Of all monomials of the orders 0 to `highest`, (K, 3)."""
    return np.concatenate([powers.exponents(order) for order in range(highest + 1)])


def monomial_forms(fit: Fit, highest: int) -> RealArray:
    """The forms of a fit in these monomials: (F, direction, torque, K)."""
    starts = np.cumsum([0, *(len(powers.exponents(order)) for order in range(highest + 1))])
    out = np.zeros((len(fit.weights), *fit.kind.shape[::-1], int(starts[-1])))
    row = 0
    for block in fit.blocks:
        own = slice(int(starts[block.order]), int(starts[block.order + 1]))
        out[row : row + len(block.coefficients), ..., own] = block.coefficients.swapaxes(1, 2)
        row += len(block.coefficients)
    return out


def tensors(found: Directional) -> dict[int, Measured]:
    """The tensors X_ia(k…) by order with their errors, elements (torque a, direction i, K, T), as a Kubo result's.

    In the sum over indices each element counts once for every ordering of those after the first two.
    """
    orders = found.exponents.sum(axis=1)
    data = Measured(np.zeros(found.errors.shape), found.errors)
    out = {}
    for order in np.unique(orders):
        own = found.forms[..., orders == order].swapaxes(1, 2) / powers.orderings(int(order))
        if np.abs(own).max(initial=0.0) > 0.0:
            of_numbers = np.einsum("faik,fx->aikx", own, found.weights)
            errors = data.combined("xt,aikx->aikt", of_numbers).errors
            out[int(order)] = Measured(np.asarray(np.einsum("faik,ft->aikt", own, found.table)), errors)
    return out
