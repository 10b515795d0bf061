"""`hpcalo keys`: what an input file may hold."""

from __future__ import annotations

from hpcalo.app.engines import ENGINES, engine
from hpcalo.config.keys import describe, tables


def keys(name: str | None = None) -> str:
    """The tables and keys of an engine's whole input, of one table, or of one name, as text.

    Without a name: the tables there are. Serial. Raises InputError, naming the nearest.
    """
    return describe(name, {known: tables(engine(known).schema) for known in ENGINES})
