"""Reference pages from the code itself: input schema, quantities of results, commands, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import click

from hpcalo.app.engines import engine
from hpcalo.config.keys import Key, tables

ROOT = Path(__file__).resolve().parents[2]
INTRODUCTION = """An input file is TOML. A plain number is in the unit given in the table; a string may give another
unit of the same kind (`"25 meV"`), also those of papers: Oe, G, emu/cm³, erg/cm³, Ha, Ry, and kelvin for an energy
k_BT. An unknown key is an error that names the nearest known key. `hpcalo check INPUT.toml`
validates a file, `--set table.key=value` changes one value, and every result contains the complete input
with all defaults.
"""


# -- input ---------------------------------------------------------------------------------------------------------


def input_page(name: str) -> str:
    """Every table and key of the input of one engine."""
    lines = [f"# Input of a {engine(name).title} run", "", INTRODUCTION]
    for table in tables(engine(name).schema):
        if table.name:
            lines += [f"{'##' if '.' not in table.name else '###'} `{table.heading}`", "", table.meaning, ""]
        if table.keys:
            lines += ["| key | type | unit | default | allowed | meaning |", "|---|---|---|---|---|---|"]
            lines += [*(_row(key) for key in table.keys), ""]
    return "\n".join(lines)


def _row(key: Key) -> str:
    default = "required" if key.default is None else key.default if key.default == "none" else f"`{key.default}`"
    allowed = ", ".join(f"`{value}`" for value in key.values) or key.limits
    cells = (f"`{key.name}`", key.kind, key.unit, default, allowed, _plain(key.meaning))
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([*_\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


# -- commands and exit codes ---------------------------------------------------------------------------------------


def commands() -> str:
    """The help of every command, as the program prints it."""
    from hpcalo.commands import cli  # noqa: PLC0415

    lines = ["# Commands", "", "The output of `hpcalo COMMAND --help`.", ""]
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
        "A run that fails prints one line on standard error, `hpcalo: error: …`, and every rank exits with one of",
        "these codes. No half-written file remains. `HPCALO_TRACEBACK=1` in the environment adds the traceback.",
        "",
        "| code | kind | meaning |",
        "|---|---|---|",
        "| 0 | | done |",
    ]
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.HpcaloError)]
    for kind in sorted(kinds, key=lambda k: k.exit_code):
        text = " ".join((kind.__doc__ or "").split())
        lines.append(f"| {kind.exit_code} | `{kind.__name__}` | {text} |")
    lines += ["| 70 | | an error in the program; the line names the rank and says how to see the traceback |"]
    lines += ["| 130 | | interrupted from the keyboard before there was anything to save |", ""]
    return "\n".join(lines)


# -- quantities ----------------------------------------------------------------------------------------------------

ENERGIES = {"minimum": -4.0, "maximum": 4.0, "points": 9}
SMALL = {"k": {"grid": [2, 2, 1]}, "energies": ENERGIES, "gamma": [0.1]}


def quantities() -> str:
    """Every variable that each quantity of the input adds to a result, found by computing them for tiny models."""
    from hpcalo.api import run  # noqa: PLC0415
    from hpcalo.hamiltonian import builtin  # noqa: PLC0415
    from hpcalo.kubo.abilities import IMPOSSIBLE, abilities  # noqa: PLC0415
    from hpcalo.kubo.registry import registered  # noqa: PLC0415

    lines = [
        "# Quantities of a Kubo result",
        "",
        "This page lists the variables that each name in `kubo.quantities` adds to a result. Equation numbers are",
        "those of J. Phys.: Condens. Matter 28, 316001 (2016); the [theory page](../theory/kubo.md) has the equations.",
        "The variables carry these entries as attributes.",
        "",
    ]
    models = ROOT / "input" / "models"
    iron, film = str(models / "fe.h5"), {"file": str(models / "mnw3_dzp.h5")}
    rashba = {"builtin": "rashba", "fermi_energy": 0.0, "thickness": 10.0}
    impossible = {row.name for row in abilities(builtin.rashba()) if row.status == IMPOSSIBLE}
    for name, response in registered().items():
        model = film if name in impossible else rashba
        result = run({"model": model, "kubo": {"quantities": [name], **SMALL}})
        variables = dict(result.data_vars)
        if name == "anomalous_hall":
            section = {"quantities": [name], "k": {"grid": [1, 1, 1]}, "energies": ENERGIES}
            variables |= run({"model": {"file": iron}, "kubo": section}).data_vars
        lines += [f"## {name}", "", f"{response.help[:1].upper()}{response.help[1:]}.", ""]
        lines += ["| variable | axes | unit | meaning |", "|---|---|---|---|"]
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
