"""What symmetry leaves of the components of raw sums: those that are computed, and all that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.request import BROADENED, Request
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.typing import IntArray, RealArray


@dataclass(frozen=True)
class _Sum:
    """A raw sum with components.

    before, after: lengths of the axes before and after that of the components. matrices: what the group makes of these,
    of a sum with broadening for Re W and for Im W. shape: of the raw sum.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    matrices: tuple[RealArray, ...]
    shape: tuple[int, ...]

    @cached_property
    def independent(self) -> IntArray:
        """The components that the others follow from, at least one."""
        used = np.any([np.any(matrix != 0.0, axis=0) for matrix in self.matrices], axis=0)
        return np.flatnonzero(used) if used.any() else np.zeros(1, dtype=np.int64)

    def projected(self, values: RealArray) -> RealArray:
        """All components, as the group leaves them, from the independent ones; a first axis counts sums."""
        K, independent = len(values), self.independent
        given = values.reshape(K, *self.before, len(independent), *self.after)
        out = np.zeros((K, *self.before, len(self.matrices[0]), *self.after))
        for part, matrix in enumerate(self.matrices):
            rows = np.flatnonzero(np.any(matrix != 0.0, axis=1))
            small = matrix[np.ix_(rows, independent)]
            if self.before:  # (K, G, P, 2, NE)
                out[:, :, rows, part] = small @ given[:, :, :, part]
            else:
                flat = small @ given.reshape(K, len(independent), -1)
                out[:, rows] = flat.reshape(K, len(rows), *self.after)
        return out.reshape(K, *self.shape)


class Projection:
    """What the group leaves of the components of raw sums: elements that vanish by symmetry are 0.

    independent: numbers of the components that all others follow from, by the name of the raw sum; as in Request.
    """

    def __init__(self, operations: Sequence[Operation], request: Request) -> None:
        self._sums: dict[str, _Sum] = {}
        if len(operations) > 1:
            pairs, levels = request.pair_sums(), request.level_sums()
            for name, shape in request.shapes().items():
                before, after = shape[:0], shape[-1:]
                if name in pairs:
                    kind, pair = pairs[name]
                    size = len(request.components(pair))
                    before, after = (shape[:1], shape[2:]) if kind == BROADENED else ((), shape[1:])
                elif name in levels:
                    size, after = levels[name].size(request.crystal), shape[len(levels[name].shape(request.crystal)) :]
                else:
                    continue
                unit = np.eye(size)
                given = np.stack([unit, unit], axis=1)[None] if before else unit
                found = symmetrized({name: given}, operations, request)[name]
                matrices = (found[0, :, 0], found[0, :, 1]) if before else (found,)
                self._sums[name] = _Sum(before, after, matrices, shape)
        self.independent = {name: tuple(one.independent.tolist()) for name, one in self._sums.items()}

    def of(self, raw: RawSums) -> RawSums:
        """All components, as the group leaves them, from the independent ones; a first axis counts sums."""
        return raw | {name: one.projected(raw[name]) for name, one in self._sums.items()}
