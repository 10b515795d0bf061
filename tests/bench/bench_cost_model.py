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
    found["copy the model once"] = cpu(lambda: copy.copy())
    say(f"once: {len(wanted)} symmetry operations, model {bytes_model / 2**20:.0f} MiB, "
        f"limbs {total.limbs.nbytes / 2**20:.2f} MiB")  # fmt: skip
    for name, seconds in found.items():
        say(f"  {name:32s} {seconds:8.3f} s")
    return found


def measured() -> None:
    """The k loop at 1, 2 and 4 ranks: work by CPU time, wall time where every rank has a core."""
    say(
        "k loop, three layers, 128 x 128 points: ranks, wall s, CPU s of all blocks, of the busiest rank, blocks of that rank"
    )
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


def wall() -> None:
    """One sweep, one operator, the spin-diffusion problem and the interface problem of the ranks, fitted."""
    from mpi4py import MPI  # noqa: PLC0415  (the Kubo half starts processes of its own before MPI is there)

    sys.path.insert(0, str(Path(__file__).parent))
    from bench_wall import best, copy_speed  # noqa: PLC0415
    from bench_wall import wall as make  # noqa: PLC0415

    sweeps, dense, costs = [], [], []
    points = 24
    say("wall, one rank, CPU time: cells, sweep, operator, spin diffusion (solve, set-up)")
    for cells in (1000, 4000, 16_000):
        solver, ghost = make(MPI.COMM_SELF, cells, cells * 0.1, points)
        solver.update(ghost)
        r, q = np.ones(solver.k.shape), np.ones((cells, 4))
        out = np.empty_like(r)
        t = [
            best(lambda s=solver, r=r, o=out: s.sweep.solve(r, o)),
            best(lambda s=solver, r=r, o=out: s._apply(r, o)),
            best(lambda s=solver, q=q: s.diffusion.solve(q)),
            best(lambda s=solver: s.diffusion.factor(0.0), inner=1),
        ]
        sweeps.append((cells, *t))
        say(f"  {cells:6d} " + " ".join(f"{1e3 * v:9.3f} ms" for v in t))
    a = np.array(sweeps)
    per = a[:, 1:] / a[:, :1]
    say("  per cell, ns: " + ", ".join(f"{1e9 * v:.0f}" for v in per[-1]))
    speed = copy_speed(16_000 * points * 4)
    say(f"  bytes a cell: sweep {points * 4 * 9 * 8}, operator {points * 4 * 3.5 * 8:.0f}; copy {speed / 1e9:.1f} GB/s")
    say("interface of R ranks, dense inverse of 24 matrices of 8 R (each factorization, every rank):")
    for ranks in (2, 4, 8, 16, 32):
        matrix = np.random.default_rng(0).normal(size=(points, 8 * ranks, 8 * ranks)) + 8 * ranks * np.eye(8 * ranks)
        t = best(lambda m=matrix: np.linalg.inv(m), inner=1)
        dense.append(2.0 * points * (8 * ranks) ** 3)
        costs.append(t)
        say(f"  {ranks:3d} {1e3 * t:9.3f} ms")
    x, _ = nnls(np.stack([dense, np.ones(len(dense))], axis=1) / np.array(costs)[:, None], np.ones(len(costs)))
    say(f"  fitted {1e-9 / x[0]:.1f} 10^9 operations a second")
    predict_wall(per[-1], x[0], points)


def predict_wall(per: np.ndarray, inverse: float, points: int) -> None:
    """One steady solve: a factorization and ten iterations of sweep, operator and spin diffusion."""
    iterations = 10
    sweep, operator, diffusion, setup = per
    for cells in (10_000, 100_000):
        say(f"prediction, {cells} cells, {iterations} iterations: ranks, local s, spin diffusion s, interface s, messages s, "
            "efficiency")  # fmt: skip
        one = 0.0
        for ranks in (1, 4, 10, 32, 100, 320):
            own = cells / ranks
            local = iterations * (sweep + operator) * own + 8 * sweep * own
            same = iterations * diffusion * cells + setup * (own + 0.3 * (cells - own))
            interface = inverse * 2.0 * points * (8 * ranks) ** 3 if ranks > 1 else 0.0
            steps = np.ceil(np.log2(ranks)) if ranks > 1 else 0.0
            gathered = ranks * 8 * points * 8 + cells * 32.0
            messages = iterations * (4 * steps * LATENCY + gathered / BANDWIDTH) if ranks > 1 else 0.0
            total = local + same + interface + messages
            one = one or total
            say(f"  {ranks:4d} {local:9.4f} {same:9.4f} {interface:9.4f} {messages:9.5f} {one / ranks / total:6.0%}")


if __name__ == "__main__":
    limit_threads()
    chosen = sys.argv[1:] or ["kubo", "wall"]
    for part in chosen:
        {"kubo": kubo, "wall": wall}[part]()
