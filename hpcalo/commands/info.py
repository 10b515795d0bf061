"""`hpcalo info`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer


@click.command()
@click.argument("file", type=FILE, required=False)
@click.option("--environment", is_flag=True, help="Show the libraries and whether they fit together.")
def info(file: Path | None, environment: bool) -> None:
    """Describe a model or result FILE, or the software environment.

    \b
    hpcalo info mnw001.h5
    mpirun -n 2 hpcalo info --environment
    """
    if (file is None) == (not environment):
        raise click.UsageError("Give either a FILE or --environment.")
    if file is not None:
        _describe(file)
        return
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import info as verb  # noqa: PLC0415
        from hpcalo.errors import EnvironmentMismatch  # noqa: PLC0415

        text, fits = verb.environment(comm)
        answer(text)
    if not fits:
        raise click.exceptions.Exit(EnvironmentMismatch.exit_code)


@alone
def _describe(file: Path) -> None:
    from hpcalo.app.verbs import info as verb  # noqa: PLC0415

    answer(verb.info(file))
