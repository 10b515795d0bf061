"""Reads TOML input, applies overrides, and reports a mistake as `file: key: what was given; what is allowed`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hpcalo.config.mistakes import first_mistake, shortened
from hpcalo.errors import InputError, nearest_file

S = TypeVar("S", bound=BaseModel)

MAX_INPUT_BYTES = 2**20  # no input file of a person is larger; a larger one is some other file
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 20  # tables within tables: no input needs more than four


def read_toml(path: Path) -> dict[str, object]:
    """The file as nested dictionaries. Raises InputError if it is missing, too large or not TOML."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder, not an input file")
        if path.stat().st_size > MAX_INPUT_BYTES:
            raise InputError(f"{path}: is larger than {MAX_INPUT_BYTES // 2**20} MiB: not an input file")
        if not path.is_file():
            raise InputError(f"{path}: is not a regular file")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        with path.open("rb") as file:
            hdf5 = file.read(len(HDF5_MAGIC)) == HDF5_MAGIC
        what = "is a result or model (HDF5), not an input file" if hdf5 else "is not UTF-8 text"
        raise InputError(f"{path}: {what}") from None
    except FileNotFoundError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror}{nearest_file(path)}") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path}: not valid TOML: {shortened(problem, 160)}{_toml_hint(text, str(problem))}") from None
    _check_depth(data, str(path))
    return data


def _toml_hint(text: str, problem: str) -> str:
    """What the line that is no TOML was probably meant to be."""
    found = re.search(r"at line (\d+)", problem)
    line = text.split("\n")[int(found[1]) - 1].strip() if found else ""
    key, equals, value = (part.strip() for part in line.partition("="))
    if not equals:
        return ""
    with suppress(ValueError, RecursionError):  # the value is not what is wrong
        tomllib.loads(f"value = {value}")
        return f": '{shortened(line)}'"
    for pattern, hint in _MEANT:
        if found := re.match(pattern, value):
            return f": '{shortened(line)}': {hint.format(key=shortened(key), value=shortened(found[0].strip()))}"
    return f": '{shortened(line)}'"


_MEANT = (
    (r"[-+]?\d+,\d+\s*(?=#|$)", "write a decimal point, not a comma"),
    (r"(True|False)\b", "write true and false in lower case"),
    (r"[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*[^\W\d_][^#\"',]*", 'a number with a unit needs quotes: {key} = "{value}"'),
    (r"[^\W\d_][^#\"'\[\]{{}},]*", 'a string needs quotes: {key} = "{value}"'),
)
"""How people write values that TOML has no such form for."""


def apply_overrides(data: dict[str, object], overrides: Iterable[str]) -> dict[str, object]:
    """Applies `key.sub=value` texts (TOML values; bare words are taken as strings) and returns the same dictionary.

    Raises InputError for a text that is no such pair, and for a key that is given twice.
    """
    seen: set[tuple[str, ...]] = set()
    for text in overrides:
        shown = f"--set {shortened(text)}"
        key, equals, raw = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise InputError(f"{shown}: expected key=value, for example --set kubo.k.grid=[64,64,1]")
        if tuple(path) in seen:
            raise InputError(f"{shown}: {shortened(key)} is set twice")
        seen.add(tuple(path))
        set_value(data, path, _value(raw.strip(), shown), shown)
        _check_depth(data, shown)
    return data


def _value(raw: str, shown: str) -> object:
    """A TOML value, or a text without quotes."""
    try:
        parsed = tomllib.loads(f"value = {raw}")
        if list(parsed) == ["value"]:
            return parsed["value"]
    except (ValueError, RecursionError):
        if raw and not any(c in raw for c in "\"'[]{}=\n"):
            return raw
    hint = """: strings in a list need quotes, and so does the whole option in the shell: --set 'key=["text"]'"""
    raise InputError(f"{shown}: '{shortened(raw)}' is not a TOML value{hint if raw.startswith('[') else ''}")


def _check_depth(data: Mapping[str, object], source: str) -> None:
    """Raises InputError for absurd nesting and for texts with a zero byte.

    No message could show such a nesting and no schema needs it; no result file can hold a zero byte.
    """
    level: list[object] = [data]
    for _ in range(MAX_DEPTH):
        inner = [list(x.values()) if isinstance(x, Mapping) else x for x in level if isinstance(x, Mapping | list)]
        if bad := [text for values in inner for text in values if isinstance(text, str) and "\0" in text]:
            raise InputError(f"{source}: '{shortened(bad[0])}': a string must not contain a zero byte")
        level = [value for values in inner for value in values if isinstance(value, Mapping | list)]
        if not level:
            return
    raise InputError(f"{source}: tables or lists are nested more than {MAX_DEPTH} deep")


def set_value(data: dict[str, object], path: list[str], value: object, source: str) -> None:
    """Sets data[path[0]][path[1]]… = value, making tables on the way; a number counts the items of a list, from 0.

    Raises InputError where a value is in the way, or a list is too short.
    """
    here: list[object] | dict[str, object] = data
    for depth, part in enumerate(path[:-1]):
        below = (
            here[_index_in(here, path[: depth + 1], source)] if isinstance(here, list) else here.setdefault(part, {})
        )
        if not isinstance(below, dict | list):
            raise InputError(f"{source}: '{part}' is a value, not a table")
        here = below
    if isinstance(here, list):
        here[_index_in(here, path, source)] = value
    else:
        here[path[-1]] = value


def _index_in(items: list[object], path: list[str], source: str) -> int:
    """What the last part of `path` says in a list."""
    part = path[-1]
    if part.isascii() and part.isdigit() and len(part) <= len(str(len(items))) and int(part) < len(items):
        return int(part)
    held = f"has {len(items)} item{'s' * (len(items) > 1)}, counted from 0" if items else "is empty"
    raise InputError(
        f"{source}: the list '{shortened('.'.join(path[:-1]))}' {held}; there is no item '{shortened(part)}'"
    )


def validate(schema: type[S], data: Mapping[str, object], source: str, folder: Path | None = None) -> S:
    """The typed section; names of files in it are relative to `folder` (None: the current one).

    Raises InputError naming the first mistake, with key, value, and what is allowed.
    """
    try:
        return schema.model_validate(data, context={"folder": folder})
    except ValidationError as problem:
        raise InputError(f"{source}: {first_mistake(schema, problem.errors(include_url=False), data)}") from None
