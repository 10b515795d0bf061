"""Small inputs of both engines with one number changed to an extreme one are computed, or end with one clear line.

What the schema accepts is really run. HPCALO_FUZZ=1000 tries all values of all keys (minutes), the default some.
"""

from __future__ import annotations

import copy
import os
from itertools import product

import pytest

import hpcalo.api
from hpcalo.errors import HpcaloError

KUBO = {
    "model": {
        "builtin": "rashba", "fermi_energy": 0.0, "hopping": 1.0, "rashba": 0.4, "exchange": 0.8, "thickness": 1.0,
        "lattice_constant": 1.0,
    },
    "kubo": {
        "quantities": ["torkance", "thermal_torkance", "spiralization", "density_of_states", "damping"],
        "gamma": [0.1],
        "temperatures": [300.0],
        "energies": {"minimum": -1.0, "maximum": 1.0, "points": 21},
        "k": {"grid": [4, 4, 1], "shift": [0.5, 0.5, 0.0]},
    },
}  # fmt: skip
STEADY = {
    "wall": {"mode": "steady"},
    "electrons": {
        "fermi_energy": 0.14, "exchange_splitting": 0.106, "relaxation_time": 1.0, "spin_flip_time": 1000.0,
        "conductivity": 1.26e6,
    },
    "magnet": {
        "saturation_magnetization": 8e5, "exchange_stiffness": 1.3e-11, "anisotropy": 5.2e5, "hard_anisotropy": 2e5,
        "damping": 0.2, "interfacial_dmi": 1e-4,
    },
    "wire": {"length": 80.0, "cells": 41},
    "momentum": {"points": 9, "cutoff": 1.8},
    "drive": {"temperature": 100.0, "gradient": 6.0, "circuit": "current", "current_density": -1e10},
    "texture": {"centre": 40.0, "width": 5.0, "angle": 0.0},
}  # fmt: skip
STEPPED = {
    **STEADY,
    "wall": {"mode": "quasi-static"},
    "time": {
        "end": 0.0002, "output_every": 0.0001, "tolerance": 1e-6, "first_step": 10.0, "refresh_interval": 100.0,
        "refresh_angle": 0.01,
    },
}  # fmt: skip
INPUTS = {"kubo": KUBO, "steady": STEADY, "stepped": STEPPED}
EXTREMES = [0.0, -1.0, 1e-300, 1e-30, 1e-12, 1e-6, 1e6, 1e12, 1e30, 1e300, float("inf"), float("nan")]
LARGE = {("wire", "cells"), ("kubo", "k", "grid")}  # a million is a size that a user may ask for
BUDGET = int(os.environ.get("HPCALO_FUZZ", "36"))


def numbers(table, path=()):
    for key, value in table.items():
        first = value[0] if isinstance(value, list) else value
        if isinstance(value, dict):
            yield from numbers(value, (*path, key))
        elif isinstance(first, (int, float)):
            yield (*path, key)


def cases():
    every = [
        (name, path, value)
        for name, table in INPUTS.items()
        for path, value in product(numbers(table), EXTREMES)
        if not (path in LARGE and 1e3 < value < 1e9)
    ]
    return every[:: max(1, len(every) // BUDGET)]


def changed(table, path, value):
    out = copy.deepcopy(table)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    old = inner[path[-1]]
    first = old[0] if isinstance(old, list) else old
    new = int(value) if isinstance(first, int) and abs(value) < 1e18 else value
    inner[path[-1]] = [new, *old[1:]] if isinstance(old, list) else new
    return out


@pytest.mark.parametrize(
    ("name", "path", "value"), cases(), ids=lambda x: ".".join(x) if isinstance(x, tuple) else str(x)
)
@pytest.mark.filterwarnings("ignore")
def test_extreme_number(name, path, value):
    said = "computed"
    try:
        hpcalo.api.run(changed(INPUTS[name], path, value))
    except HpcaloError as problem:
        said = str(problem)
    assert len(said.splitlines()) == 1
