"""Heat and DMI energy currents of moving magnetization, against temperature and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result, Variable
from hpcalo.kubo.plot.bands import draw_line, note_errors, stretch, written
from hpcalo.kubo.plot.data import Curve, name_of, nearest_room, thermal_axis, threshold
from hpcalo.kubo.plot.panels import AXES, AxisLabel, draw_curves
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURRENTS = {
    "heat_current_fmr": "resonance, amplitude",
    "heat_current_spiral": "moving spiral",
    "heat_current_wall": "moving wall",
    "dmi_current_spiral": "DMI energy, spiral",
    "dmi_current_wall": "DMI energy, wall",
}
LEGEND = {
    "heat_current_fmr": "resonance",
    "heat_current_spiral": "spiral",
    "heat_current_wall": "wall",
    "dmi_current_spiral": "DMI, spiral",
    "dmi_current_wall": "DMI, wall",
}
"""Short: in two columns they leave the curves room."""
TABLE = {
    **CURRENTS,
    "heat_current_fmr_per_width": "… × film thickness",
    "temperature_gradient_fmr": "… / heat conductivity",
}
FMR = ("heat_current_fmr", "heat_current_fmr_per_width", "temperature_gradient_fmr")
ROWS = (*FMR, "heat_current_spiral", "heat_current_wall", "dmi_current_spiral", "dmi_current_wall")


def heat_currents(axis: Axes, results: Sequence[Result]) -> None:
    """|J| of the moving magnetizations against temperature, at the Γ nearest to 25 meV; dashed where J < 0."""
    if len(results) > 1:
        label = AxisLabel("heat current, resonance", "$|J_x|$", "W/m²", style.prefixed)
        draw_curves(axis, results, "heat_current_fmr", thermal_axis(results[0]), label)
        return
    result = results[0]
    g, m = _level(result, "gamma", 0.025), _level(result, "mu", 0.0)
    x = np.asarray(result["temperature"], dtype=float)
    negative, drawn = False, []
    for (name, words), colour in zip(LEGEND.items(), style.COLOURS, strict=False):
        if name not in result.variables:
            continue
        y, error = _at(result, name, g, m), _errors_at(result, name, g, m)
        if np.abs(y).max(initial=0.0) == 0.0:
            continue
        for sign, dash in ((1.0, "-"), (-1.0, style.DASHES[1])):
            part = np.where(sign * y > 0.0, np.abs(y), np.nan)
            if np.isfinite(part).any():
                mark = "o" if sign > 0 else "s"
                curve = Curve({}, x, part, error=error, limit=threshold(result))
                draw_line(
                    axis, curve, 1.0, log=True,
                    color=colour, ls=dash, marker=mark, ms=2, mfc=colour if sign > 0 else "white",
                )  # fmt: skip
                drawn.append(curve)
                negative = negative or sign < 0
        axis.plot([], [], color=colour, label=words)
    if negative:
        axis.plot([], [], color=style.GREY, ls=style.DASHES[1], marker="s", mfc="white", ms=2, label="$J_x<0$")
    if not axis.get_lines():
        raise InputError(f"{result.path}: heat_currents: holds no current that differs from zero")
    axis.set_yscale("log")
    axis.set_xlim(0.0, 1.03 * float(x.max()))
    axis.set_xlabel(AXES["temperature"])
    axis.set_ylabel(r"energy current $|J_x|$ (W/m²)")
    amplitude = ",  resonance: amplitude" if "heat_current_fmr" in result.variables else ""
    style.note(axis, f"Γ = {1e3 * float(result['gamma'][g]):.4g} meV{amplitude}")
    note_errors(axis, drawn)
    stretch(axis)


def _level(result: Result, name: str, value: float) -> int:
    return int(np.argmin(np.abs(np.asarray(result[name], dtype=float) - value)))


def _at(result: Result, name: str, g: int, m: int) -> RealArray:
    """The variable against temperature at one Γ (if it depends on it) and one μ."""
    variable = result.variables[name]
    return _picked(variable, np.asarray(variable.data, dtype=float), g, m)


def _errors_at(result: Result, name: str, g: int, m: int) -> RealArray | None:
    """The errors of `_at`, None where they are not known."""
    variable = result.variables[name]
    return None if variable.error is None else _picked(variable, np.asarray(variable.error, dtype=float), g, m)


def _picked(variable: Variable, data: RealArray, g: int, m: int) -> RealArray:
    picked: RealArray = data[g, m] if variable.dims[0] == "gamma" else data[m]
    return picked


def heat_table(axis: Axes, results: Sequence[Result]) -> None:
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
    motions = _motion(results[0])
    heads = 1 + (len(motions) > 1)  # lines above the table
    lines = len(rows) + 1 + heads
    first = 0.31
    places = first + (1.0 - first) * (np.arange(len(columns)) + 1.0) / len(columns)
    temperature = float(results[0]["temperature"][nearest_room(results[0])])
    words = [f"$T$ = {temperature:.4g} K" + (f",  {motions[0]}" if motions else ""), ",  ".join(motions[1:])]
    for i, text in enumerate(words[:heads]):
        axis.text(0.0, 1.0 - (i + 0.5) / lines, text, va="center", fontsize=6.5, color="0.3")
    for place, (_, _, head) in zip(places, columns, strict=True):
        axis.text(place, 1.0 - (heads + 0.5) / lines, head, ha="right", va="center", fontsize=6.5)
    for y, width in ((1.0 - (heads + 1.0) / lines, 0.6), (0.0, 0.8), (1.0 - heads / lines, 0.8)):
        axis.plot([0.0, 1.0], [y, y], color="black", lw=width, gid=style.GUIDE, clip_on=False)
    for i, name in enumerate(rows):
        y = 1.0 - (i + heads + 1.5) / lines
        axis.text(0.0, y, TABLE[name], va="center", fontsize=6.5)
        for place, (result, g, _) in zip(places, columns, strict=True):
            m, t = _level(result, "mu", 0.0), nearest_room(result)
            value = float(_at(result, name, g, m)[t])
            errors = _errors_at(result, name, g, m)
            text, colour = _cell(value, result.variables[name].unit, None if errors is None else float(errors[t]))
            axis.text(place, y, text, ha="right", va="center", fontsize=6.5, color=colour)
    axis.set_xlim(0.0, 1.0)
    axis.set_ylim(0.0, 1.0)


def _cell(value: float, unit: str, error: float | None) -> tuple[str, str]:
    """A value with its error and unit, and its colour."""
    unit = unit.replace("^2", "²")
    factor, unit = (1.0, unit) if unit == "K/m" else style.prefixed(unit, abs(value))
    if error is None:
        return f"{style.number(factor * value, 3)} {unit}", "black"
    return f"{written(factor * value, factor * error)} {unit}", "black"


def _motion(result: Result) -> list[str]:
    """The prescribed motions, from the input the file keeps."""
    kubo = result.settings.get("kubo", {})
    given = kubo.get("heat_currents", {}) if isinstance(kubo, dict) else {}
    words = [
        (("cone_angle", "frequency"), "resonance {:.3g}°, {:.3g} GHz"),
        (("wavelength", "velocity"), "spiral {:.3g} nm, {:.3g} m/s"),
        (("wall_width",), "wall Δ = {:.3g} nm"),
    ]
    return [text.format(*(given[k] for k in keys)) for keys, text in words if all(k in given for k in keys)]
