"""Band structures as pictures: lines coloured by what the states are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import BoolArray, RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.paper import PaperFigure

WINDOW = 10.0
"""eV around the Fermi energy that are drawn if the input names none."""
MOST = 6
PLAIN = "energy"
_TENSOR = tuple(f"{i}{j}" for i in "xyz" for j in "xyz")
COMPONENTS = {
    **dict.fromkeys(("spin_vector", "torque", "velocity", "orbital_moment"), "xyz"),
    "curvature": ("yz", "zx", "xy"),
    **dict.fromkeys(("twist_torque_moment", "mixed_berry_curvature"), _TENSOR),
}
PEAKED = ("curvature", "twist_torque_moment", "mixed_berry_curvature")
"""Large where levels are close: drawn by their logarithm."""
_LABELS = {
    "spin": r"spin $\langle\sigma\cdot\hat{n}\rangle$",
    "spin_vector": r"spin $\langle\sigma_{%s}\rangle$",
    "torque": r"torque $T_{%s}$ (eV)",
    "velocity": r"velocity $\hbar v_{%s}$ (eV Å)",
    "orbital_moment": r"orbital moment $m_{%s}$ ($\mu_\mathrm{B}$)",
    "twist_torque_moment": r"$\mathrm{sgn}(A_{%s})\,\log_{10}(1+|A_{%s}|/$eV Å$)$",
    "mixed_berry_curvature": r"$\mathrm{sgn}(B_{%s})\,\log_{10}(1+|B_{%s}|/$Å$)$",
    "curvature": r"$\mathrm{sgn}(\Omega_{%s})\,\log_{10}(1+|\Omega_{%s}|/$Å$^2)$",
}


@dataclass(frozen=True)
class Colour:
    """What colours the lines: (k, band), or None for plain lines; how it is labelled; signed: whether 0 is special."""

    values: RealArray | None
    label: str
    signed: bool = True


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> PaperFigure:
    """A figure of one or more band structures: of several, one panel each; of one, one panel for each quantity.

    quantities: "energy" (plain lines), "spin", "spin_vector", "torque", "velocity", "curvature", "orbital_moment",
    "twist_torque_moment", "mixed_berry_curvature" (their largest component, or one by name: "torque_y"), "site_weight"
    (each element), an element or a site ("Mn", "W2"). Raises InputError for other names.
    """
    from matplotlib import rc_context  # noqa: PLC0415  (slow to load)

    from hpcalo.plotting.paper import settings  # noqa: PLC0415  (as above)

    names = [name for given in quantities for name in _expanded(results[0], given)]
    if not names:
        names = ["spin" if all("spin" in r.variables for r in results) else PLAIN]
    shown = [(result, _colour(result, name)) for result in results for name in names][:MOST]
    titles = [str(result.attrs.get("title", "")) for result in results]
    with rc_context(settings()):
        figure, axes = style.panels(len(shown), titles[0] if len(set(titles)) == 1 else "")
        for axis, (result, colour) in zip(axes, shown, strict=True):
            _panel(axis, result, colour)
            if len(set(titles)) > 1:
                style.note(axis, style.literal(str(result.attrs.get("title", ""))))
        style.finish(figure, axes)
    return figure


def pages(result: Result) -> list[tuple[str, ...]]:
    """What to give to `draw`, figure by figure, to see all that a result holds."""
    more = tuple(name for name in ("torque", *PEAKED, "orbital_moment") if name in result.variables)
    several = len(np.atleast_1d(result["site"])) > 1
    return [(), *([more] if more else []), *([("site_weight",)] if several else [])]


def _elements(result: Result) -> list[str]:
    return list(dict.fromkeys(re.sub(r"\d+$", "", str(site)) for site in result["site"]))


def _expanded(result: Result, name: str) -> list[str]:
    if name != "site_weight":
        return [name]
    elements = _elements(result)
    return elements if len(elements) > 1 else [str(site) for site in result["site"]][:MOST]


def _colour(result: Result, name: str) -> Colour:
    if name == PLAIN:
        return Colour(None, "")
    if name == "spin" and name in result.variables:
        return Colour(result["spin"], _LABELS[name])
    base, _, component = name.rpartition("_")
    for variable, allowed in COMPONENTS.items():
        if variable in result.variables and (name == variable or (base == variable and component in allowed)):
            return _of_vector(result, variable, component if name != variable else "")
    sites = [str(site) for site in result["site"]]
    chosen = [site in (name,) or re.sub(r"\d+$", "", site) == name for site in sites]
    if any(chosen):
        return Colour(result["site_weight"][:, chosen].sum(axis=1), f"weight on {name}", signed=False)
    known = [PLAIN, *(n for n in ("spin", *COMPONENTS) if n in result.variables), "site_weight", *_elements(result)]
    raise InputError(
        f"{result.path}: '{name}' colours no bands{nearest(name, [*known, *sites])}; {', '.join(known)} do"
    )


def _of_vector(result: Result, variable: str, component: str) -> Colour:
    """A component of a vector; without a name, the one that is largest in the window."""
    inside = _inside(result)
    values = result[variable].reshape(len(inside), -1, inside.shape[1])
    sizes = [float(np.abs(np.where(inside, values[:, c], 0.0)).max()) for c in range(values.shape[1])]
    c = COMPONENTS[variable].index(component) if component else int(np.argmax(sizes))
    index = COMPONENTS[variable][c]
    label = _LABELS[variable].replace("%s", index)
    data = values[:, c]
    return Colour(np.sign(data) * np.log10(1.0 + np.abs(data)) if variable in PEAKED else data, label)


def _window(result: Result) -> tuple[float, float]:
    """The energies to draw: the input's, else those around the Fermi energy, as far as there are bands."""
    energy = result["energy"]
    low, high = float(energy.min()), float(energy.max())
    room = 0.03 * (high - low)
    known = result.setting("bands", "reference") is not None or float(result.attrs.get("reference_energy_eV", 0)) != 0
    low, high = (max(low - room, -WINDOW), min(high + room, WINDOW)) if known else (low - room, high + room)
    given_low, given_high = (result.setting("bands", key) for key in ("minimum", "maximum"))
    low, high = low if given_low is None else float(given_low), high if given_high is None else float(given_high)
    return (low, high) if high > low else (float(energy.min()), float(energy.max()) + 1e-3)


def _inside(result: Result) -> BoolArray:
    low, high = _window(result)
    return (result["energy"] >= low) & (result["energy"] <= high)


def _panel(axis: Axes, result: Result, colour: Colour) -> None:
    k, energy = result["k"], result["energy"]
    low, high = _window(result)
    if "compared_place" in result.variables:
        axis.plot(
            result["compared_place"], result["compared_energy"], ".", color="0.55", ms=2.5, mew=0.0, zorder=1.5,
        )  # fmt: skip
        axis.plot([], [], ".", color="0.55", label=style.literal(str(result.attrs.get("compared_with", "compared"))))
    bands = [n for n in range(energy.shape[1]) if energy[:, n].max() >= low and energy[:, n].min() <= high]
    if colour.values is None:
        axis.plot(k, _with_gaps(k, energy[:, bands]), color=style.COLOURS[0], lw=1.0)
    else:
        _coloured(axis, k, energy[:, bands], colour.values[:, bands], _inside(result)[:, bands], colour)
    for tick in np.atleast_1d(result.attrs["path_ticks"]):
        axis.axvline(float(tick), color="0.75", lw=0.5, zorder=0.4, gid=style.GUIDE)
    axis.axhline(0.0, color="0.5", lw=0.5, ls=(0, (4, 2)), zorder=0.5, gid=style.GUIDE)
    axis.set_xticks(np.atleast_1d(result.attrs["path_ticks"]), _names(result))
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(float(k[0]), float(k[-1]))
    axis.set_ylim(low, high)
    zero = float(result.attrs.get("reference_energy_eV", 0.0)) != 0.0
    axis.set_ylabel(r"$E-E_\mathrm{F}$ (eV)" if zero else "energy (eV)")


def _names(result: Result) -> list[str]:
    return [str(name) for name in np.atleast_1d(result.attrs["path_names"])]


def _with_gaps(k: RealArray, energy: RealArray) -> RealArray:
    """NaN where the path jumps, so that no line joins the two sides."""
    out = np.array(energy)
    out[np.flatnonzero(np.diff(k) <= 1e-12)] = np.nan
    return out


def _coloured(
    axis: Axes, k: RealArray, energy: RealArray, values: RealArray, inside: BoolArray, colour: Colour
) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415  (slow to load)

    points = np.stack([np.broadcast_to(k[:, None], energy.shape), energy], axis=-1)  # (k, band, 2)
    segments = np.stack([points[:-1], points[1:]], axis=2)
    middle = 0.5 * (values[:-1] + values[1:])
    whole = np.diff(k) > 1e-12
    size = float(np.abs(np.where(inside, values, 0.0)).max()) or 1.0
    lines = LineCollection(
        list(segments[whole].reshape(-1, 2, 2)),
        cmap="coolwarm" if colour.signed else "viridis_r",
        lw=1.1,
        capstyle="round",
    )
    lines.set_array(middle[whole].ravel())
    lines.set_clim(-size if colour.signed else 0.0, size if colour.signed else 1.0)
    lines.set_rasterized(segments[whole].size > 400_000)
    axis.add_collection(lines)
    bar = axis.figure.colorbar(lines, ax=axis, pad=0.02, fraction=0.06, aspect=25)
    bar.set_label(colour.label)
    bar.outline.set_linewidth(0.5)
