"""`hpcalo report`: one page about a result."""

from __future__ import annotations

from pathlib import Path

from hpcalo.app.outputs import publish
from hpcalo.errors import InputError

PAGES = (".html", ".htm")


def report(result: Path, *, output: Path | None = None, force: bool = False) -> Path:
    """Writes the HTML page about a result and returns its path. Serial. Raises InputError, OutputError."""
    from hpcalo.app.page import render  # noqa: PLC0415
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.plausible import changed_files_explain  # noqa: PLC0415

    path = output or Path(result.name).with_suffix(".html")
    if path.suffix.lower() not in PAGES:
        raise InputError(f"{path}: the name of a report must end with {' or '.join(PAGES)}")
    check_output(path, force=force)
    read = read_dataset(result)
    with changed_files_explain([result], "reported on"):
        text = render(read)
    publish(path, force, lambda part: part.write_text(text, encoding="utf-8"))
    return path
