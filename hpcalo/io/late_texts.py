"""Texts of a result that came after it was begun: warnings of the run, and what it says at its end."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py

from hpcalo.io.files import atomic_write
from hpcalo.io.hdf5 import PROVENANCE_GROUP
from hpcalo.io.opening import open_file
from hpcalo.io.provenance import WARNINGS, Provenance


def add_texts(path: Path, warnings: Sequence[str], texts: Mapping[str, str]) -> None:
    """Adds warnings to those in the file, and texts, in a copy that then replaces it. Serial. Raises OutputError."""
    with atomic_write(path, force=True, sealed=False) as part:
        shutil.copyfile(path, part)
        with open_file(part, "r+") as file:
            name = f"{PROVENANCE_GROUP}/{WARNINGS}"
            record = Provenance(texts={WARNINGS: str(file[name].asstr()[()]) if name in file else ""})
            record.warned(warnings)
            for key, text in {**record.texts, **texts}.items():
                name = f"{PROVENANCE_GROUP}/{key}"
                if name in file:
                    del file[name]
                file.create_dataset(name, data=text, dtype=h5py.string_dtype())
