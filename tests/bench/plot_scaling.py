"""The figure of docs/guide/scaling.md from what the two benches of the cost model have left in build/scaling.json.

python tests/bench/bench_cost_model.py && python tests/bench/bench_cost_wall.py && python tests/bench/plot_scaling.py
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parents[2]
FIGURE = ROOT / "docs" / "figures" / "scaling.png"


def main() -> None:
    found = json.loads((ROOT / "build" / "scaling.json").read_text())
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.8), constrained_layout=True)
    rows = found["kubo"]["rows"]
    ranks = np.array([row["ranks"] for row in rows])
    loop, whole, cold = (np.array([row[name] for row in rows]) for name in ("loop", "whole", "cold"))
    left.loglog(ranks, ranks, color="0.7", lw=1, label="ideal")
    left.loglog(ranks, loop[0] / loop, "-", color="C0", label="loop over k")
    left.loglog(ranks, whole[0] / whole, "-", color="C1", label="run, program on local disks")
    left.loglog(ranks, whole[0] / (whole + cold), "--", color="C3", label="run, program on a shared file system")
    rows = found["kubo"]["measured"]
    left.loglog(
        [r["ranks"] for r in rows],
        [rows[0]["most"] / r["most"] for r in rows],
        "ko",
        ms=4,
        label="measured (three layers, busiest rank)",
    )
    left.set(title="(a) Mn on W(001), N = 440, 1024 × 1024 points", xlabel="ranks", ylabel="speed-up")
    rows = found["wall"]["rows"]
    most = 1024
    right.loglog([1, 64], [1, 64], color="0.7", lw=1, label="ideal")
    for number, cells in enumerate((10_000, 1_000_000)):
        mine = [r for r in rows if r["cells"] == cells and r["ranks"] <= most]
        style = ("-", "--")[number]
        right.loglog([r["ranks"] for r in mine], [r["speed-up"] for r in mine], style, color=f"C{number}",
                     label=f"{cells:,} cells")  # fmt: skip
    rows = [r for r in found["wall"]["measured"] if r["cells"] == 8000]
    by_ranks = {n: [r["measured"] for r in rows if r["ranks"] == n] for n in (1, 2, 4)}
    ratio = [float(np.median(np.divide(by_ranks[1], by_ranks[n]))) for n in by_ranks]
    right.loglog(list(by_ranks), ratio, "ko", ms=4, label="measured (work alone, 8000 cells)")
    right.set(title="(b) steady solve of a wall, 24 momenta", xlabel="ranks", ylabel="speed-up")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
        axes.grid(color="0.92", which="major")
    figure.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
