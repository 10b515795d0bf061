"""`hpcalo run`: an input file, and the result that its engine computes from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.app.compute import compute
from hpcalo.app.engines import engine
from hpcalo.app.inputs import estimate_of, files_of, in_range, load_input, output_of
from hpcalo.app.outputs import refuse_own_input, refuse_unfinished, remove_unfinished
from hpcalo.engine import RunContext

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel


def run(
    comm: Intracomm,
    source: Path,
    *,
    output: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    dry_run: bool = False,
    overrides: tuple[str, ...] = (),
) -> str:
    """Runs an input file, or with `dry_run` only estimates it; returns the last line for the user.

    Collective. Raises HpcaloErrors on all ranks.
    """
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.provenance import remember  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root, together  # noqa: PLC0415
    from hpcalo.parallel.progress import tell  # noqa: PLC0415

    with together(comm):
        start(comm)

    def read() -> tuple[str, BaseModel, Path]:
        name, settings = load_input(source, overrides, lambda text: tell(comm, f"note: {text}", quiet=quiet))
        path = output_of(settings, source, output)
        refuse_own_input(path, files_of(name, settings, source))
        if dry_run:
            check_output(path, force=force)
            if not force:
                refuse_unfinished(path)
        remember(source)
        return name, settings, path

    name, settings, path = on_root(comm, read)
    if dry_run:
        load(comm, name)
        return on_root(comm, lambda: estimate_of(name, settings, source).report(comm.size))
    run_settings(name, settings, RunContext(comm, source, path, force, quiet, overrides))
    return f"result: {path}"


def start(comm: Intracomm) -> None:
    """What comes before an input is read. Collective. Raises EnvironmentMismatch."""
    from hpcalo.io.environment import check_environment  # noqa: PLC0415
    from hpcalo.parallel.threads import limit_threads  # noqa: PLC0415

    check_environment(comm)
    limit_threads()


def load(comm: Intracomm, name: str) -> None:
    """Loads the libraries of an engine on all ranks at the same time. Collective. Raises EnvironmentMismatch."""
    from hpcalo.io.environment import check_environment  # noqa: PLC0415
    from hpcalo.parallel.guard import together  # noqa: PLC0415

    with together(comm):
        engine(name).load()
        check_environment(comm)


def run_settings(name: str, settings: BaseModel, context: RunContext) -> None:
    """Runs typed settings, the same on all ranks, with the output's lock. Collective. Raises HpcaloErrors."""
    from hpcalo.io.files import prepare_output  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root  # noqa: PLC0415
    from hpcalo.parallel.signals import end_if_requested  # noqa: PLC0415

    comm, path = context.comm, context.output
    load(comm, name)
    end_if_requested(comm, "before anything was computed: run it again")
    with prepare_output(path, comm, force=context.force):
        on_root(comm, lambda: remove_unfinished(path) if context.force else refuse_unfinished(path))
        with in_range(context.source):
            compute(name, settings, context)
