"""Input of a Kubo run: responses, energies, broadenings, temperatures and magnetization directions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.common import Execution, OutputSection
from hpcalo.config.fields import Broadening, OneOrMore, OneOrMoreVectors, Section, Unit
from hpcalo.errors import nearest
from hpcalo.hamiltonian.kgrid import KGrid, Vector
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.hamiltonian.target import Accuracy, accuracy
from hpcalo.kubo.registry import ResponseName, registered
from hpcalo.kubo.tables import Disorder, Expansion, HeatCurrents
from hpcalo.scan.section import Scannable, ScanSection
from hpcalo.units import BOLTZMANN_EV

THERMAL_WINDOW = 15.0
"""The energy grid must reach this many k_B T on both sides of a chemical potential, where −f' is below 1e-5."""

MAX_VALUES = 10_000_000
"""Fermi energies times broadenings, or times directions: more would not fit a rank's memory."""

Energy = Annotated[float, Unit("eV"), Field(ge=-1e4, le=1e4)]
Name = Annotated[str, ResponseName()]
Kelvin = Annotated[float, Unit("K"), Field(ge=1e-3, le=1e5)]


class EnergyGrid(Section):
    """Fermi energies, relative to the reference energy."""

    reference: Energy | None = Field(
        None, description="zero of the energy axis; default: the Fermi energy of the model"
    )
    from_electrons: bool = Field(
        False, description="find the reference from the model's electron count in a first pass over k"
    )
    minimum: Energy = Field(-1.0, description="first Fermi energy")
    maximum: Energy = Field(1.0, description="last Fermi energy")
    points: int = Field(401, ge=2, le=200_001, description="number of Fermi energies, evenly spaced")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maximum <= self.minimum:
            raise PydanticCustomError(
                "order", f"maximum ({self.maximum:g} eV) must be larger than minimum ({self.minimum:g} eV)"
            )
        if self.from_electrons and self.reference is not None:
            raise PydanticCustomError("conflict", "give either reference or from_electrons, not both")
        return self


class KuboSection(Section):
    """Responses and their axes."""

    quantities: Annotated[tuple[Name, ...], Field(strict=False, min_length=1), OneOrMore] = Field(
        description="quantities to compute"
    )
    n_hat: (
        Annotated[tuple[Vector, ...], Field(strict=False, min_length=1, max_length=10_000), OneOrMoreVectors] | None
    ) = Field(
        None, description="directions of the magnetization (majority moment), normalized; default: that of the model"
    )
    gamma: Annotated[
        tuple[Annotated[float, Broadening("eV"), Field(gt=0, le=10)], ...],
        Field(strict=False, min_length=1, max_length=1000),
        OneOrMore,
    ] = Field((0.025,), description="quasiparticle broadenings Γ (half width); [kubo.disorder] makes them differ")
    temperatures: Annotated[tuple[Kelvin, ...], Field(strict=False, min_length=1, max_length=10_000), OneOrMore] = (
        Field((300.0,), description="temperatures of thermal quantities")
    )
    chemical_potentials: Annotated[
        tuple[Energy, ...], Field(strict=False, min_length=1, max_length=10_000), OneOrMore
    ] = Field((0.0,), description="chemical potentials of thermal quantities, relative to the reference energy")
    spin_matrices: bool = Field(
        True,
        description="use the spin matrices of a Wannier model for torque and spin; false: Pauli matrices on its pairs",
    )
    smearing: Annotated[float, Unit("eV"), Field(gt=0)] | None = Field(
        None,
        description="width of the Gaussian of the density of states; default: twice the spacing, at least 10 meV",
    )
    moment: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="moment per cell for the Gilbert damping, µ_B; default: the model's spin moment at each energy",
    )
    warn_error: Annotated[float, Unit("1"), Field(gt=0, le=100)] = Field(
        0.1,
        description="relative error of a result above which the run warns and figures show a curve as not "
        "converged; '10 %' is allowed, too",
    )
    energies: EnergyGrid = EnergyGrid()
    k: KGrid
    heat_currents: HeatCurrents = HeatCurrents()
    expansion: Expansion = Expansion()
    disorder: Disorder = Disorder()

    @property
    def gaussian_width(self) -> float:
        """Width of the Gaussian of the density of states, eV."""
        grid = self.energies
        spacing = (grid.maximum - grid.minimum) / (grid.points - 1)
        return self.smearing if self.smearing is not None else max(2.0 * spacing, 0.01)

    @property
    def accuracies(self) -> dict[str, Accuracy]:
        """The accuracy that the target asks of each variable of the result; of those alone that it names, if it does.

        Raises PydanticCustomError for a name or an accuracy that does not exist.
        """
        units = {variable: unit for name in self.quantities for variable, unit in registered()[name].units.items()}
        target = self.k.target
        if target is None:
            return {}
        if not isinstance(target, dict):
            return dict.fromkeys(units, accuracy(target))
        found = {}
        for name, wish in target.items():
            if name not in units:
                hint = nearest(name, units) or f" (they have {', '.join(list(units)[:8])}, …)"
                raise PydanticCustomError("target", _plain(f"k.target: {name!r}: no such variable{hint}"))
            try:
                found[name] = accuracy(wish, units[name])
            except PydanticCustomError as problem:
                raise PydanticCustomError("target", _plain(f"k.target.{name}: {wish!r}: {problem.message()}")) from None
        return found

    @field_validator("quantities")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [name for name in value if value.count(name) > 1]:
            raise PydanticCustomError("repeated", f"'{twice[0]}' is named twice")
        return value

    @field_validator("n_hat")
    @classmethod
    def _directions(cls, value: tuple[Vector, ...] | None) -> tuple[Vector, ...] | None:
        if any(math.hypot(*n) < 1e-6 for n in value or ()):
            raise PydanticCustomError("n_hat", "a direction must not be zero")
        return value

    @field_validator("gamma", "temperatures", "chemical_potentials")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise PydanticCustomError("order", "values must be strictly ascending")
        return value

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        for name, count in (("gamma", len(self.gamma)), ("n_hat", len(self.n_hat or (0,)))):
            if count * self.energies.points > MAX_VALUES:
                raise PydanticCustomError(
                    "size",
                    f"{name}: {count} values at {self.energies.points} Fermi energies are too many "
                    f"(their product may be at most {MAX_VALUES})",
                )
        return self

    @model_validator(mode="after")
    def _target(self) -> Self:
        _ = self.accuracies
        return self

    @model_validator(mode="after")
    def _window(self) -> Self:
        if any(registered()[name].thermal for name in self.quantities):
            reach = THERMAL_WINDOW * BOLTZMANN_EV * self.temperatures[-1]
            low, high = self.chemical_potentials[0] - reach, self.chemical_potentials[-1] + reach
            if low < self.energies.minimum - 1e-12 or high > self.energies.maximum + 1e-12:
                raise PydanticCustomError(
                    "window",
                    f"energies: {self.temperatures[-1]:g} K needs Fermi energies from {low:.3f} to {high:.3f} eV "
                    f"({THERMAL_WINDOW:g} k_B T around the chemical potentials), "
                    f"found {self.energies.minimum:g} to {self.energies.maximum:g}",
                )
        return self


def _plain(text: str) -> str:
    """Without braces, which are pydantic's placeholders."""
    return text.replace("{", "(").replace("}", ")")


class Scan(ScanSection):
    """Repeats the run for each value of one input key.

    The ranks are split into groups; each group computes one point at a time, and one result holds all points along a
    first axis of its own. The model is read once if all points have the same. A value that the schema refuses stops the
    run before anything is computed; a point that fails later is recorded in `error`, and the others continue. Axes of
    points may differ in length (kubo.gamma): the shorter ones are padded with NaN, `x_length` counts their entries, and
    `x_of_point` holds their positions. Numbers of a point, such as `reference_energy_eV`, are variables.
    """

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input, for example kubo.k.grid, kubo.gamma, kubo.n_hat, model.rashba.exchange; in "
        "a list, a number from 0 selects the item. Excluded: title, output.file, [execution]",
    )

    excluded: ClassVar[Mapping[str, str]] = {"title": "all points are in one result"}


class KuboInput(Scannable):
    """The whole input file of a Kubo run."""

    title: str = Field("", max_length=200, description="title of the run, for figures and reports")
    model: ModelSection
    kubo: KuboSection
    output: OutputSection = OutputSection()
    execution: Execution = Execution()
    scan: Scan | None = None
