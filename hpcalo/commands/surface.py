"""`hpcalo surface`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, answer, force_option, number, set_option


@click.command()
@click.argument("model", type=FILE, metavar="MODEL")
@click.option("--output", "-o", type=FILE, help="File, .frmsf or .vtk (default: MODEL.frmsf, here).")
@click.option("--colour", default="none", help="spin, spin_x, velocity, torque_z, curvature_z, … (default: none)")
@click.option("--energy", help="Fermi energy, relative to that of the model, in eV or with a unit.")
@click.option("--points", type=click.IntRange(4, 400), default=40, help="Mesh along each direction (default: 40).")
@force_option
@set_option
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
def surface(
    model: Path,
    output: Path | None,
    colour: str,
    energy: str | None,
    points: int,
    force: bool,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Write the Fermi surface of a bulk MODEL for FermiSurfer (.frmsf) or ParaView (.vtk).

    MODEL is a model file, a file that 'hpcalo convert' takes, or the name of a built-in model. For films and wires see
    'hpcalo maps'.

    \b
    hpcalo surface fe.h5 --colour spin
    hpcalo surface fe.h5 --colour velocity --points 60 --output fe.vtk
    mpirun -n 4 hpcalo surface fete.h5 --colour torque_x --energy "-0.2 eV" --set maps.n_hat=[1,0,0]
    """
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import surface as verb  # noqa: PLC0415

        options = {"energy": number(energy)}
        text = verb.surface(
            comm, model, options,
            output=output, colour=colour, points=points, force=force, quiet=quiet, overrides=overrides,
        )  # fmt: skip
        if text and not quiet:
            answer(text)
