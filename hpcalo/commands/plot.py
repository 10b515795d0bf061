"""`hpcalo plot`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, complete_quantity, force_option


@click.command()
@click.argument("results", type=FILE, nargs=-1, required=True, metavar="RESULT...")
@click.option(
    "--output", "-o", type=FILE, help="Picture (.png, .pdf, .svg) or movie (.gif, .mp4); default: .png, here."
)
@force_option
@click.option(
    "--quantity",
    "quantities",
    shell_complete=complete_quantity,
    multiple=True,
    help="Draw only this panel or variable, e.g. map (M against position and time); may be repeated.",
)
@alone
def plot(results: tuple[Path, ...], output: Path | None, force: bool, quantities: tuple[str, ...]) -> None:
    """Draw one or more RESULT files as a picture, or a run of the wall as a movie.

    \b
    hpcalo plot mnw001.h5 --quantity torkance_even --output torkance.pdf
    hpcalo plot permalloy_wall.h5 --output wall.mp4
    """
    from hpcalo.app.verbs import plot as verb  # noqa: PLC0415

    answer(f"picture: {verb.plot(results, output=output, force=force, quantities=quantities)}")
