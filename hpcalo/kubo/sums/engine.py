"""One block of k-points in, weighted raw sums out: the only place where states meet kernels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.sums.request import BROADENED, COUNT, DEGENERACY_TOLERANCE, FERMI, SEA, Request, fermi_name
from hpcalo.typing import RealArray

RawSums = dict[str, RealArray]


def sum_block(
    solver: StateSolver,
    k_points: RealArray,
    weights: RealArray,
    request: Request,
    energies: slice,
    *,
    whole: bool = True,
) -> RawSums:
    """Raw sums Σ_k w_k (…) of the request over one block of k-points.

    k_points: (K, 3) fractional, ordered so that points of one line are neighbours. weights: (K,). energies: the part of
    the energy axis to fill for the sums with broadening (the rest stays 0). whole: also make the sums that have no such
    axis to share. Raises ConvergenceError if levels or observables are not finite.
    """
    out = {name: np.zeros(shape) for name, shape in request.shapes().items()}
    components = {pair: request.components(pair) for pair in request.pairs}
    need, pair_sums = request.need(), request.pair_sums()
    for points, w, states in _lines(solver, k_points, weights, need):
        _check_finite(states, points)
        bins = np.searchsorted(request.energies, states.E_kn).astype(np.int32)
        for name, (kind, pair) in pair_sums.items():
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
    return out


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


def _add_to_histogram(out: RealArray, bins: NDArray[np.integer], values: RealArray) -> None:
    out += np.bincount(bins.ravel(), weights=values.ravel(), minlength=len(out))


def _lines(
    solver: StateSolver, k_points: RealArray, weights: RealArray, need: frozenset[Observable]
) -> Iterator[tuple[RealArray, RealArray, States]]:
    """The points of a block, line by line."""
    ordered = k_points[:, list(solver.order)]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = np.any(ordered[1:, :2] != ordered[:-1, :2], axis=1)
    starts = np.append(np.flatnonzero(new), len(ordered))
    for a, b in pairwise(starts):
        states = solver.line(ordered[a, 0], ordered[a, 1], ordered[a:b, 2], need)
        yield k_points[a:b], np.ascontiguousarray(weights[a:b]), states


def _check_finite(states: States, points: RealArray) -> None:
    arrays = {"band energies": states.E_kn, **{o.name: values for o, values in states.observables.items()}}
    for name, values in arrays.items():
        # A sum is not finite if one element is not: one pass, no temporary of the size of the operator.
        if not np.isfinite(values.sum(axis=tuple(range(1, values.ndim)))).all():
            bad = int(np.argmax(~np.isfinite(values.reshape(len(values), -1).sum(axis=1))))
            raise ConvergenceError(f"{name} not finite at k = {np.round(points[bad], 6).tolist()} (fractional)")
