"""The table at the end of a run: a few values of every quantity with their errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.table import Table
from hpcalo.io.uncertain import percent, with_error
from hpcalo.kubo.plot.data import independent, nearest_room, spread, threshold
from hpcalo.kubo.summary.numbers import SHARE, Numbers, levels
from hpcalo.typing import RealArray

MOST_ROWS = 40
SIZES = ((6, 3), (4, 2), (3, 2), (2, 2), (2, 1), (1, 1))
"""Conditions and tensor elements of each quantity, the first pair that gives at most `MOST_ROWS`."""
HEAD = ("quantity", "at", "value ± error", "unit", "relative", "curve")
AXES = ("gamma", "mu", "temperature")


def table(result: Result, every: Sequence[Numbers]) -> Table | None:
    """The table of a result with these numbers; None where it has none.

    Rows are at the first n̂, at the smallest Γ, near E_F and near 300 K, and at more conditions while there is room.
    """
    if not every:
        return None
    limit = threshold(result)
    axes = axes_of(result)
    for conditions, elements in SIZES:
        chosen = {n: _picked(result, axes, every, conditions) for n in range(len(every))}
        rows = [row for n, one in enumerate(every) for row in _rows(one, axes, chosen[n], elements, limit)]
        if len(rows) <= MOST_ROWS:
            break
    remarks = [
        "relative: to the value; curve: rms of the errors over that of the values along the energies; "
        f"! above {percent(limit)} (kubo.warn_error)"
    ]
    if left := _left_out(result, axes, chosen[0]):
        remarks.append(f"left out: {left}; they are in the file, each with its error")
    return Table(
        ", ".join(["values and errors of the sum over k", *_same(result, axes)]),
        HEAD,
        tuple(cells for cells, _ in rows),
        tuple(loud for _, loud in rows),
        tuple(remarks),
    )


def axes_of(result: Result) -> dict[str, RealArray]:
    """Values of Γ, μ and T in a result, none where nothing depends on them."""
    there = {a: np.asarray(result[a], dtype=float) if a in result.coordinates else np.zeros(0) for a in AXES}
    return {**there, "mu": levels(result)}


Picked = dict[str, list[int]]


def _picked(result: Result, axes: dict[str, RealArray], every: Sequence[Numbers], conditions: int) -> Picked:
    """Numbers of the Γ, μ and T that are shown, at most `conditions` combinations: the longest axis loses first."""
    counts = {axis: max(len(axes[axis]), 1) for axis in AXES}
    while np.prod(list(counts.values())) > conditions:
        longest = max(AXES, key=lambda axis: (counts[axis], AXES.index(axis)))
        counts[longest] -= 1
    near = {
        "gamma": 0,
        "mu": int(np.argmin(np.abs(axes["mu"]))),
        "temperature": nearest_room(result) if len(axes["temperature"]) else 0,
    }
    return {axis: _with(near[axis], len(axes[axis]), counts[axis]) for axis in AXES}


def _with(index: int, length: int, count: int) -> list[int]:
    """`count` of `length` indices, spread, one of which is this one."""
    if count == 1 or length == 0:
        return [index]
    found = spread(length, count)
    if index not in found:
        found[min(range(len(found)), key=lambda i: abs(found[i] - index))] = index
    return sorted(found)


def _rows(
    one: Numbers, axes: dict[str, RealArray], picked: Picked, most: int, limit: float
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The cells of a quantity's rows, and whether each is loud."""
    tensor = {name: one.value[0, c].ravel() for c, name in enumerate(one.elements)}
    found = independent(tensor, one.floor)
    if not found:  # nothing at the conditions themselves: the largest curve, if it does not vanish
        tensor = {name: one.scale[0, c].ravel() for c, name in enumerate(one.elements)}
        found = independent(tensor, one.floor)[:1]
    largest = max((float(np.nanmax(np.abs(e.values))) for e in found), default=0.0)
    shown = [e for e in found if float(np.nanmax(np.abs(e.values))) >= SHARE * largest][:most]
    unit = one.variable.unit
    if not shown:
        known = bool(np.isfinite(one.value).any())
        yield (one.name, "everywhere", *(("0", unit) if known else ("not defined", "")), "", ""), False
        return
    wrong, rough = one.unconverged(limit), one.rough(limit)
    ranges = [picked[axis] if axis in one.axes else [0] for axis in AXES]
    for element in shown:
        c = one.elements.index(element.name)
        for g, m, t in product(*ranges):
            at = (0, c, g, m, t)
            if element is not shown[0] and not one.counts[at]:
                continue
            value, error = float(one.value[at]), float(one.error[at])
            ratio = error / abs(value) if value else float("nan") if error else 0.0
            curve = "" if one.curve is None else percent(float(one.curve[0, c, g]))
            condition = condition_text(one, axes, (g, m, t), every=False)
            name = f"{one.name} {element.name}".strip()
            relative = percent(ratio) if np.isfinite(value) else ""
            yield (name, condition, with_error(value, error), unit, relative, curve), bool(wrong[at] or rough[0, c, g])


def condition_text(one: Numbers, axes: dict[str, RealArray], at: Sequence[int], *, every: bool) -> str:
    """Where a number is: `E_F`, `300 K`, `μ = -2 eV`, `Γ = 10 meV` (Γ only if there are several, or with `every`)."""
    words = []
    for axis, index in zip(AXES, at, strict=True):
        if axis not in one.axes or not len(axes[axis]):
            continue
        value = float(axes[axis][index])
        if axis == "gamma" and (every or len(axes[axis]) > 1):
            words.append(f"Γ = {1e3 * value:.4g} meV")
        elif axis == "temperature":
            words.append(f"{value:.4g} K")
        elif axis == "mu" and (value or "temperature" not in one.axes):
            words.append(f"μ = {value:.4g} eV" if value else "E_F")
    return ", ".join(words)


def _same(result: Result, axes: dict[str, RealArray]) -> list[str]:
    """What holds for all rows: n̂ where it is one vector, Γ if there is only one."""
    words = [n_text(result, 0)] if "n_vector" in result.coordinates else []
    return [*words, *([f"Γ = {1e3 * axes['gamma'][0]:.4g} meV"] if len(axes["gamma"]) == 1 else [])]


def n_text(result: Result, number: int) -> str:
    """A direction of the magnetization in words."""
    vector = np.asarray(result["n_vector"], dtype=float)[number]
    return f"n̂ = ({', '.join(f'{x + 0.0:.3g}' for x in vector)})"


def _left_out(result: Result, axes: dict[str, RealArray], picked: Picked) -> str:
    """The directions, Γ, μ and T without a row, and small elements."""
    words = []
    directions = len(result["n_vector"]) if "n_vector" in result.coordinates else 1
    counts = [("other n̂", directions - 1)]
    names = {"gamma": "Γ", "mu": "μ", "temperature": "temperatures"}
    counts += [(names[axis], len(axes[axis]) - len(picked[axis])) for axis in AXES if len(axes[axis])]
    words = [f"{count} {name}" for name, count in counts if count > 0]
    return ", ".join([*words, "smaller elements"])
