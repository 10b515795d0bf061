"""What one pass over k is asked to sum: axes, pairs of observables, raw sums. Independent of the model and of ranks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpcalo.kubo.states.solver import CURVATURE, SPIN, TORQUE, VELOCITY
from hpcalo.typing import RealArray

Kind = tuple[str, str]
"""The two observables of a pair, for example (torque, velocity)."""

DEGENERACY_TOLERANCE = 1e-8
"""eV; levels nearer than this are one level for the responses without broadening, whose pair weight is a principal
value.
"""


@dataclass(frozen=True)
class Request:
    """Axes and raw sums.

    energies: (NE,) ascending Fermi energies, eV. gammas: (G,) eV. mu, kt: (Q,) eV, the points of the direct thermal
    sums. components: per kind the pairs (P, 2) of positions in X's and Y's component axes. broadened, sea, thermal:
    kinds to sum. count_edges: (NB + 1,) ascending, the finer grid of the level count; empty if not wanted. spin,
    curvature: further sums over occupied levels.
    """

    energies: RealArray
    gammas: RealArray
    mu: RealArray
    kt: RealArray
    components: dict[Kind, NDArray[np.int32]]
    broadened: tuple[Kind, ...] = ()
    sea: tuple[Kind, ...] = ()
    thermal: tuple[Kind, ...] = ()
    spin: bool = False
    curvature: bool = False
    count_edges: RealArray = field(default_factory=lambda: np.zeros(0))

    @property
    def reference(self) -> float:
        """Energy from which the sea sums measure level energies, eV."""
        return float(0.5 * (self.energies[0] + self.energies[-1]))

    def need(self) -> frozenset[str]:
        """The operators the state solver has to provide."""
        names = {name for kinds in (self.broadened, self.sea, self.thermal) for kind in kinds for name in kind}
        if self.spin:
            names.add(SPIN)
        if self.curvature:
            names |= {CURVATURE, VELOCITY}
        return frozenset(names)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every raw sum of the pass."""
        NE, G, Q = len(self.energies), len(self.gammas), len(self.mu)
        shapes: dict[str, tuple[int, ...]] = {}
        for kind in self.broadened:
            shapes[raw_name("broadened", kind)] = (G, len(self.components[kind]), 2, NE)
        for kind in self.sea:
            shapes[raw_name("sea", kind)] = (len(self.components[kind]), 3, NE + 1)
        for kind in self.thermal:
            shapes[raw_name("thermal", kind)] = (len(self.components[kind]), 4, Q)
        if self.spin:
            shapes["spin"] = (NE + 1,)
        if self.curvature:
            shapes["curvature"] = (3, NE + 1)
        if len(self.count_edges):
            shapes["count"] = (len(self.count_edges) + 1,)
        return shapes


def raw_name(sum_kind: str, kind: Kind) -> str:
    """Key of a raw sum, for example `broadened:torque-velocity`."""
    return f"{sum_kind}:{kind[0]}-{kind[1]}"


TORQUE_VELOCITY: Kind = (TORQUE, VELOCITY)
TORQUE_TORQUE: Kind = (TORQUE, TORQUE)
VELOCITY_VELOCITY: Kind = (VELOCITY, VELOCITY)
