"""Panels of what is resolved by site or layer: values at the Fermi energy from one place to the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.kubo.plot.data import element_name, floor_of, independent, name_of, nearest_room
from hpcalo.kubo.plot.empty import draw_nothing
from hpcalo.kubo.plot.looks import tag_text
from hpcalo.kubo.plot.panels import AxisLabel, Panel, Role
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAYER, SITE = "layer", "site"


def profile_panel(stem: str, label: AxisLabel, *, role: Role = "main", rank: int = 1000) -> Panel:
    """The panel of `layer_STEM`, or `site_STEM` where the cell is no film, at the first n̂, Γ and chemical potential.

    Thermal quantities are drawn at the temperature that is nearest to 300 K.
    """
    return Panel((f"{SITE}_{stem}",), partial(_draw, stem=stem, label=label), role, rank)


def _draw(axis: Axes, results: Sequence[Result], *, stem: str, label: AxisLabel) -> None:
    along = LAYER if all(f"{LAYER}_{stem}" in r.variables for r in results) else SITE
    name = f"{along}_{stem}"
    first = results[0]
    places = [str(place) for place in first[along]]
    results = [r for r in results if [str(place) for place in r[along]] == places]  # others have no common axis
    elements = independent(_tensor(first, name, along), floor_of(first, name))
    size = max((float(np.nanmax(np.abs(e.values))) for e in elements), default=0.0)
    factor, unit = label.scale(label.unit, size * label.base)
    index = elements[0].name if len(elements) == 1 else "ij"
    axis.set_ylabel(f"{label.words} {label.symbol.format(index)} ({unit})")
    x = np.arange(len(places))
    axis.set_xlim(-0.5, len(places) - 0.5)
    if not elements:
        draw_nothing(axis, results, name, label.unit, label.base)
    axis.set_xticks(x, places, rotation=90 if len(places) > 4 else 0)
    if not elements:
        return
    for which, result in enumerate(results):
        tensor, errors = _tensor(result, name, along), _tensor(result, name, along, errors=True)
        for number, element in enumerate(elements):
            y = factor * label.base * tensor[element.name]
            colour, dashes = style.COLOURS[number], style.DASHES[which % len(style.DASHES)]
            words = label.symbol.format(element.name) + (f", {name_of(results, which)}" if len(results) > 1 else "")
            error = abs(factor * label.base) * errors[element.name] if errors else None
            axis.errorbar(x, y, error, marker="o", ms=4, color=colour, ls=dashes, lw=1.1, elinewidth=0.8, capsize=2.5)
            axis.plot([], [], marker="o", ms=4, color=colour, ls=dashes, lw=1.1, label=words)
    style.zero_lines(axis)
    style.note(axis, _conditions(first, name))


def _tensor(result: Result, name: str, along: str, *, errors: bool = False) -> dict[str, RealArray]:
    """Elements by name, (places,), where `profile_panel` says; none where errors are not known."""
    variable = result.variables[name]
    if errors and variable.error is None:
        return {}
    data = np.asarray(variable.error if errors else variable.data, dtype=float)
    dims = list(variable.dims)
    for dim in ("n_hat", "gamma"):
        if dim in dims:
            data = np.take(data, 0, dims.index(dim))
            dims.remove(dim)
    if "energy" in dims:
        axis = np.asarray(result["energy"], dtype=float)
        data = _at(axis, np.moveaxis(data, dims.index("energy"), -1), _level(result))
        dims.remove("energy")
    else:
        for dim, entry in (("mu", 0), ("temperature", nearest_room(result))):
            data = np.take(data, entry, dims.index(dim))
            dims.remove(dim)
    data = np.moveaxis(data, dims.index(along), -1)
    letters = [[str(t) for t in result[dim]] for dim in dims if dim != along]
    return {
        element_name([letters[i][k] for i, k in enumerate(place)]): data[place]
        for place in np.ndindex(*map(len, letters))
    }


def _level(result: Result) -> float:
    return float(np.atleast_1d(result["mu"])[0]) if "mu" in result.coordinates else 0.0


def _at(energies: RealArray, curves: RealArray, level: float) -> RealArray:
    """Curves (…, NE) at one energy, linearly between those of the axis."""
    i = int(np.clip(np.searchsorted(energies, level) - 1, 0, max(len(energies) - 2, 0)))
    j = min(i + 1, len(energies) - 1)
    w = float(np.clip((level - energies[i]) / max(energies[j] - energies[i], 1e-300), 0.0, 1.0))
    return np.asarray((1.0 - w) * curves[..., i] + w * curves[..., j])


def _conditions(result: Result, name: str) -> str:
    level = _level(result)
    words = [r"$E_\mathrm{F}$" if level == 0.0 else tag_text("mu", level, "")]
    if "gamma" in result.variables[name].dims:
        words.append(tag_text("gamma", float(result["gamma"][0]), ""))
    if "temperature" in result.variables[name].dims:
        words.append(tag_text("temperature", float(np.asarray(result["temperature"])[nearest_room(result)]), ""))
    return ", ".join(words)
