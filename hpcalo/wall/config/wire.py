"""Tables [wire] and [texture] of the wall's input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Unit, Vector, numbers

Positive = Field(gt=0)


class Wire(Section):
    """The x mesh: `cells` nodes of equal spacing; equilibrium reservoirs one spacing beyond both ends."""

    length: Annotated[float, Unit("nm"), Positive] = Field(
        default=100.0, description="distance between the first and the last node"
    )
    cells: int = Field(default=401, ge=3, le=10_000_000, description="number of nodes")
    follow: bool = Field(
        default=False, description="co-moving window: shift it by whole cells to keep the wall at its centre"
    )


class Texture(Section):
    """Magnetization at the start."""

    kind: Literal["wall", "uniform", "half-circle", "spiral"] = Field(
        default="wall",
        description="wall: tanh profile from +z (left) to -z; half-circle: (cos th, 0, sin th), th = pi/2 - pi s over "
        "`width` at the centre; spiral: uniform rotation about x; uniform: `direction`",
    )
    width: Annotated[float, Unit("nm"), Positive] | None = Field(
        default=None, description="wall parameter D (default sqrt(A/K)); half-circle: full width; spiral: period"
    )
    centre: Annotated[float, Unit("nm")] | None = Field(
        default=None, description="position of the centre (default: the middle of the wire)"
    )
    angle: Annotated[float, Unit("degree")] = Field(default=0.0, description="in-wall angle from x towards y")
    direction: Vector = Field(default=(0.0, 0.0, 1.0), description="direction of a uniform magnetization; normalized")
    relax: bool = Field(
        default=False,
        description="relax the profile without drive and field before the run, which then starts without oscillations "
        "(a tanh wall is off by (spacing/D)^2), but its width and angle are those at rest, not the given ones",
    )

    _lists = field_validator("direction", mode="before")(numbers)

    @model_validator(mode="after")
    def _nonzero(self) -> Texture:
        if not any(self.direction):
            raise ValueError("direction: must not be the zero vector")
        return self
