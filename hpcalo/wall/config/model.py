"""Table [wall] of the input: what is calculated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hpcalo.config.fields import InputPath, Section


class WallSection(Section):
    """Model and mode of the run."""

    model: Literal["consistent", "paper"] = Field(
        default="consistent",
        description="consistent: conserving moment-convention model; paper: PRB 106, 054432 as published",
    )
    mode: Literal["quasi-static", "time-dependent", "steady"] = Field(
        default="quasi-static",
        description="quasi-static: steady Boltzmann equation for each magnetization, LLG in time; time-dependent: both "
        "stepped together; steady: torques on the initial magnetization only",
    )
    title: str = Field(default="", description="title of the run, stored in the result")
    continue_from: InputPath | None = Field(
        default=None,
        min_length=1,
        description="result file, relative to the input file's folder, whose last written state the run starts from "
        "(same wire, momentum mesh and mode)",
    )
