"""The spin accumulation dm(M) of the quasi-static mode, solved again only where the input asks for it."""

from __future__ import annotations

import numpy as np

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.config import Time
from hpcalo.wall.electrons.response import Response, Torques
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.grid import Mesh
from hpcalo.wall.heat.transfer import Spins
from hpcalo.wall.kernels import _wall
from hpcalo.wall.units import NS_IN_FS, VOLT_PER_METRE


class SpinAccumulation:
    """dm(M), solved again when `time.refresh` says so.

    Between two solves dm is carried along with the spins, by the rotation that turns the old M into the new one. M x dm
    then stays right to first order in the rotation.
    """

    def __init__(self, mesh: Mesh, transport: Transport | None, time: Time) -> None:
        self.mesh, self.transport, self.time = mesh, transport, time
        self.heated = False
        """Whether T is computed: dT/dx may then begin to drive the electrons, and moving spins pump heat."""
        self.units: tuple[Response, Response] | None = None
        self.torques: Torques | None = None
        self.m, self.dm = np.zeros((0, 3)), np.zeros((0, 3))  # of the last solve
        self.t = -np.inf

    @property
    def active(self) -> bool:
        """Whether anything drives the electrons."""
        if self.transport is None:
            return False
        d = self.transport.drive
        driven = self.heated or d.electric_field != 0.0 or d.current_density != 0.0 or d.gradient != 0.0
        return driven or self.transport.electrons.gradient_source > 0.0

    def reset(self) -> None:
        """Drops the last solution: the next solve starts from zero, as that of a continued run does."""
        self.units, self.torques, self.t = None, None, -np.inf

    def solve(self, t: float, m_ghost: RealArray) -> None:
        """Solves for this magnetization (n + 2, 3). Collective. Raises ConvergenceError."""
        assert self.transport is not None  # else not `active`
        try:
            self.units = self.transport.respond(m_ghost, self.units, field=self.heated)
            self.torques = self.transport.combine(self.units)
        except ConvergenceError as problem:
            raise ConvergenceError(f"at t = {t / NS_IN_FS:.6g} ns: {problem}") from None
        self.dm = np.ascontiguousarray(self.torques.electrical.q[:, 1:] + self.torques.thermal.q[:, 1:])
        self.m, self.t = m_ghost[1:-1].copy(), t

    def parts(self, m: RealArray) -> Spins | None:
        """The accumulations of both drives apart, for the present M (n, 3); None before the first solve."""
        if self.torques is None or self.torques.unit is None:
            return None
        unit, thermal = (np.ascontiguousarray(x.q[:, 1:]) for x in (self.torques.unit, self.torques.thermal))
        if self.time.refresh != "stage":
            unit, thermal = (self._carried(dm, m) for dm in (unit, thermal))
        return Spins(unit, thermal, self.torques.applied_field * VOLT_PER_METRE)

    def _carried(self, dm: RealArray, m: RealArray) -> RealArray:
        out = np.empty_like(dm)
        _wall.llg_carry(self.m, m, dm, out)
        return out

    def due(self, t: float, m: RealArray) -> bool:
        """Whether `time.refresh` asks for a solve at a step that starts at t. Collective."""
        if self.torques is None or self.time.refresh == "step":
            return True
        if t - self.t >= self.time.refresh_interval * (1.0 - 1e-9):
            return True
        rotation = self.mesh.max(float(np.abs(m - self.m).max()))
        return rotation > self.time.refresh_angle

    def spin(self, m: RealArray) -> RealArray:
        """dm (n, 3) in 1/nm^3 for the present M (n, 3)."""
        if self.torques is None:
            return np.zeros_like(m)
        if self.time.refresh == "stage":
            return self.dm
        return self._carried(self.dm, m)
