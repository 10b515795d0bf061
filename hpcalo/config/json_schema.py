"""The input as a JSON schema, for editors that complete and check TOML while it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel

from hpcalo.typing import Contents

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(engines: Mapping[str, type[BaseModel]]) -> str:
    """One schema for the whole inputs of all engines, as JSON: a file has exactly one of their tables.

    It takes what the program takes and a little more: what depends on several keys is left to `hpcalo check`.
    """
    definitions: Contents = {}
    kinds = []
    for name, schema in engines.items():
        whole = schema.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        definitions |= {f"{name}.{key}": _loosened(value) for key, value in whole.pop("$defs", {}).items()}
        kinds.append(_loosened({**whole, "required": sorted({*whole.get("required", []), name})}))
    top = {"$schema": DIALECT, "title": "hpcalo input", "oneOf": kinds, "$defs": definitions}
    return json.dumps(top, indent=1, ensure_ascii=False)


def _loosened(schema: object) -> object:
    """The schema with what the program's own validators allow besides.

    That is a quantity as a text with its unit, and a single value where a list stands.
    """
    if isinstance(schema, list):
        return [_loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: Contents = {
        key: value if key in ("default", "const", "enum", "meanings") else _loosened(value)
        for key, value in schema.items()
    }
    described: Contents = {key: out.pop(key) for key in ("description", "default", "title") if key in out}
    if isinstance(out.get("unit"), str):
        described["description"] = f"{described.get('description', '')} [{out.pop('unit')}]".strip()
        return {"anyOf": [out, {"type": "string"}], **described}
    if out.get("type") == "array":
        single = out.get("items", {}) if isinstance(out.get("items"), dict) else {"type": "number"}
        return {"anyOf": [out, single], **described}
    return {**out, **described}
