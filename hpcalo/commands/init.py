"""`hpcalo init`."""

from __future__ import annotations

import click

from hpcalo.commands.common import alone, answer, force_option


@click.command()
@click.argument("name", required=False)
@force_option
@alone
def init(name: str | None, force: bool) -> None:
    """Copy the example NAME, with the model that it reads, into the current folder; without NAME list the examples.

    \b
    hpcalo init
    hpcalo init rashba && hpcalo run rashba.toml
    """
    from hpcalo.app.verbs import init as verb  # noqa: PLC0415

    answer(verb.init(name, force=force))
