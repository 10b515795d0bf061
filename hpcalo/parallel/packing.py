"""Many named arrays as one flat one, so that one collective reduction carries them all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm


class Packing:
    """Positions of named arrays of given shapes in a flat array."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)
        self._slices: dict[str, slice] = {}
        start = 0
        for name, shape in self.shapes.items():
            self._slices[name] = slice(start, start + math.prod(shape))
            start += math.prod(shape)
        self.size = start

    def pack(
        self, arrays: Mapping[str, NDArray[np.float64]], out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """The flat array, (size,). out: where it is written, if given."""
        flat = np.empty(self.size) if out is None else out
        for name, part in self._slices.items():
            flat[part] = arrays[name].ravel()
        return flat

    def unpack(self, flat: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The named arrays, as views of the flat one."""
        return {name: flat[part].reshape(self.shapes[name]) for name, part in self._slices.items()}


def union(comm: Intracomm, flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Element-wise maximum over the ranks, on rank 0 (zeros elsewhere). Collective."""
    from mpi4py import MPI  # noqa: PLC0415  (importing this module alone must not load MPI)

    together = np.zeros_like(flags)
    comm.Reduce(flags, together, op=MPI.MAX, root=0)
    return together
