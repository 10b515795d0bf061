"""How raw sums transform under the operations of the magnetic point group, and whether a model has them.

For an operation g: E_n(gk) = E_n(k), and the matrix elements of an observable at gk are those at k, transformed as a
vector (polar for the velocity, axial for the torque) and complex conjugated if g reverses time. The velocity changes
sign under time reversal, the torque (n̂ × ∂H/∂n̂, with n̂ reversed too) does not. So Re W takes the product of the two
time signs and Im W one sign more: with time reversal, the torkance's part from Im W is even and that from Re W odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.kubo.engine import RawSums, sum_block
from hpcalo.kubo.request import Kind, Request
from hpcalo.kubo.states import TORQUE, VELOCITY, StateSolver
from hpcalo.model.symmetry import Operation, closed, identity
from hpcalo.model.types import RealArray

PROBES = np.array([[0.1234, 0.3719, 0.2713], [0.4127, 0.0931, 0.1873]])
"""Points of no symmetry at which related points are compared."""


def _matrix(observable: str, op: Operation, directions: tuple[int, ...]) -> RealArray:
    if observable == VELOCITY:
        return op.time_sign * op.polar[np.ix_(directions, directions)]
    if observable == TORQUE:
        return op.axial
    raise ValueError(f"no transformation known for {observable}")


def transformed(raw: RawSums, op: Operation, request: Request, directions: tuple[int, ...]) -> RawSums:
    """The raw sums at gk from those at k. The components of each kind must be all pairs, X's component slowest."""
    out: RawSums = {}
    for name, values in raw.items():
        sort, _, kind_text = name.partition(":")
        if sort in {"count", "spin"}:
            out[name] = values
        elif sort == "curvature":
            out[name] = np.asarray(np.tensordot(op.time_sign * op.axial, values, 1), dtype=np.float64)
        else:
            x, _, y = kind_text.partition("-")
            out[name] = _pairs(values, sort, (x, y), op, directions)
    return out


def _pairs(values: NDArray, sort: str, kind: Kind, op: Operation, directions: tuple[int, ...]) -> NDArray:
    full = np.kron(_matrix(kind[0], op, directions), _matrix(kind[1], op, directions))
    if sort == "broadened":  # (G, P, 2, NE): part 0 is Re W, part 1 Im W
        result = np.einsum("pq,gqre->gpre", full, values)
        result[:, :, 1] *= op.time_sign
        return result
    return op.time_sign * np.tensordot(full, values, 1)  # sea and thermal sums are made of Im W


def symmetrized(
    raw: RawSums, operations: Sequence[Operation], request: Request, directions: tuple[int, ...]
) -> RawSums:
    """The sum over the full grid from the weighted sum over its wedge: the mean of all images."""
    if len(operations) == 1:
        return raw
    images = [transformed(raw, op, request, directions) for op in operations]
    return {name: sum(image[name] for image in images) / len(images) for name in raw}  # type: ignore[misc]


def symmetries_of(
    solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float
) -> tuple[tuple[Operation, ...], float]:
    """Those operations that the model really has, and the largest relative deviation among them.

    Compares sums over every pair of observables of the request at points of no symmetry with those at their images.
    Deviations are relative to the largest element of the sum, or to the product of the largest matrix elements where
    symmetry makes the sum vanish. Returns only the identity if what remains is no group.
    """
    request = _probe_request(request)
    one = np.ones(1)
    dimensions = np.array(solver.crystal.periodic, dtype=float)
    probes = PROBES * dimensions
    at_probe = [sum_block(solver, k[None], one, request, slice(None)) for k in probes]
    floors = [_floors(solver, k, request) for k in probes]
    kept, worst = [], 0.0
    for op in operations:
        if op.is_identity:
            kept.append(op)
            continue
        gap = 0.0
        for k, raw, floor in zip(probes, at_probe, floors, strict=True):
            image = sum_block(solver, (op.k_matrix @ k)[None], one, request, slice(None))
            expected = transformed(raw, op, request, solver.directions)
            gap = max([gap, *(_distance(image[name], expected[name], floor.get(name, 0.0)) for name in raw)])
            if gap > tolerance:
                break
        if gap <= tolerance:
            kept.append(op)
            worst = max(worst, gap)
    if not closed(kept):
        return (identity(),), 0.0
    return tuple(kept), worst


def _probe_request(request: Request) -> Request:
    """The same observables in sums that are smooth in the band energies, so that a level on an energy of the grid is no
    matter.
    """
    kinds = tuple(request.components)
    low, high = request.energies[0], request.energies[-1]
    return replace(
        request,
        energies=np.linspace(low, high, 5),
        gammas=np.array([0.1]) if request.broadened else request.gammas,
        mu=low + (high - low) * np.array([0.31, 0.5, 0.77]),
        kt=np.full(3, 0.05),
        sea=(),
        thermal=kinds,
        spin=False,
        count_edges=np.zeros(0),
    )


def _floors(solver: StateSolver, k: RealArray, request: Request) -> dict[str, float]:
    """Size that a sum would have without symmetry: the largest |X_nm| times the largest |Y_nm|."""
    first, second, last = k[list(solver.order)]
    states = solver.line(first, second, np.array([last]), request.need())
    floors = {}
    for name in request.shapes():
        x, _, y = name.partition(":")[2].partition("-")
        if y:
            floors[name] = float(np.prod([np.abs(getattr(states, observable)).max() for observable in (x, y)]))
    return floors


def _distance(a: NDArray, b: NDArray, floor: float) -> float:
    scale = max(float(np.abs(b).max(initial=0.0)), floor)
    return float(np.abs(a - b).max(initial=0.0)) / scale if scale > 0.0 else 0.0
