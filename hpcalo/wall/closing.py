"""The table at the end of a run: the wall's numbers at the last output, each with the error of meshes and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcalo.io.dataset import Result
from hpcalo.io.hdf5 import open_hdf5
from hpcalo.io.netcdf import plain
from hpcalo.io.table import Table
from hpcalo.io.uncertain import THRESHOLD, percent, with_error

NAMES = (
    *("wall_velocity", "u", "u_electrical", "u_thermal", "beta", "beta_electrical", "beta_Q", "polarization"),
    *("electric_field", "mean_charge_current", "settling_time"),
)
"""Numbers of the table, in its order."""
MUST = ("wall_velocity", "u", "beta", "settling_time")
"""Numbers whose errors a run warns of."""
MOST_POINTS = 12
"""Points of a scan that the table shows."""


@dataclass(frozen=True)
class Number:
    """A value with its error (NaN: not known) and unit; point: which of a scan, "" without one."""

    name: str
    value: float
    error: float
    unit: str
    point: str = ""

    @property
    def relative(self) -> float:
        """Error over modulus of the value; 0 where both vanish."""
        return self.error / abs(self.value) if self.value else (0.0 if self.error == 0.0 else float("inf"))


def numbers_of_file(path: Path) -> list[Number]:
    """Those of the last output of a run whose file is complete but for its name. Serial. Raises InputError."""
    found = []
    with open_hdf5(path) as file:
        for name in NAMES:
            if name in file and f"{name}_error" in file and file[name].ndim == 1 and file[name].size:
                unit = str(plain(file[name].attrs.get("units", "")))
                found.append(Number(name, float(file[name][-1]), float(file[f"{name}_error"][-1]), unit))
    return [n for n in found if np.isfinite(n.value)]


def numbers_of_result(result: Result) -> list[Number]:
    """Those of the last output, of every point of a scan that has one. Serial."""
    found: list[Number] = []
    for name in NAMES:
        variable = result.variables.get(name)
        if variable is None or variable.error is None:
            continue
        scanned = "error" in result.variables
        # One number a point, of the published model, is a series of one.
        shape = (-1, 1) if scanned and len(variable.dims) == 1 else np.shape(variable.data) or (1, 1)
        values = np.atleast_2d(np.asarray(variable.data, dtype=float).reshape(shape))
        errors = np.atleast_2d(np.asarray(variable.error, dtype=float).reshape(shape))
        axis = result.coordinates.get(variable.dims[0]) if variable.dims else None
        for point, (row, error) in enumerate(zip(values, errors, strict=True)):
            there = np.flatnonzero(np.isfinite(row))
            if there.size:
                at = "" if axis is None or not scanned else _point(np.asarray(axis.data)[point], axis.unit)
                found.append(Number(name, float(row[there[-1]]), float(error[there[-1]]), variable.unit, at))
    return found


def _point(value: object, unit: str) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def table(numbers: Sequence[Number]) -> Table | None:
    """The table of these numbers; None where there is none."""
    if not numbers:
        return None
    points = list(dict.fromkeys(n.point for n in numbers))
    shown = [n for n in numbers if n.point in points[:MOST_POINTS]]
    scan = points != [""]
    rows = tuple(
        (n.name, *([n.point] if scan else []), with_error(n.value, n.error), n.unit, percent(n.relative)) for n in shown
    )
    left = len(points) - MOST_POINTS
    remarks = [f"errors of x and momentum meshes, of velocities also of the steps; ! above {percent(THRESHOLD)}"]
    remarks += [f"left out: {left} points of the scan; they are in the file, each with its errors"] if left > 0 else []
    return Table(
        "values and errors at the last output",
        ("quantity", *(["at"] if scan else []), "value ± error", "unit", "relative"),
        rows,
        tuple(not n.relative <= THRESHOLD for n in shown),
        tuple(remarks),
    )


def doubts(numbers: Sequence[Number]) -> list[str]:
    """Warnings of numbers that are not converged, or whose error is not known."""
    found = []
    for name in MUST:
        bad = [n for n in numbers if n.name == name and n.relative > THRESHOLD]
        if bad:
            worst = max(bad, key=lambda n: n.relative)
            where = f" at {worst.point}" if worst.point else ""
            keys = "paper.cells or paper.points" if name == "settling_time" else "wire.cells or momentum.points"
            keys += ", or a smaller time.tolerance or time.refresh_interval," if name == "wall_velocity" else ""
            more = f" (and at {len(bad) - 1} other points)" if len(bad) > 1 else ""
            found.append(
                f"not converged: {name} is {with_error(worst.value, worst.error)} {worst.unit}{where}{more}: more "
                f"{keys} are needed"
            )
    unknown = [n.name for n in numbers if n.name in MUST and np.isnan(n.error)]
    if unknown:
        found.append(f"the errors of {', '.join(dict.fromkeys(unknown))} are not known: the meshes are too coarse")
    return found
