"""`hpcalo init`: examples that come with the program, copied to where the user works."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import hpcalo
from hpcalo.app.inputs import files_of, load_input
from hpcalo.errors import InputError, nearest


def examples() -> dict[str, Path]:
    """Input files by name: installed beside the program, or in the working copy that it runs from.

    Raises InputError where neither has any.
    """
    package = Path(hpcalo.__file__).parent
    for folder in (package / "input", package.parent / "input"):
        if found := {path.stem: path for path in sorted(folder.glob("*.toml"))}:
            return found
    raise InputError("the examples were not installed with this program")


def init(name: str | None, *, force: bool = False) -> str:
    """Copies an example, with the models that it reads, into the current folder; without a name lists them. Serial.

    Returns the lines for the user. Raises InputError for a name that is none, OutputError where a file exists.
    """
    from hpcalo.io.files import atomic_write, check_output  # noqa: PLC0415  (loads HDF5)

    known = examples()
    if name is None:
        width = max(map(len, known))
        titles = {
            stem: tomllib.loads(path.read_text(encoding="utf-8")).get("title", "") for stem, path in known.items()
        }
        lines = [f"  {stem:{width}}  {title}".rstrip() for stem, title in titles.items()]
        return "\n".join(["Examples. 'hpcalo init NAME' copies one, with its model, into this folder:", *lines])
    stem = name.removesuffix(".toml")
    if stem not in known:
        raise InputError(f"{name}: is not the name of an example{nearest(stem, known)} (known: {', '.join(known)})")
    source = known[stem]
    folder = source.parent
    engine, settings = load_input(source)
    needed = [path for path in files_of(engine, settings, source) if path.is_relative_to(folder)]
    copies = {path: path.relative_to(folder) for path in needed if path.is_file()}
    missing = [path.relative_to(folder) for path in needed if not path.is_file()]
    for target in copies.values():
        if len(target.parts) > 1:
            target.parent.mkdir(parents=True, exist_ok=True)
        check_output(target, force=force)
    for path, target in copies.items():
        with atomic_write(target, force=force, sealed=False) as part:
            shutil.copyfile(path, part)
    lines = [f"copied: {target}" for target in copies.values()]
    lines += [f"note: {path} is the result of another run, which comes first" for path in missing]
    return "\n".join([*lines, f"next: hpcalo check {copies[source]}, hpcalo run {copies[source]}"])
