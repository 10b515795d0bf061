"""The program: reads the command line, runs a command of `hpcalo.commands`, ends with the documented exit code.

MPI is started only for the commands that work in parallel. The others also run where MPI cannot start (login nodes);
under a launcher only rank 0 does them.
"""

from __future__ import annotations

from hpcalo.parallel.early import forget, ignore, listen

if __name__ == "__main__":  # `python -m hpcalo`; the command `hpcalo` comes from hpcalo.start
    listen()

import os
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout

import click

from hpcalo.commands import cli
from hpcalo.commands.common import is_first
from hpcalo.errors import InputError, require_text
from hpcalo.parallel.terminal import errors, terminals
from hpcalo.parallel.threads import preset_threads
from hpcalo.parallel.world import defer_start

RANKS = ("-n", "-np", "--np", "--ranks", "--ntasks")
PETSC = "-hpcalo_wall_"
COMPUTE = frozenset({"run", "restart", "bands", "maps"})
"""Commands whose product is a file: what they say may be lost. The others are there for what they say."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `hpcalo` and `python -m hpcalo`; ends the process with the documented exit code."""
    defer_start()
    with ExitStack() as stack:
        stack.callback(forget if listen() else ignore)  # a program that has called this one goes on
        if not is_first():  # every rank reads the same command line: one of them answers
            stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w", encoding="utf-8"))))
        code = _main(list(sys.argv[1:] if arguments is None else arguments))
    sys.exit(code)


def _main(arguments: list[str]) -> int:
    try:
        preset_threads()
        if not os.environ.get("HPCALO_TRACEBACK"):  # errors say where numbers are not finite
            warnings.filterwarnings("ignore", category=RuntimeWarning)
        _require_folder()
        with terminals(needed=not COMPUTE.intersection(arguments[:1])):
            return cli.main(petsc_options(arguments), prog_name="hpcalo", standalone_mode=False) or 0
    except click.ClickException as problem:
        if is_first():
            _show_usage(problem)
        else:
            time.sleep(0.5)  # a launcher ends the job at the first failed exit: let rank 0 speak before
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):  # from a caller's own handler of SIGINT
        return 130
    except BrokenPipeError:  # `hpcalo info FILE | head`
        return 1
    except Exception as problem:  # of a command that works alone; the others end in their collective guard
        from hpcalo.parallel.failure import exit_code, show  # noqa: PLC0415

        if is_first():
            show(problem)
        return exit_code(problem)


def _require_folder() -> None:
    """Raises InputError where the current folder is gone, or has a name that no record can keep."""
    from pathlib import Path  # noqa: PLC0415

    try:
        require_text(Path.cwd(), "the current folder ")
    except OSError as problem:
        raise InputError(f"the current folder cannot be used: {problem.strerror}") from None


def petsc_options(arguments: list[str]) -> list[str]:
    """The arguments, with options of PETSc turned into settings of the input.

    `-hpcalo_wall_NAME [VALUE]`, anywhere after the command, becomes `--set solver.petsc.NAME=VALUE`, and is thus part
    of the input, of the record and of a restart.
    """
    out: list[str] = []
    waiting = list(arguments)
    while waiting:
        name = waiting.pop(0)
        if not name.startswith(PETSC):
            out.append(name)
            continue
        if out[-1:] == ["--"]:  # PETSc's users separate them; here it is not needed
            out.pop()
        has_value = bool(waiting) and (not waiting[0].startswith("-") or waiting[0][1:2].isdigit())
        value = waiting.pop(0) if has_value else "true"
        out += ["--set", f"solver.petsc.{name.removeprefix(PETSC)}={value}"]
    return out


def _show_usage(problem: click.ClickException) -> None:
    """A mistake in the command line, reported like the others: in one line, with the nearest match."""
    from hpcalo.errors import nearest, one_line  # noqa: PLC0415

    context = getattr(problem, "ctx", None)
    if context is not None and problem.message == context.get_help():  # called without anything: that is the help
        problem.show()
        return
    text, command, names, likeness = problem.format_message(), "hpcalo", list(cli.commands), 0.5
    if context is not None and context.parent is not None:
        command = context.command_path
    if isinstance(problem, click.NoSuchOption):
        text, given = problem.message, problem.option_name
        names = [name for item in context.command.get_params(context) for name in item.opts] if context else []
        if given in RANKS and context is not None and context.command.name in {"run", "restart"}:
            text, given = f"{text.rstrip('.')}; the launcher sets the number of ranks: mpirun -n 4 {command} …", ""
        likeness = 0.7  # `--set` is no answer to every name of three letters
        if not given.startswith("--"):  # all of these are alike: only the case may be wrong
            names = [name for name in names if name.lower() == given.lower()]
            likeness = 0.5
    elif problem.message.startswith("No such command"):
        text, given = problem.message, problem.message.split("'")[1]
    else:
        given = ""
    text = text.rstrip(".") + (nearest(given, names, likeness) if given else "")
    errors().write(f"hpcalo: error: {one_line(text)} (see '{command} --help')\n")


if __name__ == "__main__":
    main()
