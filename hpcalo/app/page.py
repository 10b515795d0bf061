"""The report as a page: what it shows, as plain data, and the page itself."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcalo import __version__
from hpcalo.app.engines import ENGINES, engine
from hpcalo.engine import Engine
from hpcalo.errors import InputError, one_line
from hpcalo.io.checks import Check, file_checks
from hpcalo.io.dataset import NOTES, Result, Variable
from hpcalo.io.netcdf import PARITIES
from hpcalo.io.provenance import WARNINGS
from hpcalo.io.uncertain import typical
from hpcalo.typing import Array, RealArray

if TYPE_CHECKING:
    from hpcalo.plotting.paper import PaperFigure

TEMPLATE = "page.html.j2"
LARGE = 1_500_000  # bytes of an SVG above which the figure is a PNG
PROGRAM = ("hpcalo_version", "git_revision", "source_digest", "python", "mpi_library", "hdf5_library")
RUN = ("command", "folder", "input_file", "started", "finished", "job", "ranks", "rank_layout", "threads_per_rank")
MACHINE = ("hosts", "platform")
HIDDEN = ("title", "format", "format_version", "Conventions", "engine", "kind", "model")


@dataclass(frozen=True)
class FigureData:
    """An embedded picture: data URI, caption, the words for who cannot see it, the command that draws it."""

    uri: str
    caption: str
    alt: str
    command: str


@dataclass(frozen=True)
class Row:
    """A variable of the file in words."""

    name: str
    axes: str
    unit: str
    span: str
    meaning: str
    more: str


def render(result: Result) -> str:
    """The HTML page of a result. Serial. Raises InputError if it is of no known engine."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    name = str(result.attrs.get("engine", ""))
    if name not in ENGINES:
        raise InputError(f"{result.path}: was written by an engine that has no reports ('{one_line(name)}')")
    loader = FileSystemLoader(Path(__file__).parent)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return pages.get_template(TEMPLATE).render(context(result, engine(name)))


def context(result: Result, engine: Engine) -> dict[str, object]:
    """Everything the page shows."""
    checks = [*file_checks(result), *engine.checks(result)]
    count = {s: sum(c.status == s for c in checks) for s in ("passed", "coarse", "failed", "not tested")}
    attrs = {k: v for k, v in result.attrs.items() if k not in HIDDEN}
    rest = [k for k in attrs if k not in (*PROGRAM, *RUN, *MACHINE)]
    return {
        "title": str(result.attrs.get("title", "")) or result.path.stem,
        "file": result.path.name,
        "size": f"{result.path.stat().st_size:,}",
        "kind": engine.kind(result),
        "made_by": __version__,
        "count": count,
        "warnings": _warnings(result, engine, checks),
        "summary": engine.summary(result),
        "notes": result.texts.get(NOTES, "").splitlines(),
        "figures": list(figures(result, engine)),
        "checks": [(c, _found(c)) for c in checks],
        "hints": engine.hints(result),
        "input": result.texts.get("resolved_input", ""),
        "overrides": result.texts.get("overrides", "").splitlines(),
        "original": result.texts.get("original_input", ""),
        "provenance": [
            ("Run", [*_table(attrs, RUN), *_duration(attrs)]),
            ("Machine", _table(attrs, MACHINE)),
            ("Program", _table(attrs, PROGRAM)),
            ("Libraries", _table(attrs, [k for k in rest if k.endswith("_version")])),
            ("Numbers of the run", _table(attrs, [k for k in rest if not k.endswith("_version")])),
            ("Model files (SHA-256)", [tuple(reversed(t.split("  ", 1))) for t in _lines(result, "model_sha256")]),
        ],
        "axes": [row(v) for v in result.coordinates.values()],
        "variables": [row(v) for v in result.variables.values()],
    }


def _lines(result: Result, name: str) -> list[str]:
    return [line for line in result.texts.get(name, "").splitlines() if "  " in line]


def _warnings(result: Result, engine: Engine, checks: Sequence[Check]) -> list[str]:
    stored = WARNINGS in result.texts  # not in files of early versions
    given = result.texts[WARNINGS].splitlines() if stored else engine.warnings(result)
    states = {"failed": "failed", "coarse": "not resolved by the grids of the run"}
    bad = [f"{c.name}: {states[c.status]} ({_found(c)})" for c in checks if c.status in states]
    return [*bad, *given]


def _found(check: Check) -> str:
    """Number and limit in words."""
    if check.found is None:
        return ""
    unit = f" {check.unit}" if check.unit else ""
    compare = "≤" if check.status == "passed" else ">"
    return f"{check.found:.2g}{unit} {compare} {check.limit:.2g}"


def _table(attrs: Mapping[str, object], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), one_line(attrs[name])) for name in names if name in attrs]


def _duration(attrs: Mapping[str, object]) -> list[tuple[str, str]]:
    try:
        begin, end = (datetime.fromisoformat(str(attrs[name])) for name in ("started", "finished"))
    except (KeyError, ValueError):
        return []
    return [("wall-clock time", f"{(end - begin).total_seconds():,.0f} s")]


def row(variable: Variable) -> Row:
    """What the table of data says about a variable."""
    data = np.asarray(variable.data)
    axes = " × ".join(f"{d} {n}" for d, n in zip(variable.dims, data.shape, strict=True)) or "number"
    parity = PARITIES.get(variable.parity, "")
    meaning = {"equation": variable.equation, "sign": variable.sign, "under n̂ → −n̂": parity}
    if variable.error is not None:
        meaning["estimated error"] = _error_text(np.asarray(variable.error, dtype=float))
    more = [f"{k}: {v}" for k, v in {**meaning, **variable.attrs}.items() if v or k in variable.attrs]
    return Row(variable.name, axes, variable.unit, _span(data), variable.long_name, "; ".join(more))


def _error_text(error: RealArray) -> str:
    """What the errors of a variable amount to."""
    if not np.isfinite(error).any():
        return "not known"
    return f"{typical(error)} (rms), up to {np.nanmax(np.abs(error)):.2g}"


def _span(data: Array) -> str:
    if data.dtype.kind in "fiu" and data.size:
        values = data[np.isfinite(data)] if data.dtype.kind == "f" else data
        if not values.size:
            return "all NaN"
        low, high = values.min(), values.max()
        text = f"{low:.6g}" if low == high else f"{low:.6g} … {high:.6g}"
        return text.replace("-", "−") + (f" ({data.size - values.size} NaN)" if values.size < data.size else "")
    if data.dtype.kind in "OUS":
        texts = [one_line(v) for v in np.ravel(data)[:8]]
        return ", ".join(t for t in texts if t)[:120] + (" …" if data.size > 8 else "")
    return ""


def figures(result: Result, engine: Engine) -> Iterator[FigureData]:
    """The pictures of a result: the one of `hpcalo plot` without options, and what it leaves out."""
    for names in engine.pages(result):
        try:
            figure = engine.draw([result], names)
        except InputError:  # a file with nothing to draw still has its other parts
            continue
        options = "".join(f" --quantity {name}" for name in names)
        words = [axis.get_ylabel() or axis.get_title(loc="right") for axis in figure.axes if axis.get_xlabel()]
        alt = _plain("; ".join(w for w in words if w))
        caption = ", ".join(n.replace("_", " ") for n in names) if names else "The result in one figure"
        yield FigureData(_embedded(figure), caption, alt, f"hpcalo plot {result.path.name}{options}")


def _embedded(figure: PaperFigure) -> str:
    """A data URI: vectors where they are small."""
    raw, mime = io.BytesIO(), "svg+xml"
    figure.savefig(raw, format="svg")
    if raw.tell() > LARGE:
        raw, mime = io.BytesIO(), "png"
        figure.savefig(raw, format="png")
    return f"data:image/{mime};base64,{base64.b64encode(raw.getvalue()).decode('ascii')}"


def _plain(label: str) -> str:
    """A label without its mathematics."""
    return " ".join(re.sub(r"\\(?:mathrm|hat|tilde|langle|rangle|left|right)\b|[$\\{}]", "", label).split())
