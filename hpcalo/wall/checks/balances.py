"""Balances in time: a quantity changes by the integral of its rates between the first and the last written time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from hpcalo.io.checks import Check, below, untested
from hpcalo.io.dataset import Result
from hpcalo.typing import RealArray
from hpcalo.wall.checks.stored import same_times, succeeded

UNRESOLVED = 0.2  # an integral that changes by more with every second time left out tells nothing
FEWEST = 5  # times that an integral needs


@dataclass(frozen=True)
class Balance:
    """`quantity` in SI times 1/`factor` changes by the integral of the sum of `rates`; `limit`: relative deviation."""

    name: str
    quantity: str
    rates: tuple[str, ...]
    factor: float
    limit: float
    criterion: str


VELOCITY = Balance(
    "Wall velocity agrees with the wall position",
    "wall_position",
    ("wall_velocity",),
    1e9,
    0.1,  # velocity and position agree for a wall that keeps its shape
    "x(end) − x(start) = ∫ v dt, relative to ∫ |v| dt",
)
FIRST_POWERS = ("power_spin_torque", "power_damping")


def energy_balance(result: Result) -> Iterator[Check]:
    """dE/dt is the sum of all powers."""
    of_terms = [n for n, v in result.variables.items() if n.startswith("power_") and v.unit == "W/m^2"]
    powers = (*FIRST_POWERS, *(n for n in of_terms if n not in FIRST_POWERS))
    named = ["P_" + n.removeprefix("power_").removeprefix("spin_") for n in powers]
    balance = Balance(
        "Energy balance",
        "energy_total",
        powers,
        1.0,
        1e-2,
        f"E(end) − E(start) = ∫ ({' + '.join(named)}) dt, relative to ∫ ({' + '.join(f'|{n}|' for n in named)}) dt",
    )
    if not _applies(result, balance):
        return
    fields = result.setting("drive", "zeeman") or []
    if any(f.get("frequency") for f in fields if isinstance(f, dict)) and "power_field" not in powers:
        yield untested(balance.name, balance.criterion, "an alternating field also does work on the magnet")
    elif result.setting("electronic_structure") is not None:
        yield untested(balance.name, balance.criterion, "spin-orbit torques also do work on the magnet")
    else:
        yield _compare(result, balance)


def velocity(result: Result) -> Iterator[Check]:
    """The wall moves as fast as its velocity says."""
    if _applies(result, VELOCITY):
        yield _compare(result, VELOCITY)


def _applies(result: Result, balance: Balance) -> bool:
    names = (balance.quantity, *balance.rates)
    return all(n in result.variables for n in names) and result.attrs.get("kind") != "steady"


def _compare(result: Result, balance: Balance) -> Check:
    if not same_times(result, balance.quantity, *balance.rates):
        return untested(balance.name, balance.criterion, "not written at the same times")
    times = 1e-9 * np.asarray(result[result.variables[balance.quantity].dims[-1]], dtype=float)
    rows = [np.atleast_2d(succeeded(result, n)) for n in (balance.quantity, *balance.rates)]
    found = [_deviation(times, one[0], one[1:], balance.factor) for one in zip(*rows, strict=True)]
    usable = [(gap, doubt) for gap, doubt in found if np.isnan(gap) or doubt <= UNRESOLVED]
    if len(times) < FEWEST or not usable:
        return untested(balance.name, balance.criterion, "too few times were written to integrate")
    gap, doubt = max(usable, key=lambda pair: np.inf if np.isnan(pair[0]) else pair[0] - pair[1])
    remark = f"integral over {len(times)} times, good to about {doubt:.1g}"
    return below(balance.name, balance.criterion, gap, max(balance.limit, doubt), remark)


def _deviation(times: RealArray, values: RealArray, rates: Sequence[RealArray], factor: float) -> tuple[float, float]:
    """(deviation, change by leaving out every second time), both relative to the integral of the rates' sizes."""
    rate = factor * np.asarray(sum(rates))
    sizes = factor * sum(np.abs(r) for r in rates)
    if not (np.isfinite(rate).all() and np.isfinite(values).all()):
        return (np.nan, 0.0) if np.isfinite(values).all() else (0.0, np.inf)  # a wall that has left: nothing to test
    if len(times) < FEWEST:
        return 0.0, np.inf
    size = float(np.trapezoid(sizes, times))
    if size == 0.0:
        return 0.0, 0.0
    last = (len(times) - 1) // 2 * 2
    whole = float(CubicSpline(times, rate).integrate(times[0], times[-1]))
    even = float(CubicSpline(times, rate).integrate(times[0], times[last]))
    half = float(CubicSpline(times[: last + 1 : 2], rate[: last + 1 : 2]).integrate(times[0], times[last]))
    return abs(float(values[-1] - values[0]) - whole) / size, abs(even - half) / size
