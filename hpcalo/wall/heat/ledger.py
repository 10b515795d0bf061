"""The ledger: what each term has brought since the start, J per m^2 of cross-section."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcalo.typing import Contents, RealArray
from hpcalo.wall.heat.equation import TERMS

FROM_OUTSIDE = ("supply", "motive", "leads", "field", "left", "right", "substrate")
"""What crosses the border of the wire; the sum is what bath and magnet have gained."""
WITHIN = ("joule", "thermoelectric", "damping", "transfer", "caloric")
"""What becomes heat within the wire."""
STORED = ("bath", "magnet", "entropy")
"""Where it is then."""
SUMS = (*TERMS, "field", "damping", "dissipated", "motive", "transfer", "caloric")
"""What gathers in time."""
COARSE = tuple(f"coarse_{name}" for name in TERMS)
"""The terms of the heat equation with steps of twice the length."""
ENTRIES = (*SUMS, *COARSE, *(f"{name}_start" for name in STORED))
"""Numbers of a state's ledger: sums since the start, and the energies that were stored at the start."""
WORDS = {
    "supply": "work of the electrical supply, int j E dx dt",
    "motive": "work of the electrical supply against the spin motive force of the moving magnetization",
    "leads": "Peltier heat that the current carries in less what it carries out, j T S",
    "field": "work of applied fields that change in time",
    "left": "heat that is conducted in through the left end",
    "right": "heat that is conducted in through the right end",
    "substrate": "heat from the substrate (negative: to it)",
    "joule": "Joule heat, int j^2/sigma dx dt",
    "thermoelectric": "Peltier and Thomson heat, -int j T dS/dx dx dt",
    "damping": "heat of damping: what the magnetization has lost",
    "transfer": "heat that the bath has got through spin torques: work against the motive force less work on M",
    "caloric": "magnetocaloric heat, -int T d_t s_m dx dt",
}


def position(name: str) -> int:
    """Where an entry is in the array of a state."""
    return ENTRIES.index(name)


def to_numbers(ledger: RealArray) -> dict[str, float]:
    """The entries as numbers of a saved state."""
    return {f"ledger_{name}": float(value) for name, value in zip(ENTRIES, ledger, strict=True)}


def from_numbers(numbers: Contents) -> RealArray:
    """The entries of a saved state. Raises KeyError where it has none."""
    new = (*COARSE, "motive", "transfer", "caloric", "entropy_start")  # states of earlier versions do not have them
    held = {n: numbers[f"ledger_{n}"] for n in ENTRIES if n not in new}
    more = dict.fromkeys(new, 0.0) | {f"coarse_{n}": held[n] for n in TERMS}
    found = held | {n: numbers.get(f"ledger_{n}", more[n]) for n in new}
    return np.array([float(found[n]) for n in ENTRIES])


def total(ledger: RealArray, names: Sequence[str]) -> float:
    """Sum of these entries."""
    return float(sum(ledger[position(name)] for name in names))
