"""`hpcalo check`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, set_option


@click.command()
@click.argument("source", type=FILE, metavar="INPUT.toml")
@set_option
@click.option(
    "--ranks", "-n", type=click.IntRange(1, 10**7), default=1, show_default=True, help="MPI ranks to plan for."
)
@alone
def check(source: Path, overrides: tuple[str, ...], ranks: int) -> None:
    """Validate INPUT.toml and estimate memory and, for a Kubo run, time and k-points per rank; compute nothing.

    \b
    hpcalo check input/mnw001.toml --ranks 64
    """
    from hpcalo.app.verbs import check as verb  # noqa: PLC0415

    answer(verb.check(source, overrides, ranks))
