"""One implicit step of the heat equation: two stages, second order, L-stable, exact in energy.

The singly diagonal method with gamma = 1 - 1/sqrt(2), whose last stage is the result. The unknown of the balance is
the energy u of the bath, so what it gains is the sum of what the terms bring, whatever c(T), to rounding.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, solve_banded

from hpcalo.errors import ConvergenceError
from hpcalo.typing import RealArray
from hpcalo.wall.heat.entropy import Store
from hpcalo.wall.heat.equation import HeatEquation, Rates
from hpcalo.wall.heat.material import Material

GAMMA = 1.0 - 1.0 / np.sqrt(2.0)
ITERATIONS = 40
SETTLED = 1e-9
"""Relative change below which Newton's method has converged once a change no longer shrinks: what is left is rounding.
"""


def heat_step(
    equation: HeatEquation, theta: RealArray, source: RealArray, h: float, store: Store | None = None
) -> tuple[RealArray, RealArray]:  # fmt: skip
    """theta (n,) after a time h (s) with a constant source (n,) in W/m^3; energies (J/m^2) of the equation's terms.

    store: what takes up the heat (default: the bath alone). Raises ConvergenceError.
    """
    held = store or equation.material
    start = held.energy(theta)
    middle, first = _stage(equation, held, theta, start, source, GAMMA * h)
    base = start + (1.0 - GAMMA) * h * (first.rate + source)
    end, last = _stage(equation, held, middle, base, source, GAMMA * h)
    return end, h * ((1.0 - GAMMA) * first.powers + GAMMA * last.powers)


def _stage(
    equation: HeatEquation, held: Store | Material, guess: RealArray, base: RealArray, source: RealArray, h: float
) -> tuple[RealArray, Rates]:  # fmt: skip
    """theta of u(theta) = base + h (rate(theta) + source), and the rates there."""
    theta, before = guess, np.inf
    for _ in range(ITERATIONS):
        found = equation(theta)
        residual = held.energy(theta) - base - h * (found.rate + source)
        bands = -h * found.bands
        bands[1] += held.heat_capacity(theta)
        try:
            change = solve_banded((1, 1), bands, residual, check_finite=False)
        except LinAlgError:
            break
        theta = theta - change
        size, scale = (float(np.abs(x).max()) for x in (change, theta))
        if not np.isfinite(size):
            break
        if size == 0.0 or (size <= SETTLED * scale and size > 0.3 * before):
            return theta, equation(theta)
        before = size
    raise ConvergenceError(f"heat: the implicit step of {h * 1e15:.4g} fs has no solution; lower heat.step")
