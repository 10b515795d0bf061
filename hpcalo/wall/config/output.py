"""Table [output] of the wall's input: which monitors write, and how often."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section


class MonitorEntry(Section):
    """One group of results and how often it is written."""

    name: Literal["magnetization", "electrons", "torques", "wall", "energies", "heat"] = Field(
        description="group of results; heat: heat and DMI energy currents of the moving wall, needs "
        "[electronic_structure]"
    )
    every: int = Field(default=1, ge=1, description="at every n-th output time (and at the start)")


class Output(Section):
    """What is written. Results with the same `every` share a time axis (`time`, or `time_n` for every n-th)."""

    file: str | None = Field(
        default=None, description="result file below the current folder (default: the input's name)"
    )
    monitors: tuple[MonitorEntry, ...] = Field(
        default=tuple(MonitorEntry(name=n) for n in ("magnetization", "electrons", "torques", "wall", "energies")),
        description="groups of results and how often they are written (with [electronic_structure] also heat)",
    )

    @field_validator("monitors", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _once(self) -> Output:
        names = [m.name for m in self.monitors]
        if len(set(names)) != len(names):
            raise ValueError("monitors: each name once")
        return self
