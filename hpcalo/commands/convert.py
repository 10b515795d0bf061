"""`hpcalo convert`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcalo.commands.common import FILE, alone, answer, force_option, set_option


@click.command()
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
@click.option("--symmetrize", is_flag=True, help="Average over the crystal's magnetic group, to full precision.")
@click.option(
    "--symmetry-limit",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="EV",
    help="Symmetrize even if H (eV) or the spin matrices deviate by as much (default: 1e-4).",
)
@set_option
@alone
def convert(
    source: Path,
    output: Path | None,
    force: bool,
    overrides: tuple[str, ...],
    symmetrize: bool,
    symmetry_limit: float | None,
    **options: object,
) -> None:
    """Convert a Hamiltonian to a model file of hpcalo.

    SOURCE is a Wannier90 file (seed_tb.dat, seed_hr.dat, or the seed alone), a file of FLEUR, WannierBerri, FPLO,
    TBmodels, PythTB, ABACUS, OpenMX, GPAW or SIESTA, or an LCAO .npz file; docs/guide/programs.md lists them.

    \b
    hpcalo convert Fe_tb.dat --output fe.h5 --fermi-energy "12.63 eV"
    hpcalo convert mnw9.npz --output mnw9.h5 --thickness "10.5 angstrom"
    hpcalo convert siesta.TSHS --output film.h5
    hpcalo convert Fe_tb.dat --symmetrize             exactly as symmetric as the crystal and its magnetization
    hpcalo convert Fe_tb.dat --set replicas=false     any key of the table [model]
    """
    from hpcalo.app.verbs import convert as verb  # noqa: PLC0415

    if symmetry_limit is not None and not symmetrize:
        raise click.UsageError("--symmetry-limit has no meaning without --symmetrize")
    limit = (1e-4 if symmetry_limit is None else symmetry_limit) if symmetrize else None
    path, model = verb.convert(source, output, force=force, options=options, overrides=overrides, symmetrize=limit)
    for note in model.notes:
        answer(note if note.startswith("warning: ") else f"note: {note}")
    answer(f"model: {path}")
