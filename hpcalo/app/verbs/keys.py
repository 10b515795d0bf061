"""`hpcalo keys`: what an input file may hold."""

from __future__ import annotations

from hpcalo.app.engines import ENGINES, engine
from hpcalo.config.keys import describe, tables


def keys(name: str | None = None) -> str:
    """The tables and keys of an engine's whole input, of one table, or of one name, as text.

    Without a name: the tables there are. Serial. Raises InputError, naming the nearest.
    """
    return describe(name, {known: tables(engine(known).schema) for known in ENGINES})


def schema() -> str:
    """The whole input as a JSON schema. Serial."""
    from hpcalo.config.json_schema import json_schema  # noqa: PLC0415

    return json_schema({known: engine(known).schema for known in ENGINES})


def names() -> list[str]:
    """Every key with its tables, for completion: `kubo.k.grid`. Serial."""
    every = [table for known in ENGINES for table in tables(engine(known).schema)]
    return sorted({f"{table.name}.{key.name}".lstrip(".") for table in every for key in table.keys})
