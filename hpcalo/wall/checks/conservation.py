"""Conservation of charge and of spin, formed from the stored currents and densities in SI."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import constants

from hpcalo.io.checks import Check, below, relative, untested
from hpcalo.io.dataset import Result
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

STEADY = 1e-9  # of a steady state
DENSITY = 0.1  # of charge between the written times: the density changes little, and fastest at the start


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
    outflow = -divergence(result, "charge_current") / constants.e
    density = succeeded(result, "density_deviation")
    rest = between_times(result, "charge_current", density, outflow)
    change = between_times(result, "charge_current", density, np.zeros_like(density))
    if rest is None or change is None:
        yield untested(name, must, "a single time")
        return
    per_node = constants.e * 1e-9 * float(result["x"][1] - result["x"][0])
    size = max(per_node * largest(np.cumsum(change, axis=-1)), 1e-6 * largest(current))
    yield below(name, must, relative(per_node * np.cumsum(rest, axis=-1), size), DENSITY)


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
