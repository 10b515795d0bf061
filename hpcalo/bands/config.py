"""Input of a band structure: which path, and what is compared with it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.config.common import Execution, OutputSection
from hpcalo.config.fields import InputPath, Section, Unit, Vector, numbers
from hpcalo.hamiltonian.section import ModelSection

AUTOMATIC = "auto"
"""Asks for the path that is usual for the lattice."""

Energy = Annotated[float, Unit("eV"), Field(ge=-1e4, le=1e4)]
Fractional = Annotated[Annotated[Vector, Field(strict=False)], BeforeValidator(numbers)]


class OneDirection(Section):
    """States of a model with one direction of the magnetization."""

    n_hat: Annotated[Annotated[Vector, Field(strict=False)] | None, BeforeValidator(numbers)] = Field(
        None, description="direction of the magnetization (majority moment), normalized; default: that of the model"
    )
    spin_matrices: bool = Field(
        True,
        description="use the spin matrices of a Wannier model for torque and spin; false: Pauli matrices on its pairs",
    )

    @field_validator("n_hat")
    @classmethod
    def _direction(cls, value: Vector | None) -> Vector | None:
        if value is not None and sum(x * x for x in value) < 1e-12:
            raise PydanticCustomError("n_hat", "a direction must not be zero")
        return value

    @property
    def directions(self) -> list[Vector] | None:
        """The direction as a list of one; None where that of the model is meant."""
        return None if self.n_hat is None else [self.n_hat]


class BandsSection(OneDirection):
    """Energies along a path of k-points, with spin, torque, velocity, Berry curvature and weight on each site."""

    path: str = Field(
        AUTOMATIC,
        min_length=1,
        max_length=1000,
        description="names of k-points, 'G-X-M-G'; '|' jumps: 'G-H|P-N'. 'auto': the usual path of the lattice (bulk: "
        "seekpath's, films: ASE's), whose names may be used, too",
    )
    named: dict[str, Fractional] = Field(
        {}, max_length=1000, description="more k-points by name, in fractional coordinates: { Q = [0.25, 0, 0] }"
    )
    points: int = Field(400, ge=2, le=100_000, description="k-points along the path, at least two a segment")
    coefficients: bool = Field(
        False,
        description="also the twist-torque moment A, the mixed Berry curvature B and the orbital moment of every band",
    )
    reference: Energy | None = Field(
        None, description="zero of the energy axis; default: the Fermi energy of the model, 0 where it has none"
    )
    minimum: Energy | None = Field(
        None, description="lowest energy of the figure and of the comparison, relative to the reference"
    )
    maximum: Energy | None = Field(None, description="highest energy of both")
    compare: InputPath | None = Field(
        None,
        description="bands of a density-functional calculation: seed.eig (with the k-points of seed.win), or two "
        "columns, position along the same path and energy in eV, one block for each band (.gnu, _band.dat)",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and high <= low:
            raise PydanticCustomError("order", f"maximum ({high:g} eV) must be larger than minimum ({low:g} eV)")
        return self


class BandsInput(Section):
    """The whole input file of a band structure."""

    title: str = Field("", max_length=200, description="title of the run, for figures and reports")
    model: ModelSection
    bands: BandsSection = BandsSection()
    output: OutputSection = OutputSection()
    execution: Execution = Execution()
