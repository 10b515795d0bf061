"""Table [output] of the wall's input: which monitors write, and how often."""

from __future__ import annotations

from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from hpcalo.config.fields import Section
from hpcalo.wall import monitors

DEFAULT = ("magnetization", "electrons", "torques", "wall", "energies")
"""Monitors that write if the input names none."""
WITH_COEFFICIENTS = ("heat",)
"""Monitors of `hpcalo.coupling`, for a wall with [electronic_structure]."""

if TYPE_CHECKING:
    Name = str
else:  # a monitor is a file of its name
    _files = {file.name for file in iter_modules(monitors.__path__)} - {"monitor", "schedule"}
    Name = Literal[*DEFAULT, *WITH_COEFFICIENTS, *sorted(_files.difference(DEFAULT))]


class MonitorEntry(Section):
    """One group of results and how often it is written."""

    name: Name = Field(
        description="group of results; heat: heat and DMI energy currents of the moving wall, needs "
        "[electronic_structure]; ledger: where every joule went, needs [heat]; motive: voltage and heat current that "
        "the moving magnetization drives"
    )
    every: int = Field(default=1, ge=1, description="at every n-th output time (and at the start)")


class Output(Section):
    """Results to write. Those with the same `every` share a time axis (`time`, or `time_n` for every n-th)."""

    file: str | None = Field(
        default=None, description="result file below the current folder (default: the input's name)"
    )
    monitors: tuple[MonitorEntry, ...] = Field(
        default=tuple(MonitorEntry(name=name) for name in DEFAULT),
        description="groups of results and how often they are written (with [electronic_structure] also heat, "
        "with [heat] also ledger and motive)",
    )
    step_error: bool = Field(
        default=True,
        description="the wall's velocity and position have the error of the time steps, from ten finer steps at the "
        "end, which can take as long as a very short run; false leaves it out, with a warning",
    )

    @field_validator("monitors", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _once(self) -> Output:
        names = [m.name for m in self.monitors]
        if len(set(names)) != len(names):
            raise ValueError("monitors: each name may appear only once")
        return self
