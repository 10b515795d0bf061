"""Vectors that depend on the direction n of the magnetization, as polynomials of n: values, slopes, curvatures.

All sums run over the monomials or over the forms alone, in their order: the bits do not depend on how many nodes there
are, and so not on the number of ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcalo.typing import IntArray, RealArray


@dataclass(frozen=True)
class Polynomials:
    """A vector polynomial at each node: v_a = Σ_k q_ak n_x^e n_y^f n_z^g with the exponents (K, 3).

    coefficients (n, …, 3 [a], K); further indices stand between node and component.
    """

    exponents: IntArray
    coefficients: RealArray

    def at(self, n: RealArray) -> RealArray:
        """Values (n, …, 3) at n (n, 3)."""
        return self._sum(monomials(n, self.exponents))

    def slope(self, n: RealArray) -> RealArray:
        """dv_a/dn_b: (n, …, 3 [a], 3 [b])."""
        return np.stack([self._sum(_derivative(n, self.exponents, (b,))) for b in range(3)], axis=-1)

    def curvature(self, n: RealArray) -> RealArray:
        """d²v_a/dn_b dn_c: (n, …, 3 [a], 3 [b], 3 [c])."""
        rows = [[self._sum(_derivative(n, self.exponents, (b, c))) for c in range(3)] for b in range(3)]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    def _sum(self, values: RealArray) -> RealArray:
        middle = (1,) * (self.coefficients.ndim - 2)
        return np.asarray((self.coefficients * values.reshape(len(values), *middle, -1)).sum(axis=-1))


@dataclass(frozen=True)
class Directional:
    """A tensor X_ia(n, T) = Σ_f c_f(T) form_f,ia(n): i a direction along the film, a that of a torque.

    temperatures (T,) K; exponents (K, 3); forms (F, i, a, K); table (F, T), the c_f. weights (F, X): of X numbers of
    the Kubo result in the c_f, and errors (X, T), theirs; NaN: not known. order: the highest that the directions of
    the result determine. residual: the part that lies outside; NaN: there are too few directions to tell.
    """

    temperatures: RealArray
    exponents: IntArray
    forms: RealArray
    table: RealArray
    weights: RealArray
    errors: RealArray
    order: int
    residual: float

    def strengths(self, temperature: RealArray) -> RealArray:
        """c_f (n, F) at T (n,), monotone cubic between the result's temperatures."""
        if len(self.temperatures) == 1:
            return np.tile(self.table[:, 0], (len(temperature), 1))
        from scipy.interpolate import PchipInterpolator  # noqa: PLC0415  (slow; the input's schema loads this module)

        return np.ascontiguousarray(PchipInterpolator(self.temperatures, self.table, axis=1)(temperature).T)

    def polynomials(self, strengths: RealArray) -> Polynomials:
        """All directions along the film for c_f (n, F): coefficients (n, i, a, K)."""
        out = np.zeros((len(strengths), *self.forms.shape[1:]))
        for f, form in enumerate(self.forms):
            out += strengths[:, f, None, None, None] * form
        return Polynomials(self.exponents, out)

    def along_wire(self, strengths: RealArray) -> Polynomials:
        """The same for the direction of the wire alone: coefficients (n, a, K)."""
        return Polynomials(self.exponents, self.polynomials(strengths).coefficients[:, 0])

    def tensor(self, n: RealArray, temperature: RealArray) -> RealArray:
        """X_ia (n, i, 3) at n (n, 3) and T (n,)."""
        return self.polynomials(self.strengths(temperature)).at(n)

    def error(self, n: RealArray, temperature: RealArray, along: RealArray) -> RealArray:
        """Largest possible error (n, i) of Σ_a X_ia along_a for vectors along (n, 3), by those of the Kubo result."""
        forms = monomials(n, self.exponents)
        out = np.zeros((len(n), self.forms.shape[1]))
        at = [np.interp(temperature, self.temperatures, row) for row in self.errors]
        for i in range(self.forms.shape[1]):
            values = np.einsum("fak,na,nk->nf", self.forms[:, i], along, forms)
            parts = np.abs(values @ self.weights)  # (n, X)
            out[:, i] = sum(np.where(part > 0.0, part * error, 0.0) for part, error in zip(parts.T, at, strict=True))
        return out


def monomials(n: RealArray, exponents: IntArray) -> RealArray:
    """Their values (n, K) at n (n, 3)."""
    return _derivative(n, exponents, ())


def _derivative(n: RealArray, exponents: IntArray, by: tuple[int, ...]) -> RealArray:
    """Derivative (n, K) of each monomial by the given components."""
    left, factor = exponents.copy(), np.ones(len(exponents))
    for component in by:
        factor = factor * left[:, component]
        left[:, component] -= 1
    left = np.maximum(left, 0)  # where the factor is 0
    powers = np.ones((int(exponents.max(initial=0)) + 1, *n.shape))
    for p in range(1, len(powers)):
        powers[p] = powers[p - 1] * n
    product = powers[left[:, 0], :, 0] * powers[left[:, 1], :, 1] * powers[left[:, 2], :, 2]
    return np.ascontiguousarray((factor[:, None] * product).T)
