"""Study of the published wall model: what length, window, sign of u_x and mesh do to its settling times.

    python docs/generate/published_study.py docs/figures/published_study.png

A minute or two of computing; prints the numbers of docs/theory/wall-published.md.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np

from hpcalo.plotting import style
from hpcalo.plotting.paper import STYLE
from hpcalo.wall.config import Drive, Paper, Texture, WallInput, WallSection
from hpcalo.wall.plot.printed import settling_times
from hpcalo.wall.published.evolution import evolve
from hpcalo.wall.published.model import PaperModel

KAPPA = (0.5, 1.0, 2.0, 4.0, 6.0)
READING: dict[str, Any] = {
    "convention": "moment", "equilibrium": "+gM", "window": ("upper band edge", 2.0), "left_domain": 65.0,
    "cells": 26, "points": 24, "step": 0.5, "steps": 26,
}  # fmt: skip
LENGTHS = {f"L = {length:g} nm": {"left_domain": length} for length in (0.0, 20.0, 40.0, 65.0, 90.0)}
WINDOWS: dict[str, dict[str, Any]] = {
    "band edge – 2 $p_F$": {},
    "band edge – 1.5 $p_F$": {"window": ("upper band edge", 1.5)},
    "1.3 – 2 $p_F$": {"window": (1.3, 2.0), "steps": 60},
    "$p_F$ – 2 $p_F$": {"window": ("Fermi momentum", 2.0), "cells": 51},
    "0.9 – 1.1 $p_F$": {"window": (0.9, 1.1), "cells": 51},
}
SIGNS: dict[str, dict[str, Any]] = {
    "$u_x < 0$, moment": {},
    "$u_x = 0$": {"velocity": 0.0},
    "$u_x > 0$": {"velocity": -1.93e5},
    "printed mixture of signs": {"convention": "printed", "equilibrium": "-gM"},
}
MESHES: dict[str, dict[str, Any]] = {
    f"{cells} × {points}": {"cells": cells, "points": points}
    for cells, points in ((13, 24), (26, 12), (26, 24), (26, 48), (51, 48))
}


@cache
def _time(kappa: float, temperature: float, field: float, choices: tuple[tuple[str, Any], ...]) -> float:
    drive = Drive(electric_field=field, gradient=kappa, temperature=temperature)
    paper = Paper(**{**READING, **dict(choices)})
    settings = WallInput(wall=WallSection(model="paper"), drive=drive, texture=Texture(width=5.0), paper=paper)
    r = evolve(PaperModel(settings), c_per_m=1.0)
    return r.settled * r.unit_ns


def time(kappa: float, temperature: float = 100.0, field: float = -8e3, **choices: Any) -> float:
    """t_s for one C, in units that are the same for all choices."""
    return _time(kappa, temperature, field, tuple(sorted(choices.items())))


def main(output: str) -> None:
    """Prints the table of each choice and draws it."""
    printed = settling_times()
    with mpl.rc_context(STYLE):
        figure, axes = style.panels(4, "Published wall: settling time, κ = 2 K/nm set to 0.15 ns in each row")
        for axis, (words, choices) in zip(
            axes,
            {"length": LENGTHS, "window": WINDOWS, "sign of u_x": SIGNS, "mesh": MESHES}.items(),
            strict=True,
        ):
            for n, (label, change) in enumerate(choices.items()):
                unit = 0.15 / time(2.0, **change)
                row = [unit * time(kappa, **change) for kappa in KAPPA]
                hot = [unit * time(5.0, t0, **change) for t0 in (150.0, 250.0)]
                sys.stdout.write(f"{words:12s} {label:26s} {np.round(row, 4)} {np.round(hot, 4)}\n")
                sys.stdout.flush()
                axis.plot(KAPPA, row, color=style.COLOURS[n], marker="o", ms=3, label=label)
            mark = {"ls": "None", "marker": "D", "ms": 5, "mfc": "white", "mec": "black", "zorder": 5}
            axis.plot(list(printed), list(printed.values()), label="printed", **mark)
            axis.set_xlabel(r"temperature gradient $\kappa$ (K/nm)")
            axis.set_ylabel("settling time $t_s$ (ns)")
            axis.set_ylim(0.0, 0.42 if words == "window" else 0.32)
        style.finish(figure, axes)
        figure.savefig(output)
    still = [time(2.0, field=field) / time(2.0) for field in (0.0, 8e3)]
    sys.stdout.write(f"E = 0, +8e3 V/m: {np.round(still, 4)} of the time at -8e3 V/m\n")


if __name__ == "__main__":
    main(sys.argv[1])
