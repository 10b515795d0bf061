"""The one named array that everything computes, writes, reads, draws and exports, and a result file as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcalo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Slab:
    """One rank's part of an array that is spread over the ranks along its first axis.

    `data` holds rows `offset … offset + len(data)` of the whole array of the given shape; it may have no rows, but has
    the array's type and its other axes on every rank.
    """

    shape: tuple[int, ...]
    offset: int
    data: NDArray[Any]


@dataclass(frozen=True)
class Variable:
    """A named array with named axes.

    `data` is the whole array (rank 0's counts; the others may give None) or this rank's Slab. Real numbers, integers,
    truth values or text; complex numbers are to be given as two variables. `unit` as pint writes it ("" where there is
    none). `equation`: the source equation. `sign`: the sign convention. `parity`: +1 where the quantity is even under
    n̂ → −n̂, −1 odd, 0 neither. `error`: estimated error of every value, of the shape and unit of `data`, None where
    nothing is known. `attrs` for the rest. NaN and infinity are errors unless `nan_ok` (a ratio by zero, the place of a
    wall that is not there).
    """

    name: str
    dims: tuple[str, ...]
    data: Any
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


@dataclass(frozen=True)
class Result:
    """What a result file holds, as `hpcalo.io.hdf5.read_dataset` gives it."""

    path: Path
    variables: dict[str, Variable]
    coordinates: dict[str, Variable]
    attrs: dict[str, Any]
    texts: dict[str, str]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """The array of a variable or coordinate. Raises InputError if the file has none of that name."""
        known = {**self.coordinates, **self.variables}
        if name not in known:
            raise InputError(f"{self.path}: has no '{name}'; it holds: {', '.join(self.variables)}")
        return np.asarray(known[name].data)
