"""`hpcalo check`: is an input right, and what will it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcalo.app.engines import engine
from hpcalo.app.inputs import load_input, output_of


def check(source: Path, overrides: Sequence[str] = (), ranks: int = 1) -> str:
    """Validates an input file and estimates the run. Serial; starts no MPI. Raises InputError, ModelError."""
    name, settings = load_input(source, overrides)
    output_of(settings, source, None)
    return engine(name).estimate(settings, source).report(ranks)
