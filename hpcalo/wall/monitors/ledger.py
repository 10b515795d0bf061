"""Monitor of the energy ledger: where every joule went."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.wall.heat.ledger import FROM_OUTSIDE, WITHIN, WORDS, position, total
from hpcalo.wall.monitors.monitor import Monitor, number

if TYPE_CHECKING:
    from hpcalo.wall.dynamics.simulation import Simulation
    from hpcalo.wall.dynamics.state import State
    from hpcalo.wall.electrons.response import Torques

BALANCE = "gain of bath and magnet less all that came from outside"
HELD = {
    "bath": "heat that the bath has gained, int (u(T) - u(T at the start)) dx",
    "magnet": "free energy f that the magnet has gained",
    "entropy": "heat that the magnet has gained, T s_m with s_m = -df/dT at fixed M",
}
PER_AREA = "J/m^2"


class Ledger(Monitor):
    """Energies since the start, each by what brought it, per cross-section; the balance; the hottest temperature."""

    name = "ledger"

    def variables(self, sim: Simulation, state: State, torques: Torques) -> list[Variable]:
        """Collective. Nothing for a state without a temperature, as that on a coarser mesh has none."""
        wire, thermal = sim.heat, state.thermal
        if wire is None or thermal is None:
            return []
        ledger = thermal.ledger
        held = wire.stored(thermal, state.m, state.t)
        gained = {name: value - ledger[position(f"{name}_start")] for name, value in held.items()}
        doubt = abs(ledger[position("damping")] - ledger[position("dissipated")])
        entries = [
            number(f"ledger_{name}", float(ledger[position(name)]), PER_AREA, WORDS[name])
            for name in (*FROM_OUTSIDE, *WITHIN)
        ]
        place = len(FROM_OUTSIDE) + WITHIN.index("damping")
        entries[place] = replace(entries[place], error=np.asarray(doubt))
        hottest = sim.mesh.max(float(sim.temperature(state).max()))
        return [
            *entries,
            *(number(f"ledger_{name}", gained[name], PER_AREA, words) for name, words in HELD.items()),
            number("ledger_residual", sum(gained.values()) - total(ledger, FROM_OUTSIDE), PER_AREA, BALANCE),
            number("temperature_peak", hottest, "K", "highest temperature of the wire"),
        ]
