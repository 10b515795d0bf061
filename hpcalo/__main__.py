"""The program's table of contents: `hpcalo run | restart | check | keys | info | convert | plot | report | export |
submit`.

MPI is started here and only for the commands that work in parallel. The others also run where MPI cannot start (login
nodes); under a launcher only rank 0 does them.
"""

from __future__ import annotations

from hpcalo.parallel.early import end_at_once, forget, ignore, listen

if __name__ == "__main__":  # `python -m hpcalo`; the command `hpcalo` comes from hpcalo.start
    listen()

import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from hpcalo import __version__
from hpcalo.io.exporters.registry import names as formats
from hpcalo.parallel.launcher import launcher_rank, leave_job
from hpcalo.parallel.threads import preset_threads
from hpcalo.parallel.world import defer_start

FILE = click.Path(path_type=Path)
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

RANKS = ("-n", "-np", "--np", "--ranks", "--ntasks")
PETSC = "-hpcalo_wall_"

Command = TypeVar("Command", bound=Callable[..., None])


def is_first() -> bool:
    """Whether this process answers the user: rank 0, or there is no launcher."""
    return launcher_rank() == 0


def alone(command: Command) -> Command:
    """A command for one process: under a launcher the other ranks have nothing to do."""

    @wraps(command)
    def first_only(*args: Any, **options: Any) -> None:
        if is_first():
            end_at_once()
            leave_job()
            command(*args, **options)

    return cast(Command, first_only)


set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one value of the input; may be repeated."
)
force_option = click.option("--force", "-f", is_flag=True, help="Overwrite an existing output.")


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="hpcalo")
def cli() -> None:
    """Spin caloritronics from the electronic structure to the moving domain wall, in parallel.

    \b
    hpcalo keys                               what an input file may contain
    hpcalo check input/rashba.toml            is the input valid, and what will the run cost?
    hpcalo run input/rashba.toml              compute, on one process
    mpirun -n 4 hpcalo run input/mnw001.toml  compute, on four (on a cluster: srun)
    hpcalo info mnw001.h5                     what is in a result?
    hpcalo plot mnw001.h5                     draw it
    hpcalo report mnw001.h5                   a page with figures, checks, input, provenance
    hpcalo export mnw001.h5 --quantity …      a curve as CSV

    'hpcalo COMMAND --help' explains a command.
    """


@cli.command()
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
        from hpcalo import app  # noqa: PLC0415

        last = app.run(comm, source, output=output, force=force, quiet=quiet, dry_run=dry_run, overrides=overrides)
        if dry_run or not quiet:
            click.echo(last)


@cli.command()
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
        from hpcalo import app  # noqa: PLC0415

        last = app.restart(comm, result, quiet=quiet, force=force)
        if not quiet:
            click.echo(last)


@cli.command()
@click.argument("source", type=FILE, metavar="INPUT.toml")
@set_option
@click.option(
    "--ranks", "-n", type=click.IntRange(1, 10**7), default=1, show_default=True, help="MPI ranks to plan for."
)
@alone
def check(source: Path, overrides: tuple[str, ...], ranks: int) -> None:
    """Validate INPUT.toml and estimate memory and, for a Kubo run, time and k-points per rank; compute nothing.

    \b
    hpcalo check input/mnw001.toml --ranks 64
    """
    from hpcalo import app  # noqa: PLC0415

    click.echo(app.check(source, overrides, ranks))


@cli.command()
@click.argument("name", required=False)
@alone
def keys(name: str | None) -> None:
    """Explain what an input file may contain: all tables, one of them (NAME), or one key, with units and defaults.

    \b
    hpcalo keys                the tables
    hpcalo keys wire           a table with its subtables; 'kubo' or 'wall': the whole input of that kind
    hpcalo keys damping        a key, whatever its table
    """
    from hpcalo import app  # noqa: PLC0415

    click.echo(app.keys(name))


@cli.command()
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
        from hpcalo import app  # noqa: PLC0415
        from hpcalo.errors import EnvironmentMismatch  # noqa: PLC0415

        text, fits = app.environment(comm)
        click.echo(text)
    if not fits:
        raise click.exceptions.Exit(EnvironmentMismatch.exit_code)


@alone
def _describe(file: Path) -> None:
    from hpcalo import app  # noqa: PLC0415

    click.echo(app.info(file))


@cli.command()
@click.argument("source", type=FILE, metavar="SOURCE")
@click.option(
    "--output", "-o", type=FILE, help="Model file (default: the source's name with .h5, in the current folder)."
)
@force_option
@click.option("--format", type=click.Choice(["tb", "hr"]), help="Wannier90: file of the seed to read.")
@click.option(
    "--spin", type=click.Choice(["auto", "files", "interleaved", "blocks", "none"]), help="Wannier90: spin pairs."
)
@click.option("--position-file", help="LCAO: file with the position matrix (default: SOURCE_r.npz beside SOURCE.npz).")
@click.option("--thickness", help="Thickness of a film, in angstrom or with a unit.")
@click.option("--fermi-energy", help="Fermi energy, in eV or with a unit.")
@click.option("--electrons", type=float, help="Electrons per cell.")
@set_option
@alone
def convert(source: Path, output: Path | None, force: bool, overrides: tuple[str, ...], **options: Any) -> None:
    """Convert a Hamiltonian to a model file of hpcalo.

    SOURCE is a Wannier90 file (seed_tb.dat, seed_hr.dat, or the seed alone), an LCAO .npz file, or a file that sisl
    reads (SIESTA's .TSHS, .HSX, .nc or .fdf).

    \b
    hpcalo convert Fe_tb.dat --output fe.h5 --fermi-energy "12.63 eV"
    hpcalo convert mnw9.npz --output mnw9.h5 --thickness "10.5 angstrom"
    hpcalo convert siesta.TSHS --output film.h5
    hpcalo convert Fe_tb.dat --set replicas=false     any key of the table [model]
    """
    from hpcalo import app  # noqa: PLC0415

    path, model = app.convert(source, output, force=force, options=options, overrides=overrides)
    for note in model.notes:
        click.echo(note if note.startswith("warning: ") else f"note: {note}")
    click.echo(f"model: {path}")


@cli.command()
@click.argument("results", type=FILE, nargs=-1, required=True, metavar="RESULT...")
@click.option(
    "--output", "-o", type=FILE, help="Picture (.png, .pdf, .svg) or movie (.gif, .mp4); default: .png, here."
)
@force_option
@click.option(
    "--quantity",
    "quantities",
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
    from hpcalo import app  # noqa: PLC0415

    click.echo(f"picture: {app.plot(results, output=output, force=force, quantities=quantities)}")


class _Export(click.Command):
    """Lists the formats below the options, each with its own line of help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from hpcalo.io.exporters.registry import exporter  # noqa: PLC0415

        with formatter.section("Formats"):
            formatter.write_dl([(name, exporter(name).help) for name in formats()])


@cli.command(cls=_Export)
@click.argument("result", type=FILE, metavar="RESULT")
@click.option("--to", "kind", type=click.Choice(formats()), default="csv", show_default=True, help="Format; see below.")
@click.option("--quantity", "quantities", multiple=True, help="What to export; may be repeated.")
@click.option(
    "--output",
    "-o",
    type=FILE,
    help="File (default: the result's name with the format's ending, in the current folder).",
)
@click.option("--along", metavar="AXIS", help="Axis of the rows (CSV; default: the longest) or of the frames.")
@click.option(
    "--select", "selection", multiple=True, metavar="AXIS=VALUE", help="Only this value of an axis; may be repeated."
)
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
    from hpcalo import app  # noqa: PLC0415

    if wrong := [text for text in selection if "=" not in text]:
        raise click.UsageError(f"--select {wrong[0]}: expected AXIS=VALUE, for example gamma=0.025")
    select = {axis.strip(): value.strip() for axis, _, value in (text.partition("=") for text in selection)}
    click.echo(app.export(result, kind, quantities, output=output, along=along, select=select, force=force))


@cli.command()
@click.argument("result", type=FILE, metavar="RESULT")
@click.option(
    "--output", "-o", type=FILE, help="HTML page (default: the result's name with .html, in the current folder)."
)
@force_option
@alone
def report(result: Path, output: Path | None, force: bool) -> None:
    """Write one HTML page about a RESULT: figures, checks, warnings, input, provenance, data.

    \b
    hpcalo report mnw001.h5 --output mnw001.html
    """
    from hpcalo import app  # noqa: PLC0415

    click.echo(f"report: {app.report(result, output=output, force=force)}")


@cli.command()
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
@click.option("--time", "-t", "limit", default="24:00:00", show_default=True, help="Time limit of one job.")
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
    limit: str,
    output: Path | None,
    overrides: tuple[str, ...],
    force: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Write a batch script for INPUT.toml and submit it; the job continues itself until the result is complete.

    \b
    hpcalo submit input/mnw001.toml --nodes 4 --cores-per-node 64 --time 12:00:00 --dry-run
    """
    from hpcalo import app  # noqa: PLC0415
    from hpcalo.app.verbs.submit import Job  # noqa: PLC0415

    job = Job(time=limit, **options)
    click.echo(app.submit(source, job, output=output, overrides=overrides, dry_run=dry_run, force=force))


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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as problem:  # of a command that works alone; the others end in their collective guard
        from hpcalo.parallel.failure import exit_code, show  # noqa: PLC0415

        if is_first():
            show(problem)
        return exit_code(problem)


def petsc_options(arguments: list[str]) -> list[str]:
    """The arguments with PETSc's options, `-hpcalo_wall_NAME [VALUE]` anywhere after the command, as what they stand
    for: `--set solver.petsc.NAME=VALUE`. They are then part of the input, of the record and of a restart.
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
    text, place, names, likeness = problem.format_message(), "hpcalo", list(cli.commands), 0.5
    if context is not None and context.parent is not None:
        place = context.command_path
    if isinstance(problem, click.NoSuchOption):
        text, given = problem.message, problem.option_name
        names = [name for item in context.command.get_params(context) for name in item.opts] if context else []
        if given in RANKS and context is not None and context.command.name in {"run", "restart"}:
            text, given = f"{text.rstrip('.')}; the launcher sets the number of ranks: mpirun -n 4 {place} …", ""
        likeness = 0.7  # `--set` is no answer to every name of three letters
        if not given.startswith("--"):  # all of these are alike: only the case may be wrong
            names = [name for name in names if name.lower() == given.lower()]
            likeness = 0.5
    elif problem.message.startswith("No such command"):
        text, given = problem.message, problem.message.split("'")[1]
    else:
        given = ""
    text = text.rstrip(".") + (nearest(given, names, likeness) if given else "")
    sys.stderr.write(f"hpcalo: error: {one_line(text)} (see '{place} --help')\n")


if __name__ == "__main__":
    main()
