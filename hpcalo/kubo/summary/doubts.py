"""Warnings about numbers whose error is too large, or not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.uncertain import percent, with_error
from hpcalo.kubo.plot.data import nearest_room, threshold
from hpcalo.kubo.summary.numbers import Numbers
from hpcalo.kubo.summary.tables import axes_of, condition_text, n_text

MOST = 8
"""Quantities that get a line of their own; the others are named in one more line."""


SAME = 0.999
"""Elements with errors above this fraction of the largest one are alike."""


@dataclass(frozen=True)
class Doubt:
    """A quantity with an error above the threshold: its name, and its worst number with its condition in words."""

    name: str
    text: str


def doubts(result: Result, every: Sequence[Numbers]) -> list[str]:
    """Warnings: one line for every quantity with an error above the threshold, and one for unknown errors.

    Quantities without any estimate are silent: the run did not make one. every: the numbers of the result.
    """
    found, limit = doubtful(result, every), percent(threshold(result))
    out = [f"not converged: {doubt.text}" for doubt in found[:MOST]]
    if more := list(dict.fromkeys(doubt.name for doubt in found[MOST:])):
        out.append(f"also not converged (errors above {limit}, kubo.warn_error): {', '.join(more)}")
    estimated = [one for one in every if one.variable.error is not None]
    if unknown := list(dict.fromkeys(one.name for one in estimated if one.unknown.any())):
        out.append(f"the error of {', '.join(unknown)} is not known; compare with another mesh")
    return out


def doubtful(result: Result, every: Sequence[Numbers]) -> list[Doubt]:
    """The quantities with an error above the threshold among these of a result.

    A value is doubtful where its error exceeds the threshold relative to the value and relative to the scale of the
    curve (so that zeros of a curve are not), a curve where the root mean square of the errors does relative to that of
    the values. What vanishes, and elements below a tenth of the largest one, are left out.
    """
    limit = threshold(result)
    estimated = [one for one in every if one.variable.error is not None]
    return [Doubt(one.name, text) for one in estimated for text in _text(result, one, limit)]


def _text(result: Result, one: Numbers, limit: float) -> Iterator[str]:
    """What is wrong with a quantity in one line, if anything: its worst condition, or its worst curve."""
    wrong, rough = one.unconverged(limit), one.rough(limit)
    if not (wrong.any() or rough.any()):
        return
    axes = axes_of(result)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = one.error / np.abs(one.value)
    # The condition of the table's only row, if the largest elements are wrong there; else the worst one.
    m, t = int(np.argmin(np.abs(axes["mu"]))), nearest_room(result) if "temperature" in one.axes else 0
    top = one.scale.max(axis=(0, 1), keepdims=True)
    size = np.divide(one.error, top, out=np.zeros_like(one.error), where=top > 0.0)
    size = np.where(
        wrong if wrong.any() else np.broadcast_to(rough[..., None, None], wrong.shape), np.nan_to_num(size), -1.0
    )
    first = size[:1, :, :1, m : m + 1, t : t + 1]
    if first.max() > 0.0:
        alike = np.flatnonzero(first.ravel() >= SAME * first.max())  # the one that the table shows
        at: tuple[int, ...] = (0, int(min(alike, key=lambda c: one.elements[c][::-1])), 0, m, t)
    else:
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), size.shape))
    a, c, g = at[:3]
    unit = "" if one.variable.unit in ("", "1") else f" {one.variable.unit}"
    name = f"{one.name} {one.elements[c]}".strip()
    where = condition_text(one, axes, at[2:], every=False)
    if one.value.shape[0] > 1:
        where += f", {n_text(result, a)}"
    value = f"{with_error(float(one.value[at]), float(one.error[at]))}{unit} ({percent(float(ratio[at]))})"
    text = f"{name} = {value} at {where}"
    if one.curve is not None and rough[a, c, g]:
        text += f"; error of the whole curve {percent(float(one.curve[a, c, g]))}"
    conditions = int(wrong.any(axis=1).sum()) - 1
    yield text + (
        f"; {conditions} other condition{'s' * (conditions != 1)} above {percent(limit)}" if conditions > 0 else ""
    )
