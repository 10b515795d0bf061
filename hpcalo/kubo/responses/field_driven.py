"""What an electric field or a gradient of temperature makes of any observable: three parts, their names and panels.

Used by the responses of spin and orbital; each names its observable, unit and sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from hpcalo.io.checks import Check
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import thermal_axis
from hpcalo.kubo.plot.overlays import overlay
from hpcalo.kubo.plot.panels import AxisLabel, Panel, draw_curves, trimmed
from hpcalo.kubo.responses.checking import CURVE, scatter, sum_rule
from hpcalo.kubo.responses.response import Attributes, Quantity, Response
from hpcalo.kubo.responses.run_sums import RunSums
from hpcalo.kubo.states.observable import Observable, Operator
from hpcalo.kubo.states.operators import VELOCITY
from hpcalo.kubo.sums.request import Pair, Sums
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = ("even", "odd", "intrinsic")
CLOSED, MOTT = "closed form, Γ constant", "Mott's relation as (39)"


@dataclass(frozen=True)
class FieldDriven:
    """δ<X> of an observable X in a field E, δ<X> = χ E, or in a gradient, δ<X> = −ζ ∇T with Mott's relation.

    ζ = (1/e) ∫dE f'(E) (E−μ)/T χ(E).

    The parts even and odd under n̂ → −n̂ have the broadening, the intrinsic one has none. Which of Re W and Im W, W_nm =
    <n|X|m><m|v|n>, is even follows from what X does under time reversal: Re W if X is odd as v is (a spin), Im W if it
    is even (a torque, a current of spin). The intrinsic part has the parity of Im W.

    name: of the quantities, before _even, _odd and _intrinsic. words: of their long names. observable: X. indices: axes
    of the components of X. unit: of the result. label: of the panels. factor: of −<<X; v>> in Å times X's unit, to the
    unit of the result; v is ħv in eV Å. attrs: further attributes. requires: as of a Quantity.
    """

    name: str
    words: str
    observable: Operator
    indices: tuple[str, ...]
    unit: str
    sign: str
    label: AxisLabel
    factor: Callable[[RunSums], float]
    attrs: Attributes | Callable[[RunSums], Attributes]
    thermal: bool = False
    requires: tuple[Observable, ...] = ()

    @property
    def pair(self) -> Pair:
        """(X, v)."""
        return self.observable, VELOCITY

    @property
    def sums(self) -> Sums:
        """The raw sums."""
        return Sums(broadened=(self.pair,), sea=(self.pair,))

    @property
    def intrinsic_parity(self) -> int:
        """Sign of the intrinsic part under n̂ → −n̂."""
        return -1 if self.observable.time_odd == VELOCITY.time_odd else 1

    def quantities(self) -> tuple[Quantity, ...]:
        """Its three quantities."""
        after = ("gradient", "mu", "temperature") if self.thermal else ("field", "energy")
        out = []
        for part, parity in zip(PARTS, (1, -1, self.intrinsic_parity), strict=True):
            gamma = () if part == "intrinsic" else ("gamma",)
            equation = MOTT if self.thermal else "(36)" if part == "intrinsic" else CLOSED
            out.append(
                Quantity(
                    f"{self.name}_{part}",
                    ("n_hat", *gamma, *self.indices, *after),
                    self.unit,
                    f"{part} {self.words}",
                    equation,
                    self.sign,
                    parity,
                    self.attrs,
                    requires=self.requires,
                )
            )
        return tuple(out)

    def panels(self, first: int) -> tuple[Panel, ...]:
        """A panel for the even and one for the odd part, of rank `first` and the next."""
        even, odd = (f"{self.name}_{part}" for part in PARTS[:2])
        return (
            Panel((even,), lambda axis, results: self._draw(axis, results, "even"), rank=first),
            Panel((odd,), lambda axis, results: self._draw(axis, results, "odd"), rank=first + 1),
        )

    def _draw(self, axis: Axes, results: Sequence[Result], part: str) -> None:
        along = thermal_axis(results[0]) if self.thermal else "energy"
        label = replace(self.label, words=f"{part} {self.label.words}")
        found, factor = draw_curves(axis, results, f"{self.name}_{part}", along, label, dos=not self.thermal)
        if found and len(results) == 1 and (part == "even") == (self.intrinsic_parity > 0):
            overlay(
                axis, results, f"{self.name}_intrinsic", found, along, factor,
                label="intrinsic, Γ → 0", symbol=label.symbol, lw=0.7,
            )  # fmt: skip
            trimmed(axis)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        """The three parts: (A, G, X…, v, NE) or (A, G, X…, v, M, T), the intrinsic one without Γ."""
        real, imaginary = run.broadened(self.pair)
        even, odd = (real, imaginary) if self.intrinsic_parity < 0 else (imaginary, real)
        if self.thermal:
            even, odd = map(run.per_gradient, (even, odd))
            intrinsic = -run.sea_averages(self.pair, 1) / run.temperatures
        else:
            intrinsic, _ = run.sea(self.pair)
        factor = -self.factor(run)
        return {f"{self.name}_{p}": factor * part for p, part in zip(PARTS, (even, odd, intrinsic), strict=True)}

    def mott(self, result: Result, curve: FieldDriven, unit: float) -> Iterator[Check]:
        """That the parts with broadening follow from those per field. unit: of the curves in that per gradient, × V."""
        for part in PARTS[:2]:
            names = f"{self.name}_{part}", f"{curve.name}_{part}"
            equation = "ζ = (1/e) ∫ f′ (E−μ)/T χ(E) dE"
            yield from sum_rule(result, *names, equation, order=1, factor=-unit, limit=CURVE)

    def hints(self, result: Result) -> Iterator[tuple[str, str]]:
        """The scatter of the intrinsic curve."""
        yield from scatter(result, f"{self.name}_intrinsic")


class Driven(Response):
    """A response whose quantities are those of one `FieldDriven`, `driven`; `first_panel`: rank of its first panel.

    per_field: of a response to a gradient, the one per field, and the unit of that in its own unit, × V.
    """

    driven: ClassVar[FieldDriven]
    first_panel: ClassVar[int]
    per_field: ClassVar[tuple[FieldDriven, float] | None] = None

    def __init_subclass__(cls) -> None:
        cls.thermal = cls.driven.thermal
        cls.sums = cls.driven.sums
        cls.quantities = cls.driven.quantities()
        cls.panels = cls.driven.panels(cls.first_panel)

    def compute(self, run: RunSums) -> Mapping[str, RealArray]:
        return self.driven.compute(run)

    def checks(self, result: Result) -> Iterator[Check]:
        if self.per_field is not None:
            yield from self.driven.mott(result, *self.per_field)

    def hints(self, result: Result) -> Iterator[tuple[str, str]]:
        if not self.thermal:
            yield from self.driven.hints(result)
