"""Whole variables as arrays and a description that goes into JSON: how checkpoints hold results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcalo.io.dataset import Variable, with_companions, without_companions


def pack(name: str, variables: Sequence[Variable]) -> tuple[dict[str, NDArray[Any]], list[dict[str, Any]]]:
    """Whole variables as arrays `name.0`, `name.1` …, and what they are, for JSON.

    Texts go into the description. `unpack` gives them back.
    """
    arrays: dict[str, NDArray[Any]] = {}
    described = []
    for number, variable in enumerate(with_companions(variables)):
        data = np.asarray(variable.data)
        entry = describe(variable)
        if data.dtype.kind in "OU":
            entry["text"] = data.tolist()
        else:
            arrays[f"{name}.{number}"] = data
        described.append(entry)
    return arrays, described


def describe(v: Variable) -> dict[str, Any]:
    """What a variable is, without its data, for JSON."""
    more = {"equation": v.equation, "sign": v.sign, "parity": v.parity}
    return {
        "name": v.name,
        "dims": v.dims,
        "unit": v.unit,
        "long_name": v.long_name,
        "attrs": dict(v.attrs),
        **{key: value for key, value in more.items() if value},
    }


def unpack(name: str, described: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> list[Variable]:
    """The variables that `pack` was given. Raises LookupError or TypeError if they are not there."""
    return without_companions(
        [
            from_description(entry, np.array(entry["text"]) if "text" in entry else arrays[f"{name}.{number}"])
            for number, entry in enumerate(described)
        ]
    )


def from_description(entry: Mapping[str, Any], data: Any = None) -> Variable:
    """The variable that `describe` has described. Raises LookupError or TypeError."""
    return Variable(
        entry["name"],
        tuple(entry["dims"]),
        data,
        entry["unit"],
        entry["long_name"],
        entry["attrs"],
        equation=entry.get("equation", ""),
        sign=entry.get("sign", ""),
        parity=entry.get("parity", 0),
        nan_ok=True,
    )
