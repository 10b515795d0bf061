"""From an input file to its engine and typed settings, and the name of its result."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpcalo.app.engines import ENGINES, engine
from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.errors import InputError, nearest, one_line, require_text
from hpcalo.scan.section import NOTE, renamed, renamed_override

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hpcalo.parallel.work import Work


def load_input(
    source: Path, overrides: Sequence[str] = (), note: Callable[[str], object] = str
) -> tuple[str, BaseModel]:
    """Engine name and typed settings of a TOML file. Serial. Raises InputError, naming the first mistake.

    note: takes a line for the user about former names in the input.
    """
    return typed(read_toml(source), source, overrides, note)


def typed(
    data: Mapping[str, object], source: Path, overrides: Sequence[str] = (), note: Callable[[str], object] = str
) -> tuple[str, BaseModel]:
    """Engine name and typed settings of the tables of an input. Names of files are relative to the folder of `source`.

    Raises InputError, naming the first mistake.
    """
    tables = renamed(data)
    changes = [renamed_override(text) for text in overrides]
    if tables.keys() != data.keys() or changes != list(overrides):
        note(NOTE)
    apply_overrides(tables, changes)
    name = engine_name(tables, source)
    return name, validate(engine(name).schema, tables, str(source), source.parent)


def files_of(name: str, settings: BaseModel, source: Path) -> list[Path]:
    """Every file that a run of these settings reads, the input itself and those of all points of a scan included.

    Serial. Raises InputError where the scan has a wrong value.
    """
    from hpcalo.scan.points import points_of  # noqa: PLC0415  (loads NumPy)

    points = points_of(settings, source).settings
    return [source, *dict.fromkeys(file for point in points for file in engine(name).files(point))]


def estimate_of(name: str, settings: BaseModel, source: Path) -> Work:
    """What there is to share out, and what it costs. Serial. Raises InputError, ModelError."""
    from hpcalo.scan.points import points_of  # noqa: PLC0415  (loads NumPy)

    with in_range(source):
        return engine(name).estimate(points_of(settings, source), source)


@contextmanager
def in_range(source: Path) -> Iterator[None]:
    """Surrounds what is computed from an input: numbers that a computer cannot compute with are a mistake in it.

    Raises InputError.
    """
    try:
        yield
    except (OverflowError, ZeroDivisionError, FloatingPointError) as problem:
        where = traceback.extract_tb(problem.__traceback__)[-1]
        raise InputError(
            f"{source}: a number of the input is too large or too small to compute with "
            f"({one_line(problem)}, in {Path(where.filename).name}:{where.lineno})"
        ) from problem


def engine_name(data: Mapping[str, object], source: Path) -> str:
    """The engine whose table the input has. Raises InputError where it has none or several."""
    present = [name for name in ENGINES if name in data]
    if len(present) == 1:
        return present[0]
    if present:
        found = " and ".join(f"a [{name}]" for name in present)
        raise InputError(f"{source}: has {found} table; an input file has only one of them")
    known = ", ".join(f"[{name}]" for name in ENGINES)
    hint = next((text for key in data if (text := nearest(key, ENGINES))), "")
    raise InputError(f"{source}: has none of the tables {known}, which say what to compute{hint}")


def output_of(settings: BaseModel, source: Path, given: Path | None) -> Path:
    """Where the result goes: `--output`, else the input's `output.file`, else the input's name with `.h5`, here.

    A name from inside an input file must stay below the current folder. Raises InputError.
    """
    if given is not None:
        return given
    name = getattr(getattr(settings, "output", None), "file", None)
    if not name:
        return Path(source.name).with_suffix(".h5")
    path = require_text(Path(name), f"{source}: output.file: ")
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        raise InputError(f"{source}: output.file: {path}: lies outside the current folder; use --output to write there")
    return path
