"""The points of a scan, each as if it had been run alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.scanned import SCAN, single_point

UNITS = {
    "reference_energy_eV": ("eV", "zero of the energy axis"),
    "reference_energy_error_eV": ("eV", "estimated error of the zero of the energy axis"),
    "cell_volume_A3": ("angstrom^3", "volume of the cell"),
    "cell_area_A2": ("angstrom^2", "area of the cell"),
    "k_points_full": ("", "k-points of the whole zone"),
    "k_points": ("", "k-points that were computed"),
    "target_reached": ("", "whether the target of the sum over k was reached"),
}
"""Units and words of the attributes of a run that are variables in a scan: each point has its own."""


def is_scan(result: Result) -> bool:
    """Whether the first axis of all variables is a scanned input."""
    return "error" in result.variables


def scanned_axis(result: Result) -> str:
    """Name of that axis."""
    return result.variables["error"].dims[0]


def scanned_key(result: Result) -> str:
    """The key of the input that was scanned."""
    return next((str(key) for table in SCAN if (key := result.setting(table, "key"))), scanned_axis(result))


def point(result: Result, index: int) -> Result:
    """One point, which must not have failed; numbers of the run are attributes again."""
    one = single_point(result, index)
    numbers = {n: v.data.item() for n, v in one.variables.items() if not v.dims and n in UNITS}
    variables = {n: v for n, v in one.variables.items() if n not in numbers}
    return replace(one, variables=variables, attrs={**one.attrs, **numbers})


def points(result: Result) -> Iterator[tuple[int, Result]]:
    """The points that did not fail, with their numbers."""
    for index, error in enumerate(np.asarray(result["error"])):
        if not str(error):
            yield index, point(result, index)


def labels(result: Result) -> list[str]:
    """The scanned values in words."""
    axis = result.coordinates[scanned_axis(result)]
    values = np.asarray(axis.data)
    texts = [f"{v:.6g}" if values.dtype.kind in "fiu" else str(v) for v in values]
    return [f"{text} {axis.unit}".strip() for text in texts]
