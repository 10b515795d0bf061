"""Two ranks against one, and what order-independent sums cost: python tests/bench/bench_scaling.py [input.toml]

Run it on an idle machine. Ranks are compared by the wall-clock time that a result records for its k loop alone, in
turn, medians; the sums by the CPU time of adding blocks to an ExactSum against adding them to an array.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from k_loop import environment

from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.hamiltonian.kmesh import block_size, uniform_mesh
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.symmetry import identity
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.states.solvers import solvers
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.threads import limit_threads

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
PROGRAM = """
import sys, time
from pathlib import Path
from hpcalo.parallel.world import world
from hpcalo.parallel.threads import limit_threads
from k_loop import planned
from hpcalo.kubo.sums.passes import sum_over_k
comm = world(); limit_threads()
task = planned(comm, Path(sys.argv[1]), sys.argv[2:])
comm.Barrier(); begin = time.monotonic()
sum_over_k(task, comm)
comm.Barrier()
if comm.rank == 0: print(time.monotonic() - begin)
"""


def k_loop(ranks: int, source: Path, overrides: list[str], program: Path) -> float:
    command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(source), *overrides]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout)


def sums(source: Path, grid: str) -> None:
    table = apply_overrides(read_toml(source), [f"kubo.k={{grid={grid}}}"])
    settings = validate(KuboInput, table, str(source), source.parent)
    model = load_model(settings.model)
    _, n_hat, request = prepare(settings.kubo, model)
    solver = next(solvers(model, n_hat, request.need()))
    mesh = uniform_mesh(settings.kubo.k.grid, settings.kubo.k.shift, (identity(),), solver.order)
    block = mesh.blocks(block_size(solver.size))[0]
    begin = time.process_time()
    raw = sum_block(solver, mesh.points[block], mesh.weights[block], request, slice(None))
    work = time.process_time() - begin
    packing = Packing(request.shapes())
    flat = packing.pack(raw)
    exact, plain = ExactSum((packing.size,)), np.zeros(packing.size)
    begin = time.process_time()
    for _ in range(20):
        exact.add(flat)
    a = (time.process_time() - begin) / 20
    begin = time.process_time()
    for _ in range(20):
        plain += flat
    b = (time.process_time() - begin) / 20
    print(
        f"{source.stem}: order-independent sum {1e3 * a:.2f} ms a block, plain {1e3 * b:.3f} ms, "
        f"block {1e3 * work:.1f} ms: {100.0 * a / work:.2f} % of the run"
    )


def main() -> None:
    limit_threads()
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "input" / "mnw001_small.toml"
    overrides = ["kubo.k.grid=[128,128,1]"]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.py"
        program.write_text(PROGRAM)
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(ROUNDS):
            for ranks, found in times.items():
                found.append(k_loop(ranks, source, overrides, program))
    one, two = (statistics.median(times[n]) for n in (1, 2))
    print(f"{source.stem}: one rank {one:.2f} s, two {two:.2f} s, ratio {one / two:.2f} (idle: at least 1.9)")
    for name, grid in (("mnw001_small", "[24,24,1]"), ("rashba", "[256,256,1]"), ("fe_ahc", "[48,48,48]")):
        sums(ROOT / "input" / f"{name}.toml", grid)


if __name__ == "__main__":
    main()
