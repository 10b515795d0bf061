"""The wire with its own temperature: T(x, t) advances beside the magnetization."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.config.heat import Heat
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.dissipation import Dissipation
from hpcalo.wall.heat.equation import TERMS, Current, HeatEquation
from hpcalo.wall.heat.ledger import ENTRIES, position
from hpcalo.wall.heat.material import Material
from hpcalo.wall.heat.step import heat_step
from hpcalo.wall.heat.thermal import Thermal
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import FS, NM, NS_IN_FS

LATE = 1e-9
"""Part of a step that may be missing for it to count as due: times are sums of steps."""


class HeatedWire:
    """Steps T in turn with the magnetization: `begin`, `after_step` for each of its steps, `finish`. Collective.

    The heat of damping is what the magnetization has lost and no field has brought, to the last digit, at the nodes in
    proportion to alpha |dM/dt|^2. Where it differs from the integral of that power the integrator of the magnetization
    has made or lost energy: both are in the ledger. Every rank steps the whole T, with the same arithmetic.
    """

    def __init__(self, keys: Heat, mesh: Mesh, magnetics: Magnetics, current: Current, reference: float) -> None:
        self.keys, self.mesh, self.magnetics = keys, mesh, magnetics
        self.material = Material(keys, reference)
        self.equation = HeatEquation(keys, self.material, current, mesh.cells, mesh.dx * NM)
        self.dissipation = Dissipation(mesh, magnetics)

    def start(self, m: RealArray, t: float, theta: RealArray | None = None) -> Thermal:
        """The start of a run at M (n, 3) and t (fs): T_0, or theta (n,) in K; an empty ledger. Collective."""
        theta = np.zeros(self.mesh.n) if theta is None else theta
        ledger = np.zeros(len(ENTRIES))
        ledger[position("bath_start")] = self.bath_energy(theta)
        ledger[position("magnet_start")] = self.magnet_energy(m, t)
        return Thermal(theta, ledger)

    def temperature(self, thermal: Thermal) -> RealArray:
        """T (n,) in K on the own nodes."""
        return self.material.reference + thermal.theta

    def magnet_energy(self, m: RealArray, t: float) -> float:
        """Energy of M (n, 3) at t (fs), J/m^2. Collective."""
        return self.magnetics.energies(self.mesh.magnetization_with_ghosts(m), t).total

    def bath_energy(self, theta: RealArray) -> float:
        """Energy of the bath over that at T_0, J/m^2. Collective."""
        return self.mesh.total(self.material.energy(theta)) * self.mesh.dx * NM

    def begin(self, thermal: Thermal, m: RealArray, t: float, rate: RealArray) -> None:
        """A piece begins at M (n, 3) and t (fs), where dM/dt (n, 3) is `rate` in 1/fs. Collective."""
        self._theta, self._ledger = self.mesh.gather(thermal.theta), thermal.ledger.copy()
        self._t, self._energy = t, self.magnet_energy(m, t)
        self.dissipation.clear()
        self.dissipation.begin(t, m, rate)

    def after_step(self, t: float, m: RealArray, rate: RealArray) -> None:
        """The magnetization has made a step to t (fs). Collective. Raises ConvergenceError."""
        self.dissipation.add(t, m, rate)
        if t - self._t >= self.keys.step * (1.0 - LATE):
            self._advance(t, m)

    def finish(self, m: RealArray, t: float) -> Thermal:
        """Temperature and ledger at the end of the piece, M (n, 3) at t (fs). Collective. Raises ConvergenceError."""
        if t > self._t:
            self._advance(t, m)
        return Thermal(self._theta[self.mesh.first : self.mesh.last].copy(), self._ledger.copy())

    def _advance(self, t: float, m: RealArray) -> None:
        """T and the ledger up to t (fs)."""
        mesh, d = self.mesh, self.dissipation
        h = (t - self._t) * FS
        energy = self.magnet_energy(m, t)
        damping, turning, work = mesh.gather(np.stack([d.damping(), d.turning, d.work], axis=1)).T
        heat = float(work.sum()) - (energy - self._energy)
        source = _shared(heat, damping, turning) / (h * mesh.dx * NM)
        self._theta, terms = heat_step(self.equation, self._theta, source, h)
        self.material.check(self._theta, np.asarray(np.arange(mesh.cells) * mesh.dx), t / NS_IN_FS)
        gained = dict(zip(TERMS, terms, strict=True))
        gained |= {"field": float(work.sum()), "damping": heat, "dissipated": float(damping.sum())}
        self._ledger += np.array([gained.get(name, 0.0) for name in ENTRIES])
        self._t, self._energy = t, energy
        d.clear()


def _shared(heat: float, damping: RealArray, turning: RealArray) -> RealArray:
    """The heat (J/m^2) at the nodes (n,): where damping made it; else where M has turned; else everywhere alike."""
    for weight in (damping, turning):
        if (total := float(weight.sum())) > 0.0:
            return weight * (heat / total)
    return np.full(len(damping), heat / len(damping))
