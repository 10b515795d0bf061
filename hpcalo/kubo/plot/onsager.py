"""The Onsager matrix of heat current and torque as a heat map with its values, and how well it is reciprocal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.uncertain import percent
from hpcalo.kubo.plot.bands import written
from hpcalo.kubo.plot.data import nearest_room, threshold
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

BLOCKS = (("$T\\lambda$", "W/m"), (r"$\tilde\beta$", "J/m²"), (r"$-T\beta/V$", "J/m²"), (r"$-\Lambda/V$", "J s/m³"))
"""Row by row: heat → heat, motion → heat, heat → torque, motion → torque."""
CURRENTS = {"J": r"$J_{}$", "tau": r"$-\tau_{}/V$"}
FORCES = {"J": r"$-\partial_{}T/T$", "tau": r"$-[\hat n\times\dot{{\hat n}}]_{}$"}
SMALL = 1e-6
"""A mixed block is not shown larger than life: below this fraction of the geometric mean of the others it is pale."""


def onsager(axis: Axes, result: Result, label: str) -> None:
    """The matrix at the first n̂, Γ, μ near 300 K; each block in a power of ten of its unit, colours relative to it."""
    t = nearest_room(result)
    matrix = np.asarray(result["onsager_matrix"], dtype=float)[0, 0, :, :, 0, t]
    rows = [str(r) for r in result["onsager_row"]]
    d, n = sum(r.startswith("J") for r in rows), len(rows)
    sizes = block_sizes(matrix, d)
    share = matrix / sizes
    axis.imshow(share, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    power = 10.0 ** np.floor(np.log10(sizes))
    shown, errors, limit = matrix / power, _errors(result, t), threshold(result)
    doubtful = False
    for i, j in np.ndindex(matrix.shape):
        text, colour = value_text(float(shown[i, j]), float(share[i, j]))
        if errors is not None and errors[i, j] > 5e-4 * power[i, j]:
            text = written(float(shown[i, j]), float(errors[i, j] / power[i, j])).replace(" ± ", "\n± ")
            if errors[i, j] > limit * sizes[i, j]:
                axis.add_patch(_hatched(j, i))
                doubtful = True
        axis.text(j, i, text, ha="center", va="center", fontsize=6, color=colour, linespacing=1.0)
    axis.axhline(d - 0.5, color="black", lw=0.8, gid=style.GUIDE)
    axis.axvline(d - 0.5, color="black", lw=0.8, gid=style.GUIDE)
    axis.set_yticks(range(n), [_written(r, CURRENTS) for r in rows])
    axis.set_xticks(range(n), [_written(r, FORCES) for r in rows], fontsize=6)
    axis.tick_params(length=0, top=False)
    axis.tick_params(axis="x", pad=8)
    for tick in axis.get_xticklabels():  # of different heights
        tick.set_verticalalignment("center")
    places = ((0, 0), (0, d), (d, 0), (d, d))
    units = [f"{s} ({_unit(float(sizes[p]), u)})" for (s, u), p in zip(BLOCKS, places, strict=True)]
    axis.set_xlabel(f"force;  blocks: {',  '.join(units[:2])},\n{',  '.join(units[2:])}", fontsize=6.5)
    axis.set_ylabel("current")
    gamma, temperature = float(result["gamma"][0]), float(result["temperature"][t])
    where = f"{style.literal(label) + ', ' if label else ''}Γ = {1e3 * gamma:.4g} meV, {temperature:.4g} K"
    style.note(axis, where + _reciprocity(result, t))
    if doubtful:
        style.note(axis, f"hatched: error > {percent(limit)} of the block", add=True)


def _errors(result: Result, t: int) -> RealArray | None:
    """Errors of the matrix that is shown, None where they are not known."""
    error = result.variables["onsager_matrix"].error
    return None if error is None else np.asarray(error, dtype=float)[0, 0, :, :, 0, t]


def _hatched(x: float, y: float) -> Rectangle:
    from matplotlib.patches import Rectangle  # noqa: PLC0415  (slow to load)

    return Rectangle((x - 0.5, y - 0.5), 1.0, 1.0, fill=False, hatch="////", lw=0.0, edgecolor="0.6", gid=style.GUIDE)


def value_text(value: float, share: float) -> tuple[str, str]:
    """A value in the block's power of ten and its colour; what is small against the block is 0, or nearly."""
    if abs(share) < 1e-9:
        return "0", style.GREY
    if abs(value) < 5e-4:
        return "≈ 0", style.GREY
    return f"{value:.3f}".replace("-", "−"), "white" if abs(share) > 0.65 else "black"


def block_sizes(matrix: RealArray, d: int) -> RealArray:
    """For every element the largest of its block; in mixed ones not below `SMALL` of the others' geometric mean."""
    heat, rest = slice(0, d), slice(d, None)
    sizes = np.empty_like(matrix)
    for block in ((heat, heat), (rest, rest), (heat, rest), (rest, heat)):
        sizes[block] = np.abs(matrix[block]).max(initial=0.0)
    least = SMALL * math.sqrt(sizes[0, 0] * sizes[-1, -1])
    for block in ((heat, rest), (rest, heat)):
        sizes[block] = np.maximum(sizes[block], least)
    return np.where(sizes > 0.0, sizes, 1.0)


def _unit(size: float, unit: str) -> str:
    power = math.floor(math.log10(size))
    return unit if power == 0 else rf"$10^{{{power}}}$ {unit}"


def _written(row: str, words: dict[str, str]) -> str:
    kind, _, letter = row.partition("_")
    return words[kind].format(letter)


def _reciprocity(result: Result, t: int) -> str:
    """How well A(n̂) = [A(−n̂)]ᵀ holds, in words."""
    if "onsager_violation" not in result.variables:
        return ""
    value = float(np.asarray(result["onsager_violation"], dtype=float)[0, 0, 0, t])
    if not np.isfinite(value):
        return r": reciprocity not tested (no $-\hat n$)"
    return r": $A(\hat n)=[A(-\hat n)]^T$ to " + style.number(value, 1)
