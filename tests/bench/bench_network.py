"""What a message, a reduction and a result file cost on this machine: fits of latency + bytes / rate.

python tests/bench/bench_network.py

Wall time, the least of many repeats: ranks wait for each other, and another user of a core only adds. Through shared
memory; between nodes run the same with the batch system's launcher:  srun -N 2 -n 2 python bench_network.py ranks
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from hpcalo.io.dataset import Slab, Variable
from hpcalo.io.hdf5 import write_dataset
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.halo import beyond_ends
from hpcalo.parallel.world import world

BYTES = (64, 512, 4096, 32_768, 262_144, 2_097_152)
FILES = (2**20, 2**23, 2**26)
SECONDS = 1.0  # for one size


def least(work: Callable[[], object], comm: Any, repeats: int | None = None) -> float:
    """Least wall seconds of the slowest rank."""
    from mpi4py import MPI  # noqa: PLC0415  (after the ranks are started)

    end, times = time.monotonic() + SECONDS, []
    while len(times) < (repeats or 10_000):
        comm.Barrier()
        begin = time.perf_counter()
        work()
        times.append(comm.allreduce(time.perf_counter() - begin, op=MPI.MAX))
        if repeats is None and comm.bcast(time.monotonic() > end, root=0):
            break
    return min(times)


def on_ranks() -> None:
    comm = world()
    found: dict[str, list[tuple[int, float]]] = {"halo": [], "reduction": [], "gather": [], "file": []}
    for size in BYTES:
        a, out = np.ones(size // 8), np.ones((2, size // 8))
        total = ExactSum((max(1, size // 24),))
        every = np.empty((comm.size, size // 8))
        found["halo"].append((size, least(lambda a=a, out=out: beyond_ends(comm, a, a, out), comm)))  # type: ignore[misc]
        found["reduction"].append((total.limbs.nbytes, least(lambda t=total: t.allreduce(comm), comm)))  # type: ignore[misc]
        found["gather"].append((every.nbytes, least(lambda a=a, e=every: comm.Allgather(a, e), comm)))  # type: ignore[misc]
    folder = comm.bcast(tempfile.mkdtemp(dir=".") if comm.rank == 0 else None, root=0)
    path = Path(folder) / "a.h5"
    for size in FILES:
        rows = size // 8 // 64
        mine = range(rows * comm.rank // comm.size, rows * (comm.rank + 1) // comm.size)
        slab = Slab((rows, 64), mine.start, np.ones((len(mine), 64)))
        data = [Variable("a", ("b", "c"), slab)]
        found["file"].append((size, least(lambda d=data: write_dataset(path, comm, d, force=True), comm, 7)))  # type: ignore[misc]
    if comm.rank == 0:
        path.unlink()
        path.parent.rmdir()
        print(json.dumps(found))


def fit(points: list[tuple[int, float]]) -> tuple[float, float, float]:
    """Latency (s), rate (bytes a second) and largest relative deviation, by relative least squares."""
    t = np.array([seconds for _, seconds in points])
    a = np.array([[1.0, size] for size, _ in points])
    x, _ = nnls(a / t[:, None], np.ones(len(t)))
    return x[0], 1.0 / x[1] if x[1] else np.inf, float(np.abs(a @ x / t - 1.0).max())


def main() -> None:
    for ranks in (1, 2, 4):
        command = ["mpirun", "-n", str(ranks), sys.executable, __file__, "ranks"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        for name, points in json.loads(done.stdout).items():
            if ranks == 1 and name != "file":
                continue
            latency, rate, worst = fit(points)
            cells = ", ".join(f"{size} B {1e6 * t:.1f}" for size, t in points)
            print(
                f"{ranks} ranks, {name:9s}: {1e6 * latency:8.1f} us + bytes / {rate / 1e9:.2f} GB/s "
                f"(off by up to {worst:.0%}); us: {cells}",
                flush=True,
            )


if __name__ == "__main__":
    on_ranks() if sys.argv[1:] == ["ranks"] else main()
