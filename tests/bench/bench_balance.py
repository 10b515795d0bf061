"""Ranks of unequal speed, and memory against points, energies, ranks, cells and frames.

python tests/bench/bench_balance.py [balance|slow|memory]

balance: three ranks on two cores, two of them on the first one. The loop over k is timed with blocks shared out by
speed and with equal shares (as if all ranks were alike), in turn; the best is what two cores need for the CPU time of
all blocks. Needs a machine with two idle cores.
slow: as many ranks as wanted on any machine: the run's own loop with blocks that are slept through instead of computed,
on the last rank so many times longer. Wall time against the best, which is that of the speeds added up.
memory: peak resident memory of the largest rank, Kubo and wall.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "input" / "mnw001_small.toml"
WALL = ROOT / "input" / "permalloy_wall.toml"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}  # the programs import k_loop
PLACES = ("0", "0", "1")  # core of each rank
ROUNDS = 3
LOOP = """
import os, sys, time
from pathlib import Path
from hpcalo.parallel.world import world
from hpcalo.parallel.threads import limit_threads
from k_loop import planned
from hpcalo.parallel import load_balancer
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.kubo.sums import passes as kubo_pass
comm = world(); limit_threads()
how, source = sys.argv[1], Path(sys.argv[2])
if ":" not in sys.argv[3]: os.sched_setaffinity(0, {int(sys.argv[3].split(",")[comm.rank])})
task = planned(comm, source, sys.argv[4:])
if how == "equal":
    real_shares = load_balancer.shares
    def deal(self, capacity):
        counts = real_shares(len(self._pool), 1.0 + 0.0 * self._speed)
        self._counts, self._starts = counts, counts.cumsum() - counts
    load_balancer.LoadBalancer._deal = deal
    kubo_pass.LATE = 1e9
real, busy = kubo_pass.sum_block, 0.0
def timed(*arguments, **options):
    global busy
    begin = time.process_time(); out = real(*arguments, **options); busy += time.process_time() - begin
    return out
kubo_pass.sum_block = timed
if len(sys.argv[3].split(":")) == 2:
    nap, factor = map(float, sys.argv[3].split(":"))
    once = []
    def asleep(*arguments, **options):
        time.sleep(nap * (factor if comm.rank == comm.size - 1 else 1.0))
        if not once: once.append(real(*arguments, **options))
        return once[0]
    kubo_pass.sum_block = asleep
    once.append(real(task.solver, task.mesh.points[:1], task.mesh.weights[:1], task.request, slice(None)))
comm.Barrier(); begin = time.monotonic()
with StopRequest() as stop:
    checkpoints = kubo_pass.PassCheckpoints(Path("none.h5"), Rounds(comm, 600.0, stop), {})
    kubo_pass.sum_over_k(task, comm, checkpoints=checkpoints)
comm.Barrier(); spent = time.monotonic() - begin
every = comm.gather(busy, root=0)
if comm.rank == 0: print(spent, len(task.blocks), sum(every), *[round(b / (sum(every) or 1.0), 3) for b in every])
"""
RUN = """
import resource, sys
from hpcalo.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
sys.stdout.write(f"PEAK {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}\\n")
"""


def run(command: list[str], cwd: str | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT, cwd=cwd).stdout


def balance() -> None:
    grid = "kubo.k.grid=[160,160,1]"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.py"
        program.write_text(LOOP)
        found: dict[str, list[list[float]]] = {"equal": [], "by speed": []}
        for _ in range(ROUNDS):
            for how, lines in found.items():
                command = ["mpirun", "--bind-to", "none", "-n", str(len(PLACES)), sys.executable, str(program)]
                lines.append([float(v) for v in run([*command, how, str(SMALL), ",".join(PLACES), grid]).split()])
    for how, lines in found.items():
        wall, _, work, *parts = (statistics.median(column) for column in zip(*lines, strict=True))
        best = work / len(set(PLACES))
        print(f"{how:9s} {wall:7.2f} s; two cores need {best:7.2f} s: waste {wall / best - 1.0:.1%}; shares {parts}")


def slow() -> None:
    nap, ranks = 0.2, 4
    grid = "kubo.k.grid=[160,160,1]"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.py"
        program.write_text(LOOP)
        for factor in (1.0, 2.0, 4.0):
            for how in ("equal", "by speed"):
                command = ["mpirun", "--bind-to", "none", "-n", str(ranks), sys.executable, str(program)]
                wall, blocks, *_ = run([*command, how, str(SMALL), f"{nap}:{factor}", grid]).split()
                best = int(blocks) * nap / (ranks - 1 + 1 / factor)
                print(
                    f"{ranks} ranks, {blocks} blocks, the last rank {factor:.0f} times slower, shares {how:8s}: "
                    f"{float(wall):6.2f} s, best {best:6.2f} s: waste {float(wall) / best - 1.0:.1%}",
                    flush=True,
                )


def memory() -> None:
    few = ["kubo.k.grid=[16,16,1]", "kubo.energies.points=401"]
    cases = [("16 x 16 points, 401 energies", few, 1)]
    cases += [(f"{n} x {n} points", [f"kubo.k.grid=[{n},{n},1]", few[1]], 1) for n in (32, 64, 128)]
    cases += [(f"{n} energies", [few[0], f"kubo.energies.points={n}"], 1) for n in (1001, 4001)]
    cases += [(f"{n} ranks", few, n) for n in (2, 4)]
    wire = ["wire.cells=401", 'wire.length="160 nm"', 'time.end="0.02 ns"', 'time.output_every="0.001 ns"']
    walls = [("401 cells, 20 frames", wire, 1)]
    walls += [(f"{n} frames", [*wire[:2], f'time.end="{n / 1000} ns"', wire[3]], 1) for n in (40, 80)]
    sweep = ['sweep.key="drive.gradient"', "sweep.values=[6.0]"]
    walls += [("80 frames in a sweep", [*walls[-1][1], *sweep], 1)]
    still = ['wall.mode="steady"', *wire[1:2]]
    for n in (2001, 16001):
        walls += [(f"steady, {n} cells", [f"wire.cells={n}", *still], m) for m in (1, 2, 4)]
    with tempfile.TemporaryDirectory() as folder:
        for source, label, overrides, ranks in [(SMALL, *c) for c in cases] + [(WALL, *c) for c in walls]:
            options = [word for text in overrides for word in ("--set", text)]
            command = ["mpirun", "-n", str(ranks), sys.executable, "-c", RUN, "run", str(source), "-q", "--force"]
            out = run([*command, "-o", "a.h5", *options], cwd=folder)
            peaks = [int(line.split()[1]) for line in out.splitlines() if line.startswith("PEAK")]
            print(f"{label:30s} {max(peaks):5d} MiB ({len(peaks)} rank{'s' * (ranks > 1)})", flush=True)


if __name__ == "__main__":
    for part in sys.argv[1:] or ["balance", "slow", "memory"]:
        {"balance": balance, "slow": slow, "memory": memory}[part]()
