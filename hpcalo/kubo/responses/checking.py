"""What the checks of the responses share: sizes, averages and partners in a result file.

The thermal averages here are plain quadratures of the stored curves, with constants of scipy; they share no code with
those that made the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from hpcalo.io.checks import Check, below, relative, untested
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import floor_of
from hpcalo.typing import RealArray

EXACT = 1e-10
SAME = 1e-6  # two runs of the k sum with opposite magnetization
CURVE = 2e-3  # quadrature of a curve that is smooth on the energy grid
GRID = 5e-2  # what an energy grid may leave open in curves without broadening,
COARSE = 0.5  # and up to where that may be the reason


@cache
def boltzmann() -> float:
    """eV/K."""
    from scipy import constants  # noqa: PLC0415  (slow; every input's schema loads this module)

    return float(constants.k / constants.e)


@cache
def e_a0() -> float:
    """e times the Bohr radius, C m."""
    from scipy import constants  # noqa: PLC0415  (as above)

    return float(constants.e * constants.physical_constants["Bohr radius"][0])


def array(result: Result, name: str) -> RealArray:
    """A variable or coordinate in double precision."""
    return np.asarray(result[name], dtype=float)


def significant(result: Result, *names: str) -> bool:
    """Whether the variables are there and larger than rounding errors."""
    return all(
        name in result.variables and float(np.nanmax(np.abs(array(result, name)), initial=0.0)) > floor_of(result, name)
        for name in names
    )


def opposite_directions(result: Result) -> list[tuple[int, int]]:
    """Numbers of opposite magnetizations."""
    if "n_vector" not in result.coordinates:
        return []
    n = array(result, "n_vector")
    return [(i, j) for i in range(len(n)) for j in range(i) if np.abs(n[i] + n[j]).max() < 1e-9]


def average(result: Result, curve: RealArray, order: int) -> RealArray:
    """∫dE (−f′)(E − μ)^order X(E) for every μ and T by the trapezoid rule in (E − μ)/k_BT: (…, M, T)."""
    energies = array(result, "energy")
    x = np.linspace(-25.0, 25.0, 4001)
    flat = curve.reshape(-1, len(energies))
    mus, temperatures = array(result, "mu"), array(result, "temperature")
    out = np.empty((len(flat), len(mus), len(temperatures)))
    for m, mu in enumerate(mus):
        for t, kt in enumerate(boltzmann() * temperatures):
            weight = 0.25 / np.cosh(0.5 * x) ** 2 * (kt * x) ** order
            at = np.array([np.interp(mu + kt * x, energies, row) for row in flat])
            out[:, m, t] = np.trapezoid(at * weight, x, axis=1)
    return out.reshape(*curve.shape[:-1], len(mus), len(temperatures))


def sum_rule(
    result: Result, name: str, curve: str, equation: str, *, order: int, factor: float, limit: float
) -> Iterator[Check]:
    """That a thermal variable follows from its curve at T = 0 against the Fermi energy.

    order: power of E − μ in the average, which is divided by T if there is one. factor: between the units of the two.
    limit: CURVE for a smooth curve, GRID for one with features narrower than the energy grid.
    """
    if not significant(result, name, curve):
        return
    title, must = f"Sum rule of {name}", f"{equation}, deviation relative to the largest value"
    temperatures, energies = array(result, "temperature"), array(result, "energy")
    use = np.ones(len(temperatures), bool)
    if limit == GRID:  # such a curve has features narrower than the grid: temperature has to smooth them
        use = boltzmann() * temperatures >= float(np.diff(energies).max())
    if not use.any():
        yield untested(title, must, "no temperature is as large as the energy spacing")
        return
    expected = factor * average(result, array(result, curve), order)
    if order:
        expected = expected / temperatures
    target = array(result, name)
    gap = relative((target - expected)[..., use], target)
    remark = "" if use.all() else f"{use.sum()} of {len(use)} temperatures, k_BT at least the energy spacing"
    yield below(title, must, gap, limit, remark, coarse=COARSE if limit == GRID else 0.0)


def transpose(result: Result, name: str, sign: float) -> Iterator[Check]:
    """That a tensor on its axes 2 and 3 is symmetric (sign +1) or antisymmetric (−1)."""
    if significant(result, name):
        data = array(result, name)
        gap = relative(data - sign * data.swapaxes(2, 3), data)
        kind = "symmetric" if sign > 0 else "antisymmetric"
        yield below(f"{name} is {kind}", f"X_ij = {'' if sign > 0 else '−'}X_ji, relative", gap, EXACT)


def definite(result: Result, name: str, words: str) -> Iterator[Check]:
    """That a symmetric tensor on the axes 2 and 3 has no negative eigenvalue."""
    if significant(result, name):
        data = np.moveaxis(array(result, name), (2, 3), (-2, -1))
        if np.isfinite(data).all():
            least = float(np.linalg.eigvalsh(data).min()) / float(np.abs(data).max())
        else:
            least = -np.inf
        must = "−(smallest eigenvalue)/(largest element)"
        yield below(f"{words} is not negative (second law)", must, max(0.0, -least), EXACT)


def scatter(result: Result, name: str) -> Iterator[tuple[str, str]]:
    """Of neighbouring energies about their mean, relative to the curve's root mean square, as a hint."""
    if name not in result.variables or "energy" not in result.coordinates or len(result["energy"]) <= 8:
        return
    curve = array(result, name)
    rough = curve[..., 1:-1] - 0.5 * (curve[..., 2:] + curve[..., :-2])
    size = float(np.sqrt((curve**2).mean()))
    words = "zero"
    if size > 0.0:
        ratio = float(np.sqrt((rough**2).mean() / 1.5)) / size
        words = f"{ratio:.2g} of its root mean square (spikes that move with the k mesh; thermal averages feel less)"
    yield f"scatter of {name}", words
