"""`hpcalo plot`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, complete_quantity, force_option, select_option, selected


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
@select_option
@click.option("--x", metavar="LOW:HIGH", default="", help="Ends of the x axis of one panel, in its unit.")
@click.option("--y", metavar="LOW:HIGH", default="", help="Ends of its y axis.")
@click.option(
    "--width",
    default="",
    help="Width: column (86 mm, panels below each other), page (178 mm), or a length (3.4in).",
)
@click.option("--style", default="", help="Style file of matplotlib (.mplstyle) or one of its styles.")
@alone
def plot(
    results: tuple[Path, ...],
    output: Path | None,
    force: bool,
    quantities: tuple[str, ...],
    selection: tuple[str, ...],
    **choice: str,
) -> None:
    """Draw one or more RESULT files as a picture, or a run of the wall as a movie.

    \b
    hpcalo plot mnw001.h5 --quantity torkance_even --output torkance.pdf
    hpcalo plot mnw001.h5 --quantity torkance_even --select torque=y --select gamma=0.025 --x -0.3:0.3 --width column
    hpcalo plot permalloy_wall.h5 --output wall.mp4
    """
    from hpcalo.app.verbs import plot as verb  # noqa: PLC0415

    chosen = verb.Choice(select=selected(selection), **choice)
    answer(f"picture: {verb.plot(results, output=output, force=force, quantities=quantities, choice=chosen)}")
