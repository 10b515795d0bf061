"""One panel: curves of a quantity against energy, temperature or chemical potential, with labels and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.bands import draw_line, note_errors, stretch
from hpcalo.kubo.plot.data import Curve, component_axes, curves, thermal_axis
from hpcalo.kubo.plot.empty import draw_nothing
from hpcalo.kubo.plot.looks import distinct, elements_of, legend_entries, looks, tag_text, varying_tags
from hpcalo.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = {"energy": r"$E-E_\mathrm{F}$ (eV)", "temperature": "temperature (K)", "mu": r"chemical potential $\mu$ (eV)"}


Role = Literal["main", "alone", "detail"]


@dataclass(frozen=True)
class Panel:
    """A panel of a figure.

    needs: the variables that a file must have for it, the first of which is drawn. draw: draws it into axes from
    results. role: "main" panels make the figure of a whole file, "alone" ones only where there is no main panel,
    "detail" ones appear when their response is named. rank: order in the figure of a whole file, the smallest first.
    """

    needs: tuple[str, ...]
    draw: Callable[[Axes, Sequence[Result]], None]
    role: Role = "main"
    rank: int = 1000


def generic_panel(name: str) -> Panel:
    """A panel with a variable as its own description says."""
    return Panel((name,), lambda axis, results: generic(axis, results, name))


@dataclass(frozen=True)
class AxisLabel:
    """How a quantity is written: words, symbol with a place for its indices, unit, and how numbers are scaled."""

    words: str
    symbol: str
    unit: str
    scale: Callable[[str, float], tuple[float, str]] = lambda unit, size: (1.0, unit)
    base: float = 1.0
    """Factor from the file's unit to `unit`, before prefixes."""
    second: tuple[str, str] | None = None
    """Attribute of the variable with a further unit, and the name of that unit (for the axis on the right)."""
    per_unit: bool = False
    """Whether that attribute says how much of the further unit the file's unit is (else the other way round)."""
    among: tuple[str, ...] = ()
    """The only elements to choose from, if not all."""


def draw_curves(
    axis: Axes,
    results: Sequence[Result],
    name: str,
    along: str,
    label: AxisLabel,
    *,
    log: bool = False,
    dos: bool = False,
) -> tuple[list[Curve], float]:
    """Curves of one variable with labels and units; returns them and the factor from file units to drawn ones.

    Where all elements vanish, or none is defined, the panel says so.
    """
    found = curves(results, name, along, among=label.among)
    axis.set_xlabel(AXES[along])
    size = max((float(np.nanmax(np.abs(c.y), initial=0.0)) for c in found), default=0.0) * label.base
    factor, unit = label.scale(label.unit, size)
    factor *= label.base
    elements = elements_of(found)
    index = (
        elements[0] if len(elements) == 1 else {0: "", 1: "i", 2: "ij"}.get(max(map(len, elements), default=0), "aij")
    )
    parts = [label.words, label.symbol.format(index), f"({unit})" if unit else ""]
    axis.set_ylabel(" ".join(part for part in parts if part))
    if not found:
        axis.set_xlim(*_range(results, along))
        draw_nothing(axis, results, name, label.unit, label.base)
        return [], factor
    forced = "file" if len(results) > 1 else ""
    for curve, look in zip(found, looks(found, forced), strict=True):
        mark = "o" if len(curve.x) <= 30 and along != "energy" else ""
        draw_line(axis, curve, factor, log=log, color=look.colour, ls=look.dashes, lw=look.width, marker=mark)
    for look in legend_entries(found, label.symbol, forced):
        axis.plot([], [], color=look.colour, ls=look.dashes, lw=look.width, label=look.label)
    _frame(axis, results, along, log)
    style.note(axis, remarks(results, name, found, label.symbol))
    note_errors(axis, found)
    trimmed(axis)
    stretch(axis)
    if dos and len(results) == 1:
        density_behind(axis, results[0], labelled=label.second is None)
    if label.second is not None:
        _second_unit(axis, results[0], name, label, factor)
    return found, factor


def curve_panel(
    name: str, label: AxisLabel, *, along: str = "", role: Role = "main", rank: int = 1000, log: bool = False
) -> Panel:
    """A panel with the curves of one variable and nothing else.

    along: "energy", with the density of states behind; "": temperature or chemical potential, as the first result has.
    """

    def draw(axis: Axes, results: Sequence[Result]) -> None:
        axes = along or thermal_axis(results[0])
        draw_curves(axis, results, name, axes, label, log=log, dos=along == "energy")

    return Panel((name,), draw, role, rank)


def remarks(results: Sequence[Result], name: str, found: Sequence[Curve], symbol: str) -> str:
    """What holds for all lines of a panel and is said nowhere else: n̂ if there are several, Γ, μ, equal elements."""
    notes = []
    first = results[0].variables.get(name)
    several = first is not None and "n_hat" in first.dims and first.shape[first.dims.index("n_hat")] > 1
    if several and "n_vector" in results[0].coordinates:
        vector = ", ".join(f"{x:.3g}" for x in np.asarray(results[0]["n_vector"])[0]).replace("-", "−")
        notes.append(f"n̂ = ({vector})")
    gammas, levels = distinct(found, "gamma"), distinct(found, "mu")
    if len(gammas) == 1 and varying_tags(found, "file" if len(results) > 1 else "")[1]:  # else the legend names it
        notes.append(tag_text("gamma", gammas[0], ""))
    if gammas and len(results) > 1 and (missing := _left_out(results, name, found)):
        notes.append(missing)
    if len(levels) == 1 and levels[0] != 0.0:
        notes.append(tag_text("mu", levels[0], ""))
    for curve in {c.tags["element"]: c for c in found}.values():
        if curve.equal and len(curve.equal) <= 2:
            signed = ["−" * e.startswith("−") + symbol.format(e.removeprefix("−")) for e in curve.equal]
            notes.append(" = ".join([symbol.format(curve.tags["element"]), *signed]))
    return ",  ".join(notes[:3])


def _left_out(results: Sequence[Result], name: str, found: Sequence[Curve]) -> str:
    """The Γ of several files that the panel does not show, and those that not all of the files have."""
    held = [{float(g) for g in r["gamma"]} for r in results if name in r.variables]
    shown = {float(g) for g in distinct(found, "gamma")}
    hidden = sorted(set.union(*held) - shown)
    single = sorted(g for g in shown if any(g not in gammas for gammas in held))
    words = []
    for values, text in ((hidden, "not shown"), (single, "not in all files")):
        if values:
            some = ", ".join(f"{1e3 * g:.4g}" for g in values) if len(values) < 3 else f"{len(values)} values"
            words.append(f"Γ {text}: {some}" + " meV" * (len(values) < 3))
    return ",  ".join(words)


def trimmed(axis: Axes) -> None:
    """Cuts off sharp peaks of curves against energy, and says so."""
    if axis.get_xlabel() != AXES["energy"] or axis.get_yscale() == "log":
        return
    peak = style.trim(axis)
    if peak is not None and "cut off" not in axis.get_title(loc="right"):
        style.note(axis, f"peaks to {style.number(peak, 2)} cut off", add=True)


def _frame(axis: Axes, results: Sequence[Result], along: str, log: bool) -> None:
    if log:
        style.plain_log(axis)
    else:
        style.zero_lines(axis, vertical=along != "temperature")
        axis.margins(y=0.08)
    axis.set_xlim(*_range(results, along))
    axis.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])


def _range(results: Sequence[Result], along: str) -> tuple[float, float]:
    ends = [np.asarray(r[along], dtype=float) for r in results if along in r.coordinates]
    low, high = min(float(e.min()) for e in ends), max(float(e.max()) for e in ends)
    if along == "temperature":
        return 0.0, 1.03 * high
    pad = 0.0 if high > low else 0.5
    return low - pad, high + pad


def _second_unit(axis: Axes, result: Result, name: str, label: AxisLabel, factor: float) -> None:
    """The same numbers in the field's own unit, on the right."""
    assert label.second is not None
    attribute, unit = label.second
    size = result.variables[name].attrs.get(attribute) if name in result.variables else None
    if not size:
        return
    ratio = (float(size) if label.per_unit else 1.0 / float(size)) / factor
    if label.per_unit:
        more, unit = style.prefixed(unit, ratio * max(map(abs, axis.get_ylim())))
        ratio *= more
    right = axis.secondary_yaxis("right", functions=(lambda v: np.asarray(v) * ratio, lambda v: np.asarray(v) / ratio))
    right.set_ylabel(unit)
    right.tick_params(direction="in")


def density_behind(axis: Axes, result: Result, *, labelled: bool = True) -> None:
    """The density of states as a light filled background with its own axis on the right (unlabelled: in the legend)."""
    if "density_of_states" not in result.variables:
        return
    dos = np.asarray(result["density_of_states"], dtype=float)[0]
    behind = axis.twinx()
    fill = behind.fill_between(result["energy"], dos, color="0.90", lw=0)
    behind.set_ylim(0.0, 1.6 * float(dos.max()) or 1.0)
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)
    if labelled:
        behind.set_ylabel("density of states (1/eV)", color=style.GREY)
        behind.tick_params(colors=style.GREY, direction="in")
        behind.spines["right"].set_color(style.GREY)
    else:
        behind.set_yticks([])
        axis.fill_between([], [], facecolor="0.90", edgecolor="0.6", lw=0.5, label="density of states")
    fill.set_gid(style.GUIDE)


def generic(axis: Axes, results: Sequence[Result], name: str) -> None:
    """A variable of a file, by its own description, against energy or the longer thermal axis."""
    variable = next(r.variables[name] for r in results if name in r.variables)
    first = next(r for r in results if name in r.variables)
    along = "energy" if "energy" in variable.dims else thermal_axis(first)
    words = variable.long_name or name.replace("_", " ")
    words = words if len(words) < 45 else name.replace("_", " ")
    unit = UNITS.get(variable.unit, "" if variable.unit == "1" else variable.unit)
    scale = style.prefixed if variable.unit in ("W/m^2", "W/m", "K/m", "J/m^2", "A/(m*K)") else style.powered
    label = AxisLabel(words, "{}" if component_axes(first, variable.dims) else "", unit, scale)
    if label.symbol:
        label = replace(label, symbol="${}$")
    draw_curves(axis, results, name, along, label)


UNITS = {
    "e*a0": r"$e\,a_0$",
    "J*m/K": "J m/K",
    "J/m^2": "J/m²",
    "A/(m*K)": "A/(m K)",
    "mu_B": r"$\mu_\mathrm{B}$",
    "hbar": "ħ",
    "W/m^2": "W/m²",
}
