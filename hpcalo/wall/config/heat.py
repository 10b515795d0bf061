"""Table [heat] of the wall's input: a temperature T(x, t) that is computed, and where every joule goes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section, Unit, numbers

Positive = Field(gt=0)
Kelvins = tuple[Annotated[float, Unit("K"), Positive], ...]


class HeatEnd(Section):
    """One end of the wire: what lies one spacing beyond its last node."""

    kind: Literal["insulated", "fixed", "resistance"] = Field(
        default="insulated",
        description="insulated: no conduction through the end; fixed: a reservoir of `temperature`; resistance: the "
        "same behind a heat resistance. The lead has the Seebeck coefficient of the wire's end",
    )
    temperature: Annotated[float, Unit("K"), Positive] | None = Field(
        default=None, description="of the reservoir (default: drive.temperature)"
    )
    resistance: Annotated[float, Unit("m^2*K/W"), Positive] | None = Field(
        default=None, description="heat resistance of kind = 'resistance', for the cross-section of the wire"
    )

    @model_validator(mode="after")
    def _fits(self) -> HeatEnd:
        if (self.resistance is not None) != (self.kind == "resistance"):
            raise ValueError("resistance: belongs to kind = 'resistance', and to no other")
        if self.temperature is not None and self.kind == "insulated":
            raise ValueError("temperature: an insulated end has no reservoir; leave it out, or kind = 'fixed'")
        return self


class HeatTable(Section):
    """Coefficients against temperature, linear between the given ones; the wire must stay between the outermost."""

    temperature: Kelvins = Field(min_length=2, description="temperatures, rising")
    heat_capacity: tuple[Annotated[float, Unit("J/m^3/K"), Positive], ...] | None = Field(
        default=None, description="c at these temperatures, instead of heat.heat_capacity"
    )
    thermal_conductivity: tuple[Annotated[float, Unit("W/m/K"), Field(ge=0)], ...] | None = Field(
        default=None, description="k at these temperatures, instead of heat.thermal_conductivity"
    )

    _lists = field_validator("temperature", "heat_capacity", "thermal_conductivity", mode="before")(numbers)

    @model_validator(mode="after")
    def _fits(self) -> HeatTable:
        if any(b <= a for a, b in zip(self.temperature, self.temperature[1:], strict=False)):
            raise ValueError("temperature: must rise from each value to the next")
        for name in ("heat_capacity", "thermal_conductivity"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.temperature):
                raise ValueError(f"{name}: has {len(column)} values for {len(self.temperature)} temperatures")
        if self.heat_capacity is None and self.thermal_conductivity is None:
            raise ValueError("heat_capacity or thermal_conductivity: a table needs at least one of them")
        return self


class Heat(Section):
    """T(x, t) from the heat that current, damping, ends and substrate bring; it starts at drive.temperature.

    It acts on the electrons and their torque and, with [magnet.thermal], on M_s, A, K and D. With this table the result
    has an energy ledger (`output.monitors`: ledger). Joule heat takes the bulk conductivity of [electrons].
    """

    heat_capacity: Annotated[float, Unit("J/m^3/K"), Positive] = Field(
        default=3.8e6, description="c per volume; the default is permalloy at 300 K"
    )
    thermal_conductivity: Annotated[float, Unit("W/m/K"), Field(ge=0)] = Field(
        default=20.0, description="k of electrons and lattice together; the default is permalloy at 300 K"
    )
    table: HeatTable | None = Field(default=None, description="c and k that depend on temperature")
    seebeck: Annotated[float, Unit("V/K")] = Field(
        default=0.0, description="Seebeck coefficient S at drive.temperature; Peltier and Thomson heat is -j T dS/dx"
    )
    seebeck_slope: Annotated[float, Unit("V/K^2")] = Field(default=0.0, description="dS/dT")
    junction: Annotated[float, Unit("nm")] | None = Field(
        default=None, description="position of a junction of two metals, right of which S is seebeck_right"
    )
    seebeck_right: Annotated[float, Unit("V/K")] | None = Field(default=None, description="S right of the junction")
    substrate_conductance: Annotated[float, Unit("W/m^3/K"), Field(ge=0)] = Field(
        default=0.0, description="G of the heat G (T - T_substrate) per volume: that per area over the film's thickness"
    )
    substrate_temperature: Annotated[float, Unit("K"), Positive] | None = Field(
        default=None, description="of the substrate (default: drive.temperature)"
    )
    left: HeatEnd = Field(default=HeatEnd(), description="the left end of the wire")
    right: HeatEnd = Field(default=HeatEnd(), description="the right end of the wire")
    step: Annotated[float, Unit("fs"), Positive] = Field(
        default=1000.0,
        description="T advances whenever the steps of the magnetization add up to this time, and at output times",
    )

    @model_validator(mode="after")
    def _junction(self) -> Heat:
        if (self.junction is None) != (self.seebeck_right is None):
            raise ValueError("junction: comes with seebeck_right, which is S on its right")
        return self

    @property
    def thermoelectric(self) -> bool:
        """Whether a current carries or makes heat beyond that of Joule."""
        return bool(self.seebeck or self.seebeck_right or self.seebeck_slope)
