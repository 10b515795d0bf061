"""Panels of each kind of result, in the order of its figure. A further panel is a class, and one line here."""

from __future__ import annotations

from hpcalo.io.dataset import Result
from hpcalo.wall.plot.along import Profile, SpinAccumulation, Torque
from hpcalo.wall.plot.arrows import AccumulationArrows, Arrows
from hpcalo.wall.plot.data import is_paper, is_scan
from hpcalo.wall.plot.energy import Energies, Powers
from hpcalo.wall.plot.heat import Current, CurrentMap, Reciprocity
from hpcalo.wall.plot.ledger import Ledger, LedgerInTime, Temperature
from hpcalo.wall.plot.maps import Map
from hpcalo.wall.plot.mean import Mean
from hpcalo.wall.plot.motion import WallPosition, WallVelocity
from hpcalo.wall.plot.panel import Panel
from hpcalo.wall.plot.published import PublishedAccumulation, PublishedCurrent, PublishedTorque, Settling
from hpcalo.wall.plot.reading import (
    PublishedVelocity,
    ScannedAccumulation,
    ScannedArrows,
    ScannedTorque,
    ThermalTorque,
)
from hpcalo.wall.plot.scan import Nonadiabaticity, ScannedVelocity, SpinDrift, ThermalShare

MAPS: tuple[Panel, ...] = (Map(2), Map(0), Map(1))
RUN: tuple[Panel, ...] = (
    Arrows(),
    AccumulationArrows(),
    Profile(),
    SpinAccumulation(),
    WallPosition(),
    WallVelocity(),
    Torque("damping-like"),
    Torque("field-like"),
    Energies(),
    Powers(),
    Temperature(),
    LedgerInTime(),
    Ledger(),
    Current("heat_current"),
    Current("dmi_current"),
    CurrentMap("heat_current"),
    CurrentMap("dmi_current", on_request=True),
    Reciprocity(),
    *MAPS,
    Mean(),
)
SCAN: tuple[Panel, ...] = (ScannedVelocity(), SpinDrift(), Nonadiabaticity(), ThermalShare())
PUBLISHED_RUN: tuple[Panel, ...] = (
    Arrows(),
    AccumulationArrows(published=True),
    Mean(published=True),
    PublishedAccumulation(),
    PublishedTorque(),
    PublishedCurrent(),
    ThermalTorque(),
    *MAPS,
)
PUBLISHED_SCAN: tuple[Panel, ...] = (
    ScannedArrows(),
    ScannedAccumulation(),
    Mean(published=True),
    ScannedTorque(),
    Settling(),
    PublishedVelocity(),
    ThermalTorque(),
    PublishedAccumulation(),
)
FORMER_NAMES = {"velocity": "wall_velocity", "position": "wall_position", "accumulation": "spin_accumulation"}
"""Names of panels in earlier versions that differ from those of the quantities in the file."""


def panels_of(result: Result) -> tuple[Panel, ...]:
    """The panels that there are for this kind of result."""
    if is_paper(result):
        return PUBLISHED_SCAN if is_scan(result) else PUBLISHED_RUN
    return SCAN if is_scan(result) else RUN
