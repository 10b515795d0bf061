"""A look at a Hamiltonian without an input file: bands, maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.app.inputs import files_of, typed
from hpcalo.app.outputs import refuse_own_input
from hpcalo.app.verbs.plot import plot
from hpcalo.app.verbs.run import run_settings, start
from hpcalo.engine import RunContext

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm
    from pydantic import BaseModel


def look(
    name: str,
    comm: Intracomm,
    model: Path,
    options: Mapping[str, object],
    *,
    output: Path | None = None,
    force: bool = False,
    quiet: bool = False,
    quantities: Sequence[str] = (),
    overrides: tuple[str, ...] = (),
) -> str:
    """Computes and draws; returns the last lines for the user. Collective. Raises HpcaloErrors.

    name: of the engine. model: a file or seed that a reader takes, or the name of a built-in model. options: keys of
    the engine's table; None stands for none. output: the result; the picture has its name with .png. quantities: what
    is drawn.
    """
    from hpcalo.hamiltonian.loading import table_for  # noqa: PLC0415
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root, together  # noqa: PLC0415

    command = Path(f"hpcalo {name}")  # stands for the input file in messages and in the record
    with together(comm):
        start(comm)

    def read() -> tuple[BaseModel, Path]:
        given = {key: value for key, value in options.items() if value is not None}
        tables = {"title": f"{name} of {model.name}", "model": table_for(str(model), {}), name: given}
        _, settings = typed(tables, command, overrides)
        path = output or Path(f"{model.stem}_{name}.h5")
        refuse_own_input(path, files_of(name, settings, command)[1:])
        check_output(path.with_suffix(".png"), force=force)
        return settings, path

    settings, path = on_root(comm, read)
    run_settings(name, settings, RunContext(comm, command, path, force, quiet, overrides))
    picture = path.with_suffix(".png")
    on_root(comm, lambda: plot([path], output=picture, force=force, quantities=tuple(quantities)))
    return f"result: {path}\npicture: {picture}"
