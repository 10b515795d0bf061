"""From result files to curves: the tensor elements worth drawing, along an axis, for some Γ, μ and T."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.uncertain import THRESHOLD
from hpcalo.typing import RealArray

ZERO = {
    "e*a0": 1e-6,
    "J*m/K": 1e-42,
    "J/m^2": 1e-14,
    "S/cm": 1e-6,
    "A/(m*K)": 1e-9,
    "W/m^2": 1e-6,
    "K/m": 1e-6,
    "W/m": 1e-15,
    "V/K": 1e-12,
    "V^2/K^2": 1e-16,
    "W/m/K^2": 1e-20,
    "ohm*m": 1e-20,
    "m/V": 1e-18,
    "m/K": 1e-22,
    "hbar/e*S/cm": 1e-6,
    "hbar/e*A/(m*K)": 1e-9,
}
"""Smaller values in these units are rounding errors, or zero by the model's symmetry; 1e-12 in other units."""
SAME_LINE = 1e-3
"""Elements that differ by less than this fraction of the largest one are one line in a picture."""
AT_MOST = 3  # tensor elements in a panel
LEVELS = 6  # values of Γ, μ or T in a panel
ROOM = 300.0  # K: the temperature of panels that show a single one
LINES = 9  # most lines of one variable in a panel; beyond, values of Γ, μ and T are left out
WIGGLY = 4  # the same against energy, where curves cross each other often


Tag = str | float
"""A file or an element by its name; Γ, μ or T by its value."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel: where it comes from (`tags`: file, element, gamma, mu, temperature), and its points."""

    tags: dict[str, Tag]
    x: RealArray
    y: RealArray
    equal: tuple[str, ...] = ()
    """Other elements with the same values, with a sign in front where it is the opposite one."""
    error: RealArray | None = None
    """Estimated errors of the points."""
    limit: float = 0.1
    """Relative error above which the curve is not converged."""


def threshold(result: Result) -> float:
    """Relative error above which the numbers of a run are not converged."""
    given = result.setting("kubo", "warn_error")
    return float(given) if isinstance(given, int | float) else THRESHOLD


@dataclass(frozen=True, eq=False)
class Element:
    """An element of a tensor that does not follow from the others by symmetry."""

    name: str
    values: RealArray
    equal: tuple[str, ...] = ()


def name_of(results: Sequence[Result], which: int) -> str:
    """The name of one of several files in a legend: its title if the titles differ, else the file's name."""
    titles = [str(r.attrs.get("title", "")) for r in results]
    stems = [r.path.stem for r in results]
    if all(titles) and len(set(titles)) == len(titles) and max(map(len, titles)) <= 28:
        return titles[which]
    if len(set(stems)) == len(stems):
        return stems[which]
    return str(results[which].path.parent.name + "/" + results[which].path.name)


def curves(
    results: Sequence[Result],
    name: str,
    along: str,
    only: Sequence[str] = (),
    among: Sequence[str] = (),
    like: Sequence[Curve] = (),
) -> list[Curve]:
    """The curves of a variable along one axis, from every file that has it, at the first n̂.

    The elements are the largest `AT_MOST` that symmetry leaves independent; `among` restricts the choice, `only` names
    the elements instead. All files show the elements chosen for the first one. `like`: curves to accompany, at the same
    Γ, μ and T.
    """
    found: list[Curve] = []
    chosen: list[str] = list(only)
    for which, result in enumerate(results):
        if name not in result.variables:
            continue
        levels, tensor = _arranged(result, name, along)
        errors = _arranged(result, name, along, errors=True)[1] if result.variables[name].error is not None else {}
        tensor = {k: v for k, v in tensor.items() if not among or k in among}
        elements = independent(tensor, floor_of(result, name)) if not chosen else _named(tensor, chosen)
        chosen = chosen or [e.name for e in elements]
        levels = _thinned(
            levels, (WIGGLY if along == "energy" else LINES) // max(len(results) * len(elements), 1), like
        )
        x = np.asarray(result[along], dtype=float)
        for element in elements:
            for index in np.ndindex(*(len(picked) for _, picked, _ in levels)):
                tags: dict[str, Tag] = {"file": name_of(results, which), "element": element.name}
                place = []
                for (dim, picked, values), i in zip(levels, index, strict=True):
                    tags[dim] = float(values[picked[i]])
                    place.append(picked[i])
                error = errors[element.name][tuple(place)] if errors else None
                found.append(Curve(tags, x, element.values[tuple(place)], element.equal, error, threshold(result)))
    return found


def element_name(labels: Sequence[str]) -> str:
    """The name of a tensor element from the labels of its indices: "yx", and "Mn1 yx" after a word."""
    return "".join(f"{label} " if len(label) > 1 and set(label) - set("xyz") else label for label in labels).strip()


def component_axes(result: Result, dims: Sequence[str]) -> list[str]:
    """Those axes that number tensor elements, in the order of the indices: their coordinates are labels."""
    return [d for d in dims if d in result.coordinates and np.asarray(result[d]).dtype.kind in "OUST"]


def _arranged(result: Result, name: str, along: str, *, errors: bool = False) -> tuple[Levels, dict[str, RealArray]]:
    """The remaining axes as (name, shown indices, coordinate), and the elements by name, each (…, along).

    With `errors` the errors instead of the elements.
    """
    variable = result.variables[name]
    data = np.asarray(variable.error if errors else variable.data, dtype=float)
    dims = list(variable.dims)
    if "n_hat" in dims:
        data = np.take(data, 0, axis=dims.index("n_hat"))
        dims.remove("n_hat")
    indices = component_axes(result, dims)
    rest = [d for d in dims if d not in indices and d != along]
    data = data.transpose([dims.index(d) for d in [*indices, *rest, along]])
    letters = [[str(t) for t in result[d]] for d in indices]
    tensor = {
        element_name([letters[i][k] for i, k in enumerate(place)]): data[place]
        for place in np.ndindex(*map(len, letters))
    }
    levels = [(d, spread(len(result[d])), np.asarray(result[d], dtype=float)) for d in rest]
    return levels, tensor


Levels = list[tuple[str, list[int], RealArray]]


def _thinned(levels: Levels, most: int, like: Sequence[Curve]) -> Levels:
    """Fewer values of the remaining axes, the longest first, until at most `most` combinations are left."""
    fixed = {dim: {c.tags[dim] for c in like if dim in c.tags} for dim, _, _ in levels}
    counts = [1 if fixed[dim] else len(picked) for dim, picked, _ in levels]
    while counts and math.prod(counts) > max(most, 1):
        counts[counts.index(max(counts))] -= 1
    return [
        (dim, [i for i, v in enumerate(values) if v in fixed[dim]] or spread(len(values), n), values)
        for (dim, _, values), n in zip(levels, counts, strict=True)
    ]


def spread(count: int, most: int = LEVELS) -> list[int]:
    """Indices of at most `most` of `count` values, the first and the last among them."""
    n = min(count, most)
    return sorted({round(i * (count - 1) / max(n - 1, 1)) for i in range(n)})


def floor_of(result: Result, name: str) -> float:
    """The largest value that counts as zero in the variable's unit."""
    return ZERO.get(result.variables[name].unit, 1e-12)


def independent(tensor: dict[str, RealArray], floor: float = 0.0) -> list[Element]:
    """Elements that are not zero and not ± another one, the largest first, at most `AT_MOST`; empty if all vanish."""
    sizes = {name: _largest(values) for name, values in tensor.items()}
    top = max(sizes.values(), default=0.0)
    if top <= floor:
        return []
    found: list[Element] = []
    # xx, yx, zx, xy …: the response to a field along x stands for the others.
    for name in sorted(tensor, key=lambda n: n[::-1]):
        values = tensor[name]
        if sizes[name] <= SAME_LINE * top:
            continue
        for i, other in enumerate(found):
            for sign in (1.0, -1.0):
                gap = _largest(values - sign * other.values)
                if gap <= SAME_LINE * top:
                    signed = ("" if sign > 0 else "−") + name
                    if gap <= 1e-6 * top:
                        found[i] = Element(other.name, other.values, (*other.equal, signed))
                    break
            else:
                continue
            break
        else:
            found.append(Element(name, values))
    return sorted(found, key=lambda e: -sizes[e.name])[:AT_MOST]


def _named(tensor: dict[str, RealArray], names: Sequence[str]) -> list[Element]:
    return [Element(name, tensor[name]) for name in names if name in tensor]


def largest_in(results: Sequence[Result], name: str) -> float:
    """Largest absolute value of a variable in any file, in the file's unit."""
    return max((_largest(np.asarray(r[name], dtype=float)) for r in results if name in r.variables), default=0.0)


def _largest(values: RealArray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def thermal_axis(result: Result) -> str:
    """The axis for thermal quantities: temperature, or chemical potential if it has more values."""
    sizes = {d: len(result[d]) if d in result.coordinates else 0 for d in ("temperature", "mu")}
    return "mu" if sizes["mu"] > sizes["temperature"] else "temperature"


def nearest_room(result: Result) -> int:
    """Index of the temperature nearest to 300 K."""
    return int(np.argmin(np.abs(np.asarray(result["temperature"], dtype=float) - ROOM)))


def is_nine_layer_film(result: Result) -> bool:
    """Whether the file is about the film of the reference values: Mn on nine layers of W(001)."""
    title = str(result.attrs.get("title", ""))
    model = result.settings.get("model", {})
    file = str(model.get("file") or model.get("lcao") or "") if isinstance(model, dict) else ""
    return bool(re.search(r"Mn\s*/\s*W", title) and re.search(r"(?<![\d.])9\s*W?\s*layers", title, re.I)) or bool(
        re.search(r"(^|/)mnw9\b", file)
    )
