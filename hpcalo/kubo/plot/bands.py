"""Errors in a panel: a band about every curve, and curves drawn pale that are not converged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np

from hpcalo.io.uncertain import curve_error, percent, with_error
from hpcalo.kubo.plot.data import Curve
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from hpcalo.plotting.line import LineLook

PALE = 0.4
"""Opacity of a curve that is not converged."""
BAND = 0.18
"""Opacity of a band."""
REACH = 0.35
"""How far a band may stretch a panel beyond its curves, as a fraction of their range."""


WORDS = ("not converged: error", "pale: error", "error not known")
"""What the head of a panel says of its errors begins so."""


def converged(curve: Curve) -> bool:
    """Whether the rms of the errors is below the curve's threshold relative to that of the values.

    True where errors are not known at all.
    """
    return curve.error is None or not float(curve_error(curve.y, curve.error)) > curve.limit


def draw_line(axis: Axes, curve: Curve, factor: float, *, log: bool = False, **look: Unpack[LineLook]) -> None:
    """A curve with its band; pale if it is not converged."""
    y = np.where(curve.y > 0.0, curve.y, np.nan) if log else curve.y
    if curve.error is not None:
        look = look if converged(curve) else {**look, "alpha": PALE}
    axis.plot(curve.x, factor * y, **look)
    if curve.error is not None:
        draw_band(axis, curve.x, factor * y, abs(factor) * curve.error, look.get("color", style.COLOURS[0]), log=log)


def draw_band(axis: Axes, x: RealArray, y: RealArray, error: RealArray, colour: object, *, log: bool = False) -> None:
    """y ± error. A single point gets a bar."""
    if not np.any(np.asarray(error) > 0.0):
        return
    low, high = y - error, y + error
    if log:  # zero lies infinitely far below
        low = np.maximum(low, 0.02 * y)
    before = axis.dataLim.frozen()
    if len(x) == 1:
        drawn: Artist = axis.vlines(x, low, high, color=colour, lw=1.0, alpha=2.0 * BAND)
    else:
        drawn = axis.fill_between(x, low, high, color=colour, alpha=BAND, lw=0, zorder=1.2)
    drawn.set_gid(style.BAND)
    axis.dataLim.set(before)  # the curves alone set the range, `stretch` adds to it


def remove_bands(axis: Axes) -> None:
    """Takes the bands out of a panel."""
    for drawn in [c for c in axis.collections if c.get_gid() == style.BAND]:
        drawn.remove()


def stretch(axis: Axes) -> None:
    """Stretches the y range of the curves towards the bands by at most `REACH` of it on either side."""
    axis.autoscale_view(scalex=False)
    ends = [d.get_datalim(axis.transData).intervaly for d in axis.collections if d.get_gid() == style.BAND]
    if not ends or not axis.get_autoscaley_on():
        return
    transform = axis.yaxis.get_transform()
    low, high = transform.transform(np.array(axis.get_ylim()))
    bands = transform.transform(np.array([min(e[0] for e in ends), max(e[1] for e in ends)]))
    room = REACH * (high - low)
    limits = np.array([max(min(low, bands[0]), low - room), min(max(high, bands[1]), high + room)])
    axis.set_ylim(*transform.inverted().transform(limits), auto=None)  # more curves may come


def written(value: float, error: float) -> str:
    """A number with its error, as figures write it."""
    text, _, power = with_error(value, error).partition("e")
    return text.replace("-", "−") + (rf"$\times10^{{{int(power)}}}$" if power else "")


def note_errors(axis: Axes, found: Sequence[Curve]) -> None:
    """Says in the panel's head what the bands and pale curves mean; what it said of fewer curves goes."""
    parts = [p for p in axis.get_title(loc="right").split(",  ") if p and not p.startswith(WORDS)]
    style.note(axis, ",  ".join(parts))
    if any(not converged(c) for c in found):
        limit = percent(max(c.limit for c in found))
        every = all(not converged(c) for c in found)
        style.note(axis, f"{WORDS[0 if every else 1]} > {limit}", add=True)
    elif any(c.error is not None and np.isnan(c.error[np.isfinite(c.y)]).any() for c in found):
        style.note(axis, WORDS[2], add=True)
