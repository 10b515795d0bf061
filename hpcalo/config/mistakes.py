"""What is wrong with an input, in one line: the schema's errors as `key: what was given; what is allowed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

from hpcalo.errors import nearest, one_line

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LONGEST = 60  # characters of a given value that a message repeats
MOST_EXPECTED = 400  # characters of the values that are allowed


def first_mistake(schema: type[BaseModel], found: Sequence[ErrorDetails], data: object) -> str:
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
        if len(expected) > MOST_EXPECTED:
            name = next((part for part in reversed(loc) if isinstance(part, str)), "")
            first = ", ".join(f"'{word}'" for word in words[:4])
            expected = f"{first} and {len(words) - 4} more, which 'hpcalo keys {name}' lists"
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
            text += f"{'.' if text else ''}{shortened(part)}"
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
        return shortened(f"[{', '.join(_shown(v) for v in value[:LONGEST])}]")
    return shortened(repr(value[: 2 * LONGEST]) if isinstance(value, str) else repr(value))


def shortened(text: object, most: int = LONGEST) -> str:
    """In one line of at most so many characters."""
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
