"""Checks of the temperature along the wire."""

from __future__ import annotations

from hpcalo.errors import InputError
from hpcalo.wall.config import WallInput
from hpcalo.wall.validity.common import end_temperatures


def positive_temperature(s: WallInput) -> list[str]:
    """T(x) <= 0 on the wire."""
    t = end_temperatures(s)
    if t.min() <= 0.0:
        raise InputError(
            f"drive.gradient: T(x) falls to {t.min():.4g} K on the wire; "
            f"shorten wire.length or drive.ramp_length to below "
            f"{2 * s.drive.temperature / abs(s.drive.gradient):.4g} nm, or use drive.profile = 'uniform'"
        )
    return []


def linear_response(s: WallInput) -> list[str]:
    """T0 + kappa x <= 0 somewhere on a wire whose coefficients are taken at T0."""
    d = s.drive
    if d.profile != "uniform" or d.temperature > 0.5 * abs(d.gradient) * s.wire.length:
        return []
    reach = d.temperature / abs(d.gradient)
    return [
        f"drive.gradient: linear response: all coefficients are those at {d.temperature:g} K; T0 + kappa x itself is "
        f"positive only within {reach:.4g} nm of the middle of the wire, {2 * reach:.4g} nm of its {s.wire.length:g} nm"
    ]
