"""Sections of the input that both engines share."""

from __future__ import annotations

from pydantic import Field

from hpcalo.config.fields import Section


class OutputSection(Section):
    """Where the result goes."""

    file: str | None = Field(
        None, description="result file, below the current folder; default: the name of the input file with .h5"
    )
