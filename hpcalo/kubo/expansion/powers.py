"""Homogeneous polynomials of the direction n̂ of the magnetization: monomials, products, means over all directions.

A polynomial of order p has K = (p + 1)(p + 2)/2 coefficients, of the monomials n_x^a n_y^b n_z^c with a + b + c = p.
The tensor t_kl… of Σ t_kl… n_k n_l … is symmetric: each of its elements is the coefficient divided by the number of
orderings of the indices.
"""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np

from hpcalo.typing import IntArray, RealArray

LETTERS = "xyz"


@cache
def exponents(order: int) -> IntArray:
    """Powers of n_x, n_y, n_z in the monomials of this order, (K, 3), in the order of their labels."""
    found = [(a, b, order - a - b) for a in range(order, -1, -1) for b in range(order - a, -1, -1)]
    return np.array(found, dtype=np.int64)


def labels(order: int) -> list[str]:
    """The monomials in letters: xx, xy, xz, yy, … (K,)."""
    return ["".join(LETTERS[c] * int(power) for c, power in enumerate(row)) for row in exponents(order)]


def orderings(order: int) -> IntArray:
    """In how many orders the indices of a monomial can be written, (K,)."""
    rows = exponents(order)
    return np.array([factorial(order) // np.prod([factorial(int(power)) for power in row]) for row in rows])


def monomials(n: RealArray, order: int) -> RealArray:
    """Their values (…, K) at n (…, 3)."""
    return np.asarray(np.prod(n[..., None, :] ** exponents(order), axis=-1), dtype=np.float64)


@cache
def metric(order: int) -> RealArray:
    """(K, K): the mean over all directions of the product of two monomials."""
    both = exponents(order)[:, None] + exponents(order)
    odd = (both % 2 == 1).any(axis=2)
    product = np.prod([[[_double(int(x) - 1) for x in row] for row in line] for line in both], axis=2)
    return np.asarray(np.where(odd, 0.0, product / _double(2 * order + 1)), dtype=np.float64)


def turned(order: int, matrix: RealArray) -> RealArray:
    """(K, K), takes the coefficients of f(n) to those of f(M n) with a matrix M (3, 3)."""
    points = _points(order)
    solution, *_ = np.linalg.lstsq(monomials(points, order), monomials(points @ matrix.T, order), rcond=None)
    return np.asarray(solution, dtype=np.float64)


def times(order: int, factor: IntArray) -> IntArray:
    """Where the monomials of an order stand after multiplication by the one with these exponents (3,): (K,)."""
    target = exponents(order) + factor
    every = {tuple(row): k for k, row in enumerate(exponents(order + int(factor.sum())).tolist())}
    return np.array([every[tuple(row)] for row in target.tolist()], dtype=np.int64)


def generators(order: int) -> RealArray:
    """(3, K, K): −(n × ∇) on the coefficients, by which a small turn about each axis changes f."""
    rows = exponents(order)
    every = {tuple(row): k for k, row in enumerate(rows.tolist())}
    out = np.zeros((3, len(rows), len(rows)))
    for axis in range(3):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        for k, row in enumerate(rows):
            for sign, down, up in ((-1.0, other, one), (1.0, one, other)):
                if row[down] > 0:
                    image = row.copy()
                    image[down] -= 1
                    image[up] += 1
                    out[axis, every[tuple(image.tolist())], k] += sign * float(row[down])
    return out


def _double(n: int) -> float:
    """n (n − 2) (n − 4) … down to 1 or 2."""
    return float(np.prod(np.arange(n, 0, -2))) if n > 0 else 1.0


@cache
def _points(order: int) -> RealArray:
    """Directions that tell the polynomials of this order apart, more than there are monomials."""
    count = 4 * len(exponents(order))
    i = np.arange(count) + 0.5
    z, phi = 1.0 - 2.0 * i / count, np.pi * (1.0 + np.sqrt(5.0)) * i
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(phi), across * np.sin(phi), z], axis=1)
