"""Table [scan] of the wall's input: one run for each value of a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import AliasChoices, Field

from hpcalo.scan.section import ScanSection


class Scan(ScanSection):
    """Repeats the calculation for each value of one input key; ranks are split into groups, one point a group, and all
    points are in one result. A value that the schema or the checks refuse stops the run before anything is computed. A
    point that fails while it is computed is recorded in `error`, and the others go on; where all fail, or something
    else in the input is refused (an unknown option of the solver), the run ends with that error and without a result.
    Points with a shorter axis (time.end, wire.cells) end with NaN, and `time_length` or `x_length` tells where; places
    that differ are in `x_of_point`. Defaults that depend on other keys are those of the input without the scan. The
    table may also be called [sweep], its former name.
    """

    excluded: ClassVar[Mapping[str, str]] = {"paper.collision": "its results have different units"}

    key: str = Field(
        validation_alias=AliasChoices("key", "parameter"),
        description="any key of the input, for example drive.gradient; in lists a number from 0 says which item: "
        "drive.zeeman.0.frequency, texture.direction.2. Not wall.model, output.file, output.monitors.N.every, "
        "[execution]",
    )
