"""How the curves of a panel differ: colours, dashes, and the entries of the legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcalo.kubo.plot.data import Curve, Tag
from hpcalo.plotting import style

if TYPE_CHECKING:
    from matplotlib.typing import ColorType, LineStyleType

ORDER = ("file", "gamma", "element", "mu", "temperature")
"""What distinguishes lines, in this order: the first by colour, the second by dashes. Files that agree cover each
other: they differ in dashes too, or where dashes mean something else, the first file has the widest lines.
"""


@dataclass(frozen=True)
class Look:
    """Colour, dashes and label of a curve."""

    colour: ColorType
    dashes: LineStyleType
    label: str
    width: float = 1.3


def looks(found: Sequence[Curve], forced: str = "") -> list[Look]:
    """Colour and dashes from what differs among the curves; ordered quantities get ordered colours."""
    values, varying = varying_tags(found, forced)
    result = []
    for curve in found:
        ranks = [values[key].index(curve.tags[key]) if key in curve.tags else 0 for key in varying[:2]]
        colour = _colour(varying[0], ranks[0], len(values[varying[0]])) if ranks else style.COLOURS[0]
        of_dashes = ranks[1] if len(ranks) > 1 else ranks[0] if varying == ["file"] else 0
        width = _width(ranks[0], len(values["file"])) if len(ranks) > 1 and varying[0] == "file" else 1.3
        result.append(Look(colour, style.DASHES[of_dashes % len(style.DASHES)], "", width))
    return result


def legend_entries(found: Sequence[Curve], symbol: str, forced: str = "") -> list[Look]:
    """One entry for each colour, then one for each kind of dashes; Γ where nothing differs."""
    values, varying = varying_tags(found, forced)
    entries = []
    for key in varying[:1]:
        for n, value in enumerate(values[key]):
            alone = varying == ["file"]
            dashes = style.DASHES[n % len(style.DASHES)] if alone else "-"
            width = _width(n, len(values[key])) if key == "file" and not alone else 1.3
            entries.append(Look(_colour(key, n, len(values[key])), dashes, tag_text(key, value, symbol), width))
    for key in varying[1:2]:
        for n, value in enumerate(values[key]):
            entries.append(Look("0.3", style.DASHES[n % len(style.DASHES)], tag_text(key, value, symbol)))
    if not varying and "gamma" in found[0].tags:
        entries.append(Look(style.COLOURS[0], "-", tag_text("gamma", found[0].tags["gamma"], symbol)))
    return entries


def _width(n: int, count: int) -> float:
    """Of the lines of the n-th file."""
    return 2.0 - 1.1 * n / max(count - 1, 1)


def varying_tags(found: Sequence[Curve], forced: str) -> tuple[dict[str, list[Tag]], list[str]]:
    """Values of all tags, and the tags that differ (or that `forced` names), the most important first."""
    values = {key: distinct(found, key) for key in ORDER}
    return values, [key for key in ORDER if len(values[key]) > 1 or key == forced]


def distinct(found: Sequence[Curve], key: str) -> list[Tag]:
    """The values of a tag among the curves, each once, in their order."""
    return list(dict.fromkeys(c.tags[key] for c in found if key in c.tags))


def elements_of(found: Sequence[Curve]) -> list[str]:
    """The names of the elements among the curves, each once, in their order."""
    return [str(name) for name in distinct(found, "element")]


def _colour(key: str, n: int, count: int) -> ColorType:
    if (key in ("mu", "temperature") and count > 2) or count > len(style.COLOURS):
        return style.sequence(count)[n]
    return style.COLOURS[n]


def tag_text(key: str, value: Tag, symbol: str) -> str:
    """A tag as the legend writes it; symbol: of the quantity, with room for its indices."""
    if isinstance(value, str):
        return symbol.format(value) if key == "element" else style.literal(value)
    if key == "gamma":
        return f"Γ = {1e3 * value:.4g} meV"
    if key == "mu":
        return rf"$\mu$ = {value:.3g} eV".replace("-", "−")
    if key == "temperature":
        return f"{value:.4g} K"
    return style.literal(str(value))
