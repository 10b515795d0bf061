"""Values of a scan against the scanned key: every quantity at one condition, with the errors of the points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.table import Table
from hpcalo.io.uncertain import percent, with_error
from hpcalo.kubo.plot.data import independent, nearest_room, threshold
from hpcalo.kubo.scanned.points import labels, points, scanned_axis, scanned_key
from hpcalo.kubo.summary.numbers import Numbers, levels, numbers
from hpcalo.kubo.summary.tables import axes_of, condition_text
from hpcalo.typing import RealArray

MOST_ROWS = 40
FINEST = "k_points_full"
"""The variable that orders the meshes of a scan over the grid."""


Points = dict[int, dict[str, tuple[float, float, str]]]
"""Of each point that has the quantity: value, error, and condition of its elements."""


@dataclass(frozen=True)
class Series:
    """One number of all points: at the first n̂, the smallest Γ, the chemical potential nearest to E_F, near 300 K.

    name, element: of the quantity. condition: in words, as far as all points share it. value, error: (points), NaN
    where a point failed, or where the number or its error is not known. floor: what counts as zero.
    """

    name: str
    element: str
    unit: str
    condition: str
    value: RealArray
    error: RealArray
    floor: float


def series(result: Result) -> list[Series]:
    """All numbers of a scan, at most three independent elements of each quantity, largest first. Serial."""
    found = list(points(result))
    if not found:
        return []
    kinds: dict[tuple[str, str], dict[int, dict[str, tuple[float, float, str]]]] = {}
    last: dict[tuple[str, str], Numbers] = {}
    for index, single in found:
        for one in numbers(single):
            kind = (one.name, one.elements[0])  # parts of the Onsager matrix share their name
            kinds.setdefault(kind, {})[index] = _at(one, single)
            last[kind] = one
    count = len(result["error"])
    return [
        _series(count, last[kind], have, element)
        for kind, have in kinds.items()
        for element in _largest(last[kind], have, count)
    ]


def _largest(one: Numbers, have: Points, count: int) -> list[str]:
    tensor = {name: np.zeros(count) for name in one.elements}
    for index, elements in have.items():
        for name, (value, _, _) in elements.items():
            if name in tensor and np.isfinite(value):
                tensor[name][index] = value
    return [element.name for element in independent(tensor, one.floor)]


def _series(count: int, one: Numbers, have: Points, element: str) -> Series:
    value, error = np.full(count, np.nan), np.full(count, np.nan)
    conditions = []
    for index, elements in have.items():
        if element in elements:
            value[index], error[index], condition = elements[element]
            conditions.append(condition.split(", "))
    common = ", ".join(word for word in conditions[0] if all(word in other for other in conditions))
    return Series(one.name, element, one.variable.unit, common, value, error, one.floor)


def _at(one: Numbers, result: Result) -> dict[str, tuple[float, float, str]]:
    """Value, error and condition in words of every element."""
    axes = axes_of(result)
    m = int(np.argmin(np.abs(levels(result)))) if "mu" in one.axes else 0
    t = nearest_room(result) if "temperature" in one.axes else 0
    words = condition_text(one, axes, (0, m, t), every=True)
    return {
        name: (float(one.value[0, c, 0, m, t]), float(one.error[0, c, 0, m, t]), words)
        for c, name in enumerate(one.elements)
    }


def order(result: Result) -> tuple[RealArray, bool]:
    """Positions of the points (points,) in a figure, and whether they are numbers of k-points: scans of the mesh."""
    key = scanned_key(result)
    if key.startswith("kubo.k.") and FINEST in result.variables:
        full = np.asarray(result[FINEST], dtype=float)
        known = full[np.isfinite(full)]
        if len(np.unique(known)) > 1:
            return full, True
    values = np.asarray(result[scanned_axis(result)])
    return (values.astype(float) if values.dtype.kind in "fiu" else np.arange(len(values), dtype=float)), False


def table(result: Result, every: Sequence[Series]) -> Table | None:
    """Values with errors of these numbers, point by point; None where there are none."""
    if not every:
        return None
    key, names, limit = scanned_key(result), labels(result), threshold(result)
    shown = every[: max(MOST_ROWS // len(names), 1)]
    rows, loud = [], []
    for one in shown:
        for label, value, error in zip(names, one.value, one.error, strict=True):
            if np.isfinite(value):
                ratio = error / abs(value) if value else np.nan
                name = f"{one.name} {one.element}".strip()
                rows.append((name, one.condition, label, with_error(value, error), one.unit, percent(ratio)))
                loud.append(bool(ratio > limit) and abs(value) > one.floor)
    more = [f"{len(every) - len(shown)} more numbers are in the file"] if len(shown) < len(every) else []
    head = ("quantity", "at", key, "value ± error", "unit", "relative")
    return Table(f"scan of {key}", head, tuple(rows), tuple(loud), tuple(more))


def unconverged(result: Result, every: Sequence[Series]) -> list[str]:
    """One warning for each point with numbers whose error is above the threshold. Serial.

    In a scan over the mesh only for the finest one, which the others lead to. every: the numbers of the scan.
    """
    limit = threshold(result)
    positions, over_meshes = order(result)
    finest = int(np.nanargmax(positions)) if over_meshes else None
    out = []
    for index, name in enumerate(labels(result)):
        if finest not in {None, index}:
            continue
        at = [(s, s.value[index], s.error[index]) for s in every]
        bad = dict.fromkeys(s.name for s, value, error in at if abs(value) > s.floor and error > limit * abs(value))
        if bad:
            what = f"errors above {percent(limit)} (kubo.warn_error): {', '.join(bad)}"
            out.append(f"{scanned_key(result)} = {name}: {what}")
    return out
