"""The cost model of docs/guide/scaling.md, wall half: a steady solve at 1, 2 and 4 ranks, fit, prediction.

python tests/bench/bench_cost_wall.py

Work is what the kernels take of a rank's processor time, so that neither waiting for other ranks nor another user of
the machine counts (median of several solves, of the busiest rank); wall time is shown beside it. What was found is left
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
import statistics, sys, time
from collections import Counter
sys.path.insert(0, sys.argv[1])
import numpy as np
from bench_wall import WORLD, wall
from hpcalo.wall.kernels import _wall
cells, points = int(sys.argv[2]), int(sys.argv[3])
spent, messages = Counter(), Counter()
def timed(name, real):
    def call(*arguments, **options):
        begin = time.process_time(); out = real(*arguments, **options)
        spent[name] += time.process_time() - begin
        return out
    return call
for name in [n for n in dir(_wall) if callable(getattr(_wall, n)) and not n.startswith("_")]:
    setattr(_wall, name, timed(name, getattr(_wall, name)))
class Counted:
    def __getattr__(self, name):
        value = getattr(WORLD, name)
        if name in ("Isend", "Allgatherv", "Bcast", "allreduce", "allgather", "Allreduce"): messages[name] += 1
        return value
def run(work):
    lines = []
    for _ in range(7):
        spent.clear(); messages.clear(); WORLD.Barrier(); begin = time.perf_counter()
        work()
        wall_time = time.perf_counter() - begin
        whole = sum(v for k, v in spent.items() if k.startswith("block_"))
        lines.append([sum(spent.values()) - whole, whole, spent["sweep_solve"], wall_time])
    return [statistics.median(c) for c in zip(*lines)], dict(messages)
found = []
for tolerance in (1e-3, 1e-6, 1e-9, 1e-12):
    solver, ghost = wall(WORLD, cells, cells * 0.1, points, tolerance=tolerance)
    source = solver.k.source(-8e-6, 0.0)
    even = np.empty(solver.k.shape)
    solver.update(ghost); solver.respond(source, None, even)
    solver.mesh.comm = Counted()
    before, _ = run(lambda: solver.update(ghost))
    after, sent = run(lambda: solver.respond(source, None, even))
    found.append([solver.last_iterations, *before, *after, sum(sent.values())])
every = WORLD.gather(found, root=0)
if WORLD.rank == 0:
    dots, n = np.ones((cells, 9)), 50
    begin = time.process_time()
    for _ in range(n): dots.sum(axis=0)
    print((time.process_time() - begin) / n, *np.max(every, axis=0).ravel())
"""
MOMENTA, CHUNK, COLUMNS = 24, 8, 9
WIRES = (2000, 8000)
TYPICAL = 10  # iterations


def launch(ranks: int, cells: int, momenta: int) -> tuple[float, np.ndarray]:
    """Seconds of a sum of COLUMNS numbers a cell; then by tolerance: iterations; seconds of own cells, of the whole
    wire, in sweeps, and wall time, of the set-up; the same of the solve; messages of the solve.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "wall.py"
        program.write_text(PROGRAM)
        command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(Path(__file__).parent)]
        # dict(): what MPI has added to the environment of this process behind Python's back stays here
        call, environment = [*command, str(cells), str(momenta)], dict(os.environ)
        done = subprocess.run(call, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    dots, *rest = (float(v) for v in done.stdout.split())
    return dots, np.array(rest).reshape(-1, 10)


def stages(ranks: int, momenta: int = MOMENTA) -> int:
    return 1 if ranks <= 2 else min(-(-momenta // CHUNK), ranks)


def waiting(ranks: int, momenta: int = MOMENTA) -> float:
    """Time of a sweep over that of a rank's cells: the chunks of momenta pass through the chain of ranks of one half of
    the wire to the rank that has the middle node, which begins its own part when its neighbour has ended (as many
    stages as chunks; one on two ranks).
    """
    return (stages(ranks, momenta) + ranks // 2) / stages(ranks, momenta) if ranks > 2 else 1.0


def halves(ranks: int) -> float:
    """Part of the spin-diffusion problem that a rank solves: one half of the wire, or both if it has nodes of both."""
    return 0.5 if ranks % 2 == 0 else 1.0


class Model:
    """Seconds a cell, fitted to all rank counts together: own cells (set-up; once a solve, an iteration, pairs of
    iterations; of these a sweep) and the whole wire (spin diffusion: set-up, an iteration; a sum, on every rank).
    """

    def __init__(self, found: dict[tuple[int, int], tuple[float, np.ndarray]]) -> None:
        own, seconds, whole, setup, every, sweep, dots = [], [], [], [], [], [], []
        for (cells, ranks), (column, rows) in found.items():
            dots.append(column / COLUMNS / cells)
            for its, set_own, set_whole, _, _, go_own, go_whole, go_sweep, _, _ in rows:
                own.append([1.0, its, its**2])
                seconds.append(go_own / cells * ranks)
                whole.append(go_whole / cells / its / halves(ranks))
                setup.append(set_own / cells * ranks)
                every.append(set_whole / cells / halves(ranks))
                sweep.append(go_sweep / cells * ranks)
        a, b = np.array(own), np.array(seconds)
        self.own, _ = nnls(a / b[:, None], np.ones(len(b)))
        self.setup, self.whole_setup, self.spin = np.median(setup), np.median(every), np.median(whole)
        b = np.array(sweep)
        self.first_sweeps, self.sweep = nnls(a[:, :2] / b[:, None], np.ones(len(b)))[0]
        self.column = min(dots)

    def work(self, cells: int, ranks: int, its: float) -> float:
        """Processor seconds of a rank's kernels, set-up and solve."""
        mine = self.setup + float(np.dot(self.own, [1.0, its, its**2]))
        return float(mine * cells / ranks + (self.whole_setup + its * self.spin) * halves(ranks) * cells)

    def repeated(self, cells: int, ranks: int, its: float) -> float:
        """Seconds of what does not shrink with the rank's own cells."""
        spin = (self.whole_setup + its * self.spin) * halves(ranks)
        return float(cells * (spin + its * (its + 2) * self.column))

    def seconds(self, cells: int, ranks: int, its: float = TYPICAL) -> float:
        """Wall time of set-up and solve where every rank has a core."""
        steps = float(np.ceil(np.log2(ranks)))
        chain = (self.first_sweeps + its * self.sweep) * (waiting(ranks) - 1.0) * cells / ranks
        # two Allgatherv, two Bcast, a halo exchange; messages along the chain one after the other, inward and outward
        gathers = 4 * steps * LATENCY + (32 + 8 * (its + 2)) * cells / BANDWIDTH
        hops = 2 * (stages(ranks) + ranks // 2) * LATENCY
        talk = its * (gathers + LATENCY + hops) if ranks > 1 else 0.0
        sums = its * (its + 2) * self.column * cells
        return self.work(cells, ranks, its) + sums + chain + talk


def main() -> None:
    found = {(cells, ranks): launch(ranks, cells, MOMENTA) for cells, ranks in product(WIRES, (1, 2, 4))}
    m = Model(found)
    say(f"{MOMENTA} momenta. ns an own cell: set-up {1e9 * m.setup:.0f}, once a solve {1e9 * m.own[0]:.0f}, "
        f"an iteration {1e9 * m.own[1]:.0f}, pairs {1e9 * m.own[2]:.1f}; a sweep {1e9 * m.sweep:.0f}")  # fmt: skip
    say(f"ns a cell of the wire: set-up {1e9 * m.whole_setup:.0f}, an iteration {1e9 * m.spin:.1f}, "
        f"a sum {1e9 * m.column:.2f}")  # fmt: skip
    moved, operations = 9 * 32 * MOMENTA, 90 * MOMENTA
    say(f"a sweep: {moved} bytes and {operations} operations a cell: {moved / m.sweep / 1e9:.1f} GB/s, "
        f"{operations / m.sweep / 1e9:.1f} Gflop/s")  # fmt: skip
    say("set-up and solve: cells, ranks, iterations; ms of kernels, model, deviation; messages of a rank; wall ms")
    compared = []
    for (cells, ranks), (_, rows) in found.items():
        for its, a, b, _, c, d, e, _, f, sent in rows:
            measured, model = a + b + d + e, m.work(cells, ranks, its)
            off = model / measured - 1
            say(f"  {cells:6d} {ranks:2d} {its:3.0f} {1e3 * measured:9.2f} {1e3 * model:9.2f} {off:+7.0%}"
                f" {sent:5.0f} {1e3 * (c + f):9.2f}")  # fmt: skip
            compared.append({"cells": cells, "ranks": ranks, "its": its, "measured": measured, "model": model})
    double = launch(1, WIRES[0], 2 * MOMENTA)[1][1, 5:7] / found[WIRES[0], 1][1][1, 5:7]
    say(f"twice the momenta: own cells {double[0]:.2f} times, whole wire {double[1]:.2f} times")
    say(f"prediction, {TYPICAL} iterations: cells, ranks, cells a rank, ms, speed-up, efficiency, repeated")
    predicted = []
    for cells in (10_000, 100_000, 1_000_000):
        for ranks in (1, 2, 4, 8, 16, 32, 64, 256, 1024):
            seconds, one = m.seconds(cells, ranks), m.seconds(cells, 1)
            say(f"  {cells:8d} {ranks:5d} {cells / ranks:9.0f} {1e3 * seconds:10.2f} {one / seconds:6.1f} "
                f"{one / seconds / ranks:6.0%} {m.repeated(cells, ranks, TYPICAL) / seconds:6.0%}")  # fmt: skip
            predicted.append({"cells": cells, "ranks": ranks, "seconds": seconds, "speed-up": one / seconds})
    known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    FOUND.write_text(json.dumps({**known, "wall": {"measured": compared, "rows": predicted}}, indent=1))


if __name__ == "__main__":
    limit_threads()
    main()
