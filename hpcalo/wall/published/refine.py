"""Errors of the published model's numbers: the same run on a mesh of half the spacings in x, and of half the momenta.

The scheme is of first order in the spacing and of second in the width of a momentum cell: a number that the coarser
mesh, r times as wide, changes by D is off by about D/(r - 1) and D/(r^2 - 1). The error is the sum of both sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.scan.merge import Results
from hpcalo.typing import RealArray
from hpcalo.wall.config import WallInput

Coarser = tuple[WallInput, float]
"""An input on a coarser mesh, and the factor from what that changes to the error."""
EXACT = frozenset({"normalization", "temperature", "beta_Q_printed"})
"""Variables that no mesh has a part in."""


def coarser(settings: WallInput) -> tuple[Coarser, Coarser]:
    """The input with a coarser mesh in x, and with a coarser one in p."""
    paper = settings.paper
    cells, points = (paper.cells - 1) // 2 + 1, max(paper.points // 2, 1)
    in_x, in_p = (paper.cells - 1) / (cells - 1), paper.points / points

    def on(**changed: int) -> WallInput:
        return settings.model_copy(update={"paper": paper.model_copy(update=changed)})

    return (on(cells=cells), 1.0 / (in_x - 1.0)), (on(points=points), 1.0 / (in_p**2 - 1.0))


def with_errors(fine: Results, coarse: Sequence[tuple[Results | None, float]]) -> Results:
    """The results with errors; NaN where a coarser mesh (None) has none. coarse: with the factor of each."""
    variables, coordinates = fine
    x = _places(fine)
    out = []
    for v in variables:
        if "s" in v.dims or v.name in EXACT:
            out.append(v)
            continue
        error = np.zeros(np.shape(v.data))
        for one, factor in coarse:
            found = np.full(error.shape, np.nan) if one is None else _on(x, one, v)
            error = error + factor * np.abs(found - np.asarray(v.data))
        out.append(replace(v, error=error))
    return out, coordinates


def _places(results: Results) -> RealArray:
    return np.asarray(next(c.data for c in results[1] if c.name == "x"), dtype=np.float64)


def _on(x: RealArray, coarse: Results, like: Variable) -> RealArray:
    """The variable of the coarser mesh at the places x of the finer one."""
    data = np.asarray(next(v.data for v in coarse[0] if v.name == like.name), dtype=np.float64)
    if "x" not in like.dims:
        return data
    axis = like.dims.index("x")
    places = _places(coarse)
    return np.apply_along_axis(lambda y: np.interp(x, places, y), axis, data)
