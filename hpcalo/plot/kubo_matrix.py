"""The Onsager matrix as a heat map, heat currents of moving magnetization and their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcalo.errors import InputError
from hpcalo.output.hdf5 import Result
from hpcalo.plot import style
from hpcalo.plot.kubo_data import Real, name_of, settings_of, thermal_axis
from hpcalo.plot.kubo_panels import AXES, Shown, draw_curves

ROOM = 300.0
"""K: the temperature at which a single one is shown."""
BLOCKS = (("T λ", "W/m"), ("β̃", "J/m²"), ("−Tβ/V", "J/m²"), ("−Λ/V", "J s/m³"))
"""Of the Onsager matrix, row by row: heat → heat, motion → heat, heat → torque, motion → torque."""
SYMBOLS = {"J": r"$J_{}$", "tau": r"$-\tau_{}/V$"}
FORCES = {"J": r"$-\partial_{}T/T$", "tau": r"$-[\hat n\times\dot{{\hat n}}]_{}$"}
CURRENTS = {
    "heat_current_fmr": "resonance, amplitude",
    "heat_current_spiral": "moving spiral",
    "heat_current_wall": "moving wall",
    "dmi_current_spiral": "DMI energy, spiral",
    "dmi_current_wall": "DMI energy, wall",
}
TABLE = {
    **CURRENTS,
    "heat_current_fmr_per_width": "… × film thickness",
    "temperature_gradient_fmr": "… / heat conductivity",
}
FMR = ("heat_current_fmr", "heat_current_fmr_per_width", "temperature_gradient_fmr")
ROWS = (*FMR, "heat_current_spiral", "heat_current_wall", "dmi_current_spiral", "dmi_current_wall")


def onsager(axis: Any, result: Result, label: str) -> None:
    """The matrix at the first n̂, Γ, μ near 300 K: colours relative to the largest element of each block, and values."""
    t = nearest_room(result)
    matrix = np.asarray(result["onsager_matrix"], dtype=float)[0, 0, :, :, 0, t]
    rows = [str(r) for r in result["onsager_row"]]
    d = sum(r.startswith("J") for r in rows)
    n = len(rows)
    share = matrix / _block_sizes(matrix, d)
    axis.imshow(share, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for i, j in np.ndindex(matrix.shape):
        if abs(share[i, j]) < 1e-9:
            axis.text(j, i, "0", ha="center", va="center", fontsize=6, color=style.GREY)
            continue
        colour = "white" if abs(share[i, j]) > 0.65 else "black"
        axis.text(j, i, style.number(float(matrix[i, j]), 3), ha="center", va="center", fontsize=5.5, color=colour)
    axis.axhline(d - 0.5, color="black", lw=0.8, gid=style.GUIDE)
    axis.axvline(d - 0.5, color="black", lw=0.8, gid=style.GUIDE)
    axis.set_yticks(range(n), [_written(r, SYMBOLS) for r in rows])
    axis.set_xticks(range(n), [_written(r, FORCES) for r in rows], fontsize=6)
    axis.tick_params(length=0, top=False)
    axis.set_xlabel(f"force;  blocks (unit): {';  '.join(f'{s} ({u})' for s, u in BLOCKS)}", fontsize=6)
    axis.set_ylabel("current")
    gamma, temperature = float(result["gamma"][0]), float(result["temperature"][t])
    where = f"{style.literal(label) + ', ' if label else ''}Γ = {1e3 * gamma:.4g} meV, {temperature:.4g} K: "
    style.note(axis, where + _violation(result, t))


def _block_sizes(matrix: Real, d: int) -> Real:
    """For every element the largest of its block, but in mixed blocks not below 1e-6 of the others' geometric mean."""
    sizes = np.ones_like(matrix)
    heat, rest = slice(0, d), slice(d, None)
    top = {
        (r, c): float(np.abs(matrix[a, b]).max())
        for r, a in (("h", heat), ("r", rest))
        for c, b in (("h", heat), ("r", rest))
    }
    mean = np.sqrt(top["h", "h"] * top["r", "r"])
    sizes[heat, heat], sizes[rest, rest] = top["h", "h"], top["r", "r"]
    sizes[heat, rest], sizes[rest, heat] = max(top["h", "r"], 1e-6 * mean), max(top["r", "h"], 1e-6 * mean)
    return np.maximum(sizes, 1e-300)


def _written(row: str, words: dict[str, str]) -> str:
    kind, _, letter = row.partition("_")
    return words[kind].format(letter)


def _violation(result: Result, t: int) -> str:
    """How well A(n̂) = [A(−n̂)]ᵀ holds, in words."""
    if "onsager_violation" not in result.variables:
        return ""
    value = float(np.asarray(result["onsager_violation"], dtype=float)[0, 0, 0, t])
    if not np.isfinite(value):
        return r"no $-\hat n$ in the file: reciprocity not tested"
    return r"$A(\hat n)=[A(-\hat n)]^T$ to " + style.number(value, 1)


def nearest_room(result: Result) -> int:
    """Place of the temperature nearest to 300 K."""
    return int(np.argmin(np.abs(np.asarray(result["temperature"], dtype=float) - ROOM)))


def heat_currents(axis: Any, results: Sequence[Result]) -> None:
    """|J| of the moving magnetizations against temperature, at the Γ nearest to 25 meV; dashed where J < 0."""
    if len(results) > 1:
        shown = Shown("heat current, resonance", "$|J_x|$", "W/m²", style.prefixed)
        draw_curves(axis, results, "heat_current_fmr", thermal_axis(results[0]), shown)
        return
    result = results[0]
    g, m = _level(result, "gamma", 0.025), _level(result, "mu", 0.0)
    x = np.asarray(result["temperature"], dtype=float)
    negative = False
    for (name, words), colour in zip(CURRENTS.items(), style.COLOURS, strict=False):
        if name not in result.variables:
            continue
        y = _at(result, name, g, m)
        if np.abs(y).max(initial=0.0) == 0.0:
            continue
        for sign, dash in ((1.0, "-"), (-1.0, style.DASHES[1])):
            part = np.where(sign * y > 0.0, np.abs(y), np.nan)
            if np.isfinite(part).any():
                mark = "o" if sign > 0 else "s"
                axis.plot(x, part, color=colour, ls=dash, marker=mark, ms=2, mfc=colour if sign > 0 else "white")
                negative = negative or sign < 0
        axis.plot([], [], color=colour, label=words)
    if negative:
        axis.plot([], [], color=style.GREY, ls=style.DASHES[1], marker="s", mfc="white", ms=2, label=r"dashed: $J_x<0$")
    if not axis.get_lines():
        raise InputError(f"{result.path}: heat_currents: holds no current that differs from zero")
    axis.set_yscale("log")
    axis.set_xlim(0.0, 1.03 * float(x.max()))
    axis.set_xlabel(AXES["temperature"])
    axis.set_ylabel(r"energy current $|J_x|$ (W/m²)")
    style.note(axis, f"Γ = {1e3 * float(result['gamma'][g]):.4g} meV")


def _level(result: Result, name: str, value: float) -> int:
    return int(np.argmin(np.abs(np.asarray(result[name], dtype=float) - value)))


def _at(result: Result, name: str, g: int, m: int) -> Real:
    """The variable against temperature at one Γ (if it depends on it) and one μ."""
    data = np.asarray(result[name], dtype=float)
    return data[g, m] if result.variables[name].dims[0] == "gamma" else data[m]


def heat_table(axis: Any, results: Sequence[Result]) -> None:
    """The heat currents near 300 K as a table: a column for each Γ, or for each file at the Γ nearest to 25 meV."""
    axis.set_axis_off()
    if len(results) == 1:
        result = results[0]
        gammas = np.asarray(result["gamma"], dtype=float)
        columns = [(result, g, f"Γ = {1e3 * gammas[g]:.4g} meV") for g in range(min(len(gammas), 4))]
    else:
        columns = [
            (r, _level(r, "gamma", 0.025), style.literal(name_of(results, i))) for i, r in enumerate(results[:4])
        ]
    rows = [name for name in ROWS if all(name in r.variables for r, _, _ in columns)]
    lines = len(rows) + 2
    first = 0.31
    places = first + (1.0 - first) * (np.arange(len(columns)) + 1.0) / len(columns)
    temperature = float(results[0]["temperature"][nearest_room(results[0])])
    axis.text(
        0.0,
        1.0 - 0.5 / lines,
        f"$T$ = {temperature:.4g} K,  {_motion(results[0])}",
        va="center",
        fontsize=6.5,
        color="0.3",
    )
    for place, (_, _, head) in zip(places, columns, strict=True):
        axis.text(place, 1.0 - 1.5 / lines, head, ha="right", va="center", fontsize=6.5)
    for y, width in ((1.0 - 2.0 / lines, 0.6), (0.0, 0.8), (1.0 - 1.0 / lines, 0.8)):
        axis.plot([0.0, 1.0], [y, y], color="black", lw=width, gid=style.GUIDE, clip_on=False)
    for i, name in enumerate(rows):
        y = 1.0 - (i + 2.5) / lines
        axis.text(0.0, y, TABLE[name], va="center", fontsize=6.5)
        for place, (result, g, _) in zip(places, columns, strict=True):
            value = float(_at(result, name, g, _level(result, "mu", 0.0))[nearest_room(result)])
            unit = result.variables[name].unit.replace("^2", "²")
            factor, unit = (1.0, unit) if unit == "K/m" else style.prefixed(unit, abs(value))
            axis.text(place, y, f"{style.number(factor * value, 3)} {unit}", ha="right", va="center", fontsize=6.5)
    axis.set_xlim(0.0, 1.0)
    axis.set_ylim(0.0, 1.0)


def _motion(result: Result) -> str:
    """The prescribed motion, from the input the file keeps."""
    kubo = settings_of(result).get("kubo", {})
    given = kubo.get("heat_currents", {}) if isinstance(kubo, dict) else {}
    words = [
        (("cone_angle", "frequency"), "resonance {:.3g}°, {:.3g} GHz"),
        (("wavelength", "velocity"), "spiral {:.3g} nm, {:.3g} m/s"),
        (("wall_width",), "wall Δ = {:.3g} nm"),
    ]
    return ",  ".join(text.format(*(given[k] for k in keys)) for keys, text in words if all(k in given for k in keys))
