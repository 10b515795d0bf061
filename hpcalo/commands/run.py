"""`hpcalo run`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, answer, force_option, set_option


@click.command()
@click.argument("source", type=FILE, metavar="INPUT.toml")
@click.option(
    "--output", "-o", type=FILE, help="Result file (default: the input's name with .h5, in the current folder)."
)
@force_option
@set_option
@click.option(
    "--dry-run", is_flag=True, help="Check the input and the output and print the estimates; compute nothing."
)
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
def run(source: Path, output: Path | None, force: bool, overrides: tuple[str, ...], dry_run: bool, quiet: bool) -> None:
    """Compute what INPUT.toml asks for and write a result file.

    \b
    mpirun -n 4 hpcalo run input/mnw001.toml --output mnw001.h5
    hpcalo run input/rashba.toml --set kubo.k.grid=[64,64,1] --force
    hpcalo run input/permalloy_wall.toml -hpcalo_wall_ts_rk_type 3bs     options of PETSc
    """
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import run as verb  # noqa: PLC0415

        last = verb.run(comm, source, output=output, force=force, quiet=quiet, dry_run=dry_run, overrides=overrides)
        if dry_run or not quiet:
            answer(last)
