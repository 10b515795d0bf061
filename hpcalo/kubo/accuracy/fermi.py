"""The error of a Fermi energy that follows from an electron count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.kubo.accuracy.estimate import Scatter, estimated_error
from hpcalo.kubo.accuracy.spread import Values, spreads
from hpcalo.kubo.responses.density_of_states import energy_of_count
from hpcalo.kubo.sums.engine import RawSums
from hpcalo.kubo.sums.parts import SummedPass
from hpcalo.kubo.sums.request import COUNT
from hpcalo.typing import RealArray

WINDOW = 0.1
"""eV around the Fermi energy, over which the error of the count is averaged."""


def error_of_fermi_energy(edges: RealArray, summed: SummedPass, electrons: float, energy: float) -> float:
    """Error of the Fermi energy, eV; NaN if nothing is known of it. Serial.

    Half the distance of the energies at which the count is one error larger and one error smaller.

    edges: eV, of the level count. energy: that of the count `electrons`, eV. The count of a mesh is a staircase: its
    own change from part to part is what the parts tell of, not the step on which the Fermi energy lies.
    """
    near = np.abs(edges - energy) <= WINDOW

    def compute(raw: Sequence[RawSums]) -> Values:
        return {"count": np.cumsum(raw[0][COUNT][:-1])[near]}

    found = spreads(compute, [summed], frozenset())
    if not found:
        return float("nan")
    levels = [Scatter(level.modulus, np.asarray(np.mean(level.variances["count"]))) for level in found]
    gap = float(estimated_error(levels, (), summed.dimensions))
    ends = (energy_of_count(edges, summed.total[COUNT], electrons + side * gap) for side in (-1.0, 1.0))
    low, high = ((end if end is not None else edge) for end, edge in zip(ends, edges[[0, -1]], strict=True))
    return float(0.5 * (high - low))
