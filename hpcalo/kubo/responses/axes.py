"""What observables are computed from and returned as: axes of a run, raw sums by direction, named fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hpcalo.kubo.sums.request import Kind, raw_name
from hpcalo.typing import IntArray, RealArray
from hpcalo.units import BOLTZMANN_EV

REACH = 40  # half width of −f' in k_B T, beyond which it is below rounding errors


@dataclass(frozen=True)
class Field:
    """A named result: values with named axes, unit, and what the reader has to know about it.

    even_in_n: +1 where the quantity is even under n̂ → −n̂, −1 odd, 0 neither. equation: the source equation. nan_ok:
    where it may be undefined (a ratio by zero).
    """

    name: str
    dims: tuple[str, ...]
    values: RealArray
    unit: str
    long_name: str
    equation: str = ""
    sign: str = ""
    even_in_n: int = 0
    attrs: Mapping[str, str | float | int] = field(default_factory=dict)
    nan_ok: bool = False


@dataclass(frozen=True)
class RunAxes:
    """Axes and constants of a run, and its raw sums.

    energies: (NE,) eV relative to the reference. n_hat: (A, 3). gammas (G,) eV, temperatures (T,) K, mu (M,) eV
    relative. directions: Cartesian components of velocities. volume: Å^3. raw: per direction of the magnetization, raw
    sums by name.
    """

    energies: RealArray
    n_hat: RealArray
    gammas: RealArray
    temperatures: RealArray
    mu: RealArray
    directions: tuple[int, ...]
    volume: float
    raw: tuple[Mapping[str, RealArray], ...]

    @property
    def spacing(self) -> float:
        """Energy spacing, eV."""
        return float(self.energies[1] - self.energies[0])

    def stacked(self, name: str) -> RealArray:
        """A raw sum of all directions of the magnetization: (A, …)."""
        return np.stack([raw[name] for raw in self.raw])

    def shape_of(self, kind: Kind) -> tuple[int, int]:
        """Number of components of the two observables of a pair."""
        first, second = (3 if name == "torque" else len(self.directions) for name in kind)
        return first, second

    def broadened(self, kind: Kind) -> tuple[RealArray, RealArray]:
        """(Re, Im) parts with broadening, each (A, G, x, y, NE), with prefactors 1/π and 1/2π of the closed forms (ħ =
        1).
        """
        raw = self.stacked(raw_name("broadened", kind))
        raw = raw.reshape(*raw.shape[:2], *self.shape_of(kind), 2, raw.shape[-1])
        return raw[..., 0, :] / np.pi, raw[..., 1, :] / (2.0 * np.pi)

    def sea(self, kind: Kind) -> tuple[RealArray, RealArray]:
        """T = 0 sea sums (A, x, y, NE): −Σ_n Θ(E−E_n) B_n of (36) without its charge, and Σ_n Θ(E−E_n)[A_n + (E−E_n)
        B_n] of (32).
        """
        raw = self.stacked(raw_name("sea", kind))
        raw = raw.reshape(raw.shape[0], *self.shape_of(kind), 3, raw.shape[-1])
        second = np.cumsum(raw[..., 0, :-1], axis=-1)
        constant = np.cumsum(raw[..., 1, :-1], axis=-1)
        centre = 0.5 * (self.energies[0] + self.energies[-1])
        return 2.0 * second, constant - 2.0 * (self.energies - centre) * second

    def sea_averages(self, kind: Kind, power: int) -> RealArray:
        """∫dE (−f'(E−μ)) (E−μ)^power of the first curve of `sea`: (A, x, y, M, T).

        The curve of a finite mesh is a staircase with narrow spikes (near-degenerate levels), of which its values on
        the grid catch or miss any one. Its averages over the cells of the grid are exact, and so is their integral with
        the weights up to second order in the spacing.
        """
        raw = self.stacked(raw_name("sea", kind))
        raw = raw.reshape(raw.shape[0], *self.shape_of(kind), 3, raw.shape[-1])
        centre = 0.5 * (self.energies[0] + self.energies[-1])
        second, moment = np.cumsum(raw[..., 0, :-1], axis=-1), np.cumsum(raw[..., 2, :-1], axis=-1)
        integral = 2.0 * ((self.energies - centre) * second - moment)  # ∫ of the curve up to each energy
        cells = np.diff(integral, axis=-1) / self.spacing
        return np.asarray(np.einsum("aije,mte->aijmt", cells, cell_weights(self, power)), dtype=np.float64)

    def thermal(self, kind: Kind) -> RealArray:
        """Direct thermal sums (A, x, y, 4, M, T): (32), (27), (33) without 1/V, and the average of (36)."""
        raw = self.stacked(raw_name("thermal", kind))
        return raw.reshape(raw.shape[0], *self.shape_of(kind), 4, len(self.mu), len(self.temperatures))

    def occupied(self, name: str) -> RealArray:
        """Running sum over occupied levels of a histogram over the energy axis: (A, …, NE)."""
        return np.cumsum(self.stacked(name)[..., :-1], axis=-1)

    def averages(self, power: int) -> RealArray:
        """Matrix (M, T, NE) of the integrals ∫dE (−f'(E−μ)) (E−μ)^power, acting on a curve given on the energy axis.

        Exact for curves that are linear between the grid points; for smooth curves the error is second order in the
        spacing.
        """
        return thermal_weights(self.energies, self.mu, self.temperatures, power)


def cell_weights(run: RunAxes, power: int) -> RealArray:
    """Weights (M, T, NE − 1) with Σ_i w_i t_i = ∫dE (−f'(E−μ)) (E−μ)^power t(E) for t constant in each cell of the
    grid.
    """
    weights = np.zeros((len(run.mu), len(run.temperatures), len(run.energies) - 1))
    for t, temperature in enumerate(run.temperatures):
        for m, mu in enumerate(run.mu):
            cell, _, value = _quadrature(run.energies, float(mu), float(temperature), power)
            np.add.at(weights[m, t], cell, value)
    return weights


def thermal_weights(energies: RealArray, mu: RealArray, temperatures: RealArray, power: int) -> RealArray:
    """Weights (M, T, NE) with Σ_i w_i t(E_i) = ∫dE (−f'(E−μ)) (E−μ)^power t(E) for t linear between the grid points."""
    weights = np.zeros((len(mu), len(temperatures), len(energies)))
    for t, temperature in enumerate(temperatures):
        for m, level in enumerate(mu):
            cell, inside, value = _quadrature(energies, float(level), float(temperature), power)
            np.add.at(weights[m, t], cell, value * (1.0 - inside))
            np.add.at(weights[m, t], cell + 1, value * inside)
    return weights


def _quadrature(
    energies: RealArray, mu: float, temperature: float, power: int
) -> tuple[IntArray, RealArray, RealArray]:
    """Points of a quadrature over the energy axis: cell (Q,), position in it as a fraction of it (Q,), and
    (−f')(E−μ)^power times the weight (Q,).

    Eight Gauss points in each piece between the edges of the cells and multiples of 2 k_B T around μ: as many as −f'
    needs, however small k_B T is against the spacing.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(8)
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
