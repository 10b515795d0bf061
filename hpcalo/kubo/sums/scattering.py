"""Disorder beyond a constant Γ: what the sums with broadening then need, and how they are made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import InputError, nearest
from hpcalo.hamiltonian import sites
from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.kernels.damped import Damped, damped_pairs
from hpcalo.kubo.states.broadening import Broadening
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.solver import States
from hpcalo.kubo.tables import Disorder
from hpcalo.typing import ComplexArray, RealArray

ONE_LEVEL = 1e-6
"""eV; levels nearer than this share the mean square of their velocities."""
PER_NM = 0.1
"""nm in Å."""


@dataclass(frozen=True)
class Scattering:
    """Γ by energy, spin and site, and a mean free path: none of what it does not have.

    table: (2, n) Fermi energies (eV, absolute) and factors of Γ; no columns for a constant. broadening: factors by spin
    and site. mean_free_path: Å.
    """

    table: RealArray
    broadening: Broadening | None = None
    mean_free_path: float | None = None

    @property
    def by_level(self) -> bool:
        """Whether levels of one energy have different Γ."""
        return self.broadening is not None or self.mean_free_path is not None

    def need(self) -> frozenset[Observable]:
        """The observables that it takes from the state solver."""
        found: set[Observable] = set()
        if self.broadening is not None:
            found.add(self.broadening)
        if self.mean_free_path is not None:
            found.add(VELOCITY)
        return frozenset(found)

    def keeps(self, operation: Operation, crystal: Crystal) -> bool:
        """Whether an operation of the crystal takes every electron to one with the same Γ."""
        return self.broadening is None or self.broadening.keeps(operation, crystal)

    def gammas(self, gammas: RealArray, energies: RealArray) -> RealArray:
        """Γ (G, NE) at each Fermi energy."""
        return np.asarray(gammas[:, None] * np.interp(energies, *self.table), dtype=np.float64)

    def matrix(self, states: States, k: int, gamma: float) -> ComplexArray:
        """Γ (N, N) between the eigenstates at the point k of those given, eV."""
        N = states.E_kn.shape[1]
        plain = np.eye(N) if self.broadening is None else states[self.broadening][k, :, 0]
        matrix = (gamma * plain).astype(np.complex128)
        if self.mean_free_path is not None:
            matrix[np.diag_indices(N)] += speeds(states.E_kn[k], states[VELOCITY][k]) / (2.0 * self.mean_free_path)
        return matrix


class ScatteredSums:
    """Sums with broadening over some points, as `broadened_pairs` makes them for a constant Γ.

    axes: broadenings (G,) and Fermi energies (NE,), eV, of which those of a slice are filled. weights: (K,). widths:
    (K, N, 3) eV, of boxes about the points, of which levels with Γ of their own have no means.
    """

    def __init__(
        self,
        scattering: Scattering,
        states: States,
        axes: tuple[RealArray, RealArray, slice],
        weights: RealArray,
        widths: RealArray | None,
    ) -> None:
        self._scattering, self._states = scattering, states
        self._gammas, self._energies, self._chosen = axes
        self._weights, self._widths = weights, widths

    @cached_property
    def _damped(self) -> list[list[Damped]]:
        """Eigenstates that decay, for each Γ at each point."""
        states, matrix = self._states, self._scattering.matrix
        return [[Damped(E, matrix(states, k, g)) for k, E in enumerate(states.E_kn)] for g in self._gammas]

    def add(self, X: ComplexArray, Y: ComplexArray, components: NDArray[np.int32], out: RealArray) -> None:
        """Adds the sums of two operators (K, N, v, N) to `out` (G, P, 2, NE). Raises LinAlgError."""
        if not self._scattering.by_level:
            self._add_by_energy(X, Y, components, out)
            return
        for g, points in enumerate(self._damped):
            for k, damped in enumerate(points):
                # All energies in both cases, so that a share of them gives the same bits as all of them.
                sums = self._weights[k] * damped_pairs(damped, X[k], Y[k], components, self._energies)
                out[g, ..., self._chosen] += sums[..., self._chosen]

    def _add_by_energy(self, X: ComplexArray, Y: ComplexArray, components: NDArray[np.int32], out: RealArray) -> None:
        """With the Γ of each Fermi energy: exact for any Γ(E), as the sea integrates an analytic function."""
        E_kn, gammas = self._states.E_kn, self._scattering.gammas(self._gammas, self._energies)
        for i in range(len(self._energies))[self._chosen]:
            part = np.ascontiguousarray(out[..., i : i + 1])
            axes = np.ascontiguousarray(gammas[:, i]), self._energies[i : i + 1].copy()
            _kubo.broadened_pairs(E_kn, X, Y, components, *axes, self._weights, part, self._widths)
            out[..., i : i + 1] = part


def speeds(E: RealArray, velocity: ComplexArray) -> RealArray:
    """ħ|v| of each level (N,), eV Å. velocity: (N, d, N) eV Å.

    Levels of one energy E (N,) share the root of the mean over them of the squares of all elements between them, which
    does not depend on the choice of states.
    """
    new = np.diff(E, prepend=-np.inf) > ONE_LEVEL
    group = np.cumsum(new) - 1
    same = group[:, None] == group[None, :]
    squares = np.where(same, (np.abs(velocity) ** 2).sum(axis=1), 0.0).sum(axis=1)
    return np.asarray(np.sqrt(np.bincount(group, squares)[group] / np.bincount(group)[group]), dtype=np.float64)


def scattering(settings: Disorder, reference: float, crystal: Crystal) -> Scattering | None:
    """From the table [kubo.disorder]; None for a constant Γ. reference: eV, zero of the input's energies.

    Raises InputError for sites and layers that the crystal does not have.
    """
    if settings.energies:
        energies, factors = np.array(settings.energies).T
        return Scattering(np.stack([energies + reference, factors]))
    if not settings.by_level:
        return None
    by_site = _by_site(settings, crystal)
    path = None if settings.mean_free_path is None else settings.mean_free_path / PER_NM
    broadening = Broadening(settings.majority, settings.minority, by_site) if settings.by_state else None
    return Scattering(np.zeros((2, 0)), broadening, path)


def _by_site(settings: Disorder, crystal: Crystal) -> tuple[float, ...]:
    """The factor of each site."""
    labels = sites.labels(crystal)
    if settings.layers:
        names, belong = sites.layers(crystal)
        if len(names) != len(settings.layers):
            has = f"{len(names)} layers ({', '.join(names)})" if names else "no layers (it is no film of atoms)"
            raise InputError(f"kubo.disorder.layers: {len(settings.layers)} factors are given, the model has {has}")
        return tuple((np.array(settings.layers) @ belong).tolist())
    symbols = crystal.symbols or labels
    for name in settings.sites:
        if name not in labels and name not in symbols:
            known = list(dict.fromkeys([*symbols, *labels]))
            hint = nearest(name, known) or f" (it has {', '.join(known[:8])})"
            raise InputError(f"kubo.disorder.sites: {name!r}: the model has no such site or element{hint}")
    given = settings.sites
    return tuple(given.get(label, given.get(symbol, 1.0)) for label, symbol in zip(labels, symbols, strict=True))
