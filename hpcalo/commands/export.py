"""`hpcalo export`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, complete_quantity, force_option, select_option, selected
from hpcalo.io.exporters.registry import names as formats


class _Export(click.Command):
    """Lists the formats below the options, each with its own line of help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from hpcalo.io.exporters.registry import exporter  # noqa: PLC0415

        with formatter.section("Formats"):
            formatter.write_dl([(name, exporter(name).help) for name in formats()])


@click.command(cls=_Export)
@click.argument("result", type=FILE, metavar="RESULT")
@click.option("--to", "kind", type=click.Choice(formats()), default="csv", show_default=True, help="Format; see below.")
@click.option(
    "--quantity",
    "quantities",
    multiple=True,
    shell_complete=complete_quantity,
    help="What to export; may be repeated.",
)
@click.option(
    "--output",
    "-o",
    type=FILE,
    help="File (default: the result's name with the format's ending, in the current folder).",
)
@click.option("--along", metavar="AXIS", help="Axis of the rows (CSV; default: the longest) or of the frames.")
@select_option
@force_option
@alone
def export(
    result: Path,
    kind: str,
    quantities: tuple[str, ...],
    output: Path | None,
    along: str | None,
    selection: tuple[str, ...],
    force: bool,
) -> None:
    """Write a RESULT for other programs: curves as CSV, fields of a wall for ParaView, OOMMF or Ubermag.

    \b
    hpcalo export mnw001.h5 --quantity torkance_even --quantity torkance_odd --output torkance.csv
    hpcalo export mnw001.h5 --quantity beta_even --select torque=y --select field=x --along temperature
    hpcalo export permalloy_wall.h5 --to vtkhdf        everything on the wire, for ParaView 5.12 and later
    hpcalo export permalloy_wall.h5 --to xdmf          the same for older ones
    hpcalo export permalloy_wall.h5 --to ovf           M in A/m, one OVF 2.0 file for each time
    """
    from hpcalo.app.verbs import export as verb  # noqa: PLC0415

    answer(verb.export(result, kind, quantities, output=output, along=along, select=selected(selection), force=force))
