"""From an input file to its engine and typed settings, and the name of its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcalo.app.engines import ENGINES, engine
from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.errors import InputError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel


def load_input(source: Path, overrides: Sequence[str] = ()) -> tuple[str, BaseModel]:
    """Engine name and typed settings of a TOML file. Serial. Raises InputError, naming the first mistake."""
    return typed(apply_overrides(read_toml(source), overrides), source)


def typed(data: Mapping[str, Any], source: Path) -> tuple[str, BaseModel]:
    """Engine name and typed settings of the tables of an input. Raises InputError, naming the first mistake."""
    name = engine_name(data, source)
    return name, validate(engine(name).schema, data, str(source), source.parent)


def engine_name(data: Mapping[str, Any], source: Path) -> str:
    """The engine whose table the input has. Raises InputError where it has none or several."""
    present = [name for name in ENGINES if name in data]
    if len(present) == 1:
        return present[0]
    if present:
        found = " and ".join(f"a [{name}]" for name in present)
        raise InputError(f"{source}: has {found} table; an input has one of them")
    known = " nor ".join(f"a [{name}]" for name in ENGINES)
    hint = next((text for key in data if (text := nearest(key, ENGINES))), "")
    raise InputError(f"{source}: has neither {known} table{hint}")


def output_of(settings: BaseModel, source: Path, given: Path | None) -> Path:
    """Where the result goes: `--output`, else the input's `output.file`, else the input's name with `.h5`, here.

    A name from inside an input file must stay below the current folder. Raises InputError.
    """
    if given is not None:
        return given
    name = getattr(getattr(settings, "output", None), "file", None)
    if not name:
        return Path(source.name).with_suffix(".h5")
    path = Path(name)
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        raise InputError(f"{source}: output.file: {path}: lies outside the current folder; use --output to write there")
    return path
