"""The cost model of docs/guide/scaling.md, Kubo half: counts, measurements at 1, 2 and 4 ranks, fit, prediction.

python tests/bench/bench_cost_model.py           some minutes; bench_cost_wall.py is the other half

Kernels are timed by CPU seconds (median of several), so that other users of the machine count little. Rates that the
fit does not give (network, file system) are assumed and stated. The counts are those of the code: a product of complex
matrices (a, b) x (b, c) is 8abc operations. What was found is left in build/scaling.json for plot_scaling.py.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from k_loop import environment
from scipy.optimize import nnls

from hpcalo.config.reader import read_toml, validate
from hpcalo.hamiltonian.kmesh import block_size, uniform_mesh
from hpcalo.hamiltonian.loading import load_model
from hpcalo.hamiltonian.symmetry import candidates
from hpcalo.hamiltonian.types import LcaoModel
from hpcalo.kubo.config import KuboInput
from hpcalo.kubo.prepare import prepare
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import Request
from hpcalo.kubo.sums.symmetry_check import symmetries_of
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.threads import limit_threads

ROOT = Path(__file__).resolve().parents[2]
FILM = ROOT / "input" / "mnw001.toml"
SMALL = ROOT / "input" / "mnw001_small.toml"
BLOCK = 4
ROUNDS = 5
LATENCY, BANDWIDTH = 2e-6, 1e10  # of a cluster's network: seconds a message, bytes a second (assumed)
START = 2.0  # seconds until Python and the libraries are loaded, from a local disk (measured: 1 to 2)
OPENS, METADATA = 10_300, 5e4  # file look-ups of a starting rank (strace); a shared file system's a second (assumed)
TURN = 10.0  # seconds of a turn of work where blocks are long (parallel/rounds.py)
FOUND = ROOT / "build" / "scaling.json"

LOOP = """
import sys, time
from collections import Counter
from pathlib import Path
from hpcalo.parallel.world import world
from hpcalo.parallel.threads import limit_threads
from k_loop import planned
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.kubo.sums import passes as kubo_pass
comm = world(); limit_threads()
task = planned(comm, Path(sys.argv[1]), sys.argv[2:])
real, busy, count = kubo_pass.sum_block, 0.0, 0
def timed(*arguments, **options):
    global busy, count
    begin = time.process_time(); out = real(*arguments, **options)
    busy += time.process_time() - begin; count += 1
    return out
kubo_pass.sum_block = timed
class Counted:
    def __init__(self): self.calls = Counter()
    def __getattr__(self, name):
        value = getattr(comm, name)
        if not callable(value): return value
        def call(*arguments, **options):
            self.calls[name] += 1
            return value(*arguments, **options)
        return call
counted = Counted()
comm.Barrier(); begin = time.monotonic()
with StopRequest() as stop:
    checkpoints = kubo_pass.PassCheckpoints(Path("none.h5"), Rounds(counted, 600.0, stop), {})
    kubo_pass.sum_over_k(task, counted, checkpoints=checkpoints)
comm.Barrier(); spent = time.monotonic() - begin
every = comm.gather((busy, count), root=0)
if comm.rank == 0:
    sys.stderr.write(str(dict(counted.calls)))
    print(spent, sum(b for b, _ in every), max(b for b, _ in every), max(c for _, c in every), len(task.blocks),
          len(task.mesh.points), counted.calls["Allgather"], sum(counted.calls.values()))
"""


def cpu(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median CPU seconds of one call."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def say(text: str) -> None:
    print(text, flush=True)


# -- Kubo ----------------------------------------------------------------------------------------------------------


def operations(N: int, request: Request) -> tuple[float, float, float, float]:
    """One k-point: operations of dense algebra, bytes of passes over matrices, operations for pairs of levels and for
    levels at energies.

    Dense (n = N/2 orbitals): Cholesky factor of S 4n^3/3, six triangular solves with N columns 4n^2 N each, eigensolver
    about 16 N^3 (reduction 16/3, tridiagonal 8/3, back-transformation 8), velocity 20 N^3 for each of two directions,
    torque 2 x 2 N^3. Passes: about 40 over complex matrices of N^2 (lattice sums, operators and their temporaries).
    Pairs: 25 operations per pair of levels, pair of components and Γ for the sums with broadening, 10 for the sea, and
    100 per temperature for the thermal ones. Energies: 40 per level and Γ for the phases, 16 more for each pair of
    components.
    """
    n = N / 2
    dense = 4 / 3 * n**3 + 6 * 4 * n**2 * N + 16 * N**3 + 2 * 20 * N**3 + 4 * N**3
    memory = 16.0 * N**2 * 40
    half, G, NE, Q = N * (N - 1) / 2, len(request.gammas), len(request.energies), len(request.mu)
    pairs = levels = 0.0
    for kind in request.sums.broadened:
        P = len(request.components(kind))
        pairs += 25 * half * P * G
        levels += N * NE * G * (40 + 16 * P)
    pairs += sum(10 * half * len(request.components(kind)) for kind in request.sums.sea)
    pairs += sum(half * Q * (100 + 8 * len(request.components(kind))) for kind in request.sums.thermal)
    return dense, memory, pairs, levels


def smaller(model: LcaoModel, orbitals: int) -> LcaoModel:
    """The model of the first orbitals alone: another matrix size, the same kind of work."""
    o = slice(0, orbitals)
    r = None if model.r_vRnn is None else np.ascontiguousarray(model.r_vRnn[:, :, o, o])
    return replace(
        model,
        up_Rnn=np.ascontiguousarray(model.up_Rnn[:, o, o]),
        down_Rnn=np.ascontiguousarray(model.down_Rnn[:, o, o]),
        S_Rnn=np.ascontiguousarray(model.S_Rnn[:, o, o]),
        soc_vRnn=np.ascontiguousarray(model.soc_vRnn[:, :, o, o]),
        tau=model.tau[o],
        r_vRnn=r,
        orbital_names=(),
    )


def kubo() -> None:
    settings = validate(KuboInput, read_toml(FILM), str(FILM), FILM.parent)
    begin = time.process_time()
    model = load_model(settings.model)
    load = time.process_time() - begin
    _, n_hat, full = prepare(settings.kubo, model)
    energies = replace(full, sums=replace(full.sums, sea=(), thermal=()))
    many = replace(energies, energies=np.linspace(full.energies[0], full.energies[-1], 4001))
    rows, times, names = [], [], []
    for orbitals in (60, 100, 140, 180, 220):
        part = model if orbitals == model.size // 2 else smaller(model, orbitals)
        points = block_size(part.size)  # as in a run
        k = np.array([[0.1, 0.13 + 0.31 * i / points, 0.0] for i in range(points)])
        w = np.full(points, 1.0 / points)
        for label, request in (("all quantities", full), ("401 energies", energies), ("4001 energies", many)):
            solver = LcaoStates(part, n_hat[0], request.need())
            sum_block(solver, k, w, request, slice(None))
            t = cpu(lambda s=solver, q=request, k=k, w=w: sum_block(s, k, w, q, slice(None)))
            rows.append(operations(part.size, request))
            times.append(t / points)
            names.append(f"N = {part.size:3d}, {label}")
    A, t = np.array(rows), np.array(times)
    x, _ = nnls(A / t[:, None], np.ones(len(t)))
    say("one k-point (CPU time), measured and fitted:")
    for name, row, seconds in zip(names, A, t, strict=True):
        say(f"  {name:28s} {1e3 * seconds:8.2f} ms   model {1e3 * float(row @ x):8.2f} ms")
    worst = float(np.abs(A @ x / t - 1.0).max())
    rates = ", ".join(
        f"{n} {1e-9 / v:.1f}" if v else f"{n} -" for n, v in zip(("dense", "bytes", "pairs", "levels"), x, strict=True)
    )
    say(f"rates, 10^9 operations (bytes) a second: {rates}; largest deviation {worst:.0%}")
    per_k = float(np.array(operations(model.size, full)) @ x)
    setup = serial(model, n_hat, full, settings, load)
    loop = measured(x)
    film, rows = prediction(per_k, setup, full, model)
    known = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    FOUND.write_text(json.dumps({**known, "kubo": {"measured": loop, "film": film, "rows": rows}}, indent=1))


def serial(model: LcaoModel, n_hat: np.ndarray, request: Request, settings: KuboInput, load: float) -> dict[str, float]:
    """Seconds of what is done once, on rank 0 or on every rank."""
    found = {"read the model": load}
    begin = time.process_time()
    solver = LcaoStates(model, n_hat[0], request.need())
    found["lattice sums, every rank"] = time.process_time() - begin
    wanted = candidates(model.crystal, n_hat[0])
    found["symmetry check"] = cpu(lambda: symmetries_of(solver, wanted, request, settings.kubo.k.largest_violation), 1)
    found["mesh 1024 x 1024"] = cpu(lambda: uniform_mesh((1024, 1024, 1), (0.5, 0.5, 0.0), wanted, solver.order), 1)
    total = ExactSum((Packing(request.shapes()).size,))
    found["add up limbs, one pair of ranks"] = cpu(lambda: np.add(total.limbs, total.limbs))
    bytes_model = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    copy = np.zeros(bytes_model // 8)
    found["copy the model once"] = cpu(copy.copy)
    found["everything but the loop"] = everything_else()
    say(f"once: {len(wanted)} symmetry operations, model {bytes_model / 2**20:.0f} MiB, "
        f"limbs {total.limbs.nbytes / 2**20:.2f} MiB")  # fmt: skip
    for name, seconds in found.items():
        say(f"  {name:32s} {seconds:8.3f} s")
    return found


def measured(rates: np.ndarray) -> list[dict[str, float]]:
    """The k loop at 1, 2 and 4 ranks against the model: CPU seconds, blocks of the busiest rank, collective calls."""
    settings = validate(KuboInput, read_toml(SMALL), str(SMALL), SMALL.parent)
    model = load_model(settings.model)
    _, _, request = prepare(settings.kubo, model)
    per_k = float(np.array(operations(model.size, request)) @ rates)
    say(f"k loop, three layers, N = {model.size}, 64 x 64 points, model {1e3 * per_k:.2f} ms a point")
    say("  ranks: CPU s of all blocks, model; of the busiest rank, model; its blocks; turns, collectives; wall s")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.py"
        program.write_text(LOOP)
        for ranks in (1, 2, 4):
            command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(SMALL), "kubo.k.grid=[64,64,1]"]
            lines = [[float(v) for v in _run(command)] for _ in range(3)]
            wall, total, most, share, blocks, points, turns, calls = (
                statistics.median(c) for c in zip(*lines, strict=True)
            )
            fair = -(-blocks // ranks)
            say(f"  {ranks}: {total:6.2f} {points * per_k:6.2f}; {most:6.2f} {points * per_k * fair / blocks:6.2f}; "
                f"{share:3.0f} ({fair:.0f}) of {blocks:.0f}; {turns:.0f} {calls:.0f}; {wall:6.2f}")  # fmt: skip
            rows.append({"ranks": ranks, "cpu": total, "most": most, "model": points * per_k, "wall": wall})
    return rows


def _run(command: list[str]) -> list[str]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout.split()


def prediction(
    per_k: float, setup: dict[str, float], request: Request, model: LcaoModel
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """The film of ten layers at 1024 x 1024."""
    group = candidates(model.crystal, np.array([0.0, 0.0, 1.0]))
    points = len(uniform_mesh((1024, 1024, 1), (0.5, 0.5, 0.0), group, (0, 1, 2)).points)
    blocks = -(-points // BLOCK)
    limbs = 24.0 * Packing(request.shapes()).size
    size = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    check = setup["symmetry check"]
    once = setup["everything but the loop"] - check
    say(f"prediction: {points} points, {blocks} blocks of {BLOCK}, {per_k * 1e3:.0f} ms a point; symmetry check "
        f"{check:.1f} s, everything else {once:.1f} s, start of Python {START:.0f} s")  # fmt: skip
    say("   ranks   blocks a rank   loop s   check s  broadcast s  meetings ms  reduce ms  look-ups s   "
        "efficiency: loop   run")  # fmt: skip
    single, rows = blocks * BLOCK * per_k, []
    for ranks in (1, 16, 64, 256, 512, 1024, 2048, 4096, 10_000, 32_832):
        steps = float(np.ceil(np.log2(ranks)))
        share = -(-blocks // ranks)
        loop = share * BLOCK * per_k
        shared = check * -(-len(group) // ranks) / len(group)  # each operation's point goes to one rank
        # mpi4py packs and unpacks the model; the tree passes it on
        send = 4 * setup["copy the model once"] + steps * size / BANDWIDTH if ranks > 1 else 0.0
        turns = 1 + np.ceil(loop / TURN)
        # Allreduce of 24 bytes and Allgather of 16 bytes a rank in each turn
        meet = turns * (3 * steps * LATENCY + 16 * ranks / BANDWIDTH)
        reduce = (
            2 * steps * LATENCY + 2 * limbs / BANDWIDTH * (steps > 0) + steps * setup["add up limbs, one pair of ranks"]
        )
        whole = START + once + shared + send + loop + meet + reduce
        cold = ranks * OPENS / METADATA
        row = {
            "ranks": ranks, "share": share, "loop": loop, "check": shared, "send": send, "meet": meet,
            "reduce": reduce, "cold": cold, "whole": whole, "loop efficiency": single / ranks / (loop + meet + reduce),
            "efficiency": (single + once + check + START) / ranks / whole,
        }  # fmt: skip
        rows.append(row)
        say(f"{ranks:8d} {share:12d} {loop:12.1f} {shared:9.2f} {send:10.2f} {1e3 * meet:10.2f} "
            f"{1e3 * reduce:10.2f} {cold:12.1f} {row['loop efficiency']:14.0%} {row['efficiency']:8.0%}")  # fmt: skip
    return {"per_k": per_k, "blocks": blocks, "once": once, "check": check}, rows


def everything_else() -> float:
    """CPU seconds of a run whose loop has a single k-point (2 x 2 with symmetry): reading, lattice sums, symmetry,
    observables, result; without the start of Python.
    """
    program = (
        "import sys, time; from hpcalo.__main__ import main; import hpcalo.kubo.run; b = time.process_time()\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "print(time.process_time() - b)"
    )
    with tempfile.TemporaryDirectory() as folder:
        options = ["run", str(FILM), "-q", "--force", "-o", f"{folder}/a.h5", "--set", "kubo.k.grid=[2,2,1]"]
        return statistics.median(float(_run([sys.executable, "-c", program, *options])[-1]) for _ in range(3))


if __name__ == "__main__":
    limit_threads()
    kubo()
