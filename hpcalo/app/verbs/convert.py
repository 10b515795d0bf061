"""`hpcalo convert`: a Hamiltonian as another program wrote it → the project's model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hpcalo.config.reader import apply_overrides
from hpcalo.errors import InputError, ModelError
from hpcalo.hamiltonian.loading import CONVERTED, require_files, section_for, with_given
from hpcalo.hamiltonian.modelfile import write_model
from hpcalo.hamiltonian.readers.base import Reader
from hpcalo.hamiltonian.registry import READERS
from hpcalo.hamiltonian.replicas import Folding, fold
from hpcalo.hamiltonian.symmetrize.model import symmetrized_model
from hpcalo.hamiltonian.types import Model, WannierModel

QUANTITIES = {"thickness", "fermi_energy"}


def convert(
    source: Path,
    output: Path | None,
    *,
    force: bool,
    options: Mapping[str, object],
    overrides: Sequence[str] = (),
    symmetrize: float | None = None,
) -> tuple[Path, Model]:
    """Writes the model file; returns its path and the model. Serial.

    source: a file or a seed that a reader takes. options: keys of the table `[model]`; None stands for none, and a
    quantity may be a text, with its unit or without. overrides: more keys, as texts `KEY=VALUE`.
    symmetrize: make the model exactly symmetric, unless H (eV) or spin deviate by more than this. Raises InputError,
    ModelError, OutputError.
    """
    given: dict[str, object] = {key: value for key, value in options.items() if value is not None}
    for key in QUANTITIES & given.keys():
        with suppress(ValueError):  # a text with a unit stays a text
            given[key] = float(str(given[key]))
    apply_overrides(given, overrides)
    readers = CONVERTED if symmetrize is None else (*CONVERTED, READERS["file"])  # a model file can be made symmetric
    reader = section_for(str(source), given, "convert", readers).reader
    path = output or Path(_stem(source.name, reader.endings) + ".h5")
    for file in reader.files():
        if path.exists() and file.exists() and path.samefile(file):
            raise InputError(f"{path}: is read by this conversion; choose another output")
    require_files(reader)
    model, replicas = reader.read_apart()
    film_of_bulk = reader.thickness is not None and model.crystal.dimensions == 3
    if film_of_bulk and replicas is not None and isinstance(model, WannierModel):
        model, replicas = fold(model, replicas), None  # the cells of replicas are not those that make a film
    model = with_given(model, reader)
    if symmetrize is not None:
        model, replicas = symmetrized(model, replicas, reader, symmetrize)
    write_model(path, model, replicas, force=force)
    return path, model


def symmetrized(model: Model, replicas: Folding | None, reader: Reader, limit: float) -> tuple[Model, Folding | None]:
    """The model averaged over its magnetic group, and replicas that stay apart. Raises ModelError."""
    try:
        return symmetrized_model(model, replicas, reader.orbitals(), limit)
    except ModelError as problem:
        raise ModelError(f"{reader.files()[0]}: {problem}") from None


def _stem(name: str, endings: tuple[str, ...]) -> str:
    """The name without the ending that the reader knows it by."""
    return next((name.removesuffix(ending) for ending in endings if name.endswith(ending)), name)
