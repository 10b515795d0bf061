"""Maps as pictures: a quantity as colour, the Fermi lines, and the spin in the plane as arrows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from hpcalo.errors import InputError, nearest
from hpcalo.io.dataset import Result
from hpcalo.plotting import style
from hpcalo.typing import RealArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpcalo.plotting.paper import PaperFigure

MOST = 6
FRAME = ("k_point", "k_x", "k_y", "energy", "band_number")
"""Variables that are no maps."""
ARROWS = 17
"""Arrows along an edge."""
STRONG = 20.0
"""Ratio of the largest value to one that nine in ten stay below, above which colours are logarithmic."""


@dataclass(frozen=True)
class Map:
    """What one panel shows: values (U, V), words, unit.

    lines: whether Fermi lines are drawn on top. arrows: the spin texture (U, V, 3) to draw on top, or None.
    """

    values: RealArray
    words: str
    unit: str
    lines: bool = True
    arrows: RealArray | None = None


def draw(results: Sequence[Result], quantities: Sequence[str] = ()) -> PaperFigure:
    """A figure of one or more maps.

    quantities: names of variables, of one element where a component follows: "anomalous_hall_xy"; without one, the
    largest element. Raises InputError for other names.
    """
    from matplotlib import rc_context  # noqa: PLC0415  (slow to load)

    from hpcalo.plotting.paper import settings  # noqa: PLC0415  (as above)

    shown = [(r, m) for r in results for name in (quantities or _names(r)) for m in [_map(r, name)]][:MOST]
    titles = {str(result.attrs.get("title", "")) for result in results}
    with rc_context(settings()):
        figure, axes = style.panels(len(shown), titles.pop() if len(titles) == 1 else "")
        for axis, (result, chosen) in zip(axes, shown, strict=True):
            _panel(axis, result, chosen)
        style.finish(figure, axes)
    return figure


def pages(result: Result) -> list[tuple[str, ...]]:
    """What to give to `draw`, figure by figure, to see all that a result holds."""
    names = _names(result)
    return [tuple(names[i : i + MOST]) for i in range(0, len(names), MOST)]


def _names(result: Result) -> list[str]:
    names = [name for name in result.variables if name not in FRAME]
    if not names:
        raise InputError(f"{result.path}: holds no map")
    return sorted(names, key=lambda name: name not in ("spectral_weight", "spin_texture"))


def _map(result: Result, name: str) -> Map:
    known = _names(result)
    variable = max((n for n in known if name == n or name.startswith(n + "_")), key=len, default="")
    if not variable:
        raise InputError(f"{result.path}: '{name}' is no map{nearest(name, known)}; it holds {', '.join(known)}")
    found = result.variables[variable]
    values = np.asarray(found.data)
    labels = [[str(x) for x in result[dim]] if dim in result.coordinates else None for dim in found.dims[2:]]
    elements = {
        "".join(names[i] if names else str(i + 1) for names, i in zip(labels, index, strict=True)): index
        for index in np.ndindex(*values.shape[2:])
    }
    element = name[len(variable) + 1 :] or max(elements, key=lambda e: float(np.abs(values[:, :, *elements[e]]).max()))
    if element not in elements:
        raise InputError(f"{result.path}: '{name}': {variable} has the elements {', '.join(elements)}")
    words = (found.long_name or variable) + (f", {element}" if len(elements) > 1 else "")
    texture = values if variable == "spin_texture" else None
    return Map(values[:, :, *elements[element]], words, found.unit, variable != "spectral_weight", texture)


def _panel(axis: Axes, result: Result, shown: Map) -> None:
    from matplotlib.colors import Normalize, SymLogNorm  # noqa: PLC0415  (slow to load)

    x, y = result["k_x"], result["k_y"]
    signed = bool(shown.values.min() < 0.0)
    size = float(np.abs(shown.values).max()) or 1.0
    typical = float(np.quantile(np.abs(shown.values), 0.9))
    peaked = signed and size > STRONG * typical
    norm: Normalize = (
        SymLogNorm(max(typical, 1e-3 * size), vmin=-size, vmax=size)
        if peaked
        else Normalize(-size if signed else 0.0, size)
    )
    corners = (_corners(x), _corners(y))
    mesh = axis.pcolormesh(*corners, shown.values, cmap="coolwarm" if signed else "Blues", norm=norm, rasterized=True)
    if shown.lines and "energy" in result.variables:
        for band in np.moveaxis(result["energy"], -1, 0):
            if band.min() < 0.0 < band.max():
                axis.contour(x, y, band, levels=[0.0], colors="0.15", linewidths=0.6)
    if shown.arrows is not None:
        _arrows(axis, result, shown.arrows)
    axis.set_aspect("equal")
    axis.set_xlabel(r"$k$ along the first edge (1/Å)")
    axis.set_ylabel("across it (1/Å)")
    bar = axis.figure.colorbar(mesh, cax=axis.inset_axes((1.03, 0.0, 0.045, 1.0)))
    bar.set_label(shown.unit)
    energy = float(result.attrs.get("energy_eV", 0.0))
    where = f",  $E-E_\\mathrm{{F}}$ = {style.number(energy)} eV" if energy else ""
    style.note(axis, style.literal(fill(shown.words, 52)) + where)


def _corners(middles: RealArray) -> RealArray:
    """Corners (U + 1, V + 1) of the parallelograms around their middles (U, V)."""
    whole = np.pad(middles, 1, mode="reflect", reflect_type="odd")
    corners: RealArray = 0.25 * (whole[:-1, :-1] + whole[1:, :-1] + whole[:-1, 1:] + whole[1:, 1:])
    return corners


def _arrows(axis: Axes, result: Result, texture: RealArray) -> None:
    """The spin's part in the plane, where there is spectral weight."""
    axes: RealArray = np.asarray(result.attrs["plane_axes"], dtype=np.float64).reshape(3, 3)
    steps = [max(1, n // ARROWS) for n in texture.shape[:2]]
    pick = (slice(steps[0] // 2, None, steps[0]), slice(steps[1] // 2, None, steps[1]))
    flat = texture @ axes[:2].T
    length = np.linalg.norm(flat, axis=-1)
    if not length.max() > 1e-3 * float(np.abs(texture).max()):
        return
    unit = flat / np.maximum(length, 1e-300)[..., None] * np.minimum(1.0, length / np.quantile(length, 0.9))[..., None]
    axis.quiver(
        result["k_x"][pick], result["k_y"][pick], unit[pick][..., 0], unit[pick][..., 1], color="0.2", pivot="mid",
        scale=1.5 * ARROWS, width=0.004, minlength=0.3,
    )  # fmt: skip
