"""Finer meshes that contain a coarser one: which points are new, and which of the finer mesh's sums are known."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from hpcalo.hamiltonian.cosets import Division
from hpcalo.hamiltonian.kmesh import KMesh
from hpcalo.typing import BoolArray, IntArray, RealArray

Grid = tuple[int, int, int]
Shift = tuple[float, float, float]


def refined(grid: Grid, shift: Shift, factors: Grid) -> tuple[Grid, Shift, Grid]:
    """The finer mesh, with `factors` times the points along each direction, that contains this mesh.

    Returns its divisions and shift, and the index of the coarser mesh's first point on it.
    """
    finer = [f * s for f, s in zip(factors, shift, strict=True)]
    offset = [math.floor(s) for s in finer]
    return (
        (grid[0] * factors[0], grid[1] * factors[1], grid[2] * factors[2]),
        (finer[0] - offset[0], finer[1] - offset[1], finer[2] - offset[2]),
        (offset[0], offset[1], offset[2]),
    )


def new_points(fine: KMesh, factors: Grid, offset: Grid) -> KMesh:
    """The finer mesh without the points of the coarser one, which are at every factor-th index from the offset on."""
    cells = np.rint(fine.points * fine.grid - fine.shift).astype(np.int64)
    known = np.all((cells - np.array(offset)) % np.array(factors) == 0, axis=1)
    return replace(fine, points=fine.points[~known], weights=fine.weights[~known], labels=fine.labels[~known])


def known_sums(coarse: Division, fine: Division, factors: Grid, offset: Grid) -> RealArray | None:
    """What a coarser mesh's sums contribute to those of a finer one: (rows of the finer, rows of the coarser).

    Rows: the whole, then the classes of each level. None where a class of the finer mesh holds only a part of one of
    the coarser.
    """
    period = np.lcm(np.array(coarse.table.shape), np.array(fine.table.shape))
    cells = np.array(list(itertools.product(*map(range, period))), dtype=np.int64)
    positions = cells * np.array(factors) + np.array(offset)
    targets = _rows(fine, positions)
    sources = [np.zeros(len(cells), dtype=np.int64), *_rows(coarse, cells)]
    first, matrix = 1, np.zeros((1 + _count(fine), 1 + _count(coarse)))
    matrix[0, 0] = 1.0
    for labels, level in zip(targets, fine.levels, strict=True):
        for c in range(level.classes):
            row = _made_of(labels == c, sources, coarse)
            if row is None:
                return None
            matrix[first + c] = row
        first += level.classes
    return matrix / math.prod(factors)


def _rows(division: Division, cells: IntArray) -> list[IntArray]:
    """For each level the class of each point, −1 where it is not kept."""
    parts = division.labels(cells)
    return [level.parts[parts] for level in division.levels]


def _count(division: Division) -> int:
    return sum(level.classes for level in division.levels)


def _made_of(points: BoolArray, sources: list[IntArray], coarse: Division) -> RealArray | None:
    """The rows of the coarser mesh's sums that add up to these points."""
    row = np.zeros(1 + _count(coarse))
    starts = np.cumsum([0, 1, *(level.classes for level in coarse.levels)])
    for first, labels in zip(starts, sources, strict=False):
        classes = np.unique(labels[points])
        if not len(classes) or (classes[0] >= 0 and not np.any(np.isin(labels[~points], classes))):
            row[first + classes] = 1.0
            return row
    return None
