"""What several commands share: kinds of arguments, options, and which process answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TypeVar, cast

import click

from hpcalo.parallel.early import end_at_once
from hpcalo.parallel.launcher import launcher_rank, leave_job

FILE = click.Path(path_type=Path)

Command = TypeVar("Command", bound=Callable[..., None])


def is_first() -> bool:
    """Whether this process answers the user: rank 0, or there is no launcher."""
    return launcher_rank() == 0


def alone(command: Command) -> Command:
    """A command for one process: under a launcher the other ranks have nothing to do."""

    @wraps(command)
    def first_only(*args: object, **options: object) -> None:
        if is_first():
            end_at_once()
            leave_job()
            command(*args, **options)

    return cast(Command, first_only)


def number(text: str | None) -> str | float | None:
    """A plain number as one; what has a unit stays a text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one value of the input; may be repeated."
)
force_option = click.option("--force", "-f", is_flag=True, help="Overwrite an existing output.")
