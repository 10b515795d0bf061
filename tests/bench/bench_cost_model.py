"""The cost model of docs/guide/scaling.md: counts, measurements at 1, 2 and 4 ranks, fit, prediction.

python tests/bench/bench_cost_model.py           both halves; some minutes
python tests/bench/bench_cost_model.py kubo      or: wall

Kernels are timed by CPU seconds (median of several), so that other users of the machine count little. Rates that the
fit does not give (network) are assumed and stated. The counts are those of the code: a product of complex matrices
(a, b) x (b, c) is 8abc operations.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from hpcalo.config.kubo import KuboInput
from hpcalo.config.reader import read_toml, validate
from hpcalo.kubo.engine import sum_block
from hpcalo.kubo.request import Request
from hpcalo.kubo.states_lcao import LcaoStates
from hpcalo.kubo.symmetrize import symmetries_of
from hpcalo.model.kmesh import uniform_mesh
from hpcalo.model.symmetry import candidates
from hpcalo.model.types import LcaoModel
from hpcalo.output.modelfile import load_model
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.threads import limit_threads
from hpcalo.pipeline.kubo import prepare

ROOT = Path(__file__).resolve().parents[2]
FILM = ROOT / "input" / "mnw001.toml"
SMALL = ROOT / "input" / "mnw001_small.toml"
BLOCK = 4
ROUNDS = 5
LATENCY, BANDWIDTH = 2e-6, 1e10  # of a cluster's network: seconds a message, bytes a second (assumed)

LOOP = """
import sys, time
from pathlib import Path
from hpcalo.parallel.world import world
from hpcalo.parallel.threads import limit_threads
from hpcalo.config.kubo import KuboInput
from hpcalo.config.reader import apply_overrides, read_toml, validate
from hpcalo.kubo.solvers import solvers
from hpcalo.output.modelfile import load_model
from hpcalo.parallel.rounds import Rounds
from hpcalo.parallel.signals import StopRequest
from hpcalo.pipeline import kubo_pass
from hpcalo.pipeline.kubo import prepare
comm = world(); limit_threads()
source = Path(sys.argv[1])
settings = validate(KuboInput, apply_overrides(read_toml(source), sys.argv[2:]), str(source))
model = load_model(settings.model, source.parent)
_, n_hat, request = prepare(settings.kubo, model)
task = kubo_pass.plan(next(solvers(model, n_hat, request.need())), request, settings.kubo, comm)
real, busy, count = kubo_pass.sum_block, 0.0, 0
def timed(*arguments, **options):
    global busy, count
    begin = time.process_time(); out = real(*arguments, **options)
    busy += time.process_time() - begin; count += 1
    return out
kubo_pass.sum_block = timed
comm.Barrier(); begin = time.monotonic()
with StopRequest() as stop:
    keeper = kubo_pass.Keeper(Path("none.h5"), Rounds(comm, 600.0, stop), {})
    kubo_pass.sum_over_k(task, comm, keeper=keeper)
comm.Barrier(); spent = time.monotonic() - begin
every = comm.gather((busy, count), root=0)
if comm.rank == 0:
    print(spent, sum(b for b, _ in every), max(b for b, _ in every), max(c for _, c in every), len(task.blocks))
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
    for kind in request.broadened:
        P = len(request.components[kind])
        pairs += 25 * half * P * G
        levels += N * NE * G * (40 + 16 * P)
    pairs += sum(10 * half * len(request.components[kind]) for kind in request.sea)
    pairs += sum(half * Q * (100 + 8 * len(request.components[kind])) for kind in request.thermal)
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
    settings = validate(KuboInput, read_toml(FILM), str(FILM))
    begin = time.process_time()
    model = load_model(settings.model, FILM.parent)
    load = time.process_time() - begin
    _, n_hat, full = prepare(settings.kubo, model)
    energies = replace(full, sea=(), thermal=())
    many = replace(energies, energies=np.linspace(full.energies[0], full.energies[-1], 4001))
    k = np.array([[0.1, y, 0.0] for y in (0.13, 0.19, 0.31, 0.44)])
    w = np.full(BLOCK, 1.0 / BLOCK)
    rows, times, names = [], [], []
    for orbitals in (60, 100, 140, 180, 220):
        part = model if orbitals == model.size // 2 else smaller(model, orbitals)
        for label, request in (("all quantities", full), ("401 energies", energies), ("4001 energies", many)):
            solver = LcaoStates(part, n_hat[0], request.need())
            sum_block(solver, k, w, request, slice(None))
            t = cpu(lambda s=solver, q=request: sum_block(s, k, w, q, slice(None)))
            rows.append(operations(part.size, request))
            times.append(t / BLOCK)
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
    measured()
    prediction(per_k, setup, full, model)


def serial(model: LcaoModel, n_hat: np.ndarray, request: Request, settings: KuboInput, load: float) -> dict[str, float]:
    """Seconds of what is done once, on rank 0 or on every rank."""
    found = {"read the model": load}
    begin = time.process_time()
    solver = LcaoStates(model, n_hat[0], request.need())
    found["lattice sums, every rank"] = time.process_time() - begin
    wanted = candidates(model.crystal, n_hat[0])
    found["symmetry check"] = cpu(lambda: symmetries_of(solver, wanted, request, settings.kubo.k.tolerance), 1)
    found["mesh 1024 x 1024"] = cpu(lambda: uniform_mesh((1024, 1024, 1), (0.5, 0.5, 0.0), wanted, solver.order), 1)
    total = ExactSum((Packing(request.shapes()).size,))
    found["add up limbs, one pair of ranks"] = cpu(lambda: np.add(total.limbs, total.limbs))
    bytes_model = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    copy = np.zeros(bytes_model // 8)
    found["copy the model once"] = cpu(copy.copy)
    say(f"once: {len(wanted)} symmetry operations, model {bytes_model / 2**20:.0f} MiB, "
        f"limbs {total.limbs.nbytes / 2**20:.2f} MiB")  # fmt: skip
    for name, seconds in found.items():
        say(f"  {name:32s} {seconds:8.3f} s")
    return found


def measured() -> None:
    """The k loop at 1, 2 and 4 ranks: work by CPU time, wall time where every rank has a core."""
    say("k loop, three layers, 128 x 128 points: ranks, wall s, CPU s of all blocks, of the busiest rank, its blocks")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loop.py"
        program.write_text(LOOP)
        for ranks in (1, 2, 4):
            command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(SMALL), "kubo.k.grid=[128,128,1]"]
            lines = [[float(v) for v in _run(command)] for _ in range(3)]
            wall, total, most, share, blocks = (statistics.median(c) for c in zip(*lines, strict=True))
            say(f"  {ranks}: {wall:7.2f} {total:7.2f} {most:7.2f}   {share:.0f} of {blocks:.0f}; "
                f"work is shared to {total / ranks / most:.3f}")  # fmt: skip


def _run(command: list[str]) -> list[str]:
    # dict(): what MPI has added to the environment of this process behind Python's back stays here
    return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout.split()


def prediction(per_k: float, setup: dict[str, float], request: Request, model: LcaoModel) -> None:
    """The film of ten layers at 1024 x 1024."""
    group = candidates(model.crystal, np.array([0.0, 0.0, 1.0]))
    points = len(uniform_mesh((1024, 1024, 1), (0.5, 0.5, 0.0), group, (0, 1, 2)).points)
    blocks = -(-points // BLOCK)
    limbs = 24.0 * Packing(request.shapes()).size
    size = sum(v.nbytes for v in vars(model).values() if isinstance(v, np.ndarray))
    once = (
        setup["read the model"]
        + setup["symmetry check"]
        + setup["mesh 1024 x 1024"]
        + setup["lattice sums, every rank"]
    )
    say(f"prediction: {points} points, {blocks} blocks of {BLOCK}, {per_k * 1e3:.0f} ms a point")
    say("   ranks   blocks a rank   loop s   once s  broadcast s  reduce ms   loop efficiency   whole efficiency")
    single = blocks * BLOCK * per_k
    for ranks in (1, 64, 512, 1000, 4096, 10_000, 33_000):
        steps = np.ceil(np.log2(ranks)) if ranks > 1 else 0.0
        share = -(-blocks // ranks)
        loop = share * BLOCK * per_k
        # mpi4py packs and unpacks the model; the tree passes it on
        send = 4 * setup["copy the model once"] + steps * size / BANDWIDTH if ranks > 1 else 0.0
        reduce = (
            2 * steps * LATENCY + 2 * limbs / BANDWIDTH * (steps > 0) + steps * setup["add up limbs, one pair of ranks"]
        )
        whole = loop + once + send + reduce
        say(f"{ranks:8d} {share:12d} {loop:12.1f} {once:8.1f} {send:10.2f} {1e3 * reduce:11.2f} "
            f"{single / ranks / loop:14.0%} {(single + once) / ranks / whole:18.0%}")  # fmt: skip


# -- wall ----------------------------------------------------------------------------------------------------------

WALL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from scipy.linalg import lapack
from bench_wall import WORLD, best, fastest, wall
cells, points = int(sys.argv[2]), int(sys.argv[3])
clock = best if WORLD.size == 1 else fastest  # processor time; of several ranks the wall time, for they wait
solver, ghost = wall(WORLD, cells, cells * 0.1, points)
solver.update(ghost)
n = solver.mesh.n
r, out, q, dots = np.ones(solver.k.shape), np.empty(solver.k.shape), np.ones((n, 4)), np.ones((n, 9))
source, every = solver.k.source(-8e-6, 0.0), np.random.default_rng(0).normal(size=(cells, 3, 4, 4))
solver.solve(source)
def factors():  # as SpinDiffusion.factor does once it has the blocks of the whole wire
    band = np.zeros((22, 4 * cells))
    for offset in (-1, 0, 1):
        rows = np.arange(max(0, -offset), min(cells, cells - offset))
        for a in range(4):
            for c in range(4):
                i, j = 4 * rows + a, 4 * (rows + offset) + c
                band[14 + i - j, j] = every[rows, offset + 1, a, c]
    lapack.dgbtrf(band, 7, 7)
times = [
    clock(lambda: solver.sweep.solve(r, out, moments=q), WORLD),
    clock(lambda: solver.even.apply(r, out), WORLD),
    clock(lambda: solver.diffusion.solve(q), WORLD),
    clock(lambda: solver.mesh.total(dots), WORLD),
    clock(lambda: solver.sweep.factor(0.0), WORLD),
    clock(lambda: solver.diffusion.factor(0.0), WORLD),
    clock(factors, WORLD),
    clock(lambda: solver.solve(source), WORLD),
]
if WORLD.rank == 0: print(*times, solver.last_iterations)
"""
PARTS = (
    "sweep", "operator", "spin diffusion", "dot products", "set-up of the sweep", "set-up of spin diffusion",
    "of it for the whole wire",
)  # fmt: skip
MOMENTA = 24
LAUNCHES = 4
CHUNK = 8  # momenta that pass through the chain of ranks together


def waiting(ranks: int) -> float:
    """Time of a sweep over that of a rank's cells: the chunks of momenta pass through the chain of ranks of one half of
    the wire to the rank that has the middle node, which begins its own part when its neighbour has ended (as many
    stages as chunks; one on two ranks).
    """
    stages = 1 if ranks <= 2 else min(-(-MOMENTA // CHUNK), ranks)
    return (stages + ranks // 2) / stages


def wall() -> None:
    """The parts of a steady solve at 1, 2 and 4 ranks, times a cell fitted to them, and their prediction."""
    say(f"wall, {MOMENTA} momenta: cells, ranks; ms of " + ", ".join(PARTS) + "; whole solve, iterations")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "wall.py"
        program.write_text(WALL)
        for cells in (2000, 8000):
            for ranks in (1, 2, 4):
                command = ["mpirun", "-n", str(ranks), sys.executable, str(program), str(Path(__file__).parent)]
                runs = [[float(v) for v in _run([*command, str(cells), str(MOMENTA)])] for _ in range(LAUNCHES)]
                found[cells, ranks] = np.min(runs, axis=0).tolist()  # another user of a core only adds
                *parts, whole, count = found[cells, ranks]
                say(f"  {cells:6d} {ranks:2d} " + " ".join(f"{1e3 * v:8.3f}" for v in parts)
                    + f" {1e3 * whole:9.2f} {count:3.0f}")  # fmt: skip
    # Times a cell from one rank; there a sweep does not wait.
    a = {cells: np.array(found[cells, 1]) / cells for cells, ranks in found if ranks == 1}
    t = np.mean([values[:8] for values in a.values()], axis=0)
    iterations = found[8000, 1][8]
    rest = (t[7] - iterations * t[:4].sum()) / iterations  # the basis, the source, the last correction
    own = {"sweep": t[0], "operator": t[1], "rest of an iteration": rest, "set-up of the sweep": t[4],
           "set-up of spin diffusion": t[5] - t[6]}  # fmt: skip
    same = {"spin diffusion": t[2], "dot products": t[3], "its set-up": t[6]}
    for title, group in (("own cell", own), ("cell of the whole wire, on every rank", same)):
        say(f"ns a {title}: " + ", ".join(f"{name} {1e9 * v:.0f}" for name, v in group.items()))
    say(f"bytes a cell: sweep {9 * 32 * MOMENTA}, operator {3.5 * 32 * MOMENTA:.0f}; messages of a rank: sweep "
        f"{4 * -(-MOMENTA // CHUNK)} of {32 * CHUNK} bytes, operator 2 of {32 * MOMENTA}, "
        "two Allgatherv of 32 and 72 bytes a cell")  # fmt: skip

    repeated = same["spin diffusion"] + same["dot products"]

    def solve(cells: int, ranks: int, iterations: float) -> float:
        mine, steps = cells / ranks, np.ceil(np.log2(ranks)) if ranks > 1 else 0.0
        once = own["set-up of the sweep"] * waiting(ranks) + own["set-up of spin diffusion"]
        each = own["sweep"] * waiting(ranks) + own["operator"] + own["rest of an iteration"]
        whole = iterations * repeated + same["its set-up"]
        talk = iterations * (2 * steps * LATENCY + 104 * cells / BANDWIDTH) if ranks > 1 else 0.0
        return (once + iterations * each) * mine + whole * cells + talk

    say("solve with its set-up, measured and model:")
    for (cells, ranks), values in found.items():
        measured = values[7] + values[4] + values[5]
        model = solve(cells, ranks, values[8])
        note = " (four ranks on two cores)" if ranks > 2 else ""
        say(f"  {cells:6d} {ranks:2d} {1e3 * measured:9.2f} ms {1e3 * model:9.2f} ms{note}")
    say("prediction, 10 iterations: cells, ranks, seconds, speed-up, efficiency, share of what every rank repeats")
    for cells in (10_000, 1_000_000):
        for ranks in (1, 2, 4, 8, 16, 64, 1024):
            seconds, one = solve(cells, ranks, 10), solve(cells, 1, 10)
            every = (10 * repeated + same["its set-up"]) * cells
            say(f"  {cells:8d} {ranks:5d} {seconds:10.4f} {one / seconds:7.1f} {one / seconds / ranks:6.0%} "
                f"{every / seconds:6.0%}")  # fmt: skip


if __name__ == "__main__":
    limit_threads()
    chosen = sys.argv[1:] or ["kubo", "wall"]
    for part in chosen:
        {"kubo": kubo, "wall": wall}[part]()
