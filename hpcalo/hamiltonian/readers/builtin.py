"""Reader of the built-in models: parameters in, nothing to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from hpcalo.config.fields import Section, Unit
from hpcalo.hamiltonian.builtin import builtin_model
from hpcalo.hamiltonian.readers.base import Energy, Length, Reader
from hpcalo.hamiltonian.types import WannierModel


class RashbaParameters(Section):
    """H = −2t (cos k_x a + cos k_y a) + a_R (σ_x sin k_y a − σ_y sin k_x a) + (Δ/2) σ·n̂."""

    hopping: Energy = Field(1.0, description="t")
    rashba: Energy = Field(0.4, description="a_R")
    exchange: Energy = Field(0.8, description="Δ, minority minus majority")
    lattice_constant: Length = Field(1.0, description="a")


class ChainParameters(RashbaParameters):
    """H = −2t cos ka − a_R σ_y sin ka + (Δ/2) σ·n̂, along x."""


class HaldaneParameters(Section):
    """Honeycomb lattice with complex second-neighbour hopping t2 e^{±iφ}; spinless."""

    hopping: Energy = Field(1.0, description="t1")
    second_hopping: Energy = Field(1.0 / 3.0, description="t2")
    onsite: Energy = Field(2.0, description="−onsite on A, +onsite on B")
    phase: Annotated[float, Unit("radian")] = Field(1.0995574287564276, description="φ; 0.35 π")
    bond: Length = Field(1.0, description="distance between A and B")


class FerromagnetParameters(Section):
    """Random 3D ferromagnet without symmetry, for tests."""

    orbitals: int = Field(3, ge=1, le=50, description="spatial orbitals")
    exchange: Energy = Field(1.0, description="Δ of each orbital; random parts of a fifth of it between the orbitals")
    spin_orbit: Energy = Field(0.2, description="size of the random spin-dependent hopping")
    seed: int = Field(1, ge=0, description="seed of the random numbers")


class AntiferromagnetParameters(Section):
    """Two sublattices on a square lattice, exchange ±(Δ/2) σ·n̂ and Rashba coupling of either sign; PT symmetric."""

    hopping: Energy = Field(1.0, description="t, between the sublattices")
    second_hopping: Energy = Field(0.3, description="t2, within a sublattice")
    rashba: Energy = Field(0.4, description="a_R of the first sublattice, −a_R of the second")
    exchange: Energy = Field(0.8, description="Δ, minority minus majority")
    lattice_constant: Length = Field(1.0, description="a")


BuiltinName = Literal["rashba", "chain", "haldane", "ferromagnet", "antiferromagnet"]
NAMES: tuple[str, ...] = get_args(BuiltinName)


class Builtin(Reader):
    """A closed-form model; its parameters are in the table of its name."""

    source: ClassVar = "builtin"
    help: ClassVar = ""

    builtin: BuiltinName = Field(
        description="built-in closed-form model; its parameters are in the table of the same name"
    )
    rashba: RashbaParameters | None = None
    chain: ChainParameters | None = None
    haldane: HaldaneParameters | None = None
    ferromagnet: FerromagnetParameters | None = None
    antiferromagnet: AntiferromagnetParameters | None = None

    @model_validator(mode="after")
    def _only_its_own_parameters(self) -> Builtin:
        for name in NAMES:
            if name != self.builtin and getattr(self, name) is not None:
                raise ValueError(f"parameters of {name} given, but builtin is not '{name}'")
        return self

    @property
    def parameters(self) -> dict[str, float | int]:
        """Arguments of the model's function."""
        table: Section = getattr(self, self.builtin)
        return table.model_dump()

    def files(self) -> list[Path]:
        """None."""
        return []

    def read(self) -> WannierModel:
        """The model with these parameters."""
        return builtin_model(self.builtin, **self.parameters)

    @classmethod
    def table(cls, name: str, options: Mapping[str, object]) -> dict[str, object] | None:
        """Options that are not common to all readers are parameters of the model."""
        if name not in NAMES:
            return None
        common = {key: value for key, value in options.items() if key in Reader.model_fields}
        return {"builtin": name, name: {k: v for k, v in options.items() if k not in common}, **common}

    @classmethod
    def completed(cls, table: dict[str, object]) -> dict[str, object]:
        """The parameters' table is there even if it is empty, so that its defaults are written out."""
        name = table.get("builtin")
        return {str(name): {}, **table} if name in NAMES else table
