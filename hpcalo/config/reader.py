"""Reads TOML input, applies overrides, and reports a mistake as `file: key: what was given; what is allowed`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from hpcalo.errors import InputError, nearest, nearest_file, one_line

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=BaseModel)

MAX_INPUT_BYTES = 2**20  # no input file of a person is larger; a larger one is some other file
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 20  # tables within tables: no input needs more than four
LONGEST = 60  # characters of a given value that a message repeats


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
        raise InputError(f"{path}: not valid TOML: {_short(problem, 160)}{_toml_hint(text, str(problem))}") from None
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
        return f": '{_short(line)}'"
    for pattern, hint in _MEANT:
        if found := re.match(pattern, value):
            return f": '{_short(line)}': {hint.format(key=_short(key), value=_short(found[0].strip()))}"
    return f": '{_short(line)}'"


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
        shown = f"--set {_short(text)}"
        key, equals, raw = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise InputError(f"{shown}: expected key=value, for example --set kubo.k.grid=[64,64,1]")
        if tuple(path) in seen:
            raise InputError(f"{shown}: {_short(key)} is set twice")
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
    raise InputError(f"{shown}: '{_short(raw)}' is not a TOML value{hint if raw.startswith('[') else ''}")


def _check_depth(data: Mapping[str, object], source: str) -> None:
    """Raises InputError for absurd nesting and for texts with a zero byte.

    No message could show such a nesting and no schema needs it; no result file can hold a zero byte.
    """
    level: list[object] = [data]
    for _ in range(MAX_DEPTH):
        inner = [list(x.values()) if isinstance(x, Mapping) else x for x in level if isinstance(x, Mapping | list)]
        if bad := [text for values in inner for text in values if isinstance(text, str) and "\0" in text]:
            raise InputError(f"{source}: '{_short(bad[0])}': a string must not contain a zero byte")
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
    raise InputError(f"{source}: the list '{_short('.'.join(path[:-1]))}' {held}; there is no item '{_short(part)}'")


def validate(schema: type[S], data: Mapping[str, object], source: str, folder: Path | None = None) -> S:
    """The typed section; names of files in it are relative to `folder` (None: the current one).

    Raises InputError naming the first mistake, with key, value, and what is allowed.
    """
    try:
        return schema.model_validate(data, context={"folder": folder})
    except ValidationError as problem:
        raise InputError(f"{source}: {_first(schema, problem.errors(include_url=False), data)}") from None


def _first(schema: type[BaseModel], found: Sequence[ErrorDetails], data: object) -> str:
    """The mistake nearest to the top of the file structure: it is usually the cause of the others."""
    errors = sorted(found, key=lambda e: (e["type"] != "extra_forbidden", len(e["loc"])))
    errors = [e for e in errors if not _follows(e, errors)]
    first, path = errors[0], errors[0]["loc"][:-1]
    if first["type"] == "missing" and isinstance(first["loc"][-1], int):  # the items of one list
        missing = [e["loc"][-1] for e in errors if e["type"] == "missing" and e["loc"][:-1] == path]
        needed = 1 + max(number for number in missing if isinstance(number, int))
        return f"{_key(path, data)}: {_shown(first['input'])}: expected {needed} values"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_describe(schema, first, data)}{more}"


def _follows(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """A list that is only too short because one of its items is wrong."""
    path = error["loc"]
    return error["type"] == "too_short" and any(
        len(e["loc"]) > len(path) and e["loc"][: len(path)] == path for e in errors
    )


def _describe(schema: type[BaseModel], error: ErrorDetails, data: object) -> str:
    loc = [part for part in error["loc"] if not str(part).startswith(("function-", "tagged-union"))]
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = known_keys(schema, [str(part) for part in loc[:-1]])
        listing = f" (known keys here: {', '.join(allowed)})" if allowed else ""
        text = f"unknown key{nearest(str(loc[-1])[:LONGEST], allowed)}{listing}"
    elif kind == "missing":
        text = "is required"
    elif kind in {"too_short", "too_long"}:
        count, limit = context.get("actual_length") or "no", context.get("min_length") or context.get("max_length")
        bound = f"at least {limit} required" if kind == "too_short" else f"at most {limit} allowed"
        text = f"{count} values given, {bound}"
    elif kind in {"literal_error", "enum"}:
        expected = str(context.get("expected", ""))
        words = [w.strip(" '") for w in expected.replace(" or ", ", ").split(",")]
        hint = nearest(given, words) if isinstance(given, str) else ""
        text = f"{_shown(given)}: unknown value{hint} (allowed: {expected})"
    else:
        text = _PLAIN.get(kind) or error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if kind in _OF_PYDANTIC:  # our own may begin with a unit: K is not k, MeV not meV
            text = text[:1].lower() + text[1:]
        for old, new in _WORDS:
            text = text.replace(old, new)
        if kind in _PLAIN or not isinstance(given, Mapping | BaseModel):  # else about several keys, which it names
            text = f"{_shown(given)}: {text}"
    return f"{_key(loc, data)}: {text}"


_OF_PYDANTIC = frozenset(get_args(ErrorType)) - {"value_error", "assertion_error"}
"""The kinds of errors whose messages are sentences of pydantic's."""
_WORDS = (
    ("input should be", "must be"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("greater than", "larger than"),
)
_PLAIN = {
    "tuple_type": "expected a list [ … ]",
    "list_type": "expected a list [ … ]",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "string_type": "expected a string in quotes",
    "bool_type": "expected true or false",
    "model_type": "expected a table",
    "model_attributes_type": "expected a table",
    "dict_type": "expected a table",
}
"""What is expected, in the words of a TOML file."""


def _key(loc: Sequence[str | int], data: object) -> str:
    """`kubo.gamma`, or `kubo.gamma (item 2)` inside a list of several."""
    text, here = "", data
    for part in loc:
        if isinstance(part, int):
            text += f" (item {part + 1})" if isinstance(here, list) and len(here) > 1 else ""
            here = here[part] if isinstance(here, list) and part < len(here) else None
        else:
            text += f"{'.' if text else ''}{_short(part)}"
            here = here.get(part) if isinstance(here, Mapping) else None
    return text or "(file)"


def _shown(value: object) -> str:
    """A value as a TOML file has it, cut to a readable length."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | BaseModel):
        return "a table"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return "a number of more than 60 digits"
    if isinstance(value, list | tuple):
        return _short(f"[{', '.join(_shown(v) for v in value[:LONGEST])}]")
    return _short(repr(value[: 2 * LONGEST]) if isinstance(value, str) else repr(value))


def _short(text: object, most: int = LONGEST) -> str:
    line = one_line(str(text)[: 4 * most])
    return line if len(line) <= most else line[: most - 1] + "…"


def known_keys(schema: type[BaseModel], path: list[str]) -> list[str]:
    """Keys allowed in the table at `path` below the schema (an empty list where the path leads nowhere)."""
    models: list[type[BaseModel]] = [schema]
    for part in path:
        following: list[type[BaseModel]] = []
        for model in models:
            if part in model.model_fields:
                following += _models_in(model.model_fields[part].annotation)
        models = following or [m for m in models if part.isdigit() or part in _tags(m)]
    return sorted({name for model in models for name in model.model_fields})


def _tags(model: type[BaseModel]) -> set[str]:
    return {str(f.default) for f in model.model_fields.values()} | {
        str(a) for f in model.model_fields.values() for a in getattr(f.annotation, "__args__", ())
    }


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in getattr(annotation, "__args__", ()) for m in _models_in(inner)]
