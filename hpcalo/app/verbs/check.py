"""`hpcalo check`: is an input right, and what will it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcalo.app.inputs import estimate_of, load_input, output_of


def check(source: Path, overrides: Sequence[str] = (), ranks: int = 1) -> str:
    """Validates an input file and estimates the run. Serial; starts no MPI. Raises InputError, ModelError."""
    notes: list[str] = []
    name, settings = load_input(source, overrides, notes.append)
    output_of(settings, source, None)
    report = estimate_of(name, settings, source).report(ranks)
    return "\n".join([report, *(f"note: {text}" for text in notes)])
