"""Mn on nine layers of W(001), 440-dimensional generalized problem: python tests/bench/bench_mnw9.py

Prints CPU time per k-point of even and odd torkance at 201 Fermi energies over the bound that no method avoids (the
generalized eigensolve and the matrix products that bring velocity and torque into the eigenbasis, each timed in the
same run), the cost of ten times more Fermi energies, and the peak memory for few and for many k-points.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.linalg import eigh

from hpcalo.hamiltonian.modelfile import read_model
from hpcalo.kubo.states.lcao import LcaoStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import TORQUE_VELOCITY, Pair, Request, Sums
from hpcalo.parallel.threads import limit_threads

MODEL = Path(__file__).resolve().parents[2] / "input" / "models" / "mnw9.h5"
ROUNDS = 5
BATCH = 4  # k-points a block of this size has


def cpu(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def bound(N: int) -> Callable[[], object]:
    """One k-point's unavoidable work on random matrices of the same shapes.

    S ⊗ 1 is block-diagonal in spin, and so is the position matrix; Δ acts in one spin block. For each of two
    directions: ∂H c (full), r† c (two spin blocks), c†(…) (full); for the torque: Δ c (one spin block), c_up†(Δ
    c_down).
    """
    rng = np.random.default_rng(0)
    a = rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N))
    H, S = a + a.conj().T, a @ a.conj().T + N * np.eye(N)
    c, half, r = a.copy(), np.ascontiguousarray(a[: N // 2]), np.ascontiguousarray(a[: N // 2, : N // 2])
    half_dagger = np.ascontiguousarray(half.conj().T)

    def work() -> None:
        eigh(H, S, check_finite=False)
        for _ in range(2):
            H @ c
            r @ half
            r @ half
            c @ H
        r @ half
        half_dagger @ half

    return work


class InPlane(Request):
    """Two components of the torque: T_z = 0 for n = z."""

    def components(self, pair: Pair) -> np.ndarray:
        return np.array([(i, j) for i in range(2) for j in range(2)], dtype=np.int32)


def main() -> None:
    limit_threads()
    model = read_model(MODEL)
    centre = model.fermi_energy or 0.0
    crystal = model.crystal

    def request(points: int) -> Request:
        none = np.zeros(0)
        energies = centre + np.linspace(-1.0, 1.0, points)
        return InPlane(crystal, energies, np.array([0.025]), none, none, Sums(broadened=(TORQUE_VELOCITY,)))

    few, many = request(201), request(2010)
    solver = LcaoStates(model, np.array([0.0, 0.0, 1.0]), few.need())
    del model
    k = np.array([[0.1, y, 0.0] for y in (0.13, 0.19, 0.31, 0.44)])
    w = np.full(BATCH, 0.25)
    unavoidable = bound(solver.size)
    sum_block(solver, k, w, few, slice(None))
    unavoidable()
    times: dict[str, list[float]] = {"bound": [], "few": [], "many": []}
    for _ in range(ROUNDS):  # in turn, so that a busy machine slows all three alike
        times["bound"].append(sum(cpu(unavoidable) for _ in range(BATCH)) / BATCH)
        times["few"].append(cpu(lambda: sum_block(solver, k, w, few, slice(None))) / BATCH)
        times["many"].append(cpu(lambda: sum_block(solver, k, w, many, slice(None))) / BATCH)
    b, f, m = (1e3 * statistics.median(times[name]) for name in ("bound", "few", "many"))
    print(f"CPU per k-point, 201 energies: {f:.1f} ms; bound {b:.1f} ms; ratio {f / b:.2f} (asked: at most 1.15)")
    print(f"10 times more energies: {m:.1f} ms, {m / f:.2f} times the cost (asked: at most 1.3)")
    peak = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    for i in range(6):
        sum_block(solver, k + np.array([0.01 * i, 0.0, 0.0]), w, few, slice(None))
    peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"peak memory after {BATCH} k-points {peak[0]:.0f} MiB, after {7 * BATCH} {peak[1]:.0f} MiB (limit 1024)")


if __name__ == "__main__":
    main()
