"""The state of a run: all that a continuation needs."""

from __future__ import annotations

from dataclasses import dataclass

from hpcalo.typing import RealArray
from hpcalo.wall.heat.thermal import Thermal


@dataclass(frozen=True)
class State:
    """One rank's part of a state.

    m: M on the own nodes, (n, 3). t, dt: time and next step in fs. origin: displacement of the window, nm. steps:
    accepted steps so far. f: the own part of the distribution in time-dependent mode (`hpcalo.wall.dynamics.unknowns`),
    else None. thermal: temperature and energy ledger, None without [heat].
    """

    m: RealArray
    t: float
    dt: float
    origin: float = 0.0
    steps: int = 0
    f: RealArray | None = None
    thermal: Thermal | None = None
