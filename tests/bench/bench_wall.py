"""Speed of the wall engine in ratios: [mpirun -n N] python tests/bench/bench_wall.py

Each kernel against the memory traffic it cannot avoid (bytes it must read and write once, at the copy speed that this
machine shows in the same run); the steady solve, per iteration and whole, against the traffic of one two-way sweep;
iterations against length and rank count; time of a quasi-static run per simulated ns. Under mpirun the matvec on all
ranks is compared with rank 0 alone. Times are processor times unless said otherwise, the smallest of several repeats:
the machines are shared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mpi4py import MPI

from hpcalo.wall.boltzmann import equilibrium as eq
from hpcalo.wall.boltzmann.kinetic import Kinetic
from hpcalo.wall.config import Drive, Electrons, Magnet, Momentum, Time, WallInput, Wire
from hpcalo.wall.dynamics.simulation import Simulation
from hpcalo.wall.grid import Mesh
from hpcalo.wall.kernels import _wall
from hpcalo.wall.magnetism.magnetics import Magnetics
from hpcalo.wall.solvers.steady import SteadySolver
from hpcalo.wall.units import M_E

WORLD = MPI.COMM_WORLD
REPEATS = 7


def best(function: Callable[[], object], comm: MPI.Comm = MPI.COMM_SELF, inner: int = 3) -> float:
    """Smallest processor time of one call, seconds, of the slowest rank: other users of the machine do not count."""
    times = []
    for _ in range(REPEATS):
        comm.Barrier()
        begin = time.process_time()
        for _ in range(inner):
            function()
        times.append(comm.allreduce((time.process_time() - begin) / inner, op=MPI.MAX))
    return min(times)


def fastest(function: Callable[[], object], comm: MPI.Comm) -> float:
    """Smallest wall time of one call, seconds, of the slowest rank."""
    times = []
    for _ in range(3 * REPEATS):
        comm.Barrier()
        begin = time.perf_counter()
        function()
        times.append(comm.allreduce(time.perf_counter() - begin, op=MPI.MAX))
    return min(times)


def say(text: str) -> None:
    if WORLD.rank == 0:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def copy_speed(count: int) -> float:
    """Bytes per second (read + write) of a copy between arrays of `count` doubles."""
    a, b = np.ones(count), np.zeros(count)
    return 16 * count / best(lambda: np.copyto(b, a), inner=5)


def wall(comm: MPI.Comm, cells: int, length: float, points: int, *, force: bool = True, tolerance: float = 1e-6):
    """(solver, magnetization with ghosts) of a 5 nm wall."""
    mesh = Mesh(comm, cells, length)
    c = eq.Carriers(0.14, 0.106, M_E, 1.0, 1000.0)
    p = eq.momentum_grid(c, points, 1.8)
    k = Kinetic(c, p, mesh.dx, np.full(mesh.n, 100.0), np.full(mesh.n + 1, 100.0), force=force)
    # As sech and tanh, not by the angle: the tails then turn on both sides alike, where sin(pi - tiny) would round the
    # turn of one of them to zero, which the kernels leave out.
    u = (mesh.x - length / 2) / min(5.0, length / 16)
    m = np.stack([1.0 / np.cosh(u), np.zeros_like(u), -np.tanh(u)], axis=1)
    return SteadySolver(mesh, k, tolerance=tolerance), mesh.magnetization_with_ghosts(m)


def kernels() -> None:
    cells, points = 4000, 64
    solver, ghost = wall(MPI.COMM_SELF, cells, 400.0, points)
    solver.update(ghost)
    k = solver.k
    rng = np.random.default_rng(0)
    inner = rng.normal(size=k.shape)
    out = np.empty_like(inner)
    speed = copy_speed(inner.size)
    unknowns = inner.size
    say(f"{cells} nodes x {points} momenta x 4 = {unknowns:,} unknowns; copy {speed / 1e9:.1f} GB/s at this size")

    def line(name: str, seconds: float, doubles: float) -> None:
        bound = doubles * 8 / speed
        say(f"  {name:34s} {seconds * 1e9 / unknowns:6.2f} ns per unknown, {seconds / bound:5.2f} x its memory traffic")

    # read e, write out (and the cache line it replaces), read h and hd of a quarter of the unknowns each
    traffic = unknowns * 3.5
    line("matvec, no force", best(lambda: _apply(solver, inner, out, force=False)), traffic)
    line("matvec, with force", best(lambda: _apply(solver, inner, out, force=True)), traffic)
    # A sweep in double precision, which the force-free solve uses, is the unit of all.
    s = wall(MPI.COMM_SELF, cells, 400.0, points, force=False)[0].sweep
    s.factor(0.0)
    q = np.empty((cells, 4))
    sweep = best(lambda: s.solve(inner, out, moments=q))
    # r once; z written, read back and written; 10 of 4 pivots a unknown read twice
    traffic = unknowns * (1 + 3 + 2 * 10 / 4)
    line("two-way sweep (solve), moments", sweep, traffic)
    unit = traffic * 8 / speed
    say(f"  one sweep moves {traffic * 8 / 1e6:.0f} MB: {unit * 1e3:.2f} ms, the unit of the solves below")
    line("two-way sweep (factor)", best(lambda: s.factor(0.0)), unknowns * 10 / 4)
    single, r, z = solver.sweep, inner.astype(np.float32), out.astype(np.float32)
    line("the same in single precision", best(lambda: single.solve(r, z, moments=q)), traffic / 2)
    for force in (True, False):
        solver, ghost = wall(MPI.COMM_SELF, cells, 400.0, points, force=force)
        solver.update(ghost)
        source = solver.k.source(-8e-6, 0.0)
        even = np.empty(solver.k.shape)
        solve = best(lambda: solver.respond(source, None, even), inner=1)  # noqa: B023  (called at once)
        count = solver.last_iterations
        name = "even system" if force else "moments"
        say(f"  steady solve, {name}: {count} iterations, {solve * 1e3:.1f} ms")
        line("    per iteration (whole / count)", solve / count, traffic)
        line("    whole", solve, traffic)
        line("    preconditioner (factor)", best(lambda: solver.refactor(0.0), inner=1), traffic)  # noqa: B023
        step = best(lambda: one_step(solver))  # noqa: B023
        line("    operator and its dot products", step, traffic)


def one_step(solver: SteadySolver) -> None:
    """What the Krylov method calls once an iteration: here the fourth, with dot products with four vectors."""
    krylov = solver._ksp.ksp.getPythonContext()
    krylov.system.expand(3, krylov.basis, np.empty((solver.mesh.n, 9)))


def _apply(solver: SteadySolver, e: np.ndarray, out: np.ndarray, *, force: bool) -> None:
    k = solver.k
    kept, k.half_j = k.half_j, k.half_j if force else 0.0
    solver.even.apply(e, out)
    k.half_j = kept


def llg() -> None:
    cells = 100_000
    mesh = Mesh(MPI.COMM_SELF, cells, cells * 0.5)
    magnetics = Magnetics(mesh, Magnet(hard_anisotropy=2e5), (), np.full(cells, 100.0))
    rng = np.random.default_rng(0)
    m = rng.normal(size=(cells + 2, 3))
    spin, scale = rng.normal(size=(cells, 3)), np.ones(cells)
    zeeman, h, out = np.zeros((cells, 3)), np.empty((cells, 3)), np.empty((cells, 3))
    inner = np.ascontiguousarray(m[1:-1])
    g = magnetics
    alpha = float(np.mean(g.alpha))

    def kernels_only() -> None:
        _wall.llg_field(
            m,
            exchange=g.exchange.coupling,
            dmi_i=g.dmi.faces_i,
            dmi_b=g.dmi.faces_b,
            inverse_ms=g.inverse_ms,
            easy=g.easy.strength,
            hard=g.hard.strength,
            demag=g.demagnetization.slope,
            zeeman=zeeman,
            h=h,
        )
        _wall.llg_rate(inner, h, spin, scale, out, g.gamma, alpha)

    speed = copy_speed(3 * cells)
    # m, 6 coefficients, demag, field, h; then m, h, spin, scale, rate
    doubles = cells * (3 + 6 + 3 + 3 + 3 + 3 + 3 + 3 + 1 + 3)
    kernel, whole = best(kernels_only), best(lambda: g.rate(m, 0.0, spin, scale))
    bound = doubles * 8 / speed
    say(
        f"LLG, {cells:,} cells: kernels {kernel * 1e9 / cells:.1f} ns a cell, {kernel / bound:.2f} x memory traffic; "
        f"with allocations and Zeeman field {whole / bound:.2f} x"
    )


def lengths() -> None:
    say("iterations at tolerance 1e-6, dx = 0.25 nm, 24 momenta (force on / off):")
    for length in (2.0, 5.0, 20.0, 50.0, 200.0):
        counts = []
        for force in (True, False):
            solver, ghost = wall(WORLD, round(length / 0.25) + 1, length, 24, force=force)
            solver.update(ghost)
            solver.solve(solver.k.source(-8e-6, 0.0))
            counts.append(solver.last_iterations)
        say(f"  {length:5.0f} nm: {counts[0]} / {counts[1]}   on {WORLD.size} rank(s)")


def scaling() -> None:
    cells, points = 8000, 48
    one = 0.0
    elapsed = []
    if WORLD.rank == 0:  # the other ranks wait in the barrier below, asleep
        solver, ghost = wall(MPI.COMM_SELF, cells, 800.0, points)
        solver.update(ghost)
        e = np.ones(solver.k.shape)
        out = np.empty_like(e)
        one = best(lambda: solver.even.apply(e, out))
        elapsed = [fastest(lambda: solver.even.apply(e, out), MPI.COMM_SELF)]
        r = e.astype(solver.sweep.dtype)
        z = np.empty_like(r)
        sweep_one = best(lambda: solver.sweep.solve(r, z))
    request = WORLD.Ibarrier()
    while not request.Test():
        time.sleep(0.01)
    solver, ghost = wall(WORLD, cells, 800.0, points)
    solver.update(ghost)
    e = np.ones(solver.k.shape)
    out = np.empty_like(e)
    many = best(lambda: solver.even.apply(e, out), WORLD)
    elapsed.append(fastest(lambda: solver.even.apply(e, out), WORLD))
    own = e.astype(solver.sweep.dtype)
    here = np.empty_like(own)
    sweep = best(lambda: solver.sweep.solve(own, here), WORLD)
    if WORLD.rank == 0:
        say(
            f"matvec with halo exchange: {one * 1e3:.2f} ms on 1 rank, {many * 1e3:.2f} ms on {WORLD.size} "
            f"(processor time of the slowest): {one / many:.2f} x; exact sweep {sweep_one / sweep:.2f} x; "
            f"wall time {elapsed[0] / elapsed[1]:.2f} x"
        )


def run() -> None:
    settings = WallInput(
        electrons=Electrons(conductivity=1.26e6),
        magnet=Magnet(hard_anisotropy=2e5),
        wire=Wire(length=160.0, cells=241),
        momentum=Momentum(points=24),
        drive=Drive(gradient=6.0, circuit="current", current_density=-1.008e10),
        time=Time(),
    )
    sim = Simulation(settings, MPI.COMM_SELF)
    state = sim.start()
    begin = time.perf_counter()
    end = 5e4
    sim.stepper.segment(state, end)
    spent = time.perf_counter() - begin
    say(
        f"quasi-static run, 5 nm wall, 241 cells: {spent * 1e6 / end:.0f} s per simulated ns "
        f"({sim.transport.solves} solves, {sim.transport.iterations / sim.transport.solves:.1f} iterations each)"
    )


if __name__ == "__main__":
    say(f"{Path(__file__).name}: {WORLD.size} rank(s)")
    if WORLD.size == 1:
        kernels()
        llg()
        run()
    else:
        scaling()
    lengths()
