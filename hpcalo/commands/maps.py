"""`hpcalo maps`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, answer, force_option, number, set_option


@click.command()
@click.argument("model", type=FILE, metavar="MODEL")
@click.option("--output", "-o", type=FILE, help="Result (default: MODEL_maps.h5, here); the picture is beside it.")
@click.option(
    "--quantity", "quantities", multiple=True, help="spectral_weight, spin_texture, anomalous_hall, torkance, …"
)
@click.option("--energy", help="Fermi energy, relative to that of the model, in eV or with a unit.")
@click.option("--gamma", help="Broadening, in eV or with a unit (default: 25 meV).")
@click.option("--points", type=int, help="Points along each edge (default: 101).")
@force_option
@set_option
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
def maps(
    model: Path,
    output: Path | None,
    quantities: tuple[str, ...],
    energy: str | None,
    gamma: str | None,
    points: int | None,
    force: bool,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Draw quantities of MODEL on a plane of k-points at one energy, with the Fermi lines.

    MODEL is a model file, a file that 'hpcalo convert' takes, or the name of a built-in model. The plane is that of the
    first two reciprocal vectors unless --set maps.first, maps.second and maps.centre say otherwise.

    \b
    hpcalo maps rashba --energy -2.5 --set model.fermi_energy=0
    hpcalo maps fe.h5 --quantity anomalous_hall --set maps.first=[1,-1,0] --set maps.second=[0,1,1]
    mpirun -n 4 hpcalo maps mnw001.h5 --quantity torkance --points 200
    """
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    options = {
        "quantities": list(quantities) or None,
        "energy": number(energy),
        "gamma": number(gamma),
        "points": None if points is None else [points, points],
    }
    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import maps as verb  # noqa: PLC0415

        last = verb.maps(comm, model, options, output=output, force=force, quiet=quiet, overrides=overrides)
        if not quiet:
            answer(last)
