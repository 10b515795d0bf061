"""Checks of the time integration."""

from __future__ import annotations

from hpcalo.errors import InputError
from hpcalo.wall.config import WallInput
from hpcalo.wall.validity.common import carriers

LOOSE = 1e-5  # tolerance of a step beyond which the error of a run has nothing to do with it


def loose_tolerance(s: WallInput) -> list[str]:
    """Steps whose errors nothing bounds."""
    t = s.time
    if s.wall.mode == "steady" or t.fixed_step or t.tolerance <= LOOSE:
        return []
    return [
        f"time.tolerance: {t.tolerance:g} is the error of one step; many add up, and velocities may be wrong "
        f"by several times their size: keep it below {LOOSE:g}, or compare with a tenth of it"
    ]


def unknown_error(s: WallInput) -> list[str]:
    """Errors of the wall that are told without a part of them."""
    if s.wall.mode == "steady" or s.output.step_error:
        return []
    return ["output.step_error: false leaves the steps in time out of the errors of the wall's velocity and position"]


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
