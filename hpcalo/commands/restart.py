"""`hpcalo restart`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, answer, force_option


@click.command()
@click.argument("result", type=FILE, metavar="RESULT")
@force_option
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
def restart(result: Path, force: bool, quiet: bool) -> None:
    """Continue an unfinished run from the checkpoint beside RESULT, on any number of ranks.

    \b
    mpirun -n 4 hpcalo restart mnw001.h5
    """
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import restart as verb  # noqa: PLC0415

        last = verb.restart(comm, result, quiet=quiet, force=force)
        if not quiet:
            answer(last)
