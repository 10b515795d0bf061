"""Small wires with a temperature of their own, and what their ledger says."""

from __future__ import annotations

import numpy as np

from hpcalo.wall.config import (
    Drive,
    Electrons,
    Heat,
    HeatEnd,
    HeatTable,
    Magnet,
    MonitorEntry,
    Output,
    Time,
    WallInput,
    Wire,
    Zeeman,
)
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.heat.ledger import FROM_OUTSIDE, WITHIN
from hpcalo.wall.monitors.schedule import observe

T0 = 300.0
FIXED = HeatEnd(kind="fixed")
PULSE = Zeeman(field=(0.0, 2e4, 3e4), pulse_centre=0.006, pulse_width=0.003, width=15.0, centre=45.0)
EVERYTHING = Heat(
    left=HeatEnd(kind="resistance", resistance=1e-9, temperature=320.0), right=FIXED, seebeck=2e-5, seebeck_slope=-3e-8,
    junction=60.0, seebeck_right=-1e-5, substrate_conductance=1e15,
    table=HeatTable(temperature=(200.0, 400.0), heat_capacity=(2e6, 4e6), thermal_conductivity=(10.0, 30.0)),
)  # fmt: skip


def settings(**keys) -> WallInput:
    """A wall in a field along z, with current; coarse."""
    base = {
        "magnet": Magnet(anisotropy=5.2e5, hard_anisotropy=2e5, damping=0.1),
        "electrons": Electrons(spin_torque=False, conductivity=1.26e6),
        "wire": Wire(length=100.0, cells=81),
        "drive": Drive(temperature=T0, zeeman=(Zeeman(field=(0.0, 0.0, 8e3)),)),
        "heat": Heat(),
        "time": Time(end=0.02, output_every=0.02),
        "output": Output(monitors=(MonitorEntry(name="ledger"), MonitorEntry(name="wall"))),
    }
    return WallInput(**{**base, **keys})


def numbers(sim: Simulation, state) -> dict[str, float]:
    return {v.name: float(np.asarray(v.data)) for v in observe(sim, state, 1)["time"] if not v.dims}


def unbalanced(found: dict[str, float]) -> float:
    """Residual of the balance over all that was exchanged."""
    return abs(found["ledger_residual"]) / sum(abs(found[f"ledger_{n}"]) for n in (*FROM_OUTSIDE, *WITHIN))
