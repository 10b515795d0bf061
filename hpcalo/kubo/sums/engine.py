"""One block of k-points in, weighted raw sums out: the only place where states meet kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hpcalo.errors import ConvergenceError
from hpcalo.kubo.kernels import _kubo
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.states.solver import PointSolver, States, StateSolver
from hpcalo.kubo.sums.request import (
    BROADENED,
    COUNT,
    DEGENERACY_TOLERANCE,
    FERMI,
    SEA,
    THERMAL,
    WINDOW,
    Pair,
    Request,
    fermi_name,
    thermal_name,
)
from hpcalo.kubo.sums.scattering import ScatteredSums
from hpcalo.kubo.sums.thermal_levels import ROWS, add_thermal_levels
from hpcalo.typing import Array, IntArray, RealArray

RawSums = dict[str, RealArray]
PIECE = 64
"""Points of different lines whose states are made together."""


def sum_block(
    solver: StateSolver,
    k_points: RealArray,
    weights: RealArray,
    request: Request,
    energies: slice,
    *,
    whole: bool = True,
    labels: NDArray[np.integer] | None = None,
    edges: RealArray | None = None,
) -> RawSums:
    """Raw sums Σ_k w_k (…) of the request over one block of k-points.

    k_points: (K, 3) fractional, ordered so that points of one line are neighbours. weights: (K,). energies: the part of
    the energy axis to fill for the sums with broadening (the rest stays 0). whole: also make the sums that have no such
    axis to share. labels: (K,) the part of the mesh that each point belongs to, neighbours in a line if equal; the sums
    then have a first axis with one entry for each distinct label, ascending. edges: (K, 3, 3), 1/Å, the edges of the
    boxes whose midpoints the points are: sums with broadening are then means over these, with levels that are linear in
    k (their velocities must be among the observables) and constant matrix elements. Raises ConvergenceError if levels
    or observables are not finite.
    """
    entry = np.zeros(len(k_points), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    count, Q = int(entry.max()) + 1, len(request.mu)
    histograms, pairs = _histograms(request), request.pair_sums()
    every = {
        name: np.zeros((*shape[:-1], count, shape[-1]) if name in histograms else (count, *shape))
        for name, shape in request.shapes().items()
    }
    components = {name: request.independent_components(name) for name in pairs}
    kinds = pairs.items()
    single = {name: (kind, pair) for name, (kind, pair) in kinds if kind in (BROADENED, THERMAL)}
    fermi = {name: _FermiPairs(pair, components[name], count, Q) for name, (kind, pair) in kinds if kind == FERMI}
    for start, stop, states in _batches(solver, k_points, request.need()):
        _check_finite(states, k_points[start:stop])
        for observable in request.derived():
            relative = states.E_kn - request.energies[0]
            states.observables[observable] = observable.derived(relative, states.observables)
        w, part = np.ascontiguousarray(weights[start:stop]), entry[start:stop]
        if whole:
            _add_histograms(states, w, part, request, components, every)
            _add_fermi(states, w, part.astype(np.int32), request, fermi, every)
        widths = None if edges is None or not single else _widths(states, solver, edges[start:stop])
        for a, b in _runs(part) if single else ():
            out = {name: every[name][part[a]] for name in single}
            boxes = None if widths is None else widths[a:b]
            _add_curves(states.part(a, b), boxes, w[a:b], request, single, components, energies, whole, out)
    every |= {name: sums.all() for name, sums in fermi.items()}
    sums = {name: np.moveaxis(values, -2, 0) if name in histograms else values for name, values in every.items()}
    return sums if labels is not None else {name: values[0] for name, values in sums.items()}


def _histograms(request: Request) -> frozenset[str]:
    """The raw sums whose last axis counts bins: each level adds to one of them."""
    pairs = (name for name, (kind, _) in request.pair_sums().items() if kind == SEA)
    return frozenset((*pairs, *(o.name for o in request.sums.levels), COUNT, WINDOW)) & set(request.shapes())


def _add_histograms(
    states: States,
    w: RealArray,
    part: IntArray,
    request: Request,
    components: Mapping[str, NDArray[np.int32]],
    every: RawSums,
) -> None:
    """Adds the points of a line to the histograms (…, parts, bins), each point to its part (K,)."""
    bins = np.searchsorted(request.energies, states.E_kn)
    shifted = (bins + (len(request.energies) + 1) * part[:, None]).astype(np.int32)
    for name, (kind, pair) in request.pair_sums().items():
        if kind == SEA:
            X, Y = (states[operator] for operator in pair)
            out, limits = every[name], (request.reference, DEGENERACY_TOLERANCE)
            _kubo.sea_pairs(states.E_kn, X, Y, components[name], shifted, *limits, w, out.reshape(*out.shape[:2], -1))
    for observable in request.sums.levels:
        values = _kept(states, observable, observable.name, request)
        target = every[observable.name].reshape(values.shape[1], -1)
        for v, histogram in enumerate(target):
            _add_to_histogram(histogram, shifted, w[:, None] * values[:, v])
    one = np.broadcast_to(w[:, None], bins.shape)
    if COUNT in every:
        fine = np.searchsorted(request.count_edges, states.E_kn)
        fine += every[COUNT].shape[-1] * part[:, None]
        _add_to_histogram(every[COUNT].reshape(-1), fine, one)
    if WINDOW in every:
        window = np.minimum(bins, 1) + (bins == len(request.energies)) + every[WINDOW].shape[-1] * part[:, None]
        _add_to_histogram(every[WINDOW].reshape(-1), window, one)


def _widths(states: States, solver: StateSolver, edges: RealArray) -> RealArray:
    """By how much each level varies along each edge (K, N, 3), eV: edges (K, 3, 3) times its velocity."""
    velocities = np.einsum("knvn->knv", states[VELOCITY]).real
    return np.ascontiguousarray(velocities @ edges[:, :, list(solver.directions)].transpose(0, 2, 1))


def _add_curves(
    states: States,
    widths: RealArray | None,
    w: RealArray,
    request: Request,
    sums: Mapping[str, tuple[str, Pair]],
    components: Mapping[str, NDArray[np.int32]],
    energies: slice,
    whole: bool,
    out: RawSums,
) -> None:
    """Adds points of a line to those sums of `Request.pair_sums` that have no bins. widths: as of `_widths`."""
    axes = (request.gammas, request.energies, energies)
    scattered = request.scattering and ScatteredSums(request.scattering, states, axes, w, widths)
    for name, (kind, pair) in sums.items():
        X, Y = (states[operator] for operator in pair)
        if kind == BROADENED and scattered:
            scattered.add(X, Y, components[name], out[name])
        elif kind == BROADENED:
            # Onto the sums so far in both cases, so that a share of the energies gives the same bits as all of them.
            chosen = request.energies[energies].copy()
            part = out[name] if len(chosen) == len(request.energies) else out[name][..., energies].copy()
            _kubo.broadened_pairs(states.E_kn, X, Y, components[name], request.gammas, chosen, w, part, widths)
            out[name][..., energies] = part
        elif whole and kind == THERMAL:
            points = (request.mu, request.kt, DEGENERACY_TOLERANCE, w)
            _kubo.thermal_pairs(states.E_kn, X, Y, components[name], *points, out[name])


def _add_fermi(
    states: States,
    w: RealArray,
    part: NDArray[np.int32],
    request: Request,
    fermi: Mapping[str, _FermiPairs],
    every: RawSums,
) -> None:
    """Adds to the sums over occupied levels with Fermi functions, each point to its part (K,)."""
    points_mu_t, (low, high) = (request.mu, request.kt), (int(part.min()), int(part.max()) + 1)
    for name, sums in fermi.items():
        X, Y = (states[operator] for operator in request.pair_sums()[name][1])
        points = (*points_mu_t, DEGENERACY_TOLERANCE, w, part - low)
        _kubo.fermi_pairs(states.E_kn, X, Y, sums.computed, *points, sums.values[low:high])
    for observable in request.sums.fermi_levels:
        name = fermi_name(observable)
        values = _kept(states, observable, name, request)
        target = every[name].reshape(-1, values.shape[1], len(request.mu))[low:high]
        _kubo.fermi_levels(states.E_kn, values, *points_mu_t, w, part - low, target)
    for observable in request.sums.thermal_levels:
        name = thermal_name(observable)
        values = _kept(states, observable, name, request)
        target = every[name].reshape(-1, values.shape[1], ROWS, len(request.mu))
        add_thermal_levels(states.E_kn, values, *points_mu_t, w, part, target)


def _kept(states: States, observable: Observable, name: str, request: Request) -> RealArray:
    """The components of a property of levels that its raw sum keeps, (K, V, N)."""
    K, N = states.E_kn.shape
    values = states[observable].reshape(K, -1, N)
    return np.ascontiguousarray(values[:, list(request.independent[name])] if name in request.independent else values)


class _FermiPairs:
    """The sums over pairs with Fermi functions of one raw sum while they are made.

    Those of an operator with itself are antisymmetric: half of them is computed.

    computed: (P', 2) components, of which values (L, P', Q) are the sums.
    """

    def __init__(self, pair: Pair, components: NDArray[np.int32], parts: int, Q: int) -> None:
        same = pair[0] == pair[1]
        ordered = np.sort(components, axis=1) if same else components
        computed, self._source = np.unique(ordered, axis=0, return_inverse=True)
        self.computed = np.ascontiguousarray(computed)
        self._signs = np.sign(components[:, 1] - components[:, 0]) if same else np.ones(len(components))
        self.values = np.zeros((parts, len(self.computed), Q))

    def all(self) -> RealArray:
        """(L, P, Q)."""
        return np.asarray(self.values[:, self._source.ravel()] * self._signs[:, None])


def _add_to_histogram(out: RealArray, bins: NDArray[np.integer], values: RealArray) -> None:
    """Adds to an array in place, (bins,)."""
    if bins.size < len(out) // 4:
        np.add.at(out, bins.ravel(), values.ravel())
    else:
        out += np.bincount(bins.ravel(), weights=values.ravel(), minlength=len(out))


def _batches(
    solver: StateSolver, k_points: RealArray, need: frozenset[Observable]
) -> Iterator[tuple[int, int, States]]:
    """The points of a block, line by line or, where lines are short, many at once: first, behind the last, states."""
    ordered = k_points[:, list(solver.order)]
    lines = list(_runs(ordered[:, :2]))
    if isinstance(solver, PointSolver) and len(k_points) < solver.scattered * len(lines):
        for a in range(0, len(k_points), PIECE):
            yield a, min(a + PIECE, len(k_points)), solver.points(k_points[a : a + PIECE], need)
        return
    for a, b in lines:
        yield a, b, solver.line(ordered[a, 0], ordered[a, 1], ordered[a:b, 2], need)


def _runs(values: Array) -> Iterator[tuple[int, int]]:
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
