"""Warnings about coefficients that can be used, but deserve a second look."""

from __future__ import annotations

import numpy as np

from hpcalo import units
from hpcalo.coupling.requirements import SECTION
from hpcalo.coupling.selection import Selection
from hpcalo.io.uncertain import THRESHOLD, percent, rms, with_error
from hpcalo.wall.coefficients import MEANING, Coefficients
from hpcalo.wall.config import WallInput

NOTICEABLE = 0.01
"""Part of a coefficient outside the lowest order above which a warning says so."""
ALONG_NORMAL = 1e-6
"""Largest in-plane component of a direction that counts as along the film's normal."""
MOMENT_MISMATCH = 0.1
"""Relative difference between M_s of the input and the moment of the result above which a warning says so."""


def warnings(settings: WallInput, selection: Selection, c: Coefficients) -> list[str]:
    """What the user should know. Serial. Raises InputError where the moment cannot be averaged."""
    path = selection.path
    out = [
        f"{path}: {name}: {left:.2g} of it lies outside the lowest order in the direction of the magnetization"
        for name, left in c.residual.items()
        if left > NOTICEABLE and name not in c.angular
    ]
    out += _outside(selection, c)
    if np.abs(selection.n_hat[:, :2]).max() < ALONG_NORMAL:
        out.append(
            f"{path}: has the magnetization along the film's normal only, so that the dependence of the coefficients "
            "on its direction (lowest order) is assumed, not checked; add directions to kubo.n_hat to check it"
        )
    return out + _uncertain(settings, selection, c) + _saturation(settings, selection, c) + _dmi(settings, c)


def _outside(selection: Selection, c: Coefficients) -> list[str]:
    """What the orders in n of the expansion leave, and where nothing tells."""
    out = [
        f"{selection.path}: {name}: {tensor.residual:.2g} of it lies outside order {tensor.order} in the direction of "
        "the magnetization"
        for name, tensor in c.angular.items()
        if tensor.residual > NOTICEABLE
    ]
    untold = [f"{name} ({t.order})" for name, t in c.angular.items() if np.isnan(t.residual)]
    if untold:
        out.append(
            f"{selection.path}: has no more directions than the coefficients of {', '.join(untold)}, so that what lies "
            "outside these orders in the direction of the magnetization is not known"
        )
    return out


def in_words(settings: WallInput, c: Coefficients) -> list[str]:
    """The coefficients with their errors at the wire's temperature, a line each."""
    out = [f"{_at(settings, c, name)[0]} at {settings.drive.temperature:.4g} K" for name in c.tables]
    for name, tensor in c.angular.items():
        left = "not known" if np.isnan(tensor.residual) else f"{tensor.residual:.2g}"
        out.append(f"{name}: orders up to {tensor.order} in the direction of the magnetization; outside them: {left}")
    return out


def _at(settings: WallInput, c: Coefficients, name: str) -> tuple[str, float, float]:
    """A coefficient at the wire's temperature in words; its value and its error there (NaN: not known)."""
    temperature, unit = settings.drive.temperature, MEANING[name][0]
    value = float(c.at(name, np.array([temperature]))[0])
    error = float(np.interp(temperature, c.temperatures, c.errors[name])) if name in c.errors else float("nan")
    return f"{name} = {with_error(value, error)}{'' if unit == '1' else f' {unit}'}", value, error


def _uncertain(settings: WallInput, selection: Selection, c: Coefficients) -> list[str]:
    """Coefficients that the result does not know well enough, by its own threshold."""
    given = selection.result.setting("kubo", "warn_error")
    limit = float(given) if isinstance(given, int | float) else THRESHOLD
    out, unknown = [], []
    for name, table in c.tables.items():
        words, value, error = _at(settings, c, name)
        if name in c.errors and error > limit * max(abs(value), float(rms(table))):
            out.append(f"{selection.path}: not converged: {words} ({percent(error / abs(value) if value else np.inf)})")
        if name not in c.errors:
            unknown.append(name)
    if unknown and any(v.error is not None for v in selection.result.variables.values()):
        out.append(f"{selection.path}: the errors of {', '.join(unknown)} are not known")
    return out


def _saturation(settings: WallInput, selection: Selection, c: Coefficients) -> list[str]:
    """M_s of the input against the moment of the result."""
    if selection.section.saturation != "input" or "spin_moment" not in selection.result.variables:
        return []
    own = settings.magnet.saturation_magnetization * c.thickness * c.cell_area / units.BOHR_MAGNETON
    moment = float(np.interp(settings.drive.temperature, selection.temperatures, selection.moment().values))
    if abs(own - moment) <= MOMENT_MISMATCH * abs(moment):
        return []
    return [
        f"magnet.saturation_magnetization: is {own:.3g} µ_B per cell, the result's moment is {moment:.3g} "
        f"({SECTION}.saturation = 'result' takes it; {SECTION}.thickness = {c.thickness * 1e9:.4g} nm)"
    ]


def _dmi(settings: WallInput, c: Coefficients) -> list[str]:
    """D against the value above which a wall has a negative energy."""
    if not c.has("spiralization"):
        return []
    m = settings.magnet
    limit = 4.0 * np.sqrt(m.exchange_stiffness * m.anisotropy) / np.pi
    dmi = abs(float(c.interfacial_dmi(np.array([settings.drive.temperature]))[0]))
    if dmi <= limit:
        return []
    return [
        f"{SECTION}.dmi: |D| = {1e3 * dmi:.3g} mJ/m^2 is above 4 sqrt(AK)/pi = {1e3 * limit:.3g} mJ/m^2: "
        "walls lower the energy and multiply"
    ]
