"""Table [scan] of the wall's input: one run for each value of a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AliasChoices, Field

from hpcalo.scan.section import ScanSection


class Scan(ScanSection):
    """Repeats the run for each value of one input key.

    The ranks are split into groups; each group computes one point at a time, and one result holds all points. A value
    that the schema or the checks refuse stops the run before anything is computed. A point that fails later is recorded
    in `error`, and the others continue; if all points fail, or if something else in the input is refused (such as an
    unknown option of the solver), the run ends with that error and without a result. Points with a shorter axis
    (time.end, wire.cells) are padded with NaN; `time_length` or `x_length` is the number of their entries, and
    `x_of_point` holds positions that differ. Defaults that depend on other keys are those of the input without the
    scan. The former name of the table, [sweep], still works.
    """

    excluded: ClassVar[Mapping[str, str]] = {"paper.collision": "its results have different units"}

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input, for example drive.gradient; in a list, a number from 0 selects the item: "
        "drive.zeeman.0.frequency, texture.direction.2. Excluded: wall.model, output.file, output.monitors.N.every, "
        "[execution]",
    )
