"""The one named array that everything computes, writes, reads, draws and exports, and a result file as it is read."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.errors import InputError

if TYPE_CHECKING:
    from hpcalo.typing import Array, Contents

ERROR = "_error"
"""Ends the name of the dataset that holds the estimated error of a quantity."""
ROLE = "hpcalo_role"
"""Attribute of datasets that are no quantities by themselves: `coordinate`, `error`."""
ERROR_ROLE = "error"
ANCILLARY = "ancillary_variables"
"""Attribute that names the dataset of the estimated error (CF conventions)."""
RESOLVED_INPUT = "resolved_input"
"""Name of the text that holds the complete input of a run, defaults included."""
NOTES = "notes"
"""Name of the text with what a run says of its mesh, its symmetry and its model, one note per line."""


@dataclass(frozen=True)
class Slab:
    """One rank's part of an array that is spread over the ranks along its first axis.

    `data` holds rows `offset … offset + len(data)` of the whole array of the given shape; it may have no rows, but has
    the array's type and its other axes on every rank.
    """

    shape: tuple[int, ...]
    offset: int
    data: Array


@dataclass(frozen=True)
class Variable:
    """A named array with named axes.

    `data` is the whole array (rank 0's counts; the others may give None) or this rank's Slab. Real numbers, integers,
    truth values or text; complex numbers are to be given as two variables. `unit` as pint writes it ("" where there is
    none). `equation`: the source equation. `sign`: the sign convention. `parity`: +1 where the quantity is even under
    n̂ → −n̂, −1 odd, 0 neither. `error`: estimated error of every value, of the shape and unit of `data`, None where
    nothing is known. `attrs` for the rest. NaN and infinity are errors unless `nan_ok` (a ratio by zero, the
    position of a wall that is not there).
    """

    name: str
    dims: tuple[str, ...]
    data: Any  # an array, a number, a text, None or a Slab, as the rank has it
    unit: str = ""
    long_name: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    equation: str = field(default="", kw_only=True)
    sign: str = field(default="", kw_only=True)
    parity: int = field(default=0, kw_only=True)
    error: Any = field(default=None, kw_only=True)
    nan_ok: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return tuple(self.data.shape) if isinstance(self.data, Slab) else np.shape(self.data)

    @property
    def own(self) -> Array:
        """This rank's part: the rows of its Slab, or the whole array."""
        part: Array = self.data.data if isinstance(self.data, Slab) else self.data
        return part

    def companion(self) -> Variable:
        """The estimated error as a variable of its own. Raises ValueError if there is none."""
        if self.error is None:
            raise ValueError(f"{self.name}: has no estimated error")
        return Variable(
            self.name + ERROR,
            self.dims,
            self.error,
            self.unit,
            f"estimated error of {self.long_name or self.name}",
            {ROLE: ERROR_ROLE},
            nan_ok=True,  # where nothing is known of the error
        )


def with_companions(variables: Iterable[Variable], room: Container[str] | None = None) -> list[Variable]:
    """The variables, the estimated error of each as a variable behind it.

    room: the names that a file can take which an earlier version, without these errors, has begun; None: any.
    """
    out = []
    for variable in variables:
        if variable.error is None:
            out.append(variable)
            continue
        companion = variable.companion()
        if room is not None and companion.name not in room:
            out.append(replace(variable, error=None))
            continue
        out += [replace(variable, error=None, attrs={**variable.attrs, ANCILLARY: companion.name}), companion]
    return out


def without_companions(variables: Iterable[Variable]) -> list[Variable]:
    """The inverse of `with_companions`: errors are back in their variables."""
    every = {v.name: v for v in variables}
    for v in list(every.values()):
        found = every.get(v.name + ERROR)
        if found is None or found.attrs.get(ROLE) != ERROR_ROLE or found.dims != v.dims:
            continue
        attrs = {name: value for name, value in v.attrs.items() if name != ANCILLARY}
        every[v.name] = replace(v, error=found.data, attrs=attrs)
        del every[found.name]
    return list(every.values())


def stored_input(texts: Mapping[str, str]) -> Contents:
    """The complete input among the texts of a result or checkpoint. Raises InputError if it is not valid TOML."""
    try:
        return tomllib.loads(texts.get(RESOLVED_INPUT, ""))
    except (ValueError, RecursionError) as problem:
        raise InputError(f"its input cannot be read: {problem}") from None


@dataclass(frozen=True)
class Result:
    """What a result file holds, as `hpcalo.io.hdf5.read_dataset` reads it."""

    path: Path
    variables: dict[str, Variable]
    coordinates: dict[str, Variable]
    attrs: Contents
    texts: dict[str, str]

    def __getitem__(self, name: str) -> Array:
        """The array of a variable, a coordinate or an estimated error. Raises InputError if there is none."""
        coordinate = None if name in self.variables else self.coordinates.get(name)
        return np.asarray((coordinate or self.find(name)).data)

    def find(self, name: str) -> Variable:
        """The variable of this name; `X_error` is the estimated error of X. Raises InputError if there is none."""
        if name in self.variables:
            return self.variables[name]
        base = self.variables.get(name.removesuffix(ERROR))
        if name.endswith(ERROR) and base is not None and base.error is not None:
            return base.companion()
        raise InputError(f"{self.path}: has no '{name}'; it holds: {', '.join(self.variables)}")

    @cached_property
    def settings(self) -> Contents:
        """The complete input of the run; empty if the file keeps none, or one that cannot be read."""
        try:
            return stored_input(self.texts)
        except InputError:
            return {}

    def setting(self, *keys: str) -> Any:  # what the schema of that input says
        """A value of the complete input, None where it has none: `setting("kubo", "k", "grid")`."""
        value: object = self.settings
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value
