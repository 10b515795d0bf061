"""The background temperature of the wire."""

from __future__ import annotations

import numpy as np

from hpcalo.typing import RealArray
from hpcalo.wall.config import Drive


def temperature(drive: Drive, length: float, x: RealArray, origin: float = 0.0) -> RealArray:
    """Background T (K) at x (nm, from the left end of the window). origin: displacement of the window (nm).

    kappa x is measured from the middle of the wire at the start: `drive.temperature` is the temperature there.
    """
    if drive.profile == "uniform":
        return np.full(x.shape, drive.temperature)
    half = 0.5 * (drive.ramp_length or length)
    return drive.temperature + drive.gradient * np.clip(x + origin - 0.5 * length, -half, half)
