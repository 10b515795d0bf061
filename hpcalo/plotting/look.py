"""What a user changes of all figures: width, style, limits. Engines draw as ever; `style` and `paper` ask here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from hpcalo.errors import InputError, nearest, one_line

NARROW = 5.0
"""Inches below which panels stand in one column."""
SMALLEST, LARGEST = 2.0, 30.0
"""Widths, inches."""
INCHES = {"in": 1.0, "mm": 1.0 / 25.4, "cm": 1.0 / 2.54}

Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Look:
    """width: inches, None for that of the figure. settings: of matplotlib, on top of the usual. x, y: of one panel."""

    width: float | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    x: Limits | None = None
    y: Limits | None = None

    @property
    def narrow(self) -> bool:
        """Whether panels stand in one column."""
        return self.width is not None and self.width < NARROW


_now: ContextVar[Look | None] = ContextVar("look", default=None)


def look() -> Look:
    """The one that holds now."""
    return _now.get() or Look()


@contextmanager
def drawn_with(chosen: Look) -> Iterator[None]:
    """Figures that are made or saved within the block have this look."""
    before = _now.set(chosen)
    try:
        yield
    finally:
        _now.reset(before)


def width_of(text: str) -> float:
    """A width in inches: "column" (86 mm), "page" (178 mm), or a number with in, cm or mm. Raises InputError."""
    known = {"column": 86.0 * INCHES["mm"], "page": 178.0 * INCHES["mm"]}
    given = text.strip()
    try:
        unit = next(u for u in INCHES if given.endswith(u)) if given not in known else ""
        width = known[given] if given in known else float(given.removesuffix(unit)) * INCHES[unit]
    except (StopIteration, ValueError):
        raise InputError(f"--width {one_line(text)[:40]}: expected column, page, or a length such as 86mm") from None
    if not SMALLEST <= width <= LARGEST:
        raise InputError(f"--width {given}: is {width:.3g} in; allowed: {SMALLEST:g} to {LARGEST:g} in")
    return width


def limits_of(option: str, text: str) -> Limits:
    """The ends of an axis, `LOW:HIGH`; an end that is left out stays as it is. Raises InputError."""
    low, colon, high = text.partition(":")
    try:
        ends = tuple(float(part) if part.strip() else None for part in (low, high))
    except ValueError:
        ends = ()
    if not colon or len(ends) != 2 or ends == (None, None):
        raise InputError(f"{option} {one_line(text)[:40]}: expected LOW:HIGH in the axis' unit, for example -0.5:0.5")
    if ends[0] is not None and ends[1] is not None and not ends[0] < ends[1]:
        raise InputError(f"{option} {text}: the first number must be below the second")
    return ends[0], ends[1]


def settings_of(name: str) -> Mapping[str, object]:
    """The settings of a style file of matplotlib, or of one of its own styles. Raises InputError."""
    from matplotlib import rc_params_from_file  # noqa: PLC0415  (slow)
    from matplotlib.style import library  # noqa: PLC0415

    if name in library:
        return dict(library[name])
    if not Path(name).is_file():
        raise InputError(f"--style {name}: neither a file nor a style of matplotlib{nearest(name, library)}")
    try:
        return dict(rc_params_from_file(name, use_default_template=False))
    except (OSError, ValueError) as problem:
        raise InputError(f"--style {name}: cannot be read: {one_line(problem)[:160]}") from None
