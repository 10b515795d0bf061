"""Table [drive] of the wall's input: what acts on the wall from outside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Unit
from hpcalo.wall.magnetism.terms.applied_field import Zeeman

Positive = Field(gt=0)


class Drive(Section):
    """Temperature and its gradient, the electrical circuit, magnetic fields."""

    temperature: Annotated[float, Unit("K"), Positive] = Field(default=100.0, description="T in the middle of the wire")
    gradient: Annotated[float, Unit("K/nm")] = Field(default=0.0, description="kappa: T(x) = temperature + kappa x")
    profile: Literal["uniform", "ramp"] = Field(
        default="uniform",
        description="background temperature: uniform (the gradient is a linear response) or the ramp itself",
    )
    ramp_length: Annotated[float, Unit("nm"), Positive] | None = Field(
        default=None,
        description="ramp: T(x) varies only over this length about the wire's middle (default: the whole wire)",
    )
    circuit: Literal["field", "current", "open"] = Field(
        default="field", description="field: given E; current: given charge current; open: no charge current"
    )
    electric_field: Annotated[float, Unit("V/m")] = Field(
        default=0.0, description="E along x, for circuit = 'field'; negative: electrons are pushed to +x"
    )
    current_density: Annotated[float, Unit("A/m^2")] = Field(
        default=0.0, description="charge current along x, for circuit = 'current'"
    )
    zeeman: tuple[Zeeman, ...] = Field(default=(), description="applied magnetic fields, added")

    @field_validator("zeeman", mode="before")
    @classmethod
    def _table_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _circuit(self) -> Drive:
        if self.circuit != "field" and self.electric_field != 0.0:
            raise ValueError(f"electric_field: the circuit '{self.circuit}' determines the field; leave it out")
        if self.circuit != "current" and self.current_density != 0.0:
            raise ValueError(f"current_density: needs circuit = 'current', not '{self.circuit}'")
        return self
