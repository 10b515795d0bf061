"""Levels at given k-points, and the expectation values that do not depend on the choice of states of one energy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.bands.observables import SiteWeight, SpinVector, sites
from hpcalo.bands.points import at_points
from hpcalo.hamiltonian.types import Model
from hpcalo.kubo.states.band_coefficients import MIXED_BERRY_CURVATURE, ORBITAL_MOMENT_TENSOR, TWIST_TORQUE_MOMENT
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.states.one_level import together
from hpcalo.kubo.states.operators import CURVATURE, SPIN, TORQUE, VELOCITY
from hpcalo.kubo.states.solver import PointSolver, States, StateSolver
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.states.wannier_line import AXIS_PAIRS
from hpcalo.parallel.rounds import Rounds
from hpcalo.typing import ComplexArray, RealArray
from hpcalo.units import MU_B_PER_EV_A2

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

ENERGY = "energy"
ORBITAL_MOMENT = "orbital_moment"
_TENSOR = ("torque_component", "velocity_component")
COEFFICIENTS = {
    TWIST_TORQUE_MOMENT.name: (
        ("torque_component", "velocity_component"),
        "eV*angstrom",
        "twist-torque moment A",
        "(28)",
        "T_i, v_j",
    ),
    MIXED_BERRY_CURVATURE.name: (
        ("torque_component", "velocity_component"),
        "angstrom",
        "mixed Berry curvature B",
        "(29)",
        "T_i, v_j",
    ),
    ORBITAL_MOMENT: (("axis",), "mu_B", "orbital moment", "−½ ε_kij M_ij (48)", "m = −(e/2) r × v"),
}
"""Sums over all other bands: tensor indices, unit, words, equation, sign."""


@dataclass(frozen=True)
class Levels:
    """What is known of N levels at K k-points; all but E_kn is averaged over levels of one energy.

    E_kn: (K, N) eV. values: by name (K, components, N): `spin` (1, σ·n̂ in ħ/2), `spin_vector` (3), `velocity` (3, ħv
    in eV Å), `curvature` (3: yz, zx, xy, Å²), `torque` (3, eV), `site_weight` (sites); where requested
    `twist_torque_moment` and `mixed_berry_curvature` (9: xx … zz, torque and velocity, eV Å and Å), `orbital_moment`
    (3, µ_B).
    """

    E_kn: RealArray
    values: dict[str, RealArray]


class BandStates:
    """The levels of one model with one direction n̂ of the magnetization; what the model cannot give is left out."""

    def __init__(
        self,
        model: Model,
        n_hat: RealArray,
        *,
        spin_matrices: bool = True,
        spin_only: bool = False,
        coefficients: bool = False,
    ) -> None:
        """spin_only: of all values only those of the spin. coefficients: A and B of torques, orbital moments too."""
        self._coefficients = coefficients
        self.sites, site_of_orbital = sites(model)
        spin = SpinVector()
        of_spin: list[Observable] = [] if spin.missing(model) else [SPIN, spin]
        others = [VELOCITY, TORQUE, CURVATURE, SiteWeight(site_of_orbital, len(self.sites))]
        able = [observable for observable in others if not observable.missing(model)]
        self.need = frozenset(of_spin if spin_only else [*of_spin, *able])
        self.solver: StateSolver = next(solvers(model, n_hat[None], self.need, spin_matrices=spin_matrices))

    @property
    def piece(self) -> int:
        """Points that are made together: their matrices fit into some 100 MiB."""
        return max(1, min(16, 2**21 // self.solver.size**2))

    def levels(self, k: RealArray) -> Levels:
        """At the points k (K, 3), fractional, in their order; neighbours on a line in the solver's order go together.

        Serial.
        """
        lines = list(self._lines(k))
        if isinstance(self.solver, PointSolver) and len(k) < self.solver.scattered * len(lines):
            return self._of(self.solver.points(k, self.need))
        parts = [self._of(self.solver.line(*line, need=self.need)) for line in lines]
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
        extra = values.pop(CURVATURE.name, 0.0)
        if VELOCITY in self.need:
            velocity = np.zeros((len(E_kn), 3, E_kn.shape[1]))
            velocity[:, list(self.solver.directions)] = values[VELOCITY.name]
            curvature = extra + berry_curvature(E_kn, states[VELOCITY], self.solver.directions)
            values |= {VELOCITY.name: velocity, CURVATURE.name: curvature}
        if self._coefficients:
            values |= self._of_pairs(states)
        values = {name: _averaged(E_kn, X) for name, X in values.items()}
        return Levels(E_kn, dict(sorted(values.items())))

    def _of_pairs(self, states: States) -> dict[str, RealArray]:
        """A and B (28), (29) with three directions of the velocity, (K, 9, N), and the moments of (48), (K, 3, N)."""
        E_kn = states.E_kn
        gap, apart = E_kn[:, None, :] - E_kn[:, :, None], np.logical_not(together(E_kn))
        directions = list(self.solver.directions)
        found = {}
        for one in (TWIST_TORQUE_MOMENT, MIXED_BERRY_CURVATURE):
            if set(one.requires) <= self.need:
                whole = np.zeros((len(E_kn), 3, 3, E_kn.shape[1]))
                whole[:, :, directions] = one.of_pairs(gap, apart, states.observables)
                found[one.name] = whole.reshape(len(E_kn), 9, -1)
        moment = np.zeros((len(E_kn), 3, E_kn.shape[1]))
        tensor = ORBITAL_MOMENT_TENSOR.of_pairs(gap, apart, states.observables)
        for k, (a, b) in enumerate(AXIS_PAIRS):
            if a in directions and b in directions:
                moment[:, k] = -MU_B_PER_EV_A2 * tensor[:, directions.index(a), directions.index(b)]
        return {**found, ORBITAL_MOMENT: moment}


def berry_curvature(E_kn: RealArray, v_knvm: ComplexArray, directions: tuple[int, ...]) -> RealArray:
    """Ω_xy = −2 Im Σ_m <n|ħv_x|m><m|ħv_y|n>/(E_n − E_m)² and its like, (K, 3: yz zx xy, N), Å².

    The sum is over levels of another energy: with levels of the same one summed, this is the trace of their curvature.
    v_knvm: (K, N, components, N) along `directions`.
    """
    gap = E_kn[:, :, None] - E_kn[:, None, :]
    with np.errstate(divide="ignore"):
        weight = np.where(together(E_kn), 0.0, 1.0 / np.where(gap == 0.0, 1.0, gap) ** 2)
    out = np.zeros((len(E_kn), 3, E_kn.shape[1]))
    for c, (a, b) in enumerate(AXIS_PAIRS):
        if a in directions and b in directions:
            x, y = v_knvm[:, :, directions.index(a)], v_knvm[:, :, directions.index(b)]
            out[:, c] = -2.0 * np.einsum("knm,knm,kmn->kn", weight, x, y, optimize=True).imag
    return out


def _averaged(E_kn: RealArray, X_kvn: RealArray) -> RealArray:
    """The mean over levels of one energy in place of the value of each, which depends on the choice of states."""
    same = together(E_kn).astype(np.float64)
    return np.asarray(np.matmul(X_kvn, same) / same.sum(axis=1)[:, None])


def levels_along(
    states: BandStates, k: RealArray, comm: Intracomm, rounds: Rounds, *, quiet: bool, label: str
) -> Levels | None:
    """`BandStates.levels` with the points shared out over the ranks; whole on rank 0, None elsewhere. Collective.

    Raises Interrupted on all ranks after a signal; what one rank raises, all do.
    """

    def arrays(piece: RealArray) -> dict[str, RealArray]:
        levels = states.levels(piece)
        return {ENERGY: levels.E_kn, **levels.values}

    found = at_points(arrays, k, states.piece, comm, rounds, quiet=quiet, label=label)
    return None if found is None else Levels(found.pop(ENERGY), found)
