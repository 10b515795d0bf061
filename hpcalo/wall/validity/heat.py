"""Checks of [heat]: what goes together with a temperature that is computed."""

from __future__ import annotations

from hpcalo.errors import InputError
from hpcalo.wall.config import WallInput


def not_published(s: WallInput) -> list[str]:
    """The published model has a given temperature."""
    if s.heat is not None:
        raise InputError("heat: needs wall.model = 'consistent'; the published model takes T(x) as given")
    return []


def together(s: WallInput) -> list[str]:
    """Refuses what would need T(x, t) and does not take it: nothing is left out silently."""
    h = s.heat
    if h is None:
        return []
    refused = (
        (s.wall.mode != "quasi-static", f"wall.mode: '{s.wall.mode}' does not go with [heat]; use 'quasi-static'"),
        (
            s.electronic_structure is not None,
            "electronic_structure: does not go with [heat] yet: its torques and DMI do not follow T(x, t)",
        ),
        (s.wire.follow, "wire.follow: true does not go with [heat]: the window would leave its heat behind"),
        (
            s.drive.gradient != 0.0,
            "drive.gradient: with [heat] the temperature is computed: give heat.left and heat.right temperatures "
            "instead",
        ),
    )
    for wrong, text in refused:
        if wrong:
            raise InputError(text)
    return []


def range_of_the_table(s: WallInput) -> list[str]:
    """Given temperatures outside the table of coefficients."""
    h = s.heat
    if h is None or h.table is None:
        return []
    low, high = h.table.temperature[0], h.table.temperature[-1]
    given = {
        "drive.temperature": s.drive.temperature,
        "heat.substrate_temperature": h.substrate_temperature,
        "heat.left.temperature": h.left.temperature,
        "heat.right.temperature": h.right.temperature,
    }
    for key, value in given.items():
        if value is not None and not low <= value <= high:
            raise InputError(f"{key}: {value:g} K is outside of heat.table.temperature, {low:g} to {high:g} K")
    return []
