"""`hpcalo convert`: a Hamiltonian as another program wrote it → the project's model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcalo.config.reader import validate
from hpcalo.errors import InputError, nearest_file
from hpcalo.hamiltonian.config import ModelSection
from hpcalo.hamiltonian.modelfile import convert_lcao, convert_wannier90, wannier_options, write_model
from hpcalo.hamiltonian.readers.sisl import ENDINGS as SISL_ENDINGS
from hpcalo.hamiltonian.readers.sisl import read_sisl
from hpcalo.hamiltonian.types import LcaoModel, WannierModel

SEED_ENDINGS = ("_tb.dat", "_hr.dat", "_wsvec.dat", ".win", ".wout", ".chk", ".spn")
WANNIER_ENDINGS = {"_tb.dat": "tb", "_hr.dat": "hr"}


def convert(
    source: Path, output: Path | None, *, force: bool, options: Mapping[str, Any]
) -> tuple[Path, LcaoModel | WannierModel]:
    """Writes the model file; returns its path and the model. Serial.

    `source` is an LCAO `.npz` file, a Wannier90 file `seed_tb.dat` or `seed_hr.dat`, or the seed alone, or a file that
    sisl reads; `options` are keys of the table `[model]`. Raises InputError, ModelError, OutputError.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if source.suffix in SISL_ENDINGS:
        path = output or Path(source.name).with_suffix(".h5")
        _refuse_source(path, source)
        model = sisl_model(source, given)
        write_model(path, model, force=force)
        return path, model
    if source.suffix == ".npz":
        section = validate(ModelSection, {"lcao": str(source), **given}, "convert")
        path = output or Path(source.name).with_suffix(".h5")
        _refuse_source(path, source)
        return path, convert_lcao(
            source,
            path,
            Path(section.position_file) if section.position_file else None,
            thickness=section.thickness,
            fermi_energy=section.fermi_energy,
            electrons=section.electrons,
            force=force,
        )
    for ending, kind in WANNIER_ENDINGS.items():
        if source.name.endswith(ending):
            if given.setdefault("format", kind) != kind:
                raise InputError(f"{source}: is a {kind} file, but --format {given['format']} was asked for")
            source = source.with_name(source.name.removesuffix(ending))
    _refuse_other_file(source, given.get("format", "tb"))
    section = validate(ModelSection, {"wannier90": str(source), **given}, "convert")
    path = output or Path(source.name + ".h5")
    for ending in SEED_ENDINGS:
        _refuse_source(path, source.with_name(source.name + ending))
    return path, convert_wannier90(source, path, wannier_options(section), force=force)


def sisl_model(source: Path, options: Mapping[str, Any]) -> LcaoModel | WannierModel:
    """The model of a file that sisl reads; `options` are keys of `[model]`. Raises InputError, ModelError."""
    section = validate(ModelSection, {"file": str(source), **options}, "convert")
    return read_sisl(
        source, thickness=section.thickness, fermi_energy=section.fermi_energy, electrons=section.electrons
    )


def _refuse_other_file(seed: Path, kind: str) -> None:
    """Raises InputError if what is taken for a seed is the name of another file, or has no Hamiltonian."""
    main = seed.with_name(f"{seed.name}_{kind}.dat")
    if main.exists():
        return
    if seed.is_file() or seed.suffix:
        wanted = [seed.with_name(f"{seed.stem.removesuffix(e.partition('.')[0])}{e}") for e in WANNIER_ENDINGS]
        found = next((f"; did you mean '{path}'?" for path in wanted if path.is_file()), nearest_file(seed))
        what = "is not a Hamiltonian" if seed.is_file() else "not found"
        raise InputError(
            f"{seed}: {what}: give seed_tb.dat, seed_hr.dat, the seed alone, .npz, or SIESTA's file{found}"
        )


def _refuse_source(path: Path, source: Path) -> None:
    """Raises InputError if the model file would replace what it is made of, `--force` or not."""
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path}: is read by this conversion and cannot be its output")
