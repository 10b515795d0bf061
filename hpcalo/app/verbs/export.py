"""`hpcalo export`: a result for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpcalo.app.engines import ENGINES, engine
from hpcalo.errors import InputError
from hpcalo.io.exporters.exporter import Request
from hpcalo.io.exporters.registry import exporter
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.plausible import changed_files_explain


def export(
    source: Path,
    kind: str,
    quantities: Sequence[str] = (),
    *,
    output: Path | None = None,
    along: str | None = None,
    select: Mapping[str, str] | None = None,
    force: bool = False,
) -> str:
    """Writes a result in the format `kind` and says what was written. Serial.

    quantities: names of variables; what none means is the format's choice. along: axis of the rows or of the frames.
    select: axis → entry, as in `Request`. Raises InputError and OutputError.
    """
    writer = exporter(kind)
    path = output or Path(source.name).with_suffix(writer.suffixes[0])
    if path.suffix.lower() not in writer.suffixes:
        raise InputError(f"{path}: the name of a file for --to {kind} must end with {' or '.join(writer.suffixes)}")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"{path}: is the result itself; choose another output")
    with changed_files_explain([source], "exported"):
        result = read_dataset(source)
        name = str(result.attrs.get("engine", ""))
        wire = engine(name).wire() if name in ENGINES else None
        request = Request(path, tuple(quantities), along, select or {}, force, wire)
        return "\n".join(writer.write(result, request))
