"""All checks of a wall result from its numbers alone: conservation laws, |M| = 1, definitions, balances in time.

The balances are formed here from the stored arrays in SI with constants of scipy; they share no code with the solver.
Of a scan every point that did not fail is tested, and the worst is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hpcalo.config.reader import validate
from hpcalo.errors import HpcaloError
from hpcalo.io.checks import Check, finite, points_that_failed, worst
from hpcalo.io.dataset import Result
from hpcalo.io.scanned import is_uneven, pop_scan, single_point
from hpcalo.wall.checks import balances, conservation, definitions, ledger
from hpcalo.wall.checks.stored import succeeded
from hpcalo.wall.config import WallInput
from hpcalo.wall.plot.data import is_paper, is_scan
from hpcalo.wall.validity.settings import check_settings

UNDEFINED = (
    *("wall_position", "wall_velocity", "wall_width", "wall_angle"),
    *("beta", "beta_Q", "beta_electrical", "polarization", "thermal_polarization", "settling_s", "settling_time"),
    *("thermal_polarization_initial", "thermal_polarization_final"),
)
"""Variables that are NaN where there is no wall, no drive, or no end."""

PUBLISHED: tuple[Callable[[Result], Iterator[Check]], ...] = (
    definitions.unit_length,
    definitions.published_identity,
    definitions.published_parts,
    definitions.published_thermal_torque,
)
"""Checks of the published model, each of them with the variables that the file holds."""
CONSISTENT: tuple[Callable[[Result], Iterator[Check]], ...] = (
    definitions.unit_length,
    conservation.charge,
    conservation.spin,
    definitions.torque_parts,
    definitions.torque_from_accumulation,
    definitions.circuit,
    definitions.energy_parts,
    balances.energy_balance,
    balances.velocity,
    ledger.ledger,
)
"""Checks of the consistent model. A further check is a function here."""


def checks(result: Result) -> list[Check]:
    """All checks for which the file holds the variables."""
    if is_scan(result) and is_uneven(result):
        return [points_that_failed(result), *_worst(result)]
    found = [finite(result, UNDEFINED)]
    if is_scan(result):
        found.append(points_that_failed(result))
    for check in PUBLISHED if is_paper(result) else CONSISTENT:
        found += check(result)
    return found


def _worst(result: Result) -> list[Check]:
    """For points with axes of their own: each check at the point where it is worst."""
    good = [index for index, error in enumerate(result["error"]) if not str(error)]
    return worst(checks(single_point(result, index)) for index in good)


def hints(result: Result) -> list[tuple[str, str]]:
    """Facts about the solver that the file holds, in words: (name, value)."""
    found = []
    for name in ("steps", "linear_solves", "linear_iterations"):
        if name in result.attrs:
            found.append((name.replace("_", " "), f"{int(result.attrs[name]):,}"))
    solves = int(result.attrs.get("linear_solves", 0))
    if solves and "linear_iterations" in result.attrs:
        found.append(("iterations per solve", f"{int(result.attrs['linear_iterations']) / solves:.1f}"))
    width = succeeded(result, "wall_width") if "wall_width" in result.variables else np.zeros(0)
    if np.isfinite(width).any() and "x" in result.coordinates:
        spacing = float(result["x"][1] - result["x"][0])
        found.append(("nodes per wall parameter", f"{float(np.nanmin(width)) / spacing:.3g}, at the narrowest wall"))
    return found


def warnings(result: Result) -> list[str]:
    """Warnings of a run whose file does not keep them: its input is checked again."""
    base = dict(result.settings)
    scan = pop_scan(base)
    found: list[str] = []
    try:
        found += check_settings(validate(WallInput, base, "input"))
    except HpcaloError as problem:
        found.append(str(problem))
    if scan is not None:
        found = [f"{text} (at the input's own value of {scan.get('key', '?')})" for text in found]
    return found
