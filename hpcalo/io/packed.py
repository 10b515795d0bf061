"""Whole variables as arrays and a description that goes into JSON: how checkpoints hold results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from hpcalo.io.dataset import Variable, with_companions, without_companions
from hpcalo.typing import Array


class Description(TypedDict):
    """What a variable is, without its data; `text`: the data, if they are texts."""

    name: str
    dims: Sequence[str]
    unit: str
    long_name: str
    attrs: dict[str, object]
    equation: NotRequired[str]
    sign: NotRequired[str]
    parity: NotRequired[int]
    text: NotRequired[object]


def pack(name: str, variables: Sequence[Variable]) -> tuple[dict[str, Array], list[Description]]:
    """Whole variables as arrays `name.0`, `name.1` …, and what they are, for JSON.

    Texts go into the description. `unpack` gives them back.
    """
    arrays: dict[str, Array] = {}
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


def describe(v: Variable) -> Description:
    """What a variable is, without its data, for JSON."""
    entry: Description = {
        "name": v.name,
        "dims": v.dims,
        "unit": v.unit,
        "long_name": v.long_name,
        "attrs": dict(v.attrs),
    }
    if v.equation:
        entry["equation"] = v.equation
    if v.sign:
        entry["sign"] = v.sign
    if v.parity:
        entry["parity"] = v.parity
    return entry


def unpack(name: str, described: Sequence[Description], arrays: Mapping[str, Array]) -> list[Variable]:
    """The variables that `pack` was given. Raises LookupError or TypeError if they are not there."""
    return without_companions(
        [
            from_description(entry, np.array(entry["text"]) if "text" in entry else arrays[f"{name}.{number}"])
            for number, entry in enumerate(described)
        ]
    )


def from_description(entry: Description, data: ArrayLike | None = None) -> Variable:
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
