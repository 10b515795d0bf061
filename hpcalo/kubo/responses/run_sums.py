"""What responses are computed from: the raw sums of a run, its axes and constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.config import KuboSection
from hpcalo.kubo.responses.thermal import averaged, cell_and_thermal_weights
from hpcalo.kubo.states.directions import velocity_directions
from hpcalo.kubo.states.observable import LevelProperty, Observable
from hpcalo.kubo.sums.request import BROADENED, FERMI, SEA, THERMAL, Pair, fermi_name, raw_name, thermal_name
from hpcalo.kubo.sums.thermal_levels import ROWS
from hpcalo.typing import RealArray

Made = TypeVar("Made")


@dataclass(frozen=True)
class RunSums:
    """The raw sums of a run with its axes.

    settings: the table [kubo] of the input. energies: (NE,) eV relative to the reference. n_hat: (A, 3). gammas (G,)
    eV, temperatures (T,) K, mu (M,) eV relative. count_edges: (NB + 1,) eV relative, of the level count. raw: for each
    direction of the magnetization the raw sums by name. missing: observables that the model does not know. reference:
    eV, zero of the energies. In the shapes below `x` and `y` stand for the tensor indices of the two observables of a
    pair.
    """

    crystal: Crystal
    settings: KuboSection
    energies: RealArray
    n_hat: RealArray
    gammas: RealArray
    temperatures: RealArray
    mu: RealArray
    count_edges: RealArray
    raw: tuple[Mapping[str, RealArray], ...]
    missing: frozenset[Observable] = frozenset()
    reference: float = 0.0
    weights: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    """What `cached` keeps; `dataclasses.replace` hands it on to other raw sums on the same axes."""

    @property
    def directions(self) -> tuple[int, ...]:
        """Cartesian components of velocities and fields."""
        return velocity_directions(self.crystal)

    @property
    def volume(self) -> float:
        """Cell volume, Å^3."""
        return self.crystal.volume

    @property
    def spacing(self) -> float:
        """Energy spacing, eV."""
        return float(self.energies[1] - self.energies[0])

    def stacked(self, name: str) -> RealArray:
        """A raw sum of all directions of the magnetization: (A, …)."""
        return np.stack([raw[name] for raw in self.raw])

    def _shape(self, pair: Pair) -> tuple[int, ...]:
        """Components of the two observables of a pair, one axis for each tensor index."""
        first, second = pair
        return (*first.shape(self.crystal), *second.shape(self.crystal))

    def broadened(self, pair: Pair) -> tuple[RealArray, RealArray]:
        """(Re, Im) parts with broadening, each (A, G, x, y, NE).

        With the prefactors 1/π and 1/2π of the closed forms (ħ = 1).
        """
        name = raw_name(BROADENED, pair)
        return self.once(name, lambda: self._broadened(self.stacked(name), pair))

    def _broadened(self, raw: RealArray, pair: Pair) -> tuple[RealArray, RealArray]:
        raw = raw.reshape(*raw.shape[:2], *self._shape(pair), 2, raw.shape[-1])
        return raw[..., 0, :] / np.pi, raw[..., 1, :] / (2.0 * np.pi)

    def sea(self, pair: Pair) -> tuple[RealArray, RealArray]:
        """The two T = 0 sea sums, each (A, x, y, NE).

        −Σ_n Θ(E−E_n) B_n of (36) without its charge, and Σ_n Θ(E−E_n)[A_n + (E−E_n) B_n] of (32).
        """
        name = raw_name(SEA, pair)
        return self.once(name, lambda: self._sea(self.stacked(name), pair))

    def _sea(self, raw: RealArray, pair: Pair) -> tuple[RealArray, RealArray]:
        raw = raw.reshape(raw.shape[0], *self._shape(pair), 3, raw.shape[-1])
        second = np.cumsum(raw[..., 0, :-1], axis=-1)
        constant = np.cumsum(raw[..., 1, :-1], axis=-1)
        centre = 0.5 * (self.energies[0] + self.energies[-1])
        return 2.0 * second, constant - 2.0 * (self.energies - centre) * second

    def sea_moment(self, pair: Pair) -> RealArray:
        """Σ_n Θ(E − E_n) A_n of (28) at T = 0: (A, x, y, NE)."""
        raw = self.stacked(raw_name(SEA, pair))
        raw = raw.reshape(raw.shape[0], *self._shape(pair), 3, raw.shape[-1])
        # The second histogram has A_n + 2 b_n (E_n − centre), 0 for pairs in one cell; the third b_n of all pairs.
        return np.cumsum(raw[..., 1, :-1] - 2.0 * raw[..., 2, :-1], axis=-1)

    def sea_averages(self, pair: Pair, power: int) -> RealArray:
        """∫dE (−f'(E−μ)) (E−μ)^power of the first curve of `sea`: (A, x, y, M, T).

        The curve of a finite mesh is a staircase with narrow spikes (near-degenerate levels), of which its values on
        the grid catch or miss any one. Its averages over the cells of the grid are exact, and so is their integral with
        the weights up to second order in the spacing.
        """
        raw = self.stacked(raw_name(SEA, pair))
        raw = raw.reshape(raw.shape[0], *self._shape(pair), 3, raw.shape[-1])
        centre = 0.5 * (self.energies[0] + self.energies[-1])
        second, moment = np.cumsum(raw[..., 0, :-1], axis=-1), np.cumsum(raw[..., 2, :-1], axis=-1)
        integral = 2.0 * ((self.energies - centre) * second - moment)  # ∫ of the curve up to each energy
        cells = np.diff(integral, axis=-1) / self.spacing
        weights = self._weights(power)[0]
        first, second_size = (observable.size(self.crystal) for observable in pair)
        flat = cells.reshape(len(cells), first, second_size, -1)
        averages = np.einsum("aije,mte->aijmt", flat, weights)
        return averages.reshape(*cells.shape[:-1], *averages.shape[-2:])

    def thermal(self, pair: Pair) -> RealArray:
        """Direct thermal sums (A, x, y, 4, M, T): (32), (27), (33) without 1/V, and the average of (36)."""
        raw = self.stacked(raw_name(THERMAL, pair))
        return raw.reshape(raw.shape[0], *self._shape(pair), 4, len(self.mu), len(self.temperatures))

    def fermi(self, pair: Pair) -> RealArray:
        """The thermal average of (36) alone, with exact Fermi functions, without 1/V: (A, x, y, M, T)."""
        return self._at_mu_t(self.stacked(raw_name(FERMI, pair)), self._shape(pair))

    def fermi_level(self, observable: LevelProperty) -> RealArray:
        """Σ_n f X_n of a property of levels: (A, …, M, T)."""
        return self._at_mu_t(self.stacked(fermi_name(observable)), observable.shape(self.crystal))

    def thermal_level(self, observable: LevelProperty) -> RealArray:
        """Σ_n g(E_n) X_n with the four functions g of `add_thermal_levels`: (A, …, 4, M, T)."""
        return self._at_mu_t(self.stacked(thermal_name(observable)), (*observable.shape(self.crystal), ROWS))

    def _at_mu_t(self, raw: RealArray, shape: tuple[int, ...]) -> RealArray:
        return raw.reshape(raw.shape[0], *shape, len(self.mu), len(self.temperatures))

    def occupied(self, name: str) -> RealArray:
        """Running sum over occupied levels of a histogram over the energy axis: (A, …, NE)."""
        return np.cumsum(self.stacked(name)[..., :-1], axis=-1)

    def averages(self, power: int) -> RealArray:
        """Matrix (M, T, NE) of the integrals ∫dE (−f'(E−μ)) (E−μ)^power, acting on a curve given on the energy axis.

        Exact for curves that are linear between the grid points; for smooth curves the error is second order in the
        spacing.
        """
        return self._weights(power)[1]

    def per_gradient(self, curves: RealArray) -> RealArray:
        """∫dE f'(E−μ) (E−μ)/T of curves per field (A, G, …, NE): those per temperature gradient, (A, G, …, M, T)."""
        return -averaged(curves, self.averages(1) / self.temperatures[None, :, None])

    def cached(self, name: str, make: Callable[[], Made]) -> Made:
        """An array or a matrix of this name that depends on the axes and settings alone, made once."""
        if name not in self.weights:
            self.weights[name] = make()
        return cast(Made, self.weights[name])

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What several responses need of these raw sums, made once; nobody may change it."""
        if name not in self._made:
            self._made[name] = make()
        return cast(Made, self._made[name])

    @cached_property
    def _made(self) -> dict[str, object]:
        return {}

    def _weights(self, power: int) -> tuple[RealArray, RealArray]:
        """Of curves that are constant in the cells of the axis, and of linear ones."""
        axes = (self.energies, self.mu, self.temperatures)
        return self.cached(f"thermal weights:{power}", lambda: cell_and_thermal_weights(*axes, power))
