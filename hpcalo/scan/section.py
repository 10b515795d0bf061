"""Table [scan] of an input, for any engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AliasChoices, Field, field_validator, model_validator

from hpcalo.config.fields import Section

FORMER = "sweep"
"""What the table was called before; inputs, results and checkpoints with it stay readable."""
NOTE = "the table [sweep] is now called [scan]; the old name still works"


class ScanSection(Section):
    """Repeats the run for each value of one key.

    The ranks are split into groups, each group computes one point at a time, and one result holds all points. A point
    that fails is recorded in `error`, and the others continue.
    """

    excluded: ClassVar[Mapping[str, str]] = {}
    """Keys that cannot be scanned because of what this engine's results are, and why."""

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input; in a list, a number from 0 selects the item. Excluded: output.file, "
        "[execution]",
    )
    values: tuple[bool | float | int | str | tuple[bool | float | int | str, ...], ...] = Field(
        min_length=1, description="the values, one point each; vectors are lists: [[0, 0, 1], [0, 1, 0]]"
    )
    groups: int | None = Field(
        default=None, ge=1, description="groups of ranks (default: as many as ranks or values allow)"
    )

    @field_validator("values", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        flat = [x for v in value for x in (v if isinstance(v, list | tuple) else (v,))]
        if not all(isinstance(x, bool | int | float | str) for x in flat):
            raise ValueError("each value must be a number, a string, true, false or a list of these")
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)


class Scannable(Section):
    """An input that may have a table [scan]: derive the input from this and give the field `scan`."""

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        if FORMER in data and "scan" in data:
            raise ValueError("[scan] and [sweep] are two names of one table; give one of them")
        return renamed(data)


def renamed(data: Mapping[str, object]) -> dict[str, object]:
    """The tables of an input with [sweep], if it has that, as [scan]. An input with both stays as it is."""
    if FORMER not in data or "scan" in data:
        return dict(data)
    return {"scan" if name == FORMER else name: value for name, value in data.items()}


def renamed_override(text: str) -> str:
    """A `--set` text for the table [sweep] as one for [scan]."""
    table, rest = text[: len(FORMER)], text[len(FORMER) :]
    return f"scan{rest}" if table == FORMER and rest.lstrip()[:1] in {".", "="} else text
