"""Conservation of charge and of spin, formed from the stored currents and densities in SI."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import constants

from hpcalo.io.checks import Check, below, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.typing import RealArray
from hpcalo.wall.checks.stored import (
    EXACT,
    MOVING,
    between_times,
    divergence,
    input_value,
    is_moving,
    largest,
    same_times,
    shaped,
    succeeded,
)
from hpcalo.wall.plot.data import is_scan

STEADY = 1e-9  # of a steady state
DENSITY = 0.1  # of charge between the written times: the density changes little, and fastest at the start
UNRESOLVED = 0.2  # an integral that changes by more without its middle time tells nothing


def charge(result: Result) -> Iterator[Check]:
    """d_t n + d_x j = 0."""
    if "charge_current" not in result.variables:
        return
    name = "Conservation of charge"
    current = succeeded(result, "charge_current")
    if not is_moving(result):
        must = "variation of j along the wire, relative to j or, if larger, to e j_s"
        spin = succeeded(result, "spin_current") if "spin_current" in result.variables else np.zeros(1)
        size = max(largest(current), constants.e * largest(spin))  # an open circuit carries no charge but rounding
        yield below(name, must, relative(np.ptp(current, axis=-1), size), STEADY)
        return
    must = "∂n/∂t + ∂j/∂x = 0 between the written times: residual relative to ∫∂n/∂t dx or 10⁻⁶ j"
    if not same_times(result, "charge_current", "density_deviation"):
        yield untested(name, must, "current and density were not written at the same times")
        return
    times = 1e-9 * np.asarray(result[result.variables["charge_current"].dims[1 if is_scan(result) else 0]], dtype=float)
    if len(times) < 3:
        yield untested(name, must, "an integral over time needs three times")
        return
    gaps, doubts = _charge_between(result, times)
    usable = np.isnan(gaps) | (doubts <= UNRESOLVED)
    if not usable.any():
        yield untested(name, must, "the written times do not resolve how the current changes")
        return
    at = int(np.argmax(np.where(usable, np.nan_to_num(gaps - doubts, nan=np.inf), -np.inf)))
    remark = f"integral over three times, good to about {doubts[at]:.1g}"
    yield below(name, must, gaps[at], DENSITY + float(np.nan_to_num(doubts[at])), remark)


def _charge_between(result: Result, times: RealArray) -> tuple[RealArray, RealArray]:
    """Of each three times in a row: the residual, and how much of it the middle one has changed.

    Both over what the density changes by: the trapezoid rule misses more of a current the faster it changes.
    """
    axis = 1 if is_scan(result) else 0
    density = np.moveaxis(succeeded(result, "density_deviation"), axis, 0)
    outflow = -np.moveaxis(divergence(result, "charge_current"), axis, 0) / constants.e
    pairs = (len(times) - 1) // 2
    first, middle, last = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2), slice(2, 2 * pairs + 1, 2)
    t = times.reshape(-1, *[1] * (density.ndim - 1))
    span = t[last] - t[first]
    change = (density[last] - density[first]) / span
    coarse = change + 0.5 * (outflow[first] + outflow[last])
    before, after = (t[middle] - t[first]) / span, (t[last] - t[middle]) / span
    fine = change + 0.5 * (before * outflow[first] + outflow[middle] + after * outflow[last])
    per_node = constants.e * 1e-9 * float(result["x"][1] - result["x"][0])

    def flow(rate: RealArray) -> RealArray:
        whole = per_node * np.abs(np.cumsum(rate, axis=-1))
        return np.asarray(whole.reshape(pairs, -1).max(axis=1))

    size = max(largest(flow(change)), 1e-6 * largest(succeeded(result, "charge_current")))
    if size == 0.0:
        return flow(fine), np.zeros(pairs)
    return flow(fine) / size, flow(fine - coarse) / size


def spin(result: Result) -> Iterator[Check]:
    """d_t m + d_x j_s = (J/hbar) M x m - m/tau_sf."""
    names = ("spin_current", "spin_accumulation", "magnetization")
    if any(n not in result.variables for n in names):
        return
    name = "Conservation of spin"
    law = "∂j_s/∂x = (J/ħ) M × m − m/τ_sf"
    must = f"∂m/∂t + {law}, between the written times" if is_moving(result) else f"{law}, relative to its largest term"
    splitting = input_value(result, "electrons", "exchange_splitting")
    flip = input_value(result, "electrons", "spin_flip_time")
    if splitting is None or flip is None or not same_times(result, *names):
        yield untested(name, must, "needs J, τ_sf, and M, m, j_s at the same times")
        return
    m = succeeded(result, "spin_accumulation")
    precession = shaped(splitting, m) * constants.e / constants.hbar * np.cross(succeeded(result, "magnetization"), m)
    balance = divergence(result, "spin_current") - precession + m / (1e-15 * shaped(flip, m))
    if not is_moving(result):
        yield below(name, must, relative(balance, precession), EXACT)
        return
    rest = between_times(result, "spin_accumulation", m, balance)
    if rest is None:
        yield untested(name, must, "a single time")
    else:
        yield below(name, must, relative(rest, precession), MOVING)
