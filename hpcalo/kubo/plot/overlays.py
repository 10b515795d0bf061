"""A second variable in a panel: what goes with its curves, or the curves with broadening beside the intrinsic ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.bands import draw_line, note_errors, remove_bands, stretch
from hpcalo.kubo.plot.data import Curve, curves
from hpcalo.kubo.plot.looks import distinct, elements_of, legend_entries, looks
from hpcalo.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook


def overlay(
    axis: Axes,
    results: Sequence[Result],
    name: str,
    main: Sequence[Curve],
    along: str,
    factor: float,
    *,
    label: str,
    symbol: str,
    per_level: bool = False,
    **options: Unpack[LineLook],
) -> None:
    """A second variable in the panel of a first one, its largest element there, one label for all its lines."""
    elements = elements_of(main)
    if len(elements) > 1:  # of the largest element only: lines without a colour of their own look alike
        label = f"{symbol.format(elements[0])} {label}"
    styles = looks(main)
    colours = {tuple(sorted(c.tags.items())): s.colour for c, s in zip(main, styles, strict=True)}
    levels = {_without_gamma(c): s for c, s in zip(main, styles, strict=True)}
    one_gamma = len(distinct(main, "gamma")) < 2
    found = curves(results, name, along, only=elements[:1], like=main)
    for curve in found:
        if len(curve.x) == 1:
            options = {"marker": "s", "mfc": "none", **options}
        look: LineLook = {"color": "0.15"}
        if per_level:
            look = {"color": colours.get(tuple(sorted(curve.tags.items())), style.COLOURS[0])}
        elif len(distinct(main, "temperature")) > 1 and (same := levels.get(_without_gamma(curve))):
            # By T as the lines it goes with: in their colour, or where that tells Γ, in their dashes.
            look = {"color": same.colour} if one_gamma and len(elements) == 1 else {"color": "0.15", "ls": same.dashes}
        look = {**look, **options}
        if per_level:  # an approximation: the curve that it goes with has the band
            axis.plot(curve.x, factor * curve.y, **look)
        else:
            draw_line(axis, curve, factor, **look)
    options = {"color": "0.15", **options}
    axis.plot([], [], label=label, **options)
    if not per_level:
        note_errors(axis, [*main, *found])
        stretch(axis)


def _without_gamma(curve: Curve) -> tuple[tuple[str, str | float], ...]:
    return tuple(sorted((key, value) for key, value in curve.tags.items() if key != "gamma"))


def with_gamma(
    axis: Axes, results: Sequence[Result], name: str, along: str, main: Sequence[Curve], factor: float
) -> None:
    """The curves with broadening of what `main` shows without; both get their entry in the legend."""
    if not main:
        return
    if len(results) > 1:
        style.note(axis, "intrinsic, Γ → 0", add=True)
        return
    wide = curves(results, name, along, only=elements_of(main)[:1], like=main)
    if len(distinct(main, "element")) > 1:
        style.note(axis, "intrinsic, Γ → 0", add=True)
        return
    if not wide:
        axis.plot([], [], color=style.COLOURS[0], label="intrinsic, Γ → 0")
        return
    for line in axis.get_lines():
        if line.get_gid() != style.GUIDE:
            line.remove()
    remove_bands(axis)
    # Black in the place of a colour for Γ, and the same dashes for the same temperature.
    for curve, look in zip(main, looks(main, "gamma"), strict=True):
        draw_line(axis, curve, factor, color="0.15", lw=0.7, ls=look.dashes)
    for curve, look in zip(wide, looks(wide, "gamma"), strict=True):
        mark = "o" if len(curve.x) <= 30 and along != "energy" else ""
        draw_line(axis, curve, factor, color=look.colour, ls=look.dashes, marker=mark, zorder=1.9)
    axis.plot([], [], color="0.15", lw=0.7, label="intrinsic, Γ → 0")
    for look in legend_entries(wide, "", "gamma"):
        axis.plot([], [], color=look.colour, ls=look.dashes, label=look.label)
    note_errors(axis, [*main, *wide])
    stretch(axis)
