"""Pictures of Kubo results: which panels a file, or the user's choice, is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.kubo.plot import published
from hpcalo.kubo.plot.data import floor_of, largest_in
from hpcalo.kubo.plot.panels import Panel, generic_panel
from hpcalo.kubo.responses.response import DRAWN_AGAINST, responses
from hpcalo.kubo.scanned.figure import draw as scan_figure
from hpcalo.kubo.scanned.figure import pages as scan_pages
from hpcalo.kubo.scanned.points import is_scan
from hpcalo.plotting import style

if TYPE_CHECKING:
    from hpcalo.plotting.paper import PaperFigure

MOST = 6
"""Panels of a figure whose content the user did not choose."""


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> PaperFigure:
    """A matplotlib figure of one or more Kubo results: the main panels, or all those of the named quantities.

    A name is one of the input's `kubo.quantities` or of a variable of the file, or `published`: what the paper prints
    for its film beside a result. Raises InputError for any other name, and for files that hold nothing to draw.
    """
    if any(is_scan(r) for r in results):
        if not all(is_scan(r) for r in results):
            raise InputError(f"{_paths(results)}: a scan and a single run cannot share a picture")
        return scan_figure(results, quantities)
    if published.NAME in quantities:
        if len(results) > 1 or len(quantities) > 1:
            raise InputError(f"{_paths(results)}: '{published.NAME}' is a figure of its own, of one result")
        return published.figure(results[0])
    from matplotlib import rc_context  # noqa: PLC0415  (slow to load)

    from hpcalo.plotting.paper import settings  # noqa: PLC0415  (as above)

    panels = _named(results, quantities) if quantities else _whole(results)
    titles = {str(r.attrs.get("title", "")) for r in results}
    with rc_context(settings()):
        figure, axes = style.panels(len(panels), titles.pop() if len(titles) == 1 else "")
        for axis, panel in zip(axes, panels, strict=True):
            panel.draw(axis, results)
        style.finish(figure, axes)
    return figure


def pages(result: Result) -> list[tuple[str, ...]]:
    """The quantities to give to `draw`, figure by figure, to see all that a file holds.

    None for the main panels, then the responses with a panel that is not among these, at most `MOST` panels a figure.
    """
    if is_scan(result):
        return scan_pages(result)
    shown = {panel.needs for panel in _main([result])}
    able = [(name, p) for name, p in _every_panel() if set(p.needs) <= set(result.variables)]
    rest = [
        name
        for name, p in able
        if largest_in([result], p.needs[0]) > floor_of(result, p.needs[0]) and p.needs not in shown
    ]
    found: list[tuple[str, ...]] = [()]
    room = 0
    for name in dict.fromkeys(rest):
        size = sum(owner == name for owner, _ in able)
        if size > room:
            found.append(())
            room = MOST
        found[-1] = (*found[-1], name)
        room -= size
    return found


def _every_panel() -> list[tuple[str, Panel]]:
    """All panels with the name of their response: those for a whole file by rank, then the details."""
    every = [(response.name, panel) for response in responses() for panel in response.drawn()]
    return sorted(every, key=lambda entry: (entry[1].role == "detail", entry[1].rank))


def _main(results: Sequence[Result]) -> list[Panel]:
    """The panels that all files can fill, the first `MOST` by rank; those that vanish only if all do."""
    able = [p for _, p in _every_panel() if p.role != "detail"]
    able = [p for p in able if all(n in r.variables for r in results for n in p.needs)]
    able = [p for p in able if largest_in(results, p.needs[0]) > floor_of(results[0], p.needs[0])] or able
    return [p for p in able if p.role == "main"][:MOST] or able


def _whole(results: Sequence[Result]) -> list[Panel]:
    panels = _main(results)
    if not panels:
        held = ", ".join(results[0].variables) or "nothing"
        raise InputError(
            f"{_paths(results)}: hold{'s' * (len(results) == 1)} nothing of the Kubo half to draw ({held})"
        )
    return panels


def _named(results: Sequence[Result], names: Sequence[str]) -> list[Panel]:
    found: list[Panel] = []
    held = set.intersection(*(set(r.variables) for r in results))
    for name in names:
        panels = [p for owner, p in _every_panel() if owner == name]
        able = [p for p in panels if set(p.needs) <= held]
        if able:
            found += able
        elif name in held:
            first = [p for _, p in _every_panel() if p.role != "detail" and p.needs[0] == name]
            found.append(first[0] if first else _by_description(results, name))
        else:
            present = [
                r.name for r in responses() if any(set(p.needs) <= held for p in r.drawn() if p.role != "detail")
            ]
            hint = "" if panels else nearest(name, [*present, *sorted(held)])
            what = f"has no '{name}'" if panels else f"'{name}' is not a quantity"
            raise InputError(
                f"{_paths(results)}: {what}{hint}; it holds: {', '.join(present) or ', '.join(sorted(held))}"
            )
    return found


def _by_description(results: Sequence[Result], name: str) -> Panel:
    if not DRAWN_AGAINST & set(results[0].variables[name].dims):
        raise InputError(
            f"{_paths(results)}: '{name}' does not depend on energy or temperature; 'hpcalo info' shows it"
        )
    return generic_panel(name)


def _paths(results: Sequence[Result]) -> str:
    return ", ".join(str(r.path) for r in results)
