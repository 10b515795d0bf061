"""The symmetric part of the raw sums of many single points at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.hamiltonian.symmetry import Operation
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.request import BROADENED, Request
from hpcalo.kubo.sums.symmetry import symmetrized
from hpcalo.typing import RealArray


class Projection:
    """What the group leaves of the components of raw sums: elements that vanish by symmetry are 0."""

    def __init__(self, operations: Sequence[Operation], request: Request) -> None:
        self._matrices: dict[str, RealArray] = {}
        self._broadened: set[str] = set()
        if len(operations) == 1:
            return
        pairs, levels = request.pair_sums(), request.level_sums()
        for name in request.shapes():
            if name in pairs:
                kind, pair = pairs[name]
                unit = np.eye(len(request.components(pair)))
                if kind == BROADENED:
                    self._broadened.add(name)
                    unit = np.stack([unit, unit], axis=1)[None]
            elif name in levels:
                unit = np.eye(levels[name].size(request.crystal))
            else:
                continue
            self._matrices[name] = symmetrized({name: unit}, operations, request)[name]

    def of(self, raw: RawSums) -> RawSums:
        """raw: with a first axis that counts points."""
        out = dict(raw)
        for name, matrix in self._matrices.items():
            values = raw[name]
            if name in self._broadened:  # (K, G, P, 2, NE)
                out[name] = np.einsum("prq,kgqre->kgpre", matrix[0], values)
            else:
                flat = values.reshape(len(values), matrix.shape[1], -1)
                out[name] = np.matmul(matrix, flat).reshape(values.shape)
        return out
