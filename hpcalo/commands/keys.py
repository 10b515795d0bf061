"""`hpcalo keys`."""

from __future__ import annotations

import click

from hpcalo.commands.common import alone, answer, complete_key


@click.command()
@click.argument("name", required=False, shell_complete=complete_key)
@click.option("--json-schema", is_flag=True, help="Print the whole input as a JSON schema, for editors.")
@alone
def keys(name: str | None, json_schema: bool) -> None:
    """Explain what an input file may contain: all tables, one of them (NAME), or one key, with units and defaults.

    \b
    hpcalo keys                the tables
    hpcalo keys wire           a table with its subtables; 'kubo' or 'wall': the whole input of that kind
    hpcalo keys damping        a key, whatever its table
    hpcalo keys --json-schema  for editors
    """
    from hpcalo.app.verbs import keys as verb  # noqa: PLC0415

    answer(verb.schema() if json_schema else verb.keys(name))
