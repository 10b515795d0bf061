"""`hpcalo submit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcalo.commands.common import FILE, alone, answer, force_option, set_option


@click.command()
@click.argument("source", type=FILE, metavar="INPUT.toml")
@click.option(
    "--nodes", "-N", type=click.IntRange(1, 10**5), default=1, show_default=True, help="Largest number of nodes."
)
@click.option(
    "--ntasks-per-node", "-n", type=click.IntRange(1, 10**4), help="MPI ranks per node (default: from the estimate)."
)
@click.option(
    "--cores-per-node",
    type=click.IntRange(1, 10**4),
    envvar="HPCALO_CORES_PER_NODE",
    help="Cores per node (default: from the batch system).",
)
@click.option(
    "--memory-per-node",
    type=click.IntRange(1),
    envvar="HPCALO_MEMORY_PER_NODE",
    help="MiB per node (default: from the batch system).",
)
@click.option(
    "--time",
    "-t",
    "limit",
    help="Time limit of one job (default: three times the estimate, 24 h where it is not known).",
)
@click.option("--partition", "-p", default="", help="Partition or queue.")
@click.option("--account", "-A", default="", help="Account to charge.")
@click.option("--scheduler", type=click.Choice(["slurm", "pbs"]), default="slurm", show_default=True)
@click.option("--memory", type=click.IntRange(1), help="MiB per rank (default: one and a half times the estimate).")
@click.option(
    "--warning", type=click.IntRange(1), help="Seconds before the limit at which the run writes a checkpoint and stops."
)
@click.option("--launcher", default="", help="Command that starts MPI programs on this site.")
@click.option("--module", "modules", multiple=True, help="Module to load; may be repeated.")
@click.option("--activate", default="", help="File to source, such as .venv/bin/activate.")
@click.option("--name", default="", help="Name of the job (default: the input's name).")
@click.option("--output", "-o", type=FILE, help="Result file, as in 'hpcalo run'.")
@set_option
@force_option
@click.option("--dry-run", is_flag=True, help="Print the script; write and submit nothing.")
@alone
def submit(
    source: Path,
    limit: str | None,
    output: Path | None,
    overrides: tuple[str, ...],
    force: bool,
    dry_run: bool,
    **options: Any,  # as click has them
) -> None:
    """Write a batch script for INPUT.toml and submit it; the job continues itself until the result is complete.

    \b
    hpcalo submit input/mnw001.toml --nodes 4 --cores-per-node 64 --time 12:00:00 --dry-run
    """
    from hpcalo.app.verbs import submit as verb  # noqa: PLC0415
    from hpcalo.app.verbs.submit import Job  # noqa: PLC0415

    job = Job(time=limit, **options)
    answer(verb.submit(source, job, output=output, overrides=overrides, dry_run=dry_run, force=force))
