"""`hpcalo plot`: results as a picture or a movie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcalo.app.engines import ENGINES, engine
from hpcalo.app.outputs import publish
from hpcalo.errors import InputError, nearest

PICTURES = (".png", ".pdf", ".svg", ".gif", ".mp4")
MOVIES = (".gif", ".mp4")


def plot(results: Sequence[Path], *, output: Path | None, force: bool, quantities: tuple[str, ...] = ()) -> Path:
    """Draws results of one engine into a picture and returns its path. Serial. Raises InputError, OutputError."""
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.plausible import changed_files_explain  # noqa: PLC0415

    path = output or Path(results[0].name).with_suffix(".png")
    if path.suffix.lower() not in PICTURES:
        raise InputError(
            f"{path}: the name of a picture must end with {', '.join(PICTURES)}{nearest(path.suffix.lower(), PICTURES)}"
        )
    check_output(path, force=force)
    read = [read_dataset(result) for result in results]
    names = {str(result.attrs.get("engine", "")) for result in read}
    if len(names) != 1 or (name := names.pop()) not in ENGINES:
        raise InputError(f"{', '.join(map(str, results))}: results of different engines cannot share a picture")
    kind = path.suffix.lower()
    with changed_files_explain(results, "drawn"):
        if kind in MOVIES:
            from hpcalo.plotting import movie  # noqa: PLC0415

            if quantities:
                raise InputError(
                    f"{path}: an animation shows a whole run; leave out --quantity or choose another ending"
                )
            movie.check(kind)
            pictures = engine(name).animate(read)
            publish(path, force, lambda part: movie.save(pictures, part, kind))
        else:
            figure = engine(name).draw(read, quantities)
            publish(path, force, lambda part: figure.savefig(part, format=kind[1:]))
    return path
