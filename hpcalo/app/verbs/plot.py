"""`hpcalo plot`: results as a picture or a movie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpcalo.app.engines import ENGINES, engine
from hpcalo.app.outputs import publish
from hpcalo.errors import InputError, nearest
from hpcalo.plotting.look import Look, drawn_with, limits_of, settings_of, width_of

PICTURES = (".png", ".pdf", ".svg", ".gif", ".mp4")
MOVIES = (".gif", ".mp4")


@dataclass(frozen=True)
class Choice:
    """How a picture differs from the usual one, as a user writes it.

    select: one value by axis. x, y: `LOW:HIGH` of one panel. width: "column", "page" or a length. style: a style file
    of matplotlib, or the name of one of its styles.
    """

    select: Mapping[str, str] = field(default_factory=dict)
    x: str = ""
    y: str = ""
    width: str = ""
    style: str = ""

    def look(self) -> Look:
        """Raises InputError."""
        return Look(
            width=width_of(self.width) if self.width else None,
            settings=settings_of(self.style) if self.style else {},
            x=limits_of("--x", self.x) if self.x else None,
            y=limits_of("--y", self.y) if self.y else None,
        )


USUAL = Choice()


def plot(
    results: Sequence[Path],
    *,
    output: Path | None,
    force: bool,
    quantities: tuple[str, ...] = (),
    choice: Choice = USUAL,
) -> Path:
    """Draws results of one engine into a picture and returns its path. Serial. Raises InputError, OutputError."""
    from hpcalo.io.files import check_output  # noqa: PLC0415
    from hpcalo.io.hdf5 import read_dataset  # noqa: PLC0415
    from hpcalo.io.plausible import changed_files_explain  # noqa: PLC0415
    from hpcalo.io.selection import narrowed  # noqa: PLC0415

    path = output or Path(results[0].name).with_suffix(".png")
    if path.suffix.lower() not in PICTURES:
        raise InputError(
            f"{path}: the name of a picture must end with {', '.join(PICTURES)}{nearest(path.suffix.lower(), PICTURES)}"
        )
    check_output(path, force=force)
    chosen = choice.look()
    read = [narrowed(read_dataset(result), choice.select) for result in results]
    names = {str(result.attrs.get("engine", "")) for result in read}
    if len(names) != 1 or (name := names.pop()) not in ENGINES:
        raise InputError(f"{', '.join(map(str, results))}: results of different engines cannot share a picture")
    kind = path.suffix.lower()
    with changed_files_explain(results, "drawn"):
        if kind in MOVIES:
            from hpcalo.plotting import movie  # noqa: PLC0415

            if quantities or choice != USUAL:
                raise InputError(
                    f"{path}: an animation shows a whole run; leave out --quantity and all that changes the picture, "
                    "or choose another ending"
                )
            movie.check(kind)
            pictures = engine(name).animate(read)
            publish(path, force, lambda part: movie.save(pictures, part, kind))
        else:
            with drawn_with(chosen):
                figure = engine(name).draw(read, quantities)
                publish(path, force, lambda part: figure.savefig(part, format=kind[1:]))
    return path
