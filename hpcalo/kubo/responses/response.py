"""What a response is: the sums it needs, the quantities it makes, its panels, its checks. One class each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result, Variable
from hpcalo.kubo.plot.panels import Panel, generic_panel
from hpcalo.kubo.registry import registered
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.observable import Observable
from hpcalo.kubo.sums.request import Sums
from hpcalo.typing import RealArray

Attributes = Mapping[str, str | float | int]

ENERGY = ("n_hat", "energy")
"""Axes of a number for each direction of the magnetization and Fermi energy."""
DRAWN_AGAINST = {"energy", "temperature", "mu"}


@dataclass(frozen=True)
class Quantity:
    """A variable that a response adds to the result.

    dims: its axes. unit: as pint writes it. equation: the source equation. sign: the sign convention. parity: +1 where
    it is even under n̂ → −n̂, −1 odd, 0 neither. attrs: further attributes, or a function that makes them from the run.
    nan_ok: it may be undefined (a ratio by zero). optional: it may be left out. aside: it follows from other ones, or
    says how good they are, and has no row in the table at the end of a run. requires: observables that the model must
    know for it, though they are in no sum; without them it is left out.
    """

    name: str
    dims: tuple[str, ...]
    unit: str
    long_name: str
    equation: str = ""
    sign: str = ""
    parity: int = 0
    attrs: Attributes | Callable[[RunSums], Attributes] = field(default_factory=dict)
    nan_ok: bool = False
    optional: bool = False
    aside: bool = False
    requires: tuple[Observable, ...] = ()

    def variable(self, values: RealArray, run: RunSums) -> Variable:
        """The named array of these values."""
        return Variable(
            self.name,
            self.dims,
            np.ascontiguousarray(values, dtype=np.float64),
            self.unit,
            self.long_name,
            self.attrs(run) if callable(self.attrs) else self.attrs,
            equation=self.equation,
            sign=self.sign,
            parity=self.parity,
            nan_ok=self.nan_ok,
        )


@dataclass(frozen=True)
class Axis:
    """An axis of the result with its coordinate. values: numbers or labels, made from the run."""

    name: str
    values: Callable[[RunSums], ArrayLike]
    long_name: str
    unit: str = ""


class Response(ABC):
    """A response. Subclasses are entered with `hpcalo.kubo.registry.register`.

    name: in `kubo.quantities`. help: one line. rank: place in lists, the smallest first. sums: the raw sums it is made
    of. thermal: whether it integrates over the energy axis with −f', so that the axis must be wide enough. quantities:
    what it adds to the result, in this order. axes: axes that only it has. panels: how it is drawn; without any, each
    quantity that depends on energy or temperature is drawn by its own description.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    rank: ClassVar[int] = 1000
    sums: ClassVar[Sums]
    thermal: ClassVar[bool] = False
    quantities: ClassVar[tuple[Quantity, ...]]
    axes: ClassVar[tuple[Axis, ...]] = ()
    panels: ClassVar[tuple[Panel, ...]] = ()

    @property
    def units(self) -> Mapping[str, str]:
        """Units of its variables by name."""
        return {quantity.name: quantity.unit for quantity in self.quantities}

    @abstractmethod
    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        """The values of the quantities by name.

        A pure function of the raw sums: an estimate of errors calls it again with the sums of a part of the k-points.
        """

    def errors_of_bins(self, run: RunSums, points: RealArray) -> Mapping[str, RealArray]:
        """Errors, by name, that values have because levels are counted in bins of energy. They fall with 1/√points.

        points: (A,) k-points for each direction of the magnetization.
        """
        return {}

    def unfit(self, n_hat: RealArray) -> str:
        """What the directions of the magnetization (A, 3) do not suffice for, in a sentence; empty if they do."""
        return ""

    def checks(self, result: Result) -> Iterable[Check]:
        """What must hold in a result that has these quantities, for the report."""
        return ()

    def hints(self, result: Result) -> Iterable[tuple[str, str]]:
        """What a result says about its convergence, in words: (what, value), for the report."""
        return ()

    def variables(self, run: RunSums) -> list[Variable]:
        """The quantities that the model can give, as named arrays.

        Raises ValueError where `compute` and `quantities` do not agree.
        """
        values = self.compute(run)
        declared = {quantity.name for quantity in self.quantities}
        missing = {q.name for q in self.quantities if not q.optional} - set(values)
        if missing or set(values) - declared:
            raise ValueError(f"{self.name}: computes {sorted(values)}, declares {sorted(declared)}")
        known = [q for q in self.quantities if not run.missing & set(q.requires)]
        return [q.variable(values[q.name], run) for q in known if q.name in values]

    def drawn(self) -> tuple[Panel, ...]:
        """Its panels, or those of its quantities' own description."""
        plain = (q.name for q in self.quantities if DRAWN_AGAINST & set(q.dims))
        return self.panels or tuple(generic_panel(name) for name in plain)


def responses(names: Iterable[str] | None = None) -> list[Response]:
    """The responses with these names, in their order; all by rank without names."""
    register = registered()
    found = [register[name] for name in (register if names is None else names)]
    return [response for response in found if isinstance(response, Response)]


def needed(chosen: Sequence[Response]) -> Sums:
    """The raw sums of several responses, each once."""
    return Sums.union(response.sums for response in chosen)
