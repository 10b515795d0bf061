"""What an input file may hold, read off the schema.

Every table and key with its kind, unit, default, allowed values and meaning: `hpcalo keys` prints them, and the
reference pages of the documentation are made from them.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from hpcalo.errors import InputError, nearest

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

WIDTH = 110
LIMITS = {"gt": ">", "exclusiveMinimum": ">", "ge": "≥", "minimum": "≥", "lt": "<", "exclusiveMaximum": "<", "le": "≤"}
LIMITS["maximum"] = "≤"


@dataclass(frozen=True)
class Key:
    """One key.

    `default` and the allowed `values` are written as in TOML; `default` is None where the key is required and "none"
    where it has none. explained: values with a line about each.
    """

    name: str
    kind: str
    unit: str
    default: str | None
    values: tuple[str, ...]
    limits: str
    meaning: str
    explained: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """One table. name: dotted, "" for the top of the file. many: whether it may be repeated."""

    name: str
    many: bool
    meaning: str
    keys: tuple[Key, ...]

    @property
    def heading(self) -> str:
        """As it stands in a file."""
        return f"[[{self.name}]]" if self.many else f"[{self.name}]"


def tables(schema: type[BaseModel]) -> list[Table]:
    """All tables of an input, each followed by those within it. schema: the typed whole input."""
    whole = schema.model_json_schema()
    return list(_tables(whole, whole["$defs"], "", False))


def describe(given: str | None, known: Mapping[str, Sequence[Table]]) -> str:
    """The keys of an engine's whole input, of one table, or of that name, as text; without a name the tables there are.

    known: the tables of each engine. Raises InputError, naming the nearest.
    """
    if given is None:
        lines = [f"Tables of an input file. 'hpcalo keys TABLE' explains one, with {', '.join(known)} all of a kind."]
        for engine, found in known.items():
            lines += ["", f"{engine}:", *(f"  {t.heading:24}  {_sentence(t.meaning)}" for t in found if t.name)]
        return "\n".join(lines)
    if given in known:
        return "\n\n".join(_shown(t) for t in known[given] if t.keys or t.meaning)
    every = {t: None for found in known.values() for t in found}  # what both have stands once
    path = given.strip("[]")
    below = [t for t in every if t.name == path or t.name.startswith(path + ".")]
    if below:
        return "\n\n".join(_shown(t) for t in below)
    table, _, name = path.rpartition(".")
    hits = [(t, k) for t in every for k in t.keys if k.name == name and t.name in {table, table or t.name}]
    if hits:
        return "\n\n".join(_shown(Table(t.name, t.many, t.meaning, (k,))) for t, k in hits)
    names = [t.name for t in every if t.name] + [k.name for t in every for k in t.keys]
    raise InputError(f"'{given}': no table or key has this name{nearest(path, names) or nearest(name, names)}")


def _shown(table: Table) -> str:
    lines = [table.heading, *_wrapped(table.meaning, 2)] if table.name else ["(before the first table)"]
    for key in table.keys:
        default = "required" if key.default is None else "no default" if key.default == "none" else f"= {key.default}"
        values = "" if key.explained else ", ".join(key.values)
        facts = "; ".join(t for t in (key.kind, key.unit, values or key.limits, default) if t)
        lines += [f"  {key.name}  ({facts})", *_wrapped(key.meaning, 6)]
        width = max((len(value) for value, _ in key.explained), default=0)
        lines += [f"        {value:{width}}  {about}" for value, about in key.explained]
    return "\n".join(lines)


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)


def _sentence(text: str) -> str:
    return textwrap.shorten(text.partition(". ")[0].rstrip("."), WIDTH - 28, placeholder=" …")


def _tables(table: JsonSchemaValue, defs: JsonSchemaValue, path: str, many: bool) -> Iterator[Table]:
    keys: list[Key] = []
    inner: list[tuple[str, JsonSchemaValue, bool]] = []
    required = set(table.get("required", ()))
    for name, entry in table["properties"].items():
        below, repeated = _below(entry, defs)
        if below is not None:
            inner.append((f"{path}.{name}".lstrip("."), below, repeated))
        else:
            keys.append(_key(name, entry, name in required))
    meaning = " ".join(str(table.get("description", "")).split()) if path else ""
    yield Table(path, many, meaning, tuple(keys))
    for name, below, repeated in inner:
        yield from _tables(below, defs, name, repeated)


def _below(entry: JsonSchemaValue, defs: JsonSchemaValue) -> tuple[JsonSchemaValue | None, bool]:
    """The table that a key stands for, if it does, and whether it may be repeated."""
    for one in [entry, *entry.get("anyOf", ()), *entry.get("allOf", ())]:
        for target, many in ((one, False), (one.get("items", {}), True)):
            if isinstance(target, dict) and "$ref" in target:
                return defs[target["$ref"].rpartition("/")[2]], many
    return None, False


def _key(name: str, entry: JsonSchemaValue, required: bool) -> Key:
    kinds = [one for one in entry.get("anyOf", [entry]) if one.get("type") != "null"]
    first = {**entry, **kinds[0]}
    scalar = first.get("items") or (first.get("prefixItems") or [first])[0]
    scalar = scalar if isinstance(scalar, dict) else first
    inner = scalar.get("prefixItems", [scalar])[0]
    unit = inner.get("unit", "")
    return Key(
        name=name,
        kind=_kind(kinds),
        unit="" if unit == "1" else unit,
        default=None if required else _value(entry.get("default")),
        values=next((tuple(map(str, e["enum"])) for e in (scalar, inner) if "enum" in e), ())
        or next(((str(e["const"]),) for e in (scalar, inner) if "const" in e), ()),
        limits=", ".join(f"{sign} {inner[limit]:g}" for limit, sign in LIMITS.items() if limit in inner),
        explained=next((tuple((v, t) for v, t in e["meanings"]) for e in (scalar, inner) if "meanings" in e), ()),
        meaning=" ".join(str(entry.get("description") or first.get("description") or name.replace("_", " ")).split()),
    )


def _kind(kinds: list[JsonSchemaValue]) -> str:
    names = {"number": "number", "integer": "integer", "boolean": "true/false", "string": "string"}
    names["object"] = "table"

    def one(entry: JsonSchemaValue) -> str:
        if entry.get("type") == "array":
            fixed = entry.get("prefixItems")
            if fixed:
                return f"{len(fixed)} {one(fixed[0])}s"
            return f"list of {one(entry.get('items', {}))}"
        if "anyOf" in entry:
            return " or ".join(one(e) for e in entry["anyOf"])
        return names.get(str(entry.get("type")), "value")

    return " or ".join(dict.fromkeys(one(k) for k in kinds))


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return f"{value:.1f}"
    return json.dumps(value, ensure_ascii=False)
