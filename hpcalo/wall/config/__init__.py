"""Input of the wall engine, one module per concern; `WallInput` is the whole of it."""

from __future__ import annotations

from hpcalo.wall.config.drive import Drive
from hpcalo.wall.config.electronic_structure import ElectronicStructure
from hpcalo.wall.config.electrons import Electrons, Momentum
from hpcalo.wall.config.heat import Heat, HeatEnd, HeatTable
from hpcalo.wall.config.input import WallInput
from hpcalo.wall.config.magnet import Magnet
from hpcalo.wall.config.model import WallSection
from hpcalo.wall.config.numerics import Solver, Time
from hpcalo.wall.config.output import MonitorEntry, Output
from hpcalo.wall.config.published import Paper
from hpcalo.wall.config.scan import Scan
from hpcalo.wall.config.wire import Texture, Wire
from hpcalo.wall.magnetism.terms.applied_field import Zeeman
from hpcalo.wall.magnetism.terms.medium import ThermalLaw

__all__ = [
    "Drive",
    "ElectronicStructure",
    "Electrons",
    "Heat",
    "HeatEnd",
    "HeatTable",
    "Magnet",
    "Momentum",
    "MonitorEntry",
    "Output",
    "Paper",
    "Scan",
    "Solver",
    "Texture",
    "ThermalLaw",
    "Time",
    "WallInput",
    "WallSection",
    "Wire",
    "Zeeman",
]  # fmt: skip
