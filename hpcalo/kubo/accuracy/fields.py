"""The quantities of a run, each with the error of its sum over k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.kmesh import KMesh
from hpcalo.io.dataset import Variable
from hpcalo.kubo.accuracy.estimate import Scatter, estimated_error
from hpcalo.kubo.accuracy.near import Near
from hpcalo.kubo.accuracy.spread import Spread, Values, spreads
from hpcalo.kubo.accuracy.violation import changes, with_violation
from hpcalo.kubo.responses.response import Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.typing import RealArray

ROUNDING = 1e-15
"""No value is known better than to this part of it."""


def fields_with_errors(
    run: RunSums, passes: Sequence[SummedPass], chosen: Sequence[Response], energy_error: float | None = None
) -> list[Variable]:
    """The variables of the chosen responses; `error` is NaN where the passes do not determine it. Serial.

    What a broken symmetry can change is part of the error, and so is what counting levels in bins does: it falls slowly
    with the number of points, and is not to be seen in parts that err more for other reasons.

    passes: what `run.raw` was taken from, in this order. energy_error: of the zero of the energy axis, eV, if that was
    computed; what it does to a curve follows from its slope. Serial.
    """
    near = Near.of(run)

    def compute(raw: Sequence[RawSums]) -> Values:
        moved = near.moved(raw)
        return {name: values for response in chosen for name, values in response.compute(moved).items()}

    fields = [variable for response in chosen for variable in response.variables(run)]
    scattered = spreads(compute, passes, frozenset(v.name for v in fields if v.dims[:1] == ("n_hat",)))
    dimensions = passes[0].dimensions
    changed = changes(run, passes, chosen)
    estimated = [replace(v, error=_error(v, scattered, near, dimensions, energy_error, run)) for v in fields]
    binned = errors_of_bins(run, passes, chosen)
    whole = [replace(v, error=np.hypot(v.error, binned[v.name])) if v.name in binned else v for v in estimated]
    return [with_violation(v, changed.get(v.name)) for v in whole]


def errors_of_bins(run: RunSums, passes: Sequence[SummedPass], chosen: Sequence[Response]) -> Values:
    """`Response.errors_of_bins` of all responses. Of refined cells only those that cover the zone evenly count."""
    points = np.array([p.points if p.even is None else p.even for p in passes], dtype=np.float64)
    return {name: error for response in chosen for name, error in response.errors_of_bins(run, points).items()}


def scatters(scattered: Sequence[Spread], name: str, axes: Sequence[str], near: Near) -> list[Scatter]:
    """What the levels tell of one value, averaged over nearby chemical potentials."""
    found, before = [], None
    for level in scattered:
        variance, averaged = near.gathered(level.variances[name], axes)
        step = None
        if level.alike is not None:
            deviation = level.alike[name]
            step = near.gathered((deviation if before is None else deviation - before) ** 2, axes)[0]
            before = deviation
        found.append(Scatter(level.modulus, variance, averaged, step))
    return found


def untested(summed: SummedPass, mesh: KMesh) -> list[str]:
    """A warning where the mesh does not show the error, or not that made along a direction."""
    if not summed.untested and not summed.levels:
        return [
            "no errors are known: sums of parts of the mesh would take too much memory; ask for fewer energies or n̂"
        ]
    if not summed.untested:
        return []
    which = " and ".join(f"{c + 1}" for c in summed.untested)
    suited = "multiples of 4" if not any(mesh.shift) else "multiples of 12"
    consequence = "no errors are known" if not summed.levels else "the errors do not include what it adds"
    return [f"kubo.k.grid: {list(mesh.grid)} has no sub-meshes along direction {which}: {consequence}; choose {suited}"]


def _error(
    variable: Variable,
    scattered: Sequence[Spread],
    near: Near,
    dimensions: int,
    energy_error: float | None,
    run: RunSums,
) -> RealArray:
    if not scattered:
        return np.full(variable.shape, np.nan)
    error = estimated_error(scatters(scattered, variable.name, variable.dims, near), variable.dims, dimensions)
    if energy_error:
        error = np.hypot(error, energy_error * _slope(variable, run))
    return np.maximum(error, ROUNDING * np.abs(variable.data))


def _slope(variable: Variable, run: RunSums) -> RealArray:
    """|∂X/∂E| where X depends on an energy at several places, else 0."""
    for axis, energies in (("energy", run.energies), ("mu", run.mu)):
        if axis in variable.dims and len(energies) > 1:
            return np.abs(np.gradient(variable.data, energies, axis=variable.dims.index(axis)))
    return np.zeros(variable.shape)
