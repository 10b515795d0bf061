"""What PRB 106, 054432 prints of the results in its Figures 2 to 7, from `printed.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TypedDict


class Settling(TypedDict):
    """A gradient in K/nm, the settling time in ns and the velocity in m/s that the paper prints for it."""

    gradient: float
    time: float
    velocity: float


class Figure(TypedDict, total=False):
    """What a figure of the paper shows, under which conditions (K, K/nm), and what the paper prints of it."""

    number: int
    shows: str
    temperature: float
    temperatures: list[float]
    gradient: float
    gradients: list[float]
    settling: list[Settling]
    end: str
    trend: str


@cache
def _figures() -> dict[int, Figure]:
    text = files(__package__).joinpath("printed.toml").read_text(encoding="utf-8")
    return {one["number"]: one for one in tomllib.loads(text)["figure"]}


def figure(number: int) -> Figure:
    """The entry of a figure: what it shows, its conditions, and what the paper prints of it."""
    return _figures()[number]


def settling_times() -> dict[float, float]:
    """t_s (ns) by gradient (K/nm), of Figure 3."""
    return {float(one["gradient"]): float(one["time"]) for one in figure(3)["settling"]}


def velocities() -> dict[float, float]:
    """v = d/t_s (m/s) by gradient (K/nm), of Figure 3."""
    return {float(one["gradient"]): float(one["velocity"]) for one in figure(3)["settling"]}
