"""Checks of a Kubo result from its numbers alone: those that hold for any quantity, then those of each response.

Equation numbers are those of J. Phys.: Condens. Matter 28, 316001 (2016), as in docs/theory/kubo.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hpcalo.io.checks import Check, below, finite, points_that_failed, relative, untested, worst
from hpcalo.io.dataset import Result
from hpcalo.io.netcdf import PARITIES
from hpcalo.kubo.responses.checking import SAME, array, opposite_directions, significant
from hpcalo.kubo.responses.response import responses
from hpcalo.kubo.scanned.points import is_scan, points


def checks(result: Result) -> list[Check]:
    """All checks for which the file holds the variables; of a scan each one at the point where it is worst."""
    if is_scan(result):
        return [points_that_failed(result), *worst(checks(one) for _, one in points(result))]
    found = [finite(result, _may_be_undefined()), *_parity(result)]
    for response in responses():
        found += response.checks(result)
    return found


def hints(result: Result) -> list[tuple[str, str]]:
    """What the file says about convergence, in words: (what, value)."""
    if is_scan(result):
        return []
    found = list(_axes(result))
    for response in responses():
        found += response.hints(result)
    return found


def _may_be_undefined() -> tuple[str, ...]:
    """Variables that are NaN where they are not defined (no moment, no reversed direction)."""
    return tuple(quantity.name for response in responses() for quantity in response.quantities if quantity.nan_ok)


def _axes(result: Result) -> Iterator[tuple[str, str]]:
    full = result.attrs.get("k_points_full")
    grid = result.attrs.get("k_grid", result.setting("kubo", "k", "grid"))
    if full:
        shape = " × ".join(map(str, grid)) if grid is not None else "?"
        if grid is not None and np.prod(grid) != full:
            yield "k mesh", f"cells, {shape} coarsest ones, {int(full):,} in the zone before single ones are cut"
        else:
            yield "k mesh", f"{shape}, {int(full):,} points of the full zone"
    energies = array(result, "energy") if "energy" in result.coordinates else np.zeros(0)
    gammas = array(result, "gamma") if "gamma" in result.coordinates else np.zeros(0)
    if len(energies) > 1 and len(gammas):
        spacing, least = float(np.diff(energies).max()), float(gammas.min())
        verdict = "at most Γ/3, as advised" if spacing <= least / 2.999 else "more than the advised Γ/3"
        yield "energy spacing", f"{1e3 * spacing:.3g} meV for Γ = {1e3 * least:.3g} meV: {verdict}"
    if full and len(gammas) and "density_of_states" in result.variables and len(energies) > 1:
        dos = float(np.interp(0.0, energies, array(result, "density_of_states")[0]))
        levels = float(full) * dos * 2.0 * float(gammas.min())
        yield (
            "levels within ±Γ of the reference energy",
            f"{levels:,.0f} on the mesh at the smallest Γ = {1e3 * float(gammas.min()):.3g} meV "
            "(few levels: noise; double the mesh and compare)",
        )


def _parity(result: Result) -> Iterator[Check]:
    pairs = opposite_directions(result)
    must = "largest relative difference of X(n̂) and ±X(−n̂), computed separately"
    undefined = _may_be_undefined()
    found: dict[str, list[tuple[float, str]]] = {"even": [], "odd": []}
    for name, variable in result.variables.items():
        if variable.parity and variable.dims[:1] == ("n_hat",) and name not in undefined and significant(result, name):
            data = np.asarray(variable.data, dtype=float)
            gaps = [relative(data[i] - variable.parity * data[j], data) for i, j in pairs]
            found[PARITIES[variable.parity]].append((max(gaps, default=0.0), name))
    for parity, values in found.items():
        name = f"Parity of quantities {parity} in n̂"
        if not pairs:
            yield untested(name, must, "no two opposite directions n̂ in the run")
        elif values:
            worst, where = max(values, key=lambda v: (np.nan_to_num(v[0], nan=np.inf), v[1]))
            yield below(name, must, worst, SAME, f"{len(values)} variables, worst {where}")
