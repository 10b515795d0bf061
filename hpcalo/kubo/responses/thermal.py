"""Integrals of curves over the energy axis with −f'(E − μ) and powers of E − μ, as weights of the grid points."""

from __future__ import annotations

from functools import cache

import numpy as np

from hpcalo.typing import IntArray, RealArray
from hpcalo.units import BOLTZMANN_EV

REACH = 40  # half width of −f' in k_B T, beyond which it is below rounding errors


def thermal_weights(energies: RealArray, mu: RealArray, temperatures: RealArray, power: int) -> RealArray:
    """Weights (M, T, NE) with Σ_i w_i t(E_i) = ∫dE (−f'(E−μ)) (E−μ)^power t(E) for t linear between the grid points."""
    return cell_and_thermal_weights(energies, mu, temperatures, power)[1]


def cell_and_thermal_weights(
    energies: RealArray, mu: RealArray, temperatures: RealArray, power: int
) -> tuple[RealArray, RealArray]:
    """The same weights for t constant in each cell of the grid (M, T, NE − 1), and those for t linear.

    Together, since most of the time goes into the quadrature.
    """
    cells = np.zeros((len(mu), len(temperatures), len(energies) - 1))
    points = np.zeros((len(mu), len(temperatures), len(energies)))
    for t, temperature in enumerate(temperatures):
        for m, level in enumerate(mu):
            cell, inside, value = _quadrature(energies, float(level), float(temperature), power)
            np.add.at(cells[m, t], cell, value)
            np.add.at(points[m, t], cell, value * (1.0 - inside))
            np.add.at(points[m, t], cell + 1, value * inside)
    return cells, points


def _quadrature(
    energies: RealArray, mu: float, temperature: float, power: int
) -> tuple[IntArray, RealArray, RealArray]:
    """Points of a quadrature over the energy axis.

    Cell (Q,), position in it as a fraction of it (Q,), and (−f')(E−μ)^power times the weight (Q,).

    Eight Gauss points in each piece between the edges of the cells and multiples of 2 k_B T around μ: as many as −f'
    needs, however small k_B T is against the spacing.
    """
    nodes, node_weights = _gauss()
    step = float(energies[1] - energies[0])
    kt = BOLTZMANN_EV * temperature
    pieces = mu + kt * np.arange(-REACH, REACH + 1, 2)
    near = energies[(energies > pieces[0]) & (energies < pieces[-1])]
    edges = np.unique(np.clip(np.concatenate([pieces, near]), energies[0], energies[-1]))
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    cell = np.clip(np.searchsorted(energies, middle, side="right") - 1, 0, len(energies) - 2)
    e = middle[:, None] + half[:, None] * nodes
    x = e - mu
    minus_df = 0.25 / (kt * np.cosh(0.5 * x / kt) ** 2)
    value = minus_df * x**power * half[:, None] * node_weights
    inside = (e - energies[cell][:, None]) / step
    return np.repeat(cell, nodes.size), inside.ravel(), value.ravel()


@cache
def _gauss() -> tuple[RealArray, RealArray]:
    """Eight Gauss points on [−1, 1] and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    return nodes, weights


def averaged(curves: RealArray, weights: RealArray) -> RealArray:
    """Integrals of curves over energy, (A, G, …, M, T). curves: (A, G, …, NE). weights: (M, T, NE)."""
    return np.asarray(np.einsum("...e,mte->...mt", curves, weights), dtype=np.float64)
