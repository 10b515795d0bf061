"""Table [sweep] of the wall's input: one run for each value of a key."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field, field_validator

from hpcalo.config.fields import Section


class Sweep(Section):
    """Repeats the calculation for each value of one input key; ranks are split into groups, one point a group, and all
    points are in one result. A value that the schema or the checks refuse stops the run before anything is computed. A
    point that fails while it is computed is recorded in `error`, and the others go on; where all fail, or something
    else in the input is refused (an unknown option of the solver), the run ends with that error and without a result.
    Points with a shorter axis (time.end, wire.cells) end with NaN, and `time_length` or `x_length` tells where; places
    that differ are in `x_of_point`. Defaults that depend on other keys are those of the input without the sweep.
    """

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input, for example drive.gradient; in lists a number from 0 says which item: "
        "drive.zeeman.0.frequency, texture.direction.2. Not wall.model, output.file, output.monitors.N.every, "
        "[execution]",
    )
    values: tuple[bool | float | int | str | tuple[bool | float | int | str, ...], ...] = Field(
        min_length=1, description="the values, one point each; of a vector, lists: [[0, 0, 1], [0, 1, 0]]"
    )
    groups: int | None = Field(
        default=None, ge=1, description="groups of ranks (default: as many as ranks or values allow)"
    )

    @field_validator("values", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        flat = [x for v in value for x in (v if isinstance(v, list | tuple) else (v,))]
        if not all(isinstance(x, bool | int | float | str) for x in flat):
            raise ValueError("each value must be a number, a text, true, false or a list of these")
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
