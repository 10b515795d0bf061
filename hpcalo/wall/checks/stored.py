"""What the checks read from a wall result: numbers of points that did not fail, settings, differences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.dataset import Result
from hpcalo.typing import RealArray
from hpcalo.wall.plot.data import is_scan, scanned

EXACT = 1e-8  # identities; the constants used here agree to ten digits
MOVING = 1e-3  # conservation of spin between the written times, and a current that the steps hold


def succeeded(result: Result, name: str) -> RealArray:
    """The variable; of a scan without the points that failed."""
    data = np.asarray(result[name], dtype=float)
    return data[np.asarray(result["error"]) == ""] if is_scan(result) else data


def largest(values: ArrayLike) -> float:
    """Largest modulus; NaN if any value is."""
    return float(np.max(np.abs(values), initial=0.0))


def input_value(result: Result, *keys: str) -> Any:  # as the schema of that input has it
    """A number of the input; where it is the scanned one, an array that goes with the variables' first axis."""
    if is_scan(result) and scanned(result) == "_".join(keys):
        values = np.asarray(result[scanned(result)])
        if values.dtype.kind not in "fiu":
            return None
        return values[np.asarray(result["error"]) == ""].astype(float)
    return result.setting(*keys)


def shaped(value: RealArray | float, like: RealArray) -> RealArray | float:
    """The value so that it multiplies an array with the points of a scan in front."""
    return value.reshape(-1, *[1] * (like.ndim - 1)) if isinstance(value, np.ndarray) else float(value)


def divergence(result: Result, name: str) -> RealArray:
    """d_x of a current on the faces, at the nodes, per metre."""
    axis = -1 if result.variables[name].dims[-1] == "x_face" else -2
    spacing = 1e-9 * float(result["x_face"][1] - result["x_face"][0])
    return np.asarray(np.diff(succeeded(result, name), axis=axis) / spacing)


def is_moving(result: Result) -> bool:
    """Whether electrons and magnetization were stepped together."""
    return result.attrs.get("kind") == "time-dependent"


def same_times(result: Result, *names: str) -> bool:
    """Whether the variables are there and were written at the same times."""
    held = [result.variables[n].dims for n in names if n in result.variables]
    return len(held) == len(names) and len({d[1 if is_scan(result) else 0] for d in held}) == 1


def between_times(result: Result, name: str, density: RealArray, rest: RealArray) -> RealArray | None:
    """d_t density + rest by the trapezoid rule between the written times of `name`; None for a single time."""
    axis = 1 if is_scan(result) else 0
    t = 1e-9 * np.asarray(result[result.variables[name].dims[axis]], dtype=float)
    if len(t) < 2:
        return None
    steps = np.diff(t).reshape(-1, *[1] * (density.ndim - axis - 1))
    head = (slice(None),) * axis
    mean = 0.5 * (rest[(*head, slice(1, None))] + rest[(*head, slice(None, -1))])
    return np.asarray(np.diff(density, axis=axis) / steps + mean)
