"""Input of a map: the plane, the energy, and what is shown."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpcalo.bands.config import Energy, Fractional, OneDirection
from hpcalo.config.common import Execution, OutputSection
from hpcalo.config.fields import Broadening, OneOrMore, Section
from hpcalo.errors import nearest
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.kubo.responses.response import responses

SPECTRAL = ("spectral_weight", "spin_texture")
"""Quantities that are made of single levels; all others are responses of the Kubo engine."""

MOST = 4_000_000


def drawable() -> list[str]:
    """Names of all quantities of a map: those of single levels, and responses that have curves against energy."""
    return [*SPECTRAL, *(r.name for r in responses() if any("energy" in q.dims for q in r.quantities))]


class MapsSection(OneDirection):
    """Quantities at one energy on a plane of k-points.

    Their mean over a whole cell of the reciprocal lattice is what a Kubo run gives.
    """

    quantities: Annotated[tuple[str, ...], Field(strict=False, min_length=1), OneOrMore] = Field(
        SPECTRAL,
        description="'spectral_weight', 'spin_texture', and responses of [kubo], k-resolved, without those of their "
        "results that depend on temperature: 'anomalous_hall', 'torkance', 'spiralization', …",
    )
    energy: Energy = Field(0.0, description="Fermi energy, relative to the reference")
    gamma: Annotated[float, Broadening("eV"), Field(gt=0, le=10)] = Field(
        0.025, description="quasiparticle broadening Γ (half width), of responses and of the spectral weight"
    )
    per_band: bool = Field(
        False,
        description="also the twist-torque moment A, the mixed Berry curvature B and the orbital moment of each band "
        "near the energy",
    )
    centre: Fractional = Field((0.0, 0.0, 0.0), description="centre of the map, in fractional coordinates")
    first: Fractional = Field((1.0, 0.0, 0.0), description="edge of the map to the right, in fractional coordinates")
    second: Fractional = Field((0.0, 1.0, 0.0), description="the other edge")
    points: Annotated[tuple[int, int], Field(strict=False)] = Field((101, 101), description="points along the edges")
    reference: Energy | None = Field(
        None, description="zero of the energy axis; default: the Fermi energy of the model"
    )

    @field_validator("quantities")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = drawable()
        for name in value:
            if name not in known:
                raise PydanticCustomError(
                    "name", f"{name!r}: no such quantity{nearest(name, known)} ({', '.join(known)})"
                )
        return value

    @model_validator(mode="after")
    def _plane(self) -> Self:
        if np.linalg.norm(np.cross(self.first, self.second)) < 1e-9:
            raise PydanticCustomError("plane", "first and second: do not span a plane")
        if min(self.points) < 2 or self.points[0] * self.points[1] > MOST:
            raise PydanticCustomError("points", f"points: at least 2 along each edge, at most {MOST:,} in all")
        return self


class MapsInput(Section):
    """The whole input file of a map."""

    title: str = Field("", max_length=200, description="title of the run, for figures and reports")
    model: ModelSection
    maps: MapsSection = MapsSection()
    output: OutputSection = OutputSection()
    execution: Execution = Execution()
