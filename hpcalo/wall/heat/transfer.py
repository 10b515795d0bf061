"""What the electrons' torques move between supply, bath and magnet (docs/theory/heat.md).

The magnet gets the work of the torques. The supply pays what their spin motive force asks for, the bath the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.electrons.pumping import pumped_heat, torque_power
from hpcalo.wall.electrons.transport import Transport
from hpcalo.wall.magnetism.magnetics import Magnetics

ELECTRICAL, THERMAL, MOTIVE, PUMPED = range(4)
"""Columns of `TorqueWork.at`: work on M of the torque of the supply's drive and of dT/dx, both W/m^2 of each node; work
of the supply against the spin motive force, W/m^2; heat current that the motion pumps, W/m^2 of cross-section.
"""


@dataclass(frozen=True)
class Spins:
    """Spin accumulations (n, 3) in 1/nm^3 of a field of 1 V/nm and of dT/dx; applied: field of the supply in V/nm."""

    unit: RealArray
    thermal: RealArray
    applied: float

    def between(self, other: Spins) -> Spins:
        """The mean of both: between two states that are near each other."""
        return Spins(0.5 * (self.unit + other.unit), 0.5 * (self.thermal + other.thermal), self.applied)


class TorqueWork:
    """Powers of the torques that `spins` gives for an M (n, 3)."""

    def __init__(self, magnetics: Magnetics, transport: Transport) -> None:
        self.magnetics, self.transport = magnetics, transport
        self.sign = -1.0 if transport.drive.circuit == "field" else 1.0
        self.spins: Callable[[RealArray], Spins | None] = lambda m: None

    def at(self, m_ghost: RealArray, rate: RealArray, spins: Spins | None) -> RealArray:
        """(n, 4) for M with ghosts and dM/dt (n, 3) in 1/fs."""
        if spins is None:
            return np.zeros((len(rate), 4))
        m, scale = m_ghost[1:-1], -self.transport.torque_scale[:, None]
        unit, thermal = (
            torque_power(self.magnetics, m_ghost, rate, np.asarray(scale * np.cross(m, dm)))
            for dm in (spins.unit, spins.thermal)
        )
        return np.stack(
            [
                spins.applied * unit.whole,
                thermal.whole,
                self.sign * spins.applied * unit.odd,
                pumped_heat(self.transport, unit),
            ],
            axis=1,
        )
