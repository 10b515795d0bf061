"""The values that the paper prints for its film, and those of a result beside them.

F. Freimuth, S. Blügel, Y. Mokrousov, J. Phys.: Condens. Matter 28, 316001 (2016). The printed values are in
`freimuth2016.toml`, with the place where each stands.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np

from hpcalo.errors import InputError
from hpcalo.io.dataset import Result
from hpcalo.io.uncertain import with_error
from hpcalo.kubo.plot.data import is_nine_layer_film

NEAR = 0.1
"""Relative difference below which no reason is needed."""
UNKNOWN = 0.5
"""Error relative to the printed value above which agreement says nothing."""


@dataclass(frozen=True)
class Row:
    """One printed value and that of a result, in the unit of the file; error None where it is not known."""

    symbol: str
    printed: float
    value: float
    error: float | None
    unit: str
    place: str
    reason: str

    @property
    def ratio(self) -> float:
        """Of the value here to the printed one."""
        return self.value / self.printed

    @property
    def verdict(self) -> str:
        """Whether both agree; if not, the reason."""
        gap, near = abs(self.value - self.printed), NEAR * abs(self.printed)
        if self.error is None or (self.error > UNKNOWN * abs(self.printed) and gap < 2.0 * self.error):
            return "the error of the sum over k is too large to tell"
        if gap <= near:
            return "agrees to a tenth"
        return "agrees within the error" if gap <= self.error else self.reason


@dataclass(frozen=True)
class Printed:
    """A value of the paper, as the data file describes it."""

    symbol: str
    variables: list[str]
    printed: float
    unit: str
    place: str
    reason: str
    element: tuple[str, ...] = ()
    factor: float = 1.0
    divided_by: str = ""
    sign: bool = True
    motion: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """The data file: source, Γ (eV) and T (K) of the values."""

    source: str
    gamma_eV: float
    temperature_K: float
    value: tuple[Printed, ...]


@cache
def paper() -> Paper:
    """The data file."""
    given = tomllib.loads((files("hpcalo.kubo.plot") / "freimuth2016.toml").read_text(encoding="utf-8"))
    return Paper(**{**given, "value": tuple(Printed(**entry) for entry in given["value"])})


def rows(result: Result) -> list[Row]:
    """The table. Raises InputError where the result is not of that film, or lacks a variable, Γ, μ = 0 or 300 K."""
    _check(result)
    data = paper()
    g = nearest(result, "gamma", data.gamma_eV, 1e-6)
    t = nearest(result, "temperature", data.temperature_K, 0.5)
    m = nearest(result, "mu", 0.0, 1e-9)
    return [_row(result, entry, {"n_hat": 0, "gamma": g, "temperature": t, "mu": m}) for entry in data.value]


def _check(result: Result) -> None:
    needed = {name for entry in paper().value for name in entry.variables}
    lacking = sorted(needed - set(result.variables))
    if lacking:
        raise InputError(
            f"{result.path}: has no {lacking[0]}; the printed values need the quantities of input/paper_kubo.toml"
        )
    upright = np.allclose(np.asarray(result["n_vector"], dtype=float)[0], (0.0, 0.0, 1.0), atol=1e-6)
    if not is_nine_layer_film(result) or not upright:
        raise InputError(
            f"{result.path}: is not about the film of the printed values (Mn on 9 layers of W(001), its first n_hat "
            "along z)"
        )


def nearest(result: Result, axis: str, value: float, within: float) -> int:
    """Place of the value on an axis of the result. Raises InputError where none is so near."""
    values = np.asarray(result[axis], dtype=float)
    near = int(np.argmin(np.abs(values - value)))
    if abs(values[near] - value) > within:
        raise InputError(f"{result.path}: has no {axis} = {value:g}, at which the values are printed")
    return near


def _row(result: Result, entry: Printed, places: Mapping[str, int]) -> Row:
    given = result.setting("kubo", "heat_currents") or {}
    for key, needed in entry.motion.items():
        if abs(float(given.get(key) or 0.0) - needed) > 1e-9 * abs(needed):
            raise InputError(f"{result.path}: kubo.heat_currents.{key}: the printed values need {needed:g}")
    factor = entry.factor
    if entry.divided_by:
        factor /= float(given[entry.divided_by])
    value, error = 0.0, 0.0
    for name in entry.variables:
        variable = result.variables[name]
        index = tuple(
            places[dim] if dim in places else [str(c) for c in result[dim]].index(_letter(variable.dims, dim, entry))
            for dim in variable.dims
        )
        value += factor * float(np.asarray(variable.data)[index])
        error += abs(factor) * float("nan" if variable.error is None else np.asarray(variable.error)[index])
    return Row(
        entry.symbol,
        entry.printed,
        value if entry.sign else abs(value),
        None if np.isnan(error) else error,
        entry.unit,
        entry.place,
        entry.reason,
    )


def _letter(dims: Sequence[str], dim: str, entry: Printed) -> str:
    tensor = [d for d in dims if d in {"torque", "field", "current"}]
    return entry.element[tensor.index(dim)]


def text(result: Result) -> str:
    """The table in plain text, one value a line. Raises InputError as `rows` does."""
    out = []
    for row in rows(result):
        name = row.symbol.replace("$", "").replace("\\", "")
        here = f"{row.value:.4g}" if row.error is None else with_error(row.value, row.error)
        out.append(
            f"{name} ({row.place}): printed {row.printed:g}, here {here} {row.unit}, {row.ratio:.2f}: {row.verdict}"
        )
    return "\n".join(out)
