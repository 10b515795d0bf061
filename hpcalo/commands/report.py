"""`hpcalo report`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, force_option


@click.command()
@click.argument("result", type=FILE, metavar="RESULT")
@click.option(
    "--output", "-o", type=FILE, help="HTML page (default: the result's name with .html, in the current folder)."
)
@force_option
@alone
def report(result: Path, output: Path | None, force: bool) -> None:
    """Write one HTML page about a RESULT: figures, checks, warnings, input, provenance, data.

    \b
    hpcalo report mnw001.h5 --output mnw001.html
    """
    from hpcalo.app.verbs import report as verb  # noqa: PLC0415

    answer(f"report: {verb.report(result, output=output, force=force)}")
