"""Levels at given k-points, and the expectation values that do not depend on the choice of states of one energy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.bands.observables import SiteWeight, SpinVector, sites
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.operators import CURVATURE, SPIN, TORQUE, VELOCITY
from hpcalo.kubo.states.solver import States, StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.states.wannier_line import AXIS_PAIRS
from hpcalo.parallel.guard import together
from hpcalo.parallel.progress import Progress
from hpcalo.parallel.rounds import Rounds
from hpcalo.typing import ComplexArray, RealArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

DEGENERATE = 1e-5
"""eV; levels that are this close to the next one belong together."""


class Stopped(Exception):
    """A signal asked to stop; raised on all ranks."""


@dataclass(frozen=True)
class Levels:
    """What is known of N levels at K k-points; all but E_kn is averaged over levels of one energy.

    E_kn: (K, N) eV. values: by name (K, components, N): `spin` (1, σ·n̂ in ħ/2), `spin_vector` (3), `velocity` (3, ħv
    in eV Å), `curvature` (3: yz, zx, xy, Å²), `torque` (3, eV), `site_weight` (sites).
    """

    E_kn: RealArray
    values: dict[str, RealArray]


class BandStates:
    """The levels of one model with one direction n̂ of the magnetization; what the model cannot give is left out."""

    def __init__(self, model: Model, n_hat: RealArray, *, spin_matrices: bool = True) -> None:
        self.sites, site_of_orbital = sites(model)
        spin = SpinVector()
        every: list[Observable] = [VELOCITY, TORQUE, CURVATURE, *([] if spin.missing(model) else [SPIN, spin])]
        able = [observable for observable in every if not observable.missing(model)]
        self.need = frozenset([*able, SiteWeight(site_of_orbital, len(self.sites))])
        self.solver: StateSolver = next(solvers(model, n_hat[None], self.need, spin_matrices=spin_matrices))

    def levels(self, k: RealArray) -> Levels:
        """At the points k (K, 3), fractional, in their order; neighbours on a line in the solver's order go together.

        Serial.
        """
        parts = [self._of(self.solver.line(*line, need=self.need)) for line in self._lines(k)]
        E_kn = np.concatenate([part.E_kn for part in parts])
        values = {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values}
        return Levels(E_kn, values)

    def _lines(self, k: RealArray) -> Iterator[tuple[float, float, RealArray]]:
        first, second, last = self.solver.order
        new = np.any(np.abs(np.diff(k[:, [first, second]], axis=0)) > 0.0, axis=1)
        for piece in np.split(k, np.flatnonzero(new) + 1):
            yield float(piece[0, first]), float(piece[0, second]), np.ascontiguousarray(piece[:, last])

    def _of(self, states: States) -> Levels:
        E_kn = states.E_kn
        values: dict[str, RealArray] = {}
        for observable in self.need:
            found = states[observable]
            if found.ndim == 4:
                found = np.einsum("knvn->kvn", found).real
            values[observable.name] = found[:, None] if found.ndim == 2 else np.array(found)
        velocity = np.zeros((len(E_kn), 3, E_kn.shape[1]))
        velocity[:, list(self.solver.directions)] = values["velocity"]
        values["velocity"] = velocity
        extra = values.pop("curvature", 0.0)
        values = {name: _averaged(E_kn, X) for name, X in values.items()}
        values["curvature"] = _averaged(E_kn, extra + berry_curvature(E_kn, states[VELOCITY], self.solver.directions))
        return Levels(E_kn, dict(sorted(values.items())))


def berry_curvature(E_kn: RealArray, v_knvm: ComplexArray, directions: tuple[int, ...]) -> RealArray:
    """Ω_xy = −2 Im Σ_m <n|ħv_x|m><m|ħv_y|n>/(E_n − E_m)² and its like, (K, 3: yz zx xy, N), Å².

    The sum is over levels of another energy: with levels of the same one summed, this is the trace of their curvature.
    v_knvm: (K, N, components, N) along `directions`.
    """
    gap = E_kn[:, :, None] - E_kn[:, None, :]
    with np.errstate(divide="ignore"):
        weight = np.where(_together(E_kn), 0.0, 1.0 / np.where(gap == 0.0, 1.0, gap) ** 2)
    out = np.zeros((len(E_kn), 3, E_kn.shape[1]))
    for c, (a, b) in enumerate(AXIS_PAIRS):
        if a in directions and b in directions:
            x, y = v_knvm[:, :, directions.index(a)], v_knvm[:, :, directions.index(b)]
            out[:, c] = -2.0 * np.einsum("knm,knm,kmn->kn", weight, x, y, optimize=True).imag
    return out


def _groups(E_kn: RealArray) -> RealArray:
    """(K, N): number of the group of levels of one energy that each level belongs to."""
    begins = np.diff(E_kn, axis=1, prepend=-np.inf) > DEGENERATE
    return np.asarray(np.cumsum(begins, axis=1), dtype=np.float64)


def _together(E_kn: RealArray) -> RealArray:
    group = _groups(E_kn)
    return np.asarray(group[:, :, None] == group[:, None, :])


def _averaged(E_kn: RealArray, X_kvn: RealArray) -> RealArray:
    """The mean over levels of one energy in place of the value of each, which depends on the choice of states."""
    same = _together(E_kn).astype(np.float64)
    return np.asarray(np.matmul(X_kvn, same) / same.sum(axis=1)[:, None])


def levels_along(
    states: BandStates, k: RealArray, comm: Intracomm, rounds: Rounds, *, quiet: bool, label: str
) -> Levels | None:
    """`levels` with the points shared out over the ranks; the whole on rank 0, None elsewhere. Collective.

    Raises Stopped on all ranks after a signal; what one rank raises, all do.
    """
    edges = np.linspace(0, len(k), comm.size + 1).astype(int)
    mine = k[edges[comm.rank] : edges[comm.rank + 1]]
    size = max(1, min(16, 2**21 // states.solver.size**2))
    most = -(-int(np.diff(edges).max()) // size)
    found: list[Levels] = []
    rounds.begin()
    with Progress(len(k), "k", comm, share=len(mine), quiet=quiet, label=label) as progress:
        for number in range(most):
            piece = mine[number * size : (number + 1) * size]
            with together(comm):
                if len(piece):
                    found.append(states.levels(piece))
            progress.advance(len(piece))
            if rounds.meeting()[1]:
                raise Stopped
    gathered = comm.gather(found, root=0)
    if gathered is None:
        return None
    whole = [levels for part in gathered for levels in part]
    return Levels(
        np.concatenate([levels.E_kn for levels in whole]),
        {name: np.concatenate([levels.values[name] for levels in whole]) for name in whole[0].values},
    )
