"""What one pass over k sums: axes, pairs of observables, raw sums. Independent of the model and of ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hpcalo.hamiltonian.types import Crystal
from hpcalo.kubo.states.observable import Derived, LevelProperty, Observable, Operator
from hpcalo.kubo.states.operators import TORQUE, VELOCITY
from hpcalo.kubo.sums.scattering import Scattering
from hpcalo.kubo.sums.thermal_levels import ROWS
from hpcalo.typing import RealArray

Pair = tuple[Operator, Operator]
"""The two observables (X, Y) of a pair sum, W_nm = <n|X|m><m|Y|n>."""

TORQUE_VELOCITY: Pair = (TORQUE, VELOCITY)
TORQUE_TORQUE: Pair = (TORQUE, TORQUE)
VELOCITY_VELOCITY: Pair = (VELOCITY, VELOCITY)

BROADENED, SEA, THERMAL, FERMI = "broadened", "sea", "thermal", "fermi"
"""The kinds of pair sums: with broadening, at T = 0 without, the direct thermal sums at the points (µ, T), and of these
the last alone, the sea sum with Fermi functions, at a fraction of their cost.
"""

COUNT = "count"
"""Name of the raw sum that counts levels between fine edges."""

WINDOW = "window"
"""Name of the raw sum that counts the levels below, between, and above the first and the last Fermi energy."""

DEGENERACY_TOLERANCE = 1e-8
"""eV; levels nearer than this are one level for the responses without broadening, whose pair weight is a principal
value.
"""


@dataclass(frozen=True)
class Sums:
    """The raw sums that a response is made of.

    broadened, sea, thermal, fermi: pairs of operators. levels: properties summed over occupied levels; fermi_levels:
    the same with Fermi functions at the points (µ, T). count: whether levels are counted on a fine energy grid.
    """

    broadened: tuple[Pair, ...] = ()
    sea: tuple[Pair, ...] = ()
    thermal: tuple[Pair, ...] = ()
    levels: tuple[LevelProperty, ...] = ()
    count: bool = False
    fermi: tuple[Pair, ...] = ()
    fermi_levels: tuple[LevelProperty, ...] = ()
    thermal_levels: tuple[LevelProperty, ...] = ()

    @staticmethod
    def union(several: Iterable[Sums]) -> Sums:
        """All sums of several responses, each once."""
        every = list(several)

        def once(attribute: str) -> tuple:
            return tuple(dict.fromkeys(entry for sums in every for entry in getattr(sums, attribute)))

        def properties(attribute: str) -> tuple:
            return tuple(sorted(once(attribute), key=lambda o: o.name, reverse=True))  # the order that checkpoints have

        return Sums(
            once(BROADENED),
            once(SEA),
            once(THERMAL),
            properties("levels"),
            any(sums.count for sums in every),
            once(FERMI),
            properties("fermi_levels"),
            properties("thermal_levels"),
        )

    def without(self, missing: frozenset[Observable]) -> Sums:
        """The same sums without the properties of levels that a model cannot provide."""
        return replace(
            self,
            levels=tuple(o for o in self.levels if o not in missing),
            fermi_levels=tuple(o for o in self.fermi_levels if o not in missing),
            thermal_levels=tuple(o for o in self.thermal_levels if o not in missing),
        )


@dataclass(frozen=True)
class Request:
    """Axes and raw sums of a pass.

    crystal: decides how many components an observable has. energies: (NE,) ascending Fermi energies, eV. gammas: (G,)
    eV. mu, kt: (Q,) eV, the points of the thermal sums. count_edges: (NB + 1,) ascending, the finer grid of the level
    count; empty if levels are not counted. window: whether the levels between the first and the last Fermi energy are
    counted. missing: observables that the model does not know, and so the responses must do without. independent:
    numbers of the components that are computed of a raw sum, by its name; all of them where it is not named.
    scattering: disorder beyond the constant gammas.
    """

    crystal: Crystal
    energies: RealArray
    gammas: RealArray
    mu: RealArray
    kt: RealArray
    sums: Sums = Sums()
    count_edges: RealArray = field(default_factory=lambda: np.zeros(0))
    window: bool = False
    missing: frozenset[Observable] = frozenset()
    independent: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    scattering: Scattering | None = None

    @property
    def reference(self) -> float:
        """Energy from which the sea sums measure level energies, eV."""
        return float(0.5 * (self.energies[0] + self.energies[-1]))

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs of operators, each once."""
        sums = self.sums
        return tuple(dict.fromkeys(sums.broadened + sums.sea + sums.thermal + sums.fermi))

    def components(self, pair: Pair) -> NDArray[np.int32]:
        """The pairs (P, 2) of places in X's and Y's component axes: all of them, X's component slowest."""
        first, second = (observable.size(self.crystal) for observable in pair)
        return np.stack(np.divmod(np.arange(first * second, dtype=np.int32), np.int32(second)), axis=1)

    def independent_components(self, name: str) -> NDArray[np.int32]:
        """The `components` that are computed of a raw sum over pairs."""
        every = self.components(self.pair_sums()[name][1])
        return every[list(self.independent[name])] if name in self.independent else every

    def named(self) -> frozenset[Observable]:
        """The observables of all sums."""
        return frozenset({*(operator for pair in self.pairs for operator in pair), *self.level_sums().values()})

    def need(self) -> frozenset[Observable]:
        """The observables that the state solver has to provide."""
        named = self.named()
        every = named | {other for observable in named for other in observable.requires}
        if self.scattering is not None and self.sums.broadened:
            every |= self.scattering.need()
        return frozenset(observable for observable in every if not isinstance(observable, Derived))

    def derived(self) -> tuple[Derived, ...]:
        """The observables that follow from those of the solver, by name."""
        return tuple(sorted((o for o in self.named() if isinstance(o, Derived)), key=lambda o: o.name))

    def pair_sums(self) -> dict[str, tuple[str, Pair]]:
        """Kind and pair of every raw sum over pairs, by its name."""
        sums = self.sums
        kinds = ((BROADENED, sums.broadened), (SEA, sums.sea), (THERMAL, sums.thermal), (FERMI, sums.fermi))
        return {raw_name(kind, pair): (kind, pair) for kind, pairs in kinds for pair in pairs}

    def level_sums(self) -> dict[str, LevelProperty]:
        """The property of levels in every raw sum over levels, by its name."""
        plain = {o.name: o for o in self.sums.levels}
        warm = {thermal_name(o): o for o in self.sums.thermal_levels}
        return plain | {fermi_name(o): o for o in self.sums.fermi_levels} | warm

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every raw sum of the pass."""
        NE, G, Q = len(self.energies), len(self.gammas), len(self.mu)
        shapes: dict[str, tuple[int, ...]] = {}
        for name, (kind, _) in self.pair_sums().items():
            P = len(self.independent_components(name))
            shapes[name] = {BROADENED: (G, P, 2, NE), SEA: (P, 3, NE + 1), THERMAL: (P, 4, Q), FERMI: (P, Q)}[kind]
        for name, observable in self.level_sums().items():
            components = (len(self.independent[name]),) if name in self.independent else observable.shape(self.crystal)
            after = (ROWS, Q) if name.startswith(THERMAL) else (Q,) if name.startswith(FERMI) else (NE + 1,)
            shapes[name] = (*components, *after)
        if len(self.count_edges):
            shapes[COUNT] = (len(self.count_edges) + 1,)
        if self.window:
            shapes[WINDOW] = (3,)
        return shapes


def raw_name(kind: str, pair: Pair) -> str:
    """Key of a raw sum, for example `broadened:torque-velocity`."""
    return f"{kind}:{pair[0].name}-{pair[1].name}"


def fermi_name(observable: LevelProperty) -> str:
    """Key of the raw sum of a property of levels with Fermi functions, for example `fermi:curvature`."""
    return f"{FERMI}:{observable.name}"


def thermal_name(observable: LevelProperty) -> str:
    """Key of the raw sum of a property of levels with functions of temperature, for example `thermal:curvature`."""
    return f"{THERMAL}:{observable.name}"
