"""The figure of docs/guide/scaling.md from what the two benches of the cost model have left in build/scaling.json.

python tests/bench/bench_cost_model.py && python tests/bench/bench_cost_wall.py && python tests/bench/plot_scaling.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from hpcalo.plotting import style
from hpcalo.plotting.paper import STYLE

ROOT = Path(__file__).resolve().parents[2]
FIGURE = ROOT / "docs" / "figures" / "scaling.png"
MEASURED = 4  # ranks; what lies beyond is the model's


def curve(axis: Axes, ranks: np.ndarray, speed: np.ndarray, number: int, label: str) -> None:
    """A curve of the model: whole where it was compared with measurements, dashed beyond."""
    colour = style.COLOURS[number]
    near, far = ranks <= MEASURED, ranks >= ranks[ranks <= MEASURED].max()
    axis.plot(ranks[near], speed[near], color=colour)
    axis.plot(ranks[far], speed[far], color=colour, ls=style.DASHES[1], label=label)


def main() -> None:
    found = json.loads((ROOT / "build" / "scaling.json").read_text())
    with rc_context(STYLE):
        figure, (left, right) = style.panels(2)
        rows = found["kubo"]["rows"]
        ranks = np.array([row["ranks"] for row in rows])
        loop, whole, cold = (np.array([row[name] for row in rows]) for name in ("loop", "whole", "cold"))
        left.plot(ranks, ranks, color="0.7", lw=0.8, label="ideal", gid=style.GUIDE)
        curve(left, ranks, loop[0] / loop, 0, "loop over k")
        curve(left, ranks, whole[0] / whole, 1, "run, program on local disks")
        curve(left, ranks, whole[0] / (whole + cold), 2, "run, program on a shared file system")
        rows = found["kubo"]["measured"]
        speed = [rows[0]["most"] / r["most"] for r in rows]
        left.plot([r["ranks"] for r in rows], speed, "ko", label="measured: three layers, busiest rank")
        style.note(left, "Mn on W(001), N = 440, 1024 × 1024 points")
        right.plot([1, 64], [1, 64], color="0.7", lw=0.8, label="ideal", gid=style.GUIDE)
        for number, cells in enumerate((10_000, 1_000_000)):
            mine = [r for r in found["wall"]["rows"] if r["cells"] == cells and r["ranks"] <= 1024]
            few, speed = (np.array([r[name] for r in mine]) for name in ("ranks", "speed-up"))
            curve(right, few, speed, number, f"{cells:,} cells")
        rows = [r for r in found["wall"]["measured"] if r["cells"] == 8000]
        by_ranks = {n: [r["measured"] for r in rows if r["ranks"] == n] for n in (1, 2, 4)}
        ratio = [float(np.median(np.divide(by_ranks[1], by_ranks[n]))) for n in by_ranks]
        right.plot(list(by_ranks), ratio, "ko", label="measured: work alone, 8000 cells")
        style.note(right, "steady solve of a wall, 24 momenta")
        for axis in (left, right):
            axis.set(xscale="log", yscale="log", xlabel="ranks", ylabel="speed-up")
            axis.margins(x=0.02)
            low, high = axis.get_xlim()
            axis.axvspan(MEASURED, high, color="0.95", zorder=0, lw=0)
            axis.set_xlim(low, high)
            place = axis.get_xaxis_transform()
            axis.text(MEASURED * 1.15, 0.04, "extrapolated", fontsize=6.5, color=style.GREY, transform=place)
        style.finish(figure, [left, right])
        figure.savefig(FIGURE, format="png")


if __name__ == "__main__":
    main()
