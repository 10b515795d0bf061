"""Tables of [kubo] that belong to single responses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hpcalo.config.fields import Section, Unit

HIGHEST_ORDER = 10  # of an expansion in powers of n̂

VoltPerMetre = Annotated[float, Unit("V/m")]


class HeatCurrents(Section):
    """Motions of the magnetization, and the electric field, for which local currents of energy are computed."""

    cone_angle: Annotated[float, Unit("degree"), Field(gt=0, le=20)] = Field(
        1.0, description="cone angle of ferromagnetic resonance"
    )
    frequency: Annotated[float, Unit("GHz"), Field(gt=0)] = Field(
        5.0, description="frequency of ferromagnetic resonance (not angular)"
    )
    wavelength: Annotated[float, Unit("nm"), Field(gt=0)] = Field(
        2.3, description="wavelength of a cycloidal spin spiral"
    )
    wall_width: Annotated[float, Unit("nm"), Field(gt=0)] = Field(5.0, description="Δ of a wall θ = 2 arctan exp(x/Δ)")
    velocity: Annotated[float, Unit("m/s")] = Field(1.0, description="velocity of the spiral and of the wall")
    film_thickness: Annotated[float, Unit("nm"), Field(gt=0)] | None = Field(
        None, description="film thickness; default: that of the model's cell"
    )
    thermal_conductivity: Annotated[float, Unit("W/m/K"), Field(gt=0)] = Field(
        174.0, description="thermal conductivity of what carries the heat away (tungsten: 174)"
    )
    electric_field: Annotated[tuple[VoltPerMetre, VoltPerMetre, VoltPerMetre], Field(strict=False)] = Field(
        (1e5, 0.0, 0.0), description="electric field of inverse_nernst"
    )


class Expansion(Section):
    """Expansions of responses in powers of the direction of the magnetization."""

    order: int = Field(
        4,
        ge=1,
        le=HIGHEST_ORDER,
        description="highest order; odd orders belong to the parts that are odd in n̂, even ones to the others, and "
        "those that the directions of n_hat do not determine are left out",
    )
