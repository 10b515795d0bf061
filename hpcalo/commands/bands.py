"""`hpcalo bands`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, answer, force_option, number, set_option


@click.command()
@click.argument("model", type=FILE, metavar="MODEL")
@click.option("--output", "-o", type=FILE, help="Result (default: MODEL_bands.h5, here); the picture is beside it.")
@click.option("--path", help="Names of k-points, 'G-X-M-G'; '|' jumps (default: the usual path of the lattice).")
@click.option("--points", type=int, help="k-points along the path (default: 400).")
@click.option("--minimum", help="Lowest energy of the picture and of the comparison, in eV or with a unit.")
@click.option("--maximum", help="Highest energy of both.")
@click.option("--compare", help="Bands of a density-functional calculation: seed.eig, or a file of two columns.")
@click.option(
    "--quantity",
    "quantities",
    multiple=True,
    help="What colours the bands: spin, torque, curvature_xy, velocity, an element, a site, energy (nothing).",
)
@force_option
@set_option
@click.option("--quiet", "-q", is_flag=True, help="Print only warnings and errors.")
def bands(
    model: Path,
    output: Path | None,
    path: str | None,
    points: int | None,
    minimum: str | None,
    maximum: str | None,
    compare: str | None,
    quantities: tuple[str, ...],
    force: bool,
    overrides: tuple[str, ...],
    quiet: bool,
) -> None:
    """Draw the bands of MODEL along a path of k-points, coloured by what the states are made of.

    MODEL is a model file, a file that 'hpcalo convert' takes, or the name of a built-in model. The result also holds
    spin, torque, velocity, Berry curvature and the weight on each site; 'hpcalo plot' draws it anew.

    \b
    hpcalo bands mnw001.h5 --minimum -3 --maximum 2 --quantity spin --quantity Mn
    hpcalo bands Fe --compare Fe.eig --set model.fermi_energy=12.63
    mpirun -n 4 hpcalo bands mnw9.npz --path X-G-M --points 200
    hpcalo bands rashba --set bands.n_hat=[1,0,0]
    """
    from hpcalo.parallel.guard import collective_guard  # noqa: PLC0415
    from hpcalo.parallel.world import world  # noqa: PLC0415

    options = {"path": path, "points": points, "minimum": number(minimum), "maximum": number(maximum)}
    comm = world()
    with collective_guard(comm):
        from hpcalo.app.verbs import bands as verb  # noqa: PLC0415

        last = verb.bands(
            comm,
            model,
            {**options, "compare": compare},
            output=output,
            force=force,
            quiet=quiet,
            quantities=quantities,
            overrides=overrides,
        )
        if not quiet:
            answer(last)
