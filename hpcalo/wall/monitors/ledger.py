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
        errors = wire.errors(thermal)
        held = wire.stored(thermal, state.m, state.t)
        gained = {name: value - ledger[position(f"{name}_start")] for name, value in held.items()}
        doubt = abs(ledger[position("damping")] - ledger[position("dissipated")])
        errors["damping"] = doubt

        def entry(name: str, value: float, words: str) -> Variable:
            found = number(f"ledger_{name}", value, PER_AREA, words)
            return replace(found, error=np.asarray(errors[name])) if name in errors else found

        entries = [entry(name, float(ledger[position(name)]), WORDS[name]) for name in (*FROM_OUTSIDE, *WITHIN)]
        hottest = sim.mesh.max(float(sim.temperature(state).max()))
        return [
            *entries,
            *(entry(name, gained[name], words) for name, words in HELD.items()),
            number("ledger_residual", sum(gained.values()) - total(ledger, FROM_OUTSIDE), PER_AREA, BALANCE),
            replace(
                number("temperature_peak", hottest, "K", "highest temperature of the wire"),
                error=np.asarray(errors["temperature"]),
            ),
        ]
