"""What several commands share: kinds of arguments, options, and which process answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TypeVar, cast

import click

from hpcalo.errors import require_text
from hpcalo.parallel.early import end_at_once
from hpcalo.parallel.launcher import launcher_rank, leave_job
from hpcalo.parallel.terminal import spelled_out


class FileName(click.Path):
    """The name of a file, one that a result can keep. Raises InputError."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The name as a Path."""
        return require_text(Path(os.fsdecode(super().convert(value, param, ctx))))


FILE = FileName(path_type=Path)

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


def answer(text: str) -> None:
    """What a command says on standard output; nothing in it controls the terminal, whatever file it comes from."""
    sys.stdout.write(spelled_out(text) + "\n")
    sys.stdout.flush()


def number(text: str | None) -> str | float | None:
    """A plain number as one; what has a unit stays a text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def complete_key(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Tables and keys of inputs that begin so, for the shell."""
    from hpcalo.app.verbs.keys import names  # noqa: PLC0415

    known = names()
    tables = {name.rpartition(".")[0] for name in known if "." in name}
    return [name for name in sorted({*known, *tables}) if name.startswith(begun)]


def complete_override(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """`KEY=` for every key that begins so, for the shell."""
    from hpcalo.app.verbs.keys import names  # noqa: PLC0415

    return [f"{name}=" for name in names() if name.startswith(begun)]


def complete_quantity(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Quantities of the result on the command line that begin so, for the shell; none while it cannot be read."""
    from hpcalo.errors import HpcaloError  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415

    given: list[str | Path] = list(context.args)  # behind an option without its value click leaves the files here
    for value in (context.params.get(name) for name in ("results", "result")):
        given += value if isinstance(value, tuple) else [value] if value else []
    found: set[str] = set()
    for path in map(Path, given):
        with suppress(HpcaloError):
            found |= set(read_dataset(path).variables)
    return sorted(name for name in found if name.startswith(begun))


set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_override,
    help="Change one value of the input; may be repeated.",
)
force_option = click.option("--force", "-f", is_flag=True, help="Overwrite an existing output.")
select_option = click.option(
    "--select", "selection", multiple=True, metavar="AXIS=VALUE", help="Only this value of an axis; may be repeated."
)


def selected(selection: tuple[str, ...]) -> dict[str, str]:
    """Values by axis. Raises click.UsageError."""
    if wrong := [text for text in selection if "=" not in text]:
        raise click.UsageError(f"--select {wrong[0]}: expected AXIS=VALUE, for example gamma=0.025")
    return {axis.strip(): value.strip() for axis, _, value in (text.partition("=") for text in selection)}
