"""What PRB 106, 054432 prints of the results in its Figures 2 to 7, from `printed.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _figures() -> dict[int, dict[str, Any]]:
    text = files(__package__).joinpath("printed.toml").read_text(encoding="utf-8")
    return {one["number"]: one for one in tomllib.loads(text)["figure"]}


def figure(number: int) -> dict[str, Any]:
    """The entry of a figure: what it shows, its conditions, and what the paper prints of it."""
    return _figures()[number]


def settling_times() -> dict[float, float]:
    """t_s (ns) by gradient (K/nm), of Figure 3."""
    return {float(one["gradient"]): float(one["time"]) for one in figure(3)["settling"]}


def velocities() -> dict[float, float]:
    """v = d/t_s (m/s) by gradient (K/nm), of Figure 3."""
    return {float(one["gradient"]): float(one["velocity"]) for one in figure(3)["settling"]}
