"""Rates of the time-dependent mode: dM/dt, de/dt and do/dt of a state, with E as the circuit demands.

    de/dt = -balance(e, o),   do/dt = source(M, E) - transport(e) - relaxation(o),   dM/dt = LLG(M, dm)

E is given, or follows from e and M (`hpcalo.wall.electrons.circuit`).
"""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.dynamics.nonfinite import NonFiniteTracker
from hpcalo.wall.dynamics.unknowns import Unknowns
from hpcalo.wall.electrons.circuit import Circuit
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.units import VOLT_PER_METRE

LEAST_FIELD = 1e-5
"""V/nm: the field that sets the scale of the distribution where nothing drives it."""


class Rates:
    """The right-hand side of SBE + LLG, distributions in units of `scale`. Collective throughout."""

    def __init__(self, mesh: Mesh, magnetics: Magnetics, transport: Transport) -> None:
        self.mesh, self.magnetics, self.transport = mesh, magnetics, transport
        self.unknowns = Unknowns(mesh, transport.p.size)
        self.scale = self._driven_scale()
        self.circuit = Circuit(mesh, transport, self.scale)
        self.tracker = NonFiniteTracker(mesh)

    def _driven_scale(self) -> float:
        """Largest distribution that E of the bulk or kappa drives within tau."""
        d, k = self.transport.drive, self.transport.kinetic
        field = abs(self.transport.bulk_field) * VOLT_PER_METRE or LEAST_FIELD
        local = max(float(np.abs(k.source_e).max()) * field, float(np.abs(k.source_k).max()) * abs(d.gradient))
        return self.mesh.max(local) * self.transport.carriers.tau

    def source(self, field: float) -> RealArray:
        """Odd source of E = `field` (V/nm) and kappa on the faces, (n + 1, 4, points), not in units of `scale`."""
        k = self.transport.kinetic
        out = k.source(field, self.transport.drive.gradient)
        return out + k.equilibrium_source() if k.gradient_source else out

    def odd_rate(self, e_ghost: RealArray, o: RealArray) -> tuple[float, RealArray]:
        """E in V/nm, and do/dt on the own faces, for e with ghosts and o on the n + 1 faces.

        M is the one last given to the kinetic operator.
        """
        k, faces = self.transport.kinetic, self.unknowns.faces
        if (given := self.circuit.given) is not None:
            return given, k.odd_rate(e_ghost, o, self.source(given) / self.scale)[:faces]
        rate = k.odd_rate(e_ghost, o, None)[:faces]
        field = self.circuit.field(o[:faces], rate)
        rate += self.source(field)[:faces] / self.scale
        return field, rate

    def spin(self, e: RealArray) -> RealArray:
        """dm (n, 3) in 1/nm^3 of an even part."""
        return np.ascontiguousarray(self.scale * self.transport.kinetic.moments(e)[:, 1:])

    def all(self, t: float, a: RealArray) -> tuple[RealArray, RealArray, RealArray]:
        """dM/dt, de/dt, do/dt (own faces) of a vector of unknowns."""
        m, e, o = self.unknowns.unpack(a)
        mesh, k = self.mesh, self.transport.kinetic
        ghost = mesh.magnetization_with_ghosts(m)
        k.set_magnetization(ghost)
        o_all = self.unknowns.all_faces(o)
        e_ghost = mesh.with_ghosts(np.ascontiguousarray(e))
        de = -k.balance(np.ascontiguousarray(e), o_all)
        _, do = self.odd_rate(e_ghost, o_all)
        spin = self.spin(e)
        dm = self.magnetics.rate(ghost, t, spin, self.transport.torque_scale)
        self._check(t, m, spin, dm)
        first = mesh.first
        self.tracker.check(t, first, distribution=e, odd_distribution=o)
        self.tracker.check(t, first, rate_of_the_distribution=de, rate_of_the_odd_distribution=do)
        return dm, de, do

    def magnetic(self, t: float, a: RealArray) -> RealArray:
        """dM/dt (n, 3) alone."""
        m, e, _ = self.unknowns.unpack(a)
        spin = self.spin(e)
        ghost = self.mesh.magnetization_with_ghosts(m)
        rate = self.magnetics.rate(ghost, t, spin, self.transport.torque_scale)
        self._check(t, m, spin, rate)
        return rate

    def _check(self, t: float, m: RealArray, spin: RealArray, rate: RealArray) -> None:
        """Remembers what is not finite on this rank."""
        first = self.mesh.first
        self.tracker.check(t, first, magnetization=m, spin_accumulation=spin, rate_of_the_magnetization=rate)
