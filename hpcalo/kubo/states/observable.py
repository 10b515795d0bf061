"""What an observable is: its components, its parity, and how each state solver makes it.

An `Operator` has matrix elements <n|O_v|m> and can stand in the pairs of a response; a `LevelProperty` has one value
for each level and is summed over the occupied ones. `hpcalo.kubo.states.operators` has the table of them.
"""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from hpcalo.hamiltonian.types import Crystal, LcaoModel, Model, WannierModel
from hpcalo.kubo.states.directions import velocity_directions
from hpcalo.kubo.states.lcao_point import LcaoPoint
from hpcalo.kubo.states.wannier_line import WannierLine, WannierParts
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hpcalo.hamiltonian.symmetry import Operation


class Observable(ABC):
    """What is known of an observable, and how each state solver makes it.

    name: in raw sums and messages. unit: inside the program. indices: one entry for each tensor index, "polar" (along
    the directions in which the crystal repeats) or "axial" (all three); none for a scalar. time_odd: whether it
    changes sign under time reversal with n̂ reversed too. requires: what its own making needs besides. optional: a run
    does without where the model cannot provide it.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    indices: ClassVar[tuple[Literal["polar", "axial"], ...]] = ("axial",)
    time_odd: ClassVar[bool] = False
    requires: ClassVar[tuple[Observable, ...]] = ()
    optional: ClassVar[bool] = False
    negligible: ClassVar[float] = 0.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Observable) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name

    def shape(self, crystal: Crystal) -> tuple[int, ...]:
        """Number of components along each tensor index."""
        return tuple(len(velocity_directions(crystal)) if index == "polar" else 3 for index in self.indices)

    def size(self, crystal: Crystal) -> int:
        """Number of all components."""
        return math.prod(self.shape(crystal))

    def transformation(self, operation: Operation, crystal: Crystal) -> RealArray:
        """The matrix (size, size) that takes the components at k to those at the image of k under an operation."""
        matrix: RealArray = np.ones((1, 1))
        directions = list(velocity_directions(crystal))
        for index in self.indices:
            one = operation.polar[np.ix_(directions, directions)] if index == "polar" else operation.axial
            matrix = np.asarray(np.kron(matrix, one), dtype=np.float64)
        return operation.time_sign * matrix if self.time_odd else matrix

    def missing(self, model: Model) -> str:
        """Why a model cannot provide it, in words that follow "the model … "; empty if it can."""
        return ""

    def inexact(self, model: Model) -> str:
        """What is wrong with it for this model, and by how much, as a warning; empty if nothing is."""
        return ""

    def wannier_parts(self, model: WannierModel, need: frozenset[Observable]) -> WannierParts:
        """What it takes from the model; `need` are all observables of the run."""
        return WannierParts({}, {})

    def wannier(self, line: WannierLine) -> NDArray:
        """Its array at the points of a line, as `States` holds it."""
        raise NotImplementedError(f"{self.name}: not made for Wannier functions")

    def lcao_parts(self, model: LcaoModel) -> Iterator[tuple[str, RealArray]]:
        """Matrices (nR, N, N) between orbitals without spin that it takes from the model, by name."""
        yield from ()

    def lcao_fixed(self, model: LcaoModel) -> Mapping[str, RealArray]:
        """What it takes from the model that is the same at every k, by name, any shape."""
        return {}

    def lcao(self, point: LcaoPoint, out: NDArray) -> None:
        """Adds its values at one k-point to `out`, which holds zeros: (M, v, M), of a LevelProperty (…, M)."""
        raise NotImplementedError(f"{self.name}: not made for atomic orbitals")


class Operator(Observable):
    """An observable with matrix elements between states: complex (K, N, v, N), Hermitian in (n, m)."""


class LevelProperty(Observable):
    """An observable of single levels: real (K, N) for a scalar, else (K, v, N)."""


class Derived(Observable):
    """An observable that is made of the energies of the levels and of operators, the same for every kind of model.

    requires: those operators. State solvers do not know it: the sums make it from what they have.
    """

    def missing(self, model: Model) -> str:
        """What the first of its operators misses that cannot be made."""
        return next((reason for operator in self.requires if (reason := operator.missing(model))), "")

    def derived(self, E_kn: RealArray, operators: Mapping[Observable, NDArray]) -> NDArray:
        """Its array, as `States` holds it. E_kn: (K, N) eV, relative to the first Fermi energy of the sums."""
        raise NotImplementedError(f"{self.name}: not derived")
