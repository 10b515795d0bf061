"""Coefficients of single bands that are sums over all other bands: (28), (29), (48), (49)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import Derived, LevelProperty, Observable, Operator
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.typing import BoolArray, ComplexArray, RealArray

if TYPE_CHECKING:
    from hpcalo.hamiltonian.symmetry import Operation

ONE_LEVEL = 1e-8
"""eV; levels nearer than this are one level: the sum leaves such pairs out."""


class BandCoefficient(Derived, LevelProperty):
    """factor × Σ_m Im[<n|X_i|m><m|Y_j|n>]/(E_m − E_n)^power of each level n, ħ = 1, as (K, i, j, N).

    first, second: X and Y.
    """

    first: ClassVar[Operator]
    second: ClassVar[Operator]
    power: ClassVar[int]
    factor: ClassVar[float]

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        return (*self.first.shape(crystal), *self.second.shape(crystal))

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        """That of Im W: one time sign more than the operators have."""
        both = np.kron(self.first.transformation(operation, crystal), self.second.transformation(operation, crystal))
        return np.asarray(operation.time_sign * both, dtype=np.float64)

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, ComplexArray]) -> RealArray:
        gap = E_kn[:, None, :] - E_kn[:, :, None]
        return self.of_pairs(gap, np.abs(gap) > ONE_LEVEL, operators)

    def of_pairs(self, gap: RealArray, apart: BoolArray, operators: Mapping[Observable, ComplexArray]) -> RealArray:
        """The sums over the pairs that are `apart` (K, n, m), of the distances gap = E_m − E_n."""
        weight = np.where(apart, self.factor / np.where(apart, gap, 1.0) ** self.power, 0.0)
        X, Y = operators[self.first], operators[self.second]
        K, N = gap.shape[:2]
        out = np.zeros((K, X.shape[2], Y.shape[2], N))
        for j in range(Y.shape[2]):
            other = Y[:, :, j].transpose(0, 2, 1)
            real, imaginary = weight * other.real, weight * other.imag
            for i in range(X.shape[2]):
                out[:, i, j] = (X[:, :, i].real * imaginary + X[:, :, i].imag * real).sum(axis=2)
        return out


class TwistTorqueMoment(BandCoefficient):
    """A_kn,ij = ħ Σ_m Im[<n|T_i|m><m|v_j|n>/(E_m − E_n)] (28), eV Å: the twist-torque moment of a band."""

    name = "twist_torque_moment"
    unit = "eV*angstrom"
    requires = (TORQUE, VELOCITY)
    first, second, power, factor = TORQUE, VELOCITY, 1, 1.0


class MixedBerryCurvature(BandCoefficient):
    """B_kn,ij = −2ħ Σ_m Im[<n|T_i|m><m|v_j|n>/(E_m − E_n)²] (29), Å: Berry curvature of rotations of n̂ and of k."""

    name = "mixed_berry_curvature"
    unit = "angstrom"
    requires = (TORQUE, VELOCITY)
    first, second, power, factor = TORQUE, VELOCITY, 2, -2.0


class OrbitalMomentTensor(BandCoefficient):
    """M_kn,ij = eħ Σ_m Im[<n|v_i|m><m|v_j|n>/(E_n − E_m)] (48), in e/ħ eV Å²; −½ε_kij M_ij is a band's moment."""

    name = "orbital_moment_tensor"
    unit = "eV*angstrom^2"
    requires = (VELOCITY,)
    first, second, power, factor = VELOCITY, VELOCITY, 1, -1.0


class BerryCurvatureTensor(BandCoefficient):
    """N_kn,ij = 2eħ Σ_m Im[<n|v_i|m><m|v_j|n>/(E_m − E_n)²] (49), in e/ħ Å²: −Ω_ij of the sum over bands."""

    name = "berry_curvature_tensor"
    unit = "angstrom^2"
    requires = (VELOCITY,)
    first, second, power, factor = VELOCITY, VELOCITY, 2, 2.0


TWIST_TORQUE_MOMENT = TwistTorqueMoment()
MIXED_BERRY_CURVATURE = MixedBerryCurvature()
ORBITAL_MOMENT_TENSOR = OrbitalMomentTensor()
BERRY_CURVATURE_TENSOR = BerryCurvatureTensor()
