"""Warnings about numbers whose error is too large, or not known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.uncertain import percent, with_error
from hpcalo.kubo.plot.data import nearest_room, threshold
from hpcalo.kubo.summary.numbers import Numbers, numbers
from hpcalo.kubo.summary.tables import axes_of, n_text, place_text

MOST = 8
"""Quantities that get a line of their own; the others are named in one more line."""


def doubts(result: Result) -> list[str]:
    """One line for every quantity with an error above the threshold, and one for those whose error is not known.

    A value is doubtful where its error exceeds the threshold relative to the value and relative to the scale of the
    curve (so that zeros of a curve are not), a curve where the root mean square of the errors does relative to that of
    the values. What vanishes, and elements below a tenth of the largest one, are left out. Quantities without any
    estimate are silent: the run did not make one.
    """
    limit = threshold(result)
    every = [one for one in numbers(result) if one.variable.error is not None]
    lines = [(one.name, line) for one in every for line in _line(result, one, limit)]
    out = [line for _, line in lines[:MOST]]
    if more := list(dict.fromkeys(name for name, _ in lines[MOST:])):
        out.append(f"not converged, too (errors above {percent(limit)}, kubo.warn_error): {', '.join(more)}")
    if unknown := list(dict.fromkeys(one.name for one in every if one.unknown.any())):
        out.append(f"the error of {', '.join(unknown)} is not known; compare with another mesh")
    return out


def _line(result: Result, one: Numbers, limit: float) -> Iterator[str]:
    """What is wrong with a quantity in one line, if anything: its worst place, or its worst curve."""
    wrong, rough = one.unconverged(limit), one.rough(limit)
    if not (wrong.any() or rough.any()):
        return
    axes = axes_of(result)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = one.error / np.abs(one.value)
    # The place of the table's only row, if the largest elements are wrong there; else the worst one.
    m, t = int(np.argmin(np.abs(axes["mu"]))), nearest_room(result) if "temperature" in one.axes else 0
    top = one.scale.max(axis=(0, 1), keepdims=True)
    size = np.divide(one.error, top, out=np.zeros_like(one.error), where=top > 0.0)
    size = np.where(wrong if wrong.any() else np.broadcast_to(rough[..., None, None], wrong.shape), size, -1.0)
    first = size[:1, :, :1, m : m + 1, t : t + 1]
    if first.max() > 0.0:
        at: tuple[int, ...] = (0, int(np.argmax(first)), 0, m, t)
    else:
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), size.shape))
    a, c, g = at[:3]
    unit = "" if one.variable.unit in ("", "1") else f" {one.variable.unit}"
    name = f"{one.name} {one.elements[c]}".strip()
    where = place_text(one, axes, at[2:], every=False)
    if one.value.shape[0] > 1:
        where += f", {n_text(result, a)}"
    value = f"{with_error(float(one.value[at]), float(one.error[at]))}{unit} ({percent(float(ratio[at]))})"
    text = f"not converged: {name} = {value} at {where}"
    if one.curve is not None and rough[a, c, g]:
        text += f"; error of the whole curve {percent(float(one.curve[a, c, g]))}"
    places = int(wrong.any(axis=1).sum()) - 1
    yield text + (f"; {places} other place{'s' * (places != 1)} above {percent(limit)}" if places > 0 else "")
