"""Reference pages from the code itself: input schema, quantities of results, commands, exit codes."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {"gt": ">", "exclusiveMinimum": ">", "ge": "≥", "minimum": "≥", "lt": "<", "exclusiveMaximum": "<", "le": "≤"}
LIMITS["maximum"] = "≤"
INTRODUCTION = """An input file is TOML. A plain number is in the unit of the table; a text may bring another unit of
the same kind along (`"25 meV"`). Unknown keys are errors and name the nearest known one. `hpcalo check INPUT.toml`
validates a file, `--set table.key=value` changes one value, and every result contains the complete input with all
defaults.
"""


# -- input ---------------------------------------------------------------------------------------------------------


def input_page(engine: str) -> str:
    """Every table and key of the input of one engine."""
    schema = getattr(import_module(f"hpcalo.config.{engine}"), f"{engine.capitalize()}Input")
    whole = schema.model_json_schema()
    title = {"kubo": "Input of a Kubo run", "wall": "Input of a wall run"}[engine]
    lines = [f"# {title}", "", INTRODUCTION]
    _table(lines, whole, whole["$defs"], "")
    return "\n".join(lines)


def _table(lines: list[str], table: dict[str, Any], defs: dict[str, Any], path: str) -> None:
    rows: list[str] = []
    inner: list[tuple[str, dict[str, Any]]] = []
    required = set(table.get("required", ()))
    for key, entry in table["properties"].items():
        below, many = _below(entry, defs)
        place = f"{path}.{key}".lstrip(".")
        if below is not None:
            inner.append((f"[[{place}]]" if many else f"[{place}]", below))
        else:
            rows.append(_row(key, entry, key in required))
    if rows:
        lines += ["| key | type | unit | default | allowed | meaning |", "|---|---|---|---|---|---|", *rows, ""]
    for heading, below in inner:
        lines += [f"{'##' if heading.count('.') == 0 else '###'} `{heading}`", "", _prose(below), ""]
        _table(lines, below, defs, heading.strip("[]"))


def _below(entry: dict[str, Any], defs: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The table that a key stands for, if it does, and whether it may be repeated."""
    for one in [entry, *entry.get("anyOf", ()), *entry.get("allOf", ())]:
        for place, many in ((one, False), (one.get("items", {}), True)):
            if isinstance(place, dict) and "$ref" in place:
                return defs[place["$ref"].rpartition("/")[2]], many
    return None, False


def _prose(table: dict[str, Any]) -> str:
    return " ".join(str(table.get("description", "")).split())


def _row(key: str, entry: dict[str, Any], required: bool) -> str:
    kinds = [one for one in entry.get("anyOf", [entry]) if one.get("type") != "null"]
    first = {**entry, **kinds[0]}
    scalar = first.get("items") or (first.get("prefixItems") or [first])[0]
    scalar = scalar if isinstance(scalar, dict) else first
    inner = scalar.get("prefixItems", [scalar])[0]
    unit = inner.get("unit", "")
    meaning = str(entry.get("description") or first.get("description") or key.replace("_", " "))
    default = "required" if required else _value(entry.get("default"))
    cells = (f"`{key}`", _kind(kinds), "" if unit == "1" else unit, default, _allowed(scalar, inner), _plain(meaning))
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([*_\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def _kind(kinds: list[dict[str, Any]]) -> str:
    names = {"number": "number", "integer": "integer", "boolean": "true/false", "string": "text"}

    def one(entry: dict[str, Any]) -> str:
        if entry.get("type") == "array":
            fixed = entry.get("prefixItems")
            if fixed:
                return f"{len(fixed)} {one(fixed[0])}s"
            return f"list of {one(entry.get('items', {}))}"
        if "anyOf" in entry:
            return " or ".join(one(e) for e in entry["anyOf"])
        return names.get(str(entry.get("type")), "value")

    return " or ".join(dict.fromkeys(one(k) for k in kinds))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return f"`{value:.1f}`"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _allowed(scalar: dict[str, Any], inner: dict[str, Any]) -> str:
    for entry in (scalar, inner):
        if "enum" in entry:
            return ", ".join(f"`{v}`" for v in entry["enum"])
        if "const" in entry:
            return f"`{entry['const']}`"
    return ", ".join(f"{sign} {inner[name]:g}" for name, sign in LIMITS.items() if name in inner)


# -- commands and exit codes ---------------------------------------------------------------------------------------


def commands() -> str:
    """The help of every command, as the program prints it."""
    from hpcalo.__main__ import cli  # noqa: PLC0415

    lines = ["# Commands", "", "As the program explains itself (`hpcalo COMMAND --help`).", ""]
    top = click.Context(cli, info_name="hpcalo", max_content_width=100, terminal_width=100)
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        if command is None:
            continue
        context = click.Context(command, info_name=name, parent=top, max_content_width=100, terminal_width=100)
        lines += [f"## hpcalo {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def exit_codes() -> str:
    """One row for each kind of failure."""
    from hpcalo import errors  # noqa: PLC0415

    lines = [
        "# Exit codes",
        "",
        "A failure is one line on standard error, `hpcalo: error: …`, and one of these codes on every rank; nothing is",
        "left half-written. `HPCALO_TRACEBACK=1` in the environment adds the traceback.",
        "",
        "| code | kind | meaning |",
        "|---|---|---|",
        "| 0 | | done |",
    ]
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.HpcaloError)]
    for kind in sorted(kinds, key=lambda k: k.exit_code):
        text = " ".join((kind.__doc__ or "").split())
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {text} |")
    lines += ["| 70 | | a mistake in the program; the line names the rank and how to see the traceback |"]
    lines += ["| 130 | | interrupted from the keyboard before there was anything to save |", ""]
    return "\n".join(lines)


# -- quantities ----------------------------------------------------------------------------------------------------

ENERGIES = {"minimum": -4.0, "maximum": 4.0, "points": 9}
SMALL = {"k": {"grid": [2, 2, 1]}, "energies": ENERGIES, "gamma": [0.1]}


def quantities() -> str:
    """Every variable that each quantity of the input adds to a result, found by computing them for tiny models."""
    from hpcalo.api import run  # noqa: PLC0415
    from hpcalo.config.kubo import Quantity  # noqa: PLC0415

    lines = [
        "# Quantities of a Kubo result",
        "",
        "What each name in `kubo.quantities` adds to the result file. Equation numbers are those of J. Phys.: Condens.",
        "Matter 28, 316001 (2016); the [theory page](../theory/kubo.md) has them in full. All variables carry these",
        "entries as attributes.",
        "",
    ]
    iron = str(ROOT / "input" / "models" / "fe.h5")
    for name in Quantity.__args__:  # type: ignore[attr-defined]
        rashba = {"builtin": "rashba", "fermi_energy": 0.0, "thickness": 10.0}
        result = run({"model": rashba, "kubo": {"quantities": [name], **SMALL}})
        variables = dict(result.data_vars)
        if name == "anomalous_hall":
            section = {"quantities": [name], "k": {"grid": [1, 1, 1]}, "energies": ENERGIES}
            variables |= run({"model": {"file": iron}, "kubo": section}).data_vars
        lines += [f"## {name}", "", "| variable | axes | unit | meaning |", "|---|---|---|---|"]
        for key, v in variables.items():
            about = [str(v.attrs.get("long_name", ""))]
            parity = v.attrs.get("parity_under_reversal_of_magnetization")
            about += [str(v.attrs["equation"])] if "equation" in v.attrs else []
            about += [f"{parity} under reversal of the magnetization"] if parity else []
            about += [str(v.attrs["sign_convention"])] if "sign_convention" in v.attrs else []
            axes, unit = ", ".join(map(str, v.dims)), str(v.attrs.get("units", ""))
            cells = (f"`{key}`", *(_plain(text).replace("|", "\\|") for text in (axes, unit, "; ".join(about))))
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)
