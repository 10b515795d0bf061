"""`hpcalo keys`."""

from __future__ import annotations

import click

from hpcalo.commands.common import alone


@click.command()
@click.argument("name", required=False)
@alone
def keys(name: str | None) -> None:
    """Explain what an input file may contain: all tables, one of them (NAME), or one key, with units and defaults.

    \b
    hpcalo keys                the tables
    hpcalo keys wire           a table with its subtables; 'kubo' or 'wall': the whole input of that kind
    hpcalo keys damping        a key, whatever its table
    """
    from hpcalo.app.verbs import keys as verb  # noqa: PLC0415

    click.echo(verb.keys(name))
