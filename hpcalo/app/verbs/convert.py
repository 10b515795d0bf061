"""`hpcalo convert`: a Hamiltonian as another program wrote it → the project's model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpcalo.config.reader import apply_overrides
from hpcalo.errors import InputError
from hpcalo.hamiltonian.loading import CONVERTED, section_for, with_given
from hpcalo.hamiltonian.modelfile import write_model
from hpcalo.hamiltonian.types import Model

QUANTITIES = {"thickness", "fermi_energy"}


def convert(
    source: Path,
    output: Path | None,
    *,
    force: bool,
    options: Mapping[str, Any],
    overrides: Sequence[str] = (),
) -> tuple[Path, Model]:
    """Writes the model file; returns its path and the model. Serial.

    source: a file or a seed that a reader takes. options: keys of the table `[model]`; None stands for none, and a
    quantity may be a text, with its unit or without. overrides: more keys, as texts `KEY=VALUE`. Raises InputError,
    ModelError, OutputError.
    """
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    for key in QUANTITIES & given.keys():
        with suppress(ValueError):  # a text with a unit stays a text
            given[key] = float(given[key])
    apply_overrides(given, overrides)
    reader = section_for(str(source), given, "convert", CONVERTED).reader
    path = output or Path(_stem(source.name, reader.endings) + ".h5")
    for file in reader.files():
        if path.exists() and file.exists() and path.samefile(file):
            raise InputError(f"{path}: is read by this conversion; choose another output")
    model, replicas = reader.read_apart()
    model = with_given(model, reader)
    write_model(path, model, replicas, force=force)
    return path, model


def _stem(name: str, endings: tuple[str, ...]) -> str:
    """The name without the ending that the reader knows it by."""
    return next((name.removesuffix(ending) for ending in endings if name.endswith(ending)), name)
