"""What T(x, t) acts on: the electrons, by T and dT/dx, and the magnet's coefficients."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.equation import HeatEquation
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import NM


class Acting:
    """Gives a whole T(x) to those that depend on it. transport: None where the electrons exert no torque."""

    def __init__(self, mesh: Mesh, equation: HeatEquation, magnetics: Magnetics, transport: Transport | None) -> None:
        self.mesh, self.equation, self.magnetics, self.transport = mesh, equation, magnetics, transport
        self._last: RealArray | None = None

    @property
    def anything(self) -> bool:
        """Whether something depends on T."""
        return self.transport is not None or self.magnetics.magnet.thermal is not None

    def set(self, theta: RealArray) -> None:
        """Everything is at T_0 + theta, (cells,) in K, from now on. Collective. Raises ConvergenceError above T_C."""
        if not self.anything or (self._last is not None and np.array_equal(theta, self._last)):
            return
        self._below_curie(theta)
        self._last = theta.copy()
        mesh, reference = self.mesh, self.equation.material.reference
        own, faces = slice(mesh.first, mesh.last), slice(mesh.first, mesh.last + 1)
        nodes = reference + theta[own]
        on_faces, slope = self.equation.on_faces(theta)
        if self.transport is not None:
            self.transport.set_temperature(
                nodes, reference + on_faces[faces], slope[faces] * NM, uneven=bool(np.any(slope != 0.0))
            )
        if self.magnetics.magnet.thermal is not None:
            gradient = 0.5 * (slope[faces][:-1] + slope[faces][1:])
            self.magnetics.update(nodes, self.magnetics.origin, gradient)
            if self.transport is not None:
                self.transport.set_saturation(self.magnetics.ms)

    def _below_curie(self, theta: RealArray) -> None:
        law = self.magnetics.magnet.thermal
        hottest = float(self.equation.material.reference + theta.max())
        if law is not None and not hottest < law.curie_temperature:
            x = int(np.argmax(theta)) * self.mesh.dx
            raise ConvergenceError(
                f"heat: T = {hottest:.5g} K at x = {x:.4g} nm reaches magnet.thermal.curie_temperature = "
                f"{law.curie_temperature:g} K, where there is no magnetization left"
            )
