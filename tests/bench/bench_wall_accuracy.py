"""What the grids of the wall do to its numbers: the tables of docs/guide/accuracy.md, printed as Markdown.

python tests/bench/bench_wall_accuracy.py [momentum|cutoff|cells|length|time]

The permalloy wall (D = 5 nm, 100 K, open circuit, 6 K/nm) with xi = 161 (tau_sf = 1 ps) and 1.61 (10 fs): relative
errors of u, beta and the largest torque against the finest grid of each table, and their orders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import hpcalo

TABLES: dict[str, dict[str, Any]] = {
    "wall": {"mode": "steady"},
    "electrons": {"conductivity": 1.26e6},
    "momentum": {"points": 48},
    "magnet": {"hard_anisotropy": 2e5},
    "wire": {"length": 80.0, "cells": 161},
    "drive": {"temperature": 100.0, "gradient": 6.0, "circuit": "open"},
}
FLIP = {161: 1000.0, 1.61: 10.0}
"""tau_sf in fs for each xi."""


def run(**changes: Mapping[str, Any]) -> Any:
    """The result with other values in some tables."""
    return hpcalo.api.run({name: {**TABLES.get(name, {}), **changes.get(name, {})} for name in {**TABLES, **changes}})


def measured(xi: float, **changes: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """u, beta, largest torque."""
    electrons = {**TABLES["electrons"], "spin_flip_time": FLIP[xi], **changes.pop("electrons", {})}
    data = run(electrons=electrons, **changes).isel(time=0)
    size = np.sqrt((data.torque**2).sum("component")).max()
    return np.array([float(data.u), float(data.beta), float(size)])


def table(head: str, values: list[Any], change: Callable[[Any], dict[str, Any]], steps: list[float] | None) -> None:
    """Errors against the last value; orders between neighbours if `steps` says how fine each is."""
    print(f"\n| {head} | " + " | ".join(f"{q}, ξ = {xi}" for xi in FLIP for q in ("u", "β", "torque")) + " |")
    print("|---" * (1 + 3 * len(FLIP)) + "|")
    found = [np.concatenate([measured(xi, **change(v)) for xi in FLIP]) for v in values]
    errors = [abs(row / found[-1] - 1) for row in found]
    for number, (value, error) in enumerate(zip(values, errors, strict=True)):
        last = number == len(values) - 1
        cells = []
        for k, e in enumerate(error):
            text = f"{found[-1][k]:.5g}" if last else f"{e:.1e}"
            if steps and 0 < number < len(values) - 1:
                text += f" ({np.log(errors[number - 1][k] / e) / np.log(steps[number - 1] / steps[number]):.1f})"
            cells.append(text)
        print(f"| {value} | " + " | ".join(cells) + " |")


def at(kelvin: float) -> dict[str, Any]:
    return {**TABLES["drive"], "temperature": kelvin}


def momentum() -> None:
    for kelvin, reach in ((50.0, 1.8), (100.0, 1.8), (300.0, 2.2)):  # so far that only the points are seen
        print(f"\n{kelvin:g} K, cutoff {reach}")
        values = [16, 24, 32, 48, 64, 96, 384] if kelvin > 50 else [24, 32, 48, 64, 96, 384]

        def change(n: int, kelvin: float = kelvin, reach: float = reach) -> dict[str, Any]:
            return {"momentum": {"points": n, "cutoff": reach}, "drive": at(kelvin)}

        table("points", values, change, [1 / n for n in values])


def cutoff() -> None:
    for kelvin, values in ((100.0, [1.4, 1.5, 1.6, 1.8, 3.0]), (300.0, [1.8, 1.9, 2.0, 2.1, 2.2, 3.0])):
        print(f"\n{kelvin:g} K")

        def change(c: float, kelvin: float = kelvin) -> dict[str, Any]:
            return {"momentum": {"points": round(c * 40), "cutoff": c}, "drive": at(kelvin)}  # cells of equal size

        table("cutoff", values, change, None)


def cells() -> None:
    values = [65, 81, 161, 321, 641, 2561]
    table("cells", values, lambda n: {"wire": {"length": 80.0, "cells": n}}, [1 / (n - 1) for n in values])


def length() -> None:
    values = [20.0, 30.0, 40.0, 60.0, 80.0, 160.0]
    table("length (nm)", values, lambda x: {"wire": {"length": x, "cells": int(2 * x) + 1}}, None)


def time() -> None:
    """Position, velocity and energy balance of the moving wall after 0.1 ns."""
    print(
        "\n| integrator | tolerance | refresh | steps | position | velocity | balance of energy |\n" + "|---" * 7 + "|"
    )

    def moved(**settings: Any) -> tuple[float, float, float, int]:
        data = run(
            wall={"mode": "quasi-static"}, wire={"length": 80.0, "cells": 81}, momentum={"points": 24},
            texture={"relax": True}, time={"end": 0.1, "output_every": 0.0025, **settings},
        )  # fmt: skip
        given, lost = (np.trapezoid(data[f"power_{n}"], data.time) * 1e-9 for n in ("spin_torque", "damping"))
        change = float(data.energy_total[-1] - data.energy_total[0])
        way = float(data.wall_position[-1] - data.wall_position[0])
        return way, float(data.wall_velocity[-1]), abs(change - given - lost) / abs(given), int(data.attrs["steps"])

    exact = moved(integrator="rk", tolerance=1e-11, refresh="stage")
    for integrator, tolerance, refresh in (
        ("rk", 1e-10, "interval"), ("rk", 1e-8, "interval"), ("rk", 1e-6, "interval"),
        ("bdf", 1e-8, "interval"), ("bdf", 1e-7, "interval"), ("bdf", 1e-6, "interval"), ("bdf", 1e-5, "interval"),
        ("rosw", 1e-7, "interval"), ("arkimex", 1e-7, "interval"), ("bdf", 1e-7, "step"),
    ):  # fmt: skip
        way, v, balance, steps = moved(integrator=integrator, tolerance=tolerance, refresh=refresh)
        print(
            f"| {integrator} | {tolerance:.0e} | {refresh} | {steps} | {abs(way / exact[0] - 1):.1e} "
            f"| {abs(v / exact[1] - 1):.1e} | {balance:.1e} |"
        )
    print(f"| rk | 1e-11 | stage | {exact[3]} | {exact[0]:.6g} nm | {exact[1]:.6g} m/s | {exact[2]:.1e} |")


if __name__ == "__main__":
    for part in sys.argv[1:] or ("momentum", "cutoff", "cells", "length", "time"):
        print(f"\n{part}")
        {"momentum": momentum, "cutoff": cutoff, "cells": cells, "length": length, "time": time}[part]()
