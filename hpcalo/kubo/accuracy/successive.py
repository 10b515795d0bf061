"""The errors of a mesh, raised where coarser meshes of its family contradict them, lowered where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpcalo.io.dataset import Variable
from hpcalo.typing import RealArray

TRUSTED = 2.0
"""Errors by which two levels may differ before the estimate of the finer one is raised."""
ENOUGH = 2
"""Coarser meshes that it takes to lower an error: two meshes may agree by chance."""
LOWEST = 0.1
"""Part of an error that is left of it however well the meshes agree."""


@dataclass(frozen=True)
class Coarser:
    """What a coarser level gave.

    ratio: how many times the spacing of its points is that of the next finer level; None where the points of the levels
    are no equidistant meshes. fields: its variables with the errors of their own.
    """

    ratio: float | None
    fields: Sequence[Variable]


def with_coarser(fields: Sequence[Variable], levels: Sequence[Coarser], dimensions: int) -> list[Variable]:
    """The variables with errors that the coarser levels support, these from the coarsest to the last one."""
    if not levels:
        return list(fields)
    names = [{v.name: v for v in level.fields} for level in levels]
    found = []
    for variable in fields:
        before = [by_name.get(variable.name) for by_name in names]
        same = [b for b in before if b is not None and b.error is not None and b.shape == variable.shape]
        found.append(_supported(variable, same, levels, dimensions) if len(same) == len(levels) else variable)
    return found


def _supported(variable: Variable, before: Sequence[Variable], levels: Sequence[Coarser], d: int) -> Variable:
    assert variable.error is not None
    last = before[-1]
    assert last.error is not None
    raised = raised_error(variable.data, variable.error, last.data, last.error)
    ratios = [level.ratio for level in levels[-ENOUGH:]]
    if "energy" in variable.dims or len(ratios) < ENOUGH or None in ratios:
        return replace(variable, error=raised)
    values = [b.data for b in before[-ENOUGH:]] + [variable.data]
    lowered = lowered_error(values, [ratio for ratio in ratios if ratio is not None], variable.error, d)
    return replace(variable, error=np.where(raised > variable.error, raised, lowered))


def raised_error(value: RealArray, error: RealArray, before: RealArray, error_before: RealArray) -> RealArray:
    """The error of a value, larger where that of a coarser level differs by more than the errors of both explain."""
    known = np.fmax(np.nan_to_num(error), np.nan_to_num(error_before))
    explained, gap = TRUSTED * known, np.abs(value - before)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = np.where(explained > 0.0, np.minimum(gap, error * gap / explained), gap)
    return np.where(gap > explained, more, error)


def lowered_error(values: Sequence[RealArray], ratios: Sequence[float], error: RealArray, dimensions: int) -> RealArray:
    """The error of the last of several values from finer and finer meshes, smaller where they agree.

    ratios: of the spacings of neighbours, the coarser by the finer one (> 1). Where the integrand is spiky, the error
    falls with r as ρ = r^(−d/2), and the difference of two meshes is (1/ρ − 1) errors of the finer one; where it is
    smooth, more. The largest of these counts, so that two meshes that agree by chance lower nothing.
    """
    bound = np.zeros_like(error)
    for coarse, fine, ratio in zip(values[:-1], values[1:], ratios, strict=True):
        rho = ratio ** (-dimensions / 2.0)
        bound = np.maximum(bound, rho / (1.0 - rho) * np.abs(fine - coarse))
    bound = np.maximum(bound, LOWEST * error)
    return np.asarray(np.where(bound < error, bound, error), dtype=np.float64)
