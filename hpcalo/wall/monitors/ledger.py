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
        bath = wire.bath_energy(thermal.theta) - ledger[position("bath_start")]
        magnet = wire.magnet_energy(state.m, state.t) - ledger[position("magnet_start")]
        doubt = abs(ledger[position("damping")] - ledger[position("dissipated")])
        entries = [
            number(f"ledger_{name}", float(ledger[position(name)]), PER_AREA, WORDS[name])
            for name in (*FROM_OUTSIDE, *WITHIN)
        ]
        entries[-1] = replace(entries[-1], error=np.asarray(doubt))
        hottest = sim.mesh.max(float(sim.temperature(state).max()))
        return [
            *entries,
            number("ledger_bath", bath, PER_AREA, "heat that the bath has gained, int (u(T) - u(T at the start)) dx"),
            number("ledger_magnet", magnet, PER_AREA, "energy that the magnet has gained"),
            number("ledger_residual", bath + magnet - total(ledger, FROM_OUTSIDE), PER_AREA, BALANCE),
            number("temperature_peak", hottest, "K", "highest temperature of the wire"),
        ]
