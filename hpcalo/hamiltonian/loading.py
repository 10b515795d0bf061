"""From a name or the table `[model]` to the model, whatever the source; and which files are read for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.config.reader import validate
from hpcalo.errors import InputError, ModelError, nearest_file
from hpcalo.hamiltonian.film import as_film
from hpcalo.hamiltonian.readers.base import Reader
from hpcalo.hamiltonian.registry import READERS
from hpcalo.hamiltonian.section import ModelSection
from hpcalo.hamiltonian.sublattices import text
from hpcalo.io.provenance import sha256

if TYPE_CHECKING:
    from hpcalo.hamiltonian.types import Model


CONVERTED = tuple(reader for reader in READERS.values() if reader.help)
"""Readers of what `hpcalo convert` makes a model file of."""


def files(section: ModelSection) -> Sequence[Path]:
    """Every file that is read for this model, the main one first. The one answer to this question; reads none."""
    return section.reader.files()


def load_model(section: ModelSection) -> Model:
    """The model that the table `[model]` asks for. Serial.

    Raises InputError for what the table asks and the source cannot give, ModelError for what is wrong with the files.
    """
    require_files(section.reader)
    return with_given(section.reader.read(), section.reader)


def require_files(reader: Reader) -> None:
    """Raises ModelError for a pipe, a device or a folder among the reader's files, which no reader must wait for."""
    from hpcalo.io.reading import require_regular  # noqa: PLC0415  (loads HDF5)

    for path in reader.files():
        try:
            require_regular(path)
        except InputError as problem:
            raise ModelError(f"{problem}; expected a model file") from None
        except (OSError, ValueError):  # the reader says which of its files are needed
            continue


def with_given(model: Model, reader: Reader) -> Model:
    """The model with thickness, Fermi energy, electrons and sublattices as the table gives them.

    Without notes on replaced values.

    Raises InputError for a thickness of what is no film, and sublattices that do not fit the atoms.
    """
    if reader.thickness is not None:
        try:
            model = as_film(model, reader.thickness)
        except ModelError as problem:
            raise InputError(f"{next((f'{path}: ' for path in reader.files()), '')}{problem}") from None
    if reader.fermi_energy is not None:
        notes = tuple(n for n in model.notes if not n.startswith("Fermi energy of the file"))
        model = replace(model, fermi_energy=reader.fermi_energy, notes=notes)
    if reader.electrons is not None:
        model = replace(model, electrons=reader.electrons)
    if reader.sublattices is not None:
        model = _with_sublattices(model, reader.sublattices)
    return model


def _with_sublattices(model: Model, given: tuple[int, ...]) -> Model:
    """The model with these sublattices of its atoms. Raises InputError if they do not fit."""
    try:
        crystal = replace(model.crystal, sublattices=given)
    except ModelError as problem:
        raise InputError(f"model.{problem}") from None
    if set(given) - {0} != set(range(1, max(given) + 1)):
        raise InputError(f"model.sublattices: {list(given)}: expected the numbers 1, 2, … without a gap, and 0 of none")
    notes = tuple(n for n in model.notes if not n.startswith("magnetic sublattices"))
    return replace(model, crystal=crystal, notes=(*notes, f"magnetic sublattices as given ({text(crystal)})"))


def section_for(
    name: str, options: Mapping[str, object], where: str, readers: Sequence[type[Reader]] = tuple(READERS.values())
) -> ModelSection:
    """The table `[model]` for a name given outside an input file, checked. As `table_for`; where: begins messages."""
    return validate(ModelSection, table_for(name, options, readers), where)


def table_for(
    name: str, options: Mapping[str, object], readers: Sequence[type[Reader]] = tuple(READERS.values())
) -> dict[str, object]:
    """The table `[model]` for a name given outside an input file: a file, a seed, a built-in model.

    options: other keys of the table. readers: those that may take it. Raises InputError for a name that none of them
    takes, and for options that the one does not have.
    """
    for reader in readers:
        table = reader.table(name, options)
        if table is not None:
            return table
    path = Path(name)
    endings = [ending for reader in CONVERTED for ending in reader.endings]
    likely = [path.with_name(path.stem.removesuffix(ending.partition(".")[0]) + ending) for ending in endings]
    found = next((f"; did you mean '{other}'?" for other in likely if other.is_file()), nearest_file(path))
    *some, last = [reader.help for reader in CONVERTED]
    what = "is not a Hamiltonian" if path.is_file() else "not found"
    raise InputError(f"{name}: {what}: give {', '.join(some)}, or {last}{found}")


def checksums(section: ModelSection) -> str:
    """`SHA-256  path` of every file of the model, one a line: for the record, and for `same_files`.

    Serial. Raises ModelError if a file cannot be read.
    """
    return "\n".join(f"{sha256(path)}  {path}" for path in files(section))


def same_files(recorded: str, present: str) -> bool:
    """Whether a checkpoint was written with the model files of now; both texts are of `checksums`.

    Names and contents must agree; the folder may have moved. Checkpoints of hpcalo 0.1.0 hold sums without names, and
    only of what it recorded: of Wannier90 every seed_*.dat, otherwise the files that the input names. They are compared
    as far as they go.
    """
    now = _sums_and_names(present)
    if not recorded or "  " in recorded:
        return _sums_and_names(recorded) == now
    old = set(recorded.split())
    data = {total for total, name in now if name.endswith(".dat")}
    return data <= old if data else old <= {total for total, _ in now}


def _sums_and_names(text: str) -> list[tuple[str, str]]:
    parts = (line.partition("  ") for line in text.splitlines())
    return [(total, Path(name).name) for total, _, name in parts]
