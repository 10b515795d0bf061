"""The heat that the magnetization holds where its coefficients depend on T: T s_m with s_m = -df/dT at fixed M.

f = sum W(M) m(T)^p with the law m(T) = 1 - (T/T_C)^(3/2); the terms of the energy give W and p.
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.heat.material import Material
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.magnetism.terms.medium import ThermalLaw


class MagnetHeat:
    """f, and e = f + T s_m, of each node in J/m^2 for one M; T = reference + theta."""

    def __init__(self, law: ThermalLaw, reference: float, weights: dict[float, RealArray]) -> None:
        self.law, self.reference, self.weights = law, reference, weights

    def _powers(self, theta: RealArray) -> tuple[RealArray, RealArray, RealArray, RealArray]:
        """T, and m, dm/dT, d2m/dT2."""
        t, curie = self.reference + theta, self.law.curie_temperature
        ratio = np.sqrt(np.maximum(t, 0.0) / curie)  # Newton's method may try what is not physical
        m = np.maximum(1.0 - ratio**3, 1e-6)
        return t, m, -1.5 * ratio / curie, -0.75 / (np.maximum(ratio, 1e-6) * curie**2)

    def free(self, theta: RealArray) -> RealArray:
        """f."""
        _, m, _, _ = self._powers(theta)
        return np.asarray(sum(w * m**p for p, w in self.weights.items()))

    def entropy(self, theta: RealArray) -> RealArray:
        """s_m in J/(m^2 K)."""
        _, m, slope, _ = self._powers(theta)
        return np.asarray(sum(-w * p * m ** (p - 1.0) * slope for p, w in self.weights.items()))

    def energy(self, theta: RealArray) -> RealArray:
        """e = f + T s_m."""
        return np.asarray(self.free(theta) + (self.reference + theta) * self.entropy(theta))

    def heat_capacity(self, theta: RealArray) -> RealArray:
        """de/dT = -T d2f/dT2, J/(m^2 K)."""
        t, m, slope, bend = self._powers(theta)
        return np.asarray(
            sum(
                -t * w * p * ((p - 1.0) * m ** (p - 2.0) * slope**2 + m ** (p - 1.0) * bend)
                for p, w in self.weights.items()
            )
        )


def magnet_heat(magnetics: Magnetics, reference: float, m_ghost: RealArray, t: float) -> MagnetHeat | None:
    """That of the whole wire for M (n + 2, 3) at t (fs); None where nothing depends on T. Collective."""
    law = magnetics.magnet.thermal
    if law is None:
        return None
    weights: dict[float, RealArray] = {}
    for term in magnetics.terms:
        if term.has_energy:
            for power, weight in term.powers_of_m(m_ghost, t):
                weights[power] = weights.get(power, 0.0) + weight
    every = magnetics.mesh.gather(np.stack(list(weights.values()), axis=1))
    return MagnetHeat(law, reference, dict(zip(weights, np.ascontiguousarray(every.T), strict=True)))


class Store:
    """What takes up heat at each node: the bath, and the magnetization at fixed M; J/m^3 as `Material` has them.

    Energies count from those at theta_start, so that the magnet's large part does not drown what is exchanged.
    """

    def __init__(self, material: Material, magnet: MagnetHeat, start: RealArray, dx: float) -> None:
        self.material, self.magnet, self.dx = material, magnet, dx
        self._start = magnet.energy(start)

    def energy(self, theta: RealArray) -> RealArray:
        """u(T) - u(T_0), and the magnet's e from its start."""
        return np.asarray(self.material.energy(theta) + (self.magnet.energy(theta) - self._start) / self.dx)

    def heat_capacity(self, theta: RealArray) -> RealArray:
        """c and -T d2f/dT2."""
        return np.asarray(self.material.heat_capacity(theta) + self.magnet.heat_capacity(theta) / self.dx)
