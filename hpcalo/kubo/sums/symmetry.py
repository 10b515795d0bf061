"""How raw sums transform under the operations of the magnetic point group, and which of these a model has.

For an operation g: E_n(gk) = E_n(k), and the matrix elements of an observable at gk are those at k, transformed as a
vector (polar for the velocity, axial for the torque) and complex conjugated if g reverses time. The velocity changes
sign under time reversal, the torque (n̂ × ∂H/∂n̂, with n̂ reversed too) does not. So Re W takes the product of the two
time signs and Im W one sign more: with time reversal, the torkance's part from Im W is even and that from Re W odd.
Each observable states its own transformation (`Observable.transformation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.symmetry import Operation, closed, identity
from hpcalo.kubo.states.solver import StateSolver
from hpcalo.kubo.sums.engine import RawSums, sum_block
from hpcalo.kubo.sums.request import BROADENED, Pair, Request, Sums
from hpcalo.typing import RealArray

LEVELS = "levels"

PROBES = np.array([[0.1234, 0.3719, 0.2713], [0.4127, 0.0931, 0.1873]])
"""Points of no symmetry at which related points are compared."""


def transformed(raw: RawSums, op: Operation, request: Request) -> RawSums:
    """The raw sums at gk from those at k."""
    pairs = request.pair_sums()
    levels = request.level_sums()
    out: RawSums = {}
    for name, values in raw.items():
        if name in pairs:
            out[name] = _pairs(values, *pairs[name], op, request)
        elif name in levels and levels[name].indices:
            matrix = levels[name].transformation(op, request.crystal)
            flat = values.reshape(len(matrix), -1)
            out[name] = np.asarray(np.tensordot(matrix, flat, 1), dtype=np.float64).reshape(values.shape)
        else:
            out[name] = values
    return out


def _pairs(values: RealArray, kind: str, pair: Pair, op: Operation, request: Request) -> RealArray:
    full = np.kron(*(operator.transformation(op, request.crystal) for operator in pair))
    if kind == BROADENED:  # (G, P, 2, NE): part 0 is Re W, part 1 Im W
        result = np.einsum("pq,gqre->gpre", full, values)
        result[:, :, 1] *= op.time_sign
        return result
    # the other sums are made of Im W
    return np.asarray(op.time_sign * np.tensordot(full, values, 1), dtype=np.float64)


def symmetrized(raw: RawSums, operations: Sequence[Operation], request: Request) -> RawSums:
    """The sum over the full grid from the weighted sum over its wedge: the mean of all images."""
    if len(operations) == 1:
        return raw
    images = [transformed(raw, op, request) for op in operations]
    return {name: np.asarray(sum(image[name] for image in images) / len(images)) for name in raw}


class SymmetryCheck:
    """Finds the operations that the model really has, in rounds, one for each probe.

    It compares the sums over every pair of observables of the request at points without symmetry with those at their
    images; without such sums it compares the levels. Deviations are relative to the largest element of the sum, or to
    the product of the largest matrix elements where symmetry makes the sum vanish. A round needs the sums at all
    `points`, made anywhere and in any order; `settle` then drops the operations that do not hold.
    """

    def __init__(
        self, solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float
    ) -> None:
        self._solver, self._request, self._tolerance = solver, _probe_request(request), tolerance
        self._probes = PROBES * np.array(solver.crystal.periodic, dtype=float)
        self.operations = tuple(op for op in operations if not op.is_identity)
        self.worst = 0.0

    @property
    def rounds(self) -> int:
        """Number of probes."""
        return len(self._probes)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the sums at one point."""
        return self._request.shapes() or {LEVELS: (self._solver.size,)}

    def points(self, number: int) -> list[RealArray]:
        """The probe of a round and its images under the remaining operations; nothing if none remains."""
        k = self._probes[number]
        return [k, *(op.k_matrix @ k for op in self.operations)] if self.operations else []

    def sums(self, k: RealArray) -> RawSums:
        """The sums at one point."""
        if LEVELS in self.shapes:
            first, second, last = k[list(self._solver.order)]
            return {LEVELS: self._solver.line(first, second, np.array([last]), frozenset()).E_kn[0]}
        return sum_block(self._solver, k[None], np.ones(1), self._request, slice(None))

    def settle(self, number: int, sums: Sequence[RawSums]) -> tuple[tuple[Operation, ...], float]:
        """The operations that hold at this probe too, and the largest deviation so far, from the sums at `points`."""
        if not sums:
            return self.operations, self.worst
        at_probe, *images = sums
        floors = _floors(self._solver, self._probes[number], self._request)
        confirmed, worst = [], self.worst
        for op, image in zip(self.operations, images, strict=True):
            expected = transformed(at_probe, op, self._request)
            gap = max(_distance(image[name], expected[name], floors.get(name, 0.0)) for name in image)
            if gap <= self._tolerance:
                confirmed.append(op)
                worst = max(worst, gap)
        return tuple(confirmed), worst

    def result(self) -> tuple[tuple[Operation, ...], float]:
        """The operations, identity first, and the largest relative deviation among them; only the identity if they are
        no group.
        """
        found = (identity(), *self.operations)
        return (found, self.worst) if closed(found) else ((identity(),), 0.0)


def symmetries_of(
    solver: StateSolver, operations: Sequence[Operation], request: Request, tolerance: float
) -> tuple[tuple[Operation, ...], float]:
    """The result of a `SymmetryCheck`, with all rounds in this process. Serial."""
    check = SymmetryCheck(solver, operations, request, tolerance)
    for number in range(check.rounds):
        check.operations, check.worst = check.settle(number, [check.sums(k) for k in check.points(number)])
    return check.result()


def _probe_request(request: Request) -> Request:
    """The same observables in sums that are smooth in the band energies: a level on a grid energy then does no harm."""
    low, high = request.energies[0], request.energies[-1]
    every = dict.fromkeys(request.level_sums().values())
    vectors = tuple(observable for observable in every if observable.indices)
    return replace(
        request,
        energies=np.linspace(low, high, 5),
        gammas=np.array([0.1]) if request.sums.broadened else request.gammas,
        mu=low + (high - low) * np.array([0.31, 0.5, 0.77]),
        kt=np.full(3, 0.05),
        sums=Sums(broadened=request.sums.broadened, thermal=request.pairs, levels=vectors),
        count_edges=np.zeros(0),
        window=False,
    )


def _floors(solver: StateSolver, k: RealArray, request: Request) -> dict[str, float]:
    """The size of a sum without symmetry: the largest |X_nm| times the largest |Y_nm|."""
    first, second, last = k[list(solver.order)]
    states = solver.line(first, second, np.array([last]), request.need())
    return {
        name: float(np.prod([np.abs(states[operator]).max() for operator in pair]))
        for name, (_, pair) in request.pair_sums().items()
    }


def _distance(a: NDArray, b: NDArray, floor: float) -> float:
    scale = max(float(np.abs(b).max(initial=0.0)), floor)
    return float(np.abs(a - b).max(initial=0.0)) / scale if scale > 0.0 else 0.0
