"""One block of k-points in, weighted raw sums out: the only place where states meet kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.sums.request import (
    BROADENED,
    COUNT,
    DEGENERACY_TOLERANCE,
    FERMI,
    SEA,
    WINDOW,
    Pair,
    Request,
    fermi_name,
)
from hpcalo.typing import IntArray, RealArray

RawSums = dict[str, RealArray]


def sum_block(
    solver: StateSolver,
    k_points: RealArray,
    weights: RealArray,
    request: Request,
    energies: slice,
    *,
    whole: bool = True,
    labels: IntArray | None = None,
) -> RawSums:
    """Raw sums Σ_k w_k (…) of the request over one block of k-points.

    k_points: (K, 3) fractional, ordered so that points of one line are neighbours. weights: (K,). energies: the part of
    the energy axis to fill for the sums with broadening (the rest stays 0). whole: also make the sums that have no such
    axis to share. labels: (K,) the part of the mesh that each point belongs to, neighbours in a line if equal; the sums
    then have a first axis with one entry for each distinct label, ascending. Raises ConvergenceError if levels or
    observables are not finite.
    """
    entry = np.zeros(len(k_points), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    every = {name: np.zeros((int(entry.max()) + 1, *shape)) for name, shape in request.shapes().items()}
    components = {pair: request.components(pair) for pair in request.pairs}
    for start, stop, states in _lines(solver, k_points, request.need()):
        _check_finite(states, k_points[start:stop])
        for a, b in _runs(entry[start:stop]):
            out = {name: values[entry[start + a]] for name, values in every.items()}
            w = np.ascontiguousarray(weights[start + a : start + b])
            _add(states.part(a, b), w, request, components, energies, whole, out)
    return every if labels is not None else {name: values[0] for name, values in every.items()}


def _add(
    states: States,
    w: RealArray,
    request: Request,
    components: Mapping[Pair, NDArray[np.int32]],
    energies: slice,
    whole: bool,
    out: RawSums,
) -> None:
    """Adds the points of one line to the raw sums."""
    bins = np.searchsorted(request.energies, states.E_kn).astype(np.int32)
    for name, (kind, pair) in request.pair_sums().items():
        X, Y = (states[operator] for operator in pair)
        if kind == BROADENED:
            part = np.zeros((*out[name].shape[:-1], len(request.energies[energies])))
            _kubo.broadened_pairs(
                states.E_kn, X, Y, components[pair], request.gammas, request.energies[energies].copy(), w, part
            )
            out[name][..., energies] += part
        elif whole and kind == SEA:
            limits = (request.reference, DEGENERACY_TOLERANCE)
            _kubo.sea_pairs(states.E_kn, X, Y, components[pair], bins, *limits, w, out[name])
        elif whole and kind == FERMI:
            points_mu_t = (request.mu, request.kt, DEGENERACY_TOLERANCE)
            _kubo.fermi_pairs(states.E_kn, X, Y, components[pair], *points_mu_t, w, out[name])
        elif whole:
            points_mu_t = (request.mu, request.kt, DEGENERACY_TOLERANCE)
            _kubo.thermal_pairs(states.E_kn, X, Y, components[pair], *points_mu_t, w, out[name])
    if whole:
        _sum_levels(states, w, bins, request, out)


def _sum_levels(states: States, w: RealArray, bins: NDArray[np.int32], request: Request, out: RawSums) -> None:
    """Adds properties of single levels to their histograms over the energy axis, and counts levels."""
    K, N = states.E_kn.shape
    for observable in request.sums.levels:
        target = out[observable.name].reshape(-1, len(request.energies) + 1)
        values = states[observable].reshape(K, -1, N)
        for v, histogram in enumerate(target):
            _add_to_histogram(histogram, bins, w[:, None] * values[:, v])
    for observable in request.sums.fermi_levels:
        values = np.ascontiguousarray(states[observable].reshape(K, -1, N))
        target = out[fermi_name(observable)].reshape(values.shape[1], -1)
        _kubo.fermi_levels(states.E_kn, values, request.mu, request.kt, w, target)
    if COUNT in out:
        fine = np.searchsorted(request.count_edges, states.E_kn)
        _add_to_histogram(out[COUNT], fine, np.broadcast_to(w[:, None], fine.shape))
    if WINDOW in out:
        place = np.minimum(bins, 1) + (bins == len(request.energies))
        _add_to_histogram(out[WINDOW], place, np.broadcast_to(w[:, None], place.shape))


def _add_to_histogram(out: RealArray, bins: NDArray[np.integer], values: RealArray) -> None:
    out += np.bincount(bins.ravel(), weights=values.ravel(), minlength=len(out))


def _lines(solver: StateSolver, k_points: RealArray, need: frozenset[Observable]) -> Iterator[tuple[int, int, States]]:
    """The points of a block, line by line: first, behind the last, states."""
    ordered = k_points[:, list(solver.order)]
    for a, b in _runs(ordered[:, :2]):
        yield a, b, solver.line(ordered[a, 0], ordered[a, 1], ordered[a:b, 2], need)


def _runs(values: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Where equal entries along the first axis follow each other: first, behind the last."""
    new = np.ones(len(values), dtype=bool)
    rows = values.reshape(len(values), -1)
    new[1:] = np.any(rows[1:] != rows[:-1], axis=1)
    return pairwise(np.append(np.flatnonzero(new), len(values)).tolist())


def _check_finite(states: States, points: RealArray) -> None:
    arrays = {"band energies": states.E_kn, **{o.name: values for o, values in states.observables.items()}}
    for name, values in arrays.items():
        # A sum is not finite if one element is not: one pass, no temporary of the size of the operator.
        if not np.isfinite(values.sum(axis=tuple(range(1, values.ndim)))).all():
            bad = int(np.argmax(~np.isfinite(values.reshape(len(values), -1).sum(axis=1))))
            raise ConvergenceError(f"{name} not finite at k = {np.round(points[bad], 6).tolist()} (fractional)")
