"""One block of k-points in, weighted raw sums out: the only place where states meet kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.sums.request import DEGENERACY_TOLERANCE, Kind, Request, raw_name
from hpcalo.typing import ComplexArray, RealArray

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
    """Raw sums Σ_k w_k (…) of all quantities of the request over one block of k-points.

    k_points: (K, 3) fractional, ordered so that points of one line are neighbours. weights: (K,). energies: the part of
    the energy axis to fill for the sums with broadening (the rest stays 0). whole: also make the sums that have no such
    axis to share. Raises ConvergenceError if levels or operators are not finite.
    """
    out = {name: np.zeros(shape) for name, shape in request.shapes().items()}
    need = request.need()
    for points, w, states in _lines(solver, k_points, weights, need):
        _check_finite(states, points)
        for kind in request.broadened:
            X, Y = _operators(states, kind)
            target = out[raw_name("broadened", kind)]
            part = np.zeros((*target.shape[:-1], len(request.energies[energies])))
            _kubo.broadened_pairs(
                states.E_kn, X, Y, request.components[kind], request.gammas, request.energies[energies].copy(), w, part
            )
            target[..., energies] += part
        if whole:
            _sums_over_levels(states, w, request, out)
    return out


def _sums_over_levels(states: States, w: RealArray, request: Request, out: RawSums) -> None:
    bins = np.searchsorted(request.energies, states.E_kn).astype(np.int32)
    for kind in request.sea:
        X, Y = _operators(states, kind)
        _kubo.sea_pairs(
            states.E_kn,
            X,
            Y,
            request.components[kind],
            bins,
            request.reference,
            DEGENERACY_TOLERANCE,
            w,
            out[raw_name("sea", kind)],
        )
    for kind in request.thermal:
        X, Y = _operators(states, kind)
        _kubo.thermal_pairs(
            states.E_kn,
            X,
            Y,
            request.components[kind],
            request.mu,
            request.kt,
            DEGENERACY_TOLERANCE,
            w,
            out[raw_name("thermal", kind)],
        )
    if request.spin and states.spin_kn is not None:
        _histogram(out["spin"], bins, w[:, None] * states.spin_kn)
    if request.curvature and states.curvature_kvn is not None:
        for v in range(3):
            _histogram(out["curvature"][v], bins, w[:, None] * states.curvature_kvn[:, v])
    if "count" in out:
        fine = np.searchsorted(request.count_edges, states.E_kn)
        _histogram(out["count"], fine, np.broadcast_to(w[:, None], fine.shape))


def _histogram(out: RealArray, bins: NDArray, values: RealArray) -> None:
    out += np.bincount(bins.ravel(), weights=values.ravel(), minlength=len(out))


def _operators(states: States, kind: Kind) -> tuple[ComplexArray, ComplexArray]:
    X, Y = (getattr(states, name) for name in kind)
    if X is None or Y is None:
        raise ValueError(f"the state solver did not provide {kind}")
    return X, Y


def _lines(
    solver: StateSolver, k_points: RealArray, weights: RealArray, need: frozenset[str]
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
    fields: Sequence[tuple[str, NDArray | None]] = (
        ("band energies", states.E_kn),
        ("velocity", states.velocity),
        ("torque", states.torque),
    )
    for name, values in fields:
        # A sum is not finite if one element is not: one pass, no temporary of the size of the operator.
        if values is not None and not np.isfinite(values.sum(axis=tuple(range(1, values.ndim)))).all():
            bad = int(np.argmax(~np.isfinite(values.reshape(len(values), -1).sum(axis=1))))
            raise ConvergenceError(f"{name} not finite at k = {np.round(points[bad], 6).tolist()} (fractional)")
