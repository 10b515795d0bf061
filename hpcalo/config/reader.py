"""Reads TOML input, applies overrides, and reports a mistake as `file: key: what was given; what is allowed`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hpcalo.errors import InputError, nearest, one_line

S = TypeVar("S", bound=BaseModel)

MAX_INPUT_BYTES = 4 * 1024 * 1024  # no input file of a person is larger; a larger one is some other file


def read_toml(path: Path) -> dict[str, Any]:
    """The file as nested dictionaries. Raises InputError if it is missing, too large or not TOML."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder, not an input file")
        if path.stat().st_size > MAX_INPUT_BYTES:
            raise InputError(f"{path}: is larger than {MAX_INPUT_BYTES // 2**20} MiB: not an input file")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise InputError(f"{path}: cannot be read: {reason}") from None
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise InputError(f"{path}: not valid TOML: {one_line(problem)}") from None


def apply_overrides(data: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Applies `key.sub=value` texts (TOML values; bare words are taken as strings) and returns the same dictionary."""
    for text in overrides:
        key, equals, raw = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise InputError(f"--set {text}: expected key=value, for example --set grid.k=[64,64,1]")
        try:
            value = tomllib.loads(f"value = {raw.strip()}")["value"]
        except (tomllib.TOMLDecodeError, RecursionError):
            if any(c in raw for c in "\"'[]{}=\n"):
                raise InputError(f"--set {text}: '{raw}' is not a TOML value") from None
            value = raw.strip()
        set_value(data, path, value, f"--set {text}")
    return data


def set_value(data: dict[str, Any], path: list[str], value: Any, source: str) -> None:
    """Sets data[path[0]][path[1]]… = value, making tables on the way. Raises InputError where a value is in the way."""
    table = data
    for part in path[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise InputError(f"{source}: '{part}' is a value, not a table")
    table[path[-1]] = value


def validate(schema: type[S], data: Mapping[str, Any], source: str) -> S:
    """The typed section. Raises InputError naming the first mistake, with key, value, and what is allowed."""
    try:
        return schema.model_validate(data)
    except ValidationError as problem:
        # The mistake nearest to the top of the file structure is usually the cause of the others.
        errors = sorted(problem.errors(include_url=False), key=lambda e: (e["type"] != "extra_forbidden", len(e["loc"])))
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InputError(f"{source}: {_describe(schema, errors[0])}{more}") from None


def _describe(schema: type[BaseModel], error: Any) -> str:
    loc = [str(part) for part in error["loc"] if not str(part).startswith(("function-", "tagged-union"))]
    key = ".".join(loc) or "(file)"
    if error["type"] == "extra_forbidden":
        allowed = known_keys(schema, loc[:-1])
        listing = f"; known keys here: {', '.join(allowed)}" if allowed else ""
        return f"{key}: unknown key{nearest(loc[-1], allowed)}{listing}"
    if error["type"] == "missing":
        return f"{key}: is required"
    given = one_line(repr(error["input"]))
    given = given if len(given) <= 60 else given[:57] + "…"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    text = f"{key}: {given}: {message[:1].lower() + message[1:]}"
    expected = error.get("ctx", {}).get("expected")
    if error["type"] in {"literal_error", "enum"} and expected and isinstance(error["input"], str):
        words = [w.strip(" '") for w in str(expected).replace(" or ", ", ").split(",")]
        text += nearest(error["input"], words)
    return text


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


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in getattr(annotation, "__args__", ()) for m in _models_in(inner)]
