"""`hpcalo surface`: the Fermi surface of a Hamiltonian for FermiSurfer and ParaView."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hpcalo.app.inputs import files_of, typed
from hpcalo.app.outputs import refuse_own_input
from hpcalo.app.verbs.run import start
from hpcalo.errors import InputError

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    from hpcalo.maps.config import MapsInput

COMMAND = Path("hpcalo surface")


def surface(
    comm: Intracomm,
    model: Path,
    options: Mapping[str, object],
    *,
    output: Path | None = None,
    colour: str = "none",
    points: int = 40,
    force: bool = False,
    quiet: bool = False,
    overrides: tuple[str, ...] = (),
) -> str:
    """Computes and writes it; returns the lines for the user. Collective. Raises HpcaloErrors.

    model: a file or seed that a reader takes, or the name of a built-in model. options: keys of the table [maps], of
    which energy, n_hat, spin_matrices and reference count; None stands for none. output: its ending says the format.
    points: of the mesh, along each direction.
    """
    from hpcalo.hamiltonian.loading import table_for  # noqa: PLC0415
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.maps.surface import WRITERS, checked_colour, described, fermi_surface  # noqa: PLC0415
    from hpcalo.parallel.guard import on_root, together  # noqa: PLC0415

    with together(comm):
        start(comm)

    def read() -> tuple[MapsInput, Path]:
        checked_colour(colour)
        given = {key: value for key, value in options.items() if value is not None}
        tables = {"title": f"surface of {model.name}", "model": table_for(str(model), {}), "maps": given}
        settings = cast("MapsInput", typed(tables, COMMAND, overrides)[1])
        path = output or Path(f"{model.stem}.frmsf")
        if path.suffix not in WRITERS:
            raise InputError(f"{path}: the name of a Fermi surface ends with {' or '.join(WRITERS)}")
        refuse_own_input(path, files_of("maps", settings, COMMAND)[1:])
        check_output(path, force=force)
        return settings, path

    settings, path = on_root(comm, read)
    found = fermi_surface(settings, colour, points, comm, quiet=quiet)
    with together(comm):
        if found is None:
            return ""
        WRITERS[path.suffix](path, found, force=force)
        return "\n".join([*described(found), f"surface: {path}"])
