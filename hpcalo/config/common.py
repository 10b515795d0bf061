"""Sections of the input that both engines share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hpcalo.config.fields import Section, Unit


class OutputSection(Section):
    """Where the result goes."""

    file: str | None = Field(
        None, description="result file, below the current folder; default: the name of the input file with .h5"
    )


class Execution(Section):
    """How a run behaves on a cluster."""

    checkpoint_interval: Annotated[float, Unit("s"), Field(gt=0)] = Field(
        600.0, description="wall-clock time between checkpoints; a signal that stops the run also makes it write one"
    )
