"""Hooks of the documentation's build: pages made from the code, notebooks as pages, formulas as MathML."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import notebook  # beside this file: mkdocs has its folder on the path while it loads the hooks
import reference
from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from hpcalo.app.engines import ENGINES

HERE = Path(__file__).parent
DOCS, ROOT = HERE.parent, HERE.parents[1]

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)

PRIMES = re.compile(r"(\\?[A-Za-z]+)('+)(?=\^)")
"""A primed symbol with an exponent: the converter wants it in braces."""

PRIME = re.compile(r"<msup>(<mi[^>]*>[^<]*</mi>)<m[io][^>]*>(&#x0203[2-4];)</m[io]></msup>")
"""As an exponent a prime is drawn twice as small; the character itself is raised already."""


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated pages."""
    pages = {
        "reference/commands.md": reference.commands,
        **{f"reference/input-{name}.md": partial(reference.input_page, name) for name in ENGINES},
        "reference/quantities.md": reference.quantities,
        "reference/exit-codes.md": reference.exit_codes,
        "develop/contributing.md": lambda: (ROOT / "CONTRIBUTING.md").read_text("utf-8").replace("docs/develop/", ""),
        "develop/changes.md": lambda: (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for name, page in pages.items():
        files.append(File.generated(config, name, content=page()))
    for source in sorted((DOCS / "notebooks").glob("*.ipynb")):
        text, pictures = notebook.page(source)
        files.append(File.generated(config, f"notebooks/{source.stem}.md", content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Formulas as MathML: the browser draws them, without scripts and without another server."""
    return FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    display = found[1] == "div"
    text = PRIMES.sub(r"{\1\2}", unescape(found[2]).strip())
    try:
        formula = convert(text, display="block" if display else "inline")
    except Exception as problem:
        raise PluginError(f"formula '{text}': {type(problem).__name__}") from problem
    formula = PRIME.sub(r'<mrow>\1<mo lspace="0" rspace="0.1em">\2</mo></mrow>', formula)
    return f'<div class="formula">{formula}</div>' if display else formula
