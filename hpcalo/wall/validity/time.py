"""Checks of the time integration."""

from __future__ import annotations

from hpcalo.errors import InputError
from hpcalo.wall.config import WallInput
from hpcalo.wall.validity.common import carriers


def time_stepping(s: WallInput) -> list[str]:
    """Mode, integrator and refreshing that go together."""
    if s.wall.mode == "steady":
        return []
    if s.wall.mode == "time-dependent" and not s.electrons.spin_torque:
        raise InputError(
            "electrons.spin_torque: false needs wall.mode = 'quasi-static'; time-dependent mode steps the electrons"
        )
    if s.wall.mode == "time-dependent" and s.time.integrator == "rk":
        raise InputError("time.integrator: 'rk' is explicit; time-dependent mode takes arkimex, bdf, rosw or cn")
    if s.wall.mode == "time-dependent" and s.time.integrator == "cn" and s.time.first_step * carriers(s).precession > 2:
        return [
            "time.integrator: 'cn' does not damp precession that the step does not resolve; bdf, arkimex and rosw do"
        ]
    if s.wall.mode == "quasi-static" and s.time.refresh == "stage" and s.time.integrator != "rk":
        raise InputError("time.refresh: 'stage' needs time.integrator = 'rk'; the others take 'step' or 'interval'")
    if s.time.output_every > s.time.end:
        raise InputError(f"time.output_every: {s.time.output_every:g} ns is longer than time.end = {s.time.end:g} ns")
    return []
