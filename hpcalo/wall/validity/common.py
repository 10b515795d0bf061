"""Helpers that several checks of the input share."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.config import WallInput
from hpcalo.wall.electrons.temperature import temperature


def carriers(s: WallInput) -> eq.Carriers:
    """The conduction electrons of the input."""
    return eq.carriers_from(s.electrons, s.momentum.points, s.momentum.cutoff, s.drive.temperature)


def electrons_matter(s: WallInput) -> bool:
    """Whether anything depends on the electrons: their torque, or a circuit that they close."""
    return s.electrons.spin_torque or s.drive.circuit != "field"


def end_temperatures(s: WallInput) -> RealArray:
    """T (3,) in K at the left end, in the middle and at the right end of the wire."""
    return temperature(s.drive, s.wire.length, np.array([0.0, 0.5 * s.wire.length, s.wire.length]))
