"""The orbital angular momentum of Bloch states, and the currents that carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.hamiltonian.types import Crystal, Model
from hpcalo.kubo.states.directions import velocity_directions
from hpcalo.kubo.states.observable import Derived, Observable, Operator
from hpcalo.kubo.states.one_level import together
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.spin_current import flow_of
from hpcalo.kubo.states.wannier_line import AXIS_PAIRS
from hpcalo.typing import ComplexArray, RealArray
from hpcalo.units import MU_B_PER_EV_A2

if TYPE_CHECKING:
    from hpcalo.hamiltonian.symmetry import Operation

PLANES = {1: (), 2: ((0, 1),), 3: AXIS_PAIRS}
"""Places of the two velocities of each component, by their number."""


NEAR = 1e-3
"""eV; levels that are this close to the next one are one group: a symmetry that a model has to some 1e-4 eV only would
else make moments of v²/1e-4 eV. Of real crossings it leaves out what lies within 1 meV, of no weight in a sum over k.
"""


def reached(directions: tuple[int, ...]) -> list[tuple[int, int]]:
    """(axis, sign) of each component: L_axis is sign times it. Of a film, the one along its normal."""
    if len(directions) == len(AXIS_PAIRS):
        return [(axis, 1) for axis in range(3)]
    return [(c, 1 if (a, b) == directions else -1) for c, (a, b) in enumerate(AXIS_PAIRS) if {a, b} == set(directions)]


def between_bands(E_kn: RealArray, velocity: ComplexArray) -> ComplexArray:
    """L of Bloch states, in ħ: (K, N, planes, N) from E (K, N) eV and ħv (K, N, d, N) eV Å.

    L_z,nm = (i m_e/2ħ²) Σ_q [1/(E_q − E_n) + 1/(E_q − E_m)] (ħv_x,nq ħv_y,qm − ħv_y,nq ħv_x,qm), which is ½ m_e (r × v
    − v × r) with r_nq = iħv_nq/(E_q − E_n). The sum leaves out the levels of one group (`NEAR`) with n or with m: the
    motion of a packet as a whole, and what in a group depends on the choice of its states. L is then a matrix that
    turns with that choice.
    """
    K, N, _, _ = velocity.shape
    planes = PLANES[velocity.shape[2]]
    apart = ~together(E_kn, NEAR)
    gap = E_kn[:, None, :] - E_kn[:, :, None]
    inverse = np.where(apart, 1.0 / np.where(apart, gap, 1.0), 0.0)  # 1/(E_q − E_n) at [n, q]
    out = np.empty((K, N, len(planes), N), dtype=np.complex128)
    for c, (a, b) in enumerate(planes):
        x, y = velocity[:, :, a] * apart, velocity[:, :, b] * apart
        half = np.matmul(inverse * x, y) - np.matmul(inverse * y, x)
        out[:, :, c] = 0.25j * MU_B_PER_EV_A2 * (half - half.conj().transpose(0, 2, 1))
    return out


class OrbitalMomentum(Derived, Operator):
    """L of Bloch states, in ħ, from the velocities between bands (`between_bands`), along the axes of `reached`.

    The diagonal is −1/µ_B times the local moment of (48), −½ε_kij M_ij. Of the model's bands only: what states beyond
    them add to the moment is not in it. A film has the component along its normal alone.
    """

    name = "orbital_momentum"
    unit = "hbar"
    time_odd = True
    requires = (VELOCITY,)

    def missing(self, model: Model) -> str:
        """That of the velocity, and of a model that does not repeat in a plane."""
        wire = len(velocity_directions(model.crystal)) < 2
        return "repeats along one direction only: its bands have no orbital moment" if wire else super().missing(model)

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return (len(PLANES[len(velocity_directions(crystal))]),)

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        return operation.time_sign * self.turned(operation, crystal)

    def turned(self, operation: Operation, crystal: Crystal) -> RealArray:
        """How its components turn in space."""
        directions = list(velocity_directions(crystal))
        polar = operation.polar[np.ix_(directions, directions)]
        planes = PLANES[len(directions)]
        minors = [[polar[i, a] * polar[j, b] - polar[i, b] * polar[j, a] for a, b in planes] for i, j in planes]
        return np.asarray(minors, dtype=np.float64)

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, ComplexArray]) -> ComplexArray:
        return between_bands(E_kn, operators[VELOCITY])


class OrbitalCurrent(OrbitalMomentum):
    """½{L_a, ħv_i}, in ħ eV Å: the flow along i of the orbital momentum a, as particles carry it."""

    name = "orbital_current"
    unit = "hbar*eV*angstrom"
    time_odd = False

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return *super().shape(crystal), len(velocity_directions(crystal))

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        directions = list(velocity_directions(crystal))
        polar = operation.polar[np.ix_(directions, directions)]
        return np.asarray(np.kron(self.turned(operation, crystal), polar), dtype=np.float64)

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, ComplexArray]) -> ComplexArray:
        return flow_of(between_bands(E_kn, operators[VELOCITY]), operators[VELOCITY])


ORBITAL_MOMENTUM, ORBITAL_CURRENT = OrbitalMomentum(), OrbitalCurrent()
