"""The cost model of docs/guide/scaling.md, wall half: parts of a steady solve at 1, 2 and 4 ranks, fit, prediction.

python tests/bench/bench_cost_wall.py

On one rank processor time; on several wall time, of which the least of many repeats counts: ranks wait for each other,
and another user of a core only adds. Four ranks on two cores share them, and the model says so. What was found is left
in build/scaling.json for plot_scaling.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from bench_cost_model import BANDWIDTH, FOUND, LATENCY, say
from scipy.optimize import nnls

from hpcalo.parallel.threads import limit_threads

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from bench_wall import WORLD, best, fastest, wall
cells, points = int(sys.argv[2]), int(sys.argv[3])
clock = best if WORLD.size == 1 else fastest
solver, ghost = wall(WORLD, cells, cells * 0.1, points)
solver.update(ghost)
n = solver.mesh.n
r, out, q, dots = np.ones(solver.k.shape), np.empty(solver.k.shape), np.ones((n, 4)), np.ones((n, 9))
source = solver.k.source(-8e-6, 0.0)
parts = [
    clock(lambda: solver.sweep.solve(r, out, moments=q), WORLD),
    clock(lambda: solver.even.apply(r, out), WORLD),
    clock(lambda: solver.diffusion.solve(q), WORLD),
    clock(lambda: solver.mesh.total(dots), WORLD),
    clock(lambda: solver.sweep.factor(0.0), WORLD),
    clock(lambda: solver.diffusion.blocks(0.0), WORLD),
    clock(lambda: solver.diffusion.factor(0.0), WORLD),
]
solves = []
for tolerance in (1e-3, 1e-6, 1e-9, 1e-12):
    solver, ghost = wall(WORLD, cells, cells * 0.1, points, tolerance=tolerance)
    solver.update(ghost)
    solver.solve(source)
    solves += [solver.last_iterations, clock(lambda: solver.solve(source), WORLD)]
if WORLD.rank == 0: print(*parts, *solves)
"""
NAMES = ("sweep", "operator", "spin diffusion", "dot products", "factor sweep", "blocks", "factor spin diffusion")
MOMENTA, CHUNK, COLUMNS, LAUNCHES = 24, 8, 9, 2
CORES = len(os.sched_getaffinity(0))
WIRES = (2000, 8000)


def launch(ranks: int, cells: int, momenta: int) -> np.ndarray:
    """The least of several launches: seconds of the parts, then iterations and seconds of each solve."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "wall.py"
        program.write_text(PROGRAM)
        command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(Path(__file__).parent)]
        runs = []
        for _ in range(LAUNCHES):
            # dict(): what MPI has added to the environment of this process behind Python's back stays here
            call, environment = [*command, str(cells), str(momenta)], dict(os.environ)
            done = subprocess.run(call, capture_output=True, text=True, check=False, env=environment)
            if done.returncode:
                sys.exit(done.stderr[-2000:])
            runs.append([float(v) for v in done.stdout.split()])
    return np.min(runs, axis=0)


def stages(ranks: int, momenta: int = MOMENTA) -> int:
    return 1 if ranks <= 2 else min(-(-momenta // CHUNK), ranks)


def waiting(ranks: int, momenta: int = MOMENTA) -> float:
    """Time of a sweep over that of a rank's cells: the chunks of momenta pass through the chain of ranks of one half of
    the wire to the rank that has the middle node, which begins its own part when its neighbour has ended (as many
    stages as chunks; one on two ranks).
    """
    return (stages(ranks, momenta) + ranks // 2) / stages(ranks, momenta) if ranks > 2 else 1.0


class Model:
    """Seconds a cell of the parts of a steady solve, from one rank."""

    def __init__(self, found: dict[int, np.ndarray]) -> None:
        t = np.mean([values[:7] / cells for cells, values in found.items()], axis=0)
        self.sweep, self.operator, self.spin, dots, self.factor, self.blocks, whole = t
        self.column = dots / COLUMNS  # of one sum over the wire, a cell
        self.whole = whole - self.blocks
        # What a solve takes besides: once, in each iteration, and for each pair of iterations (Gram-Schmidt).
        rows, rest, names = [], [], []
        for cells, values in found.items():
            for its, seconds in values[7:].reshape(-1, 2):
                known = its * (self.sweep + self.operator + self.spin) + its * (its + 2) * self.column
                rows.append([1.0, its, its**2])
                rest.append(seconds / cells - known)
                names.append((cells, its, seconds))
        a, b = np.array(rows), np.array(rest)
        scale = np.array([seconds / cells for cells, _, seconds in names])
        self.rest, _ = nnls(a / scale[:, None], b / scale)
        say("steady solve on one rank: cells, iterations, measured ms, model ms, deviation")
        for cells, its, seconds in names:
            model = self.solve(cells, 1, its, setup=False)
            say(f"  {cells:6d} {its:3.0f} {1e3 * seconds:9.2f} {1e3 * model:9.2f} {model / seconds - 1.0:+7.0%}")

    def solve(self, cells: int, ranks: int, its: float, *, setup: bool = True, cores: int | None = None) -> float:
        """Seconds; `cores` if there are fewer than ranks."""
        mine, steps = cells / ranks, np.ceil(np.log2(ranks))
        crowd = 1.0 if cores is None else max(1.0, ranks / cores)
        chain = max(waiting(ranks), crowd)  # who waits leaves the core to others
        own = its * (self.sweep * chain + (self.operator + self.rest[1]) * crowd)
        own += (self.rest[0] + self.rest[2] * its**2) * crowd
        every = its * self.spin + its * (its + 2) * self.column
        if setup:
            own += self.factor * chain + self.blocks * crowd
            every += self.whole
        talk = its * (2 * steps * LATENCY + (32 + 8 * (its + 2)) * cells / BANDWIDTH) if ranks > 1 else 0.0
        return float(own * mine + every * cells * crowd + talk)

    def repeated(self, cells: int, its: float) -> float:
        """Seconds of what every rank does for the whole wire."""
        return float(cells * (its * self.spin + its * (its + 2) * self.column + self.whole))


def main() -> None:
    found: dict[tuple[int, int], np.ndarray] = {}
    say(f"{MOMENTA} momenta; cells, ranks; ms of " + ", ".join(NAMES))
    for cells, ranks in product(WIRES, (1, 2, 4)):
        found[cells, ranks] = values = launch(ranks, cells, MOMENTA)
        say(f"  {cells:6d} {ranks:2d} " + " ".join(f"{1e3 * v:8.3f}" for v in values[:7]))
    double = launch(1, WIRES[0], 2 * MOMENTA)
    ratio = " ".join(f"{v:.2f}" for v in double[:7] / found[WIRES[0], 1][:7])
    say(f"  twice the momenta, {WIRES[0]} cells, one rank: times {ratio}")
    m = Model({cells: found[cells, 1] for cells in WIRES})
    say(f"ns an own cell: sweep {1e9 * m.sweep:.0f}, operator {1e9 * m.operator:.0f}, rest of an iteration "
        f"{1e9 * m.rest[1]:.0f}, and for each iteration before {1e9 * m.rest[2]:.1f}; once a solve "
        f"{1e9 * m.rest[0]:.0f}; set-up {1e9 * (m.factor + m.blocks):.0f}")  # fmt: skip
    say(f"ns a cell of the whole wire, on every rank: spin diffusion {1e9 * m.spin:.1f}, a sum {1e9 * m.column:.2f}, "
        f"set-up {1e9 * m.whole:.0f}")  # fmt: skip
    bytes_sweep, flops = 9 * 32 * MOMENTA, 90 * MOMENTA
    say(f"a sweep: {bytes_sweep} bytes and {flops} operations a cell: {bytes_sweep / m.sweep / 1e9:.1f} GB/s, "
        f"{flops / m.sweep / 1e9:.1f} Gflop/s; operator {3.5 * 32 * MOMENTA / m.operator / 1e9:.1f} GB/s")  # fmt: skip
    say("solve with its set-up: cells, ranks, iterations, measured ms, model ms (ranks share the cores there are)")
    compared = []
    for (cells, ranks), values in found.items():
        its, seconds = values[9], values[10] + values[4] + values[6]
        model = m.solve(cells, ranks, its, cores=CORES)
        say(f"  {cells:6d} {ranks:2d} {its:3.0f} {1e3 * seconds:9.2f} {1e3 * model:9.2f} {model / seconds - 1.0:+7.0%}")
        compared.append({"cells": cells, "ranks": ranks, "measured": seconds, "model": model})
    say("prediction, 10 iterations: cells, ranks, cells a rank, ms, speed-up, efficiency, share repeated on every rank")
    rows = []
    for cells in (10_000, 100_000, 1_000_000):
        one = m.solve(cells, 1, 10)
        for ranks in (1, 2, 4, 8, 16, 32, 64, 256, 1024):
            seconds = m.solve(cells, ranks, 10)
            share = m.repeated(cells, 10) / seconds
            say(f"  {cells:8d} {ranks:5d} {cells / ranks:9.0f} {1e3 * seconds:10.2f} {one / seconds:6.1f} "
                f"{one / seconds / ranks:6.0%} {share:6.0%}")  # fmt: skip
            rows.append({"cells": cells, "ranks": ranks, "seconds": seconds, "speed-up": one / seconds})
    known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    FOUND.write_text(json.dumps({**known, "wall": {"measured": compared, "rows": rows}}, indent=1))


if __name__ == "__main__":
    limit_threads()
    main()
