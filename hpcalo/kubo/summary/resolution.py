"""What the axes of a run do not resolve: Γ on the k mesh, temperature and curves on the energy grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hpcalo.io.dataset import Result, Variable
from hpcalo.io.uncertain import percent
from hpcalo.kubo.plot.data import threshold
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.summary.doubts import doubtful
from hpcalo.kubo.summary.numbers import Numbers, levels, numbers
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.request import BROADENED, COUNT, FERMI, SEA, THERMAL, WINDOW
from hpcalo.typing import RealArray
from hpcalo.units import BOLTZMANN_EV

ORDER = 2
"""In the spacing of the energies, of the averages over temperature."""


def unresolved(result: Result, every: Sequence[Numbers], run: RunSums, passes: Sequence[SummedPass]) -> list[str]:
    """Warnings of a run. every: the numbers of its result."""
    return [*_few_levels(result, every, run, passes), *_coarse_energies(result, run)]


def _few_levels(result: Result, every: Sequence[Numbers], run: RunSums, passes: Sequence[SummedPass]) -> list[str]:
    """A warning where so few levels of the mesh lie within ±Γ of a Fermi energy that their number fluctuates too much.

    n levels that lie at random fluctuate by 1/√n, the least error of a curve with broadening at one energy. Where the
    errors of all curves are known and small the levels do not lie at random. The points are those that were computed,
    which levels equivalent by symmetry do not repeat.
    """
    curves = {name: v for name, v in result.variables.items() if {"gamma", "energy"} <= set(v.dims)}
    if not curves:
        return []
    density, gamma, limit = _density(result, run), _least_gamma(run), threshold(result)
    # Where cells were cut, the points lie densest at the levels that count: their number is no measure. What has to be
    # seen is that the cells of the complete mesh met resonances at all, or none was cut; how much the sum over those
    # that were cut fluctuates, its error says, which has a warning of its own.
    refined = any(p.even is not None for p in passes)
    points = min(p.points if p.even is None else p.even for p in passes)
    n = 2.0 * gamma * density * points
    if density <= 0.0 or n >= 1.0 / limit**2:
        return []
    known = all(v.error is not None and np.isfinite(v.error).any() for v in curves.values())
    if n >= 2.0 and known and (refined or not doubtful(result, [one for one in every if one.name in curves])):
        return []
    spacing = 1e3 / (density * points)
    where = " that lie evenly in the zone" if refined else ""
    words = f"Γ = {1e3 * gamma:.4g} meV is below their mean spacing"
    if n >= 2.0:
        words = f"only about {n:.2g} lie within ±Γ = {1e3 * gamma:.4g} meV, which fluctuates by {percent(n**-0.5)}"
    return [
        f"levels of the {points:,} different k-points{where} are {spacing:.2g} meV apart on average at the Fermi "
        f"energy, and {words}: take more k-points or a larger Γ"
    ]


def _density(result: Result, run: RunSums) -> float:
    """Smallest density of states at the chemical potentials, 1/eV: where it is known, else its mean over the energies.

    Where it is zero, in a gap, nothing has to be resolved.
    """
    if "density_of_states" in result.variables and len(run.energies) > 1:
        curves = np.asarray(result["density_of_states"], dtype=float)
        found = [np.interp(levels(result), run.energies, curve).min() for curve in curves]
        return float(min(found))
    span = float(run.energies[-1] - run.energies[0])
    return min(float(raw[WINDOW][1]) for raw in run.raw) / span if WINDOW in run.raw[0] and span > 0.0 else 0.0


def _coarse_energies(result: Result, run: RunSums) -> Iterator[str]:
    """Warnings about averages over temperature that need more energies.

    They are of second order in the spacing where it resolves the curve: the error with all energies is a third of the
    change when every second one is left out. Where it does not, the change says nothing.
    """
    every = thinned(run)
    if every is None:
        return
    changed = {}
    for response in responses(run.settings.quantities):
        for name, values in (response.compute(every) if response.thermal else {}).items():
            variable = result.variables.get(name)
            if variable is None or "energy" in variable.dims or np.array_equal(values, variable.data, equal_nan=True):
                continue
            error = np.abs(values - np.asarray(variable.data)) / (2.0**ORDER - 1.0)
            changed[name] = replace(variable, error=error)
    spacing = f"energies {1e3 * run.spacing:.3g} meV apart"
    if words := _not_resolved(run, changed):
        span = float(run.energies[-1] - run.energies[0])
        enough = 1 + 2 * math.ceil(0.5 * span / min(_least_gamma(run) / 3.0, _least_kt(run)))
        yield (
            f"{spacing} do not resolve {' and '.join(words)}: the error of averages over temperature that comes from "
            f"it is not known (kubo.energies.points = {enough} would resolve them)"
        )
    averages = replace(result, variables=changed)
    if found := doubtful(averages, numbers(averages)):
        others = [name for name in dict.fromkeys(d.name for d in found[1:]) if name != found[0].name]
        more = f"; also {', '.join(others)}" if others else ""
        yield f"{spacing} are too few (kubo.energies.points): {found[0].text}{more}"


def _least_gamma(run: RunSums) -> float:
    """That no level is below, eV."""
    return float(run.gammas[0]) * run.settings.disorder.smallest


def _least_kt(run: RunSums) -> float:
    return BOLTZMANN_EV * float(run.temperatures[0])


def _not_resolved(run: RunSums, averages: Mapping[str, Variable]) -> list[str]:
    """The widths of curves that the energies miss: Γ, and k_BT for curves without broadening."""
    gamma, kt, words = _least_gamma(run), _least_kt(run), []
    if any("gamma" in v.dims for v in averages.values()) and run.spacing > gamma / 2.999:
        words.append(f"Γ = {1e3 * gamma:.4g} meV")
    if any("gamma" not in v.dims for v in averages.values()) and run.spacing > kt:
        words.append(f"k_BT = {1e3 * kt:.2g} meV at {float(run.temperatures[0]):.4g} K (parts without broadening)")
    return words


def thinned(run: RunSums) -> RunSums | None:
    """The run with every second of its energies (of an even number, without the last one).

    None if it has few, or averages nothing over temperature.
    """
    NE = len(run.energies)
    if NE < 5 or not len(run.temperatures):
        return None
    raw: tuple[Mapping[str, RealArray], ...] = run.raw
    if NE % 2 == 0:
        NE -= 1
        raw = tuple(_without_last(sums, run.spacing) for sums in raw)
    return replace(run, energies=run.energies[:NE:2], raw=tuple(_thinned_sums(sums, NE) for sums in raw), weights={})


def _without_last(sums: Mapping[str, RealArray], spacing: float) -> dict[str, RealArray]:
    """Raw sums without the last energy."""
    out = {}
    for name, values in sums.items():
        kind = _kind(name)
        if kind == CURVE:
            out[name] = values[..., :-1]
        elif kind == HISTOGRAM:
            out[name] = np.concatenate([values[..., :-2], values[..., -2:].sum(axis=-1, keepdims=True)], axis=-1)
        else:
            out[name] = values
        if name.startswith(SEA):  # measured from the middle of the energies, which moves down by half a step
            second, constant, moment = np.moveaxis(out[name], -2, 0)
            moved = (second, constant + spacing * second, moment + 0.5 * spacing * second)
            out[name] = np.stack(moved, axis=-2)
    return out


def _thinned_sums(sums: Mapping[str, RealArray], NE: int) -> dict[str, RealArray]:
    """Raw sums on every second energy: curves lose points, histograms over the energies join bins."""
    out = {}
    for name, values in sums.items():
        kind = _kind(name)
        if kind == CURVE:
            out[name] = values[..., ::2]
        elif kind == HISTOGRAM:  # what lies below, between and above the energies
            pairs = values[..., 1:NE].reshape(*values.shape[:-1], -1, 2).sum(axis=-1)
            out[name] = np.concatenate([values[..., :1], pairs, values[..., NE:]], axis=-1)
        else:
            out[name] = values
    return out


CURVE, HISTOGRAM, OTHER = "curve", "histogram", "other"


def _kind(name: str) -> str:
    """How a raw sum depends on the energies: at each, between them (pairs and levels without broadening), or not."""
    kind = name.partition(":")[0]
    return CURVE if kind == BROADENED else OTHER if kind in (THERMAL, FERMI, COUNT, WINDOW) else HISTOGRAM
