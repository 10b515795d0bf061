"""The energy ledger of a wire with its own temperature, from the stored numbers alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from hpcalo.io.checks import Check, below, untested
from hpcalo.io.dataset import Result
from hpcalo.wall.checks.stored import EXACT, same_times, succeeded

CLOSED = 1e-10
ROUNDING = 1e-15  # of T as it is stored
BROUGHT = tuple(f"ledger_{name}" for name in ("supply", "leads", "field", "left", "right", "substrate"))
WITHIN = ("ledger_joule", "ledger_thermoelectric", "ledger_damping")
STORED = ("ledger_bath", "ledger_magnet")
LATER = {"brought": ("ledger_motive",), "within": ("ledger_transfer", "ledger_caloric"), "stored": ("ledger_entropy",)}
"""What files of earlier versions do not hold: there it is 0."""
LOST = 1e-2  # of the damping heat: what the integrator of the magnetization may make or lose


def ledger(result: Result) -> Iterator[Check]:
    """What came in is what was stored; the heat of the bath is that of its temperature; damping is its power."""
    names = (*BROUGHT, *WITHIN, *STORED)
    if not all(name in result.variables for name in names):
        return
    extra = {key: tuple(n for n in more if n in result.variables) for key, more in LATER.items()}
    held = {name: np.atleast_2d(succeeded(result, name)) for name in (*names, *chain(*extra.values()))}
    groups = ((*BROUGHT, *extra["brought"]), (*STORED, *extra["stored"]))
    brought, stored = (np.asarray(sum(held[n] for n in group)) for group in groups)
    exchanged = np.asarray(sum(np.abs(x) for x in held.values()))
    worst = float(np.max(np.abs(stored - brought) / np.where(exchanged > 0.0, exchanged, 1.0)))
    yield below(
        "Energy ledger closes",
        "|gain of bath and magnet − what came through supply, leads, fields, ends and substrate| over all that was "
        "exchanged, at every time",
        worst,
        CLOSED,
    )
    heat = (
        held["ledger_left"]
        + held["ledger_right"]
        + held["ledger_substrate"]
        + sum(held[n] for n in (*WITHIN, *extra["within"]))
    )
    worst = float(np.max(np.abs(held["ledger_bath"] - heat) / np.where(exchanged > 0.0, exchanged, 1.0)))
    yield below("Heat of the bath", "gain of the bath = heat made within + heat from ends and substrate", worst, CLOSED)
    yield from _capacity(result)
    yield from _damping(result)


def _capacity(result: Result) -> Iterator[Check]:
    """The bath's heat is c times the rise of T, where c is a number."""
    name, must = "Heat capacity", "gain of the bath = ∫ c (T − T at the start) dx, relative to the largest"
    capacity = result.setting("heat", "heat_capacity")
    if result.setting("heat", "table") or not isinstance(capacity, float):
        return
    if not same_times(result, "temperature", "ledger_bath"):
        yield untested(name, must, "temperature and ledger were not written at the same times")
        return
    spacing = 1e-9 * float(result["x"][1] - result["x"][0])
    temperature = succeeded(result, "temperature")
    rise = (temperature - temperature.take([0], axis=-2)).sum(axis=-1) * capacity * spacing
    bath = succeeded(result, "ledger_bath")
    gained = bath - bath.take([0], axis=-1)
    size = float(np.max(np.abs(gained), initial=0.0))
    held = float(np.max(temperature, initial=0.0)) * capacity * spacing * temperature.shape[-1]
    gap = float(np.max(np.abs(gained - rise), initial=0.0))
    yield below(name, must, max(0.0, gap - ROUNDING * held) / size if size else 0.0, EXACT)


def _damping(result: Result) -> Iterator[Check]:
    """The heat of damping against the integral of its power, known by the error of the entry."""
    error = result.variables["ledger_damping"].error
    if error is None:
        return
    damping, gap = (float(np.nanmax(np.abs(x), initial=0.0)) for x in (result["ledger_damping"], error))
    if damping == 0.0:
        return
    yield below(
        "Damping heat is its power",
        "|heat of damping − ∫∫ (αμ₀M_s/γ)|∂_tM|² dx dt| over the heat: energy that the time integration made or lost",
        gap / damping,
        LOST,
    )
