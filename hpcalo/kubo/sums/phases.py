"""Operators with arbitrary phases: the size that a sum over pairs has without symmetry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import Derived, LevelProperty, Observable, Operator
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.typing import RealArray


class ArbitraryPhases:
    """A solver whose operators have the moduli of another's matrix elements, and fixed phases of no relation.

    largest: the largest modulus of each.
    """

    def __init__(self, solver: StateSolver) -> None:
        self._solver = solver
        self.crystal: Crystal = solver.crystal
        self.size, self.n_hat, self.order, self.directions = solver.size, solver.n_hat, solver.order, solver.directions
        self.largest: dict[Observable, float] = {}

    def largest_of(self, observable: Observable) -> float:
        """The largest modulus of an observable.

        Of one that follows from operators and energies, that of the operators, with 1 eV for the energies.
        """
        if isinstance(observable, Derived):
            return float(np.prod([self.largest[operator] for operator in observable.requires]))
        return self.largest[observable]

    def line(self, k_first: float, k_second: float, k_last: RealArray, need: frozenset[Observable]) -> States:
        """States at the points of a line."""
        states = self._solver.line(k_first, k_second, k_last, need)
        changed: dict[Observable, NDArray] = {}
        for number, (observable, values) in enumerate(states.observables.items()):
            if isinstance(observable, LevelProperty):
                changed[observable] = np.abs(values)
            elif isinstance(observable, Operator):
                angle = np.random.default_rng(number).uniform(-np.pi, np.pi, values.shape[1:])
                angle -= angle.transpose(2, 1, 0)
                changed[observable] = values * np.exp(1j * angle)
            self.largest[observable] = float(np.abs(values).max())
        return States(states.E_kn, changed)
