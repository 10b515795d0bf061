"""Anomalous Hall effect of bcc Fe on one core: python tests/bench/bench_fe.py [--alone] [divisions]

Prints CPU milliseconds per k-point, over those of numpy's eigh alone and against WannierBerri 26.10: its cost, the
ratio, the largest difference of the two curves. The first time WannierBerri is installed into an environment of its own
(build/bench-peer), which takes minutes; --alone leaves it out. Aims: at most 1.8 times eigh with the position matrix,
1.4 without, and at least 3 times faster than WannierBerri with the same numbers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hpcalo.hamiltonian.kmesh import block_size, uniform_mesh
from hpcalo.hamiltonian.readers.wannier90.assemble import read_wannier90
from hpcalo.hamiltonian.readers.wannier90.files import WannierOptions
from hpcalo.hamiltonian.symmetry import identity
from hpcalo.kubo.states.operators import CURVATURE
from hpcalo.kubo.states.wannier import WannierStates
from hpcalo.kubo.sums.engine import sum_block
from hpcalo.kubo.sums.request import VELOCITY_VELOCITY, Pair, Request, Sums
from hpcalo.parallel.exact_sum import ExactSum
from hpcalo.parallel.packing import Packing
from hpcalo.parallel.threads import limit_threads
from hpcalo.units import CONDUCTANCE_QUANTUM_HALF

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HPCALO_SHARED", ROOT.parent / "shared"))
PEER = ROOT / "build" / "bench-peer"
REPEATS = 5


def peer_python() -> Path:
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "wannierberri==26.10", "numba", "pyfftw"], check=True)
    return python


class HallVector(Request):
    """The three components of the Hall vector, as the peer computes them."""

    def components(self, pair: Pair) -> np.ndarray:
        return np.array([[1, 2], [2, 0], [0, 1]], dtype=np.int32)


def ours(divisions: int, points: int, *, positions: bool) -> tuple[float, np.ndarray]:
    """CPU seconds of the whole sum over k (everything after the file is read), and σ_xy in S/cm."""
    model = read_wannier90(
        SHARED / "data" / "fe" / "Fe",
        WannierOptions(fermi_energy=12.6312, spin="none", replicas=False, position_matrix=positions),
    )
    none = np.zeros(0)
    sums = Sums(sea=(VELOCITY_VELOCITY,), levels=(CURVATURE,) if positions else ())
    request = HallVector(model.crystal, 12.6312 + np.linspace(-1.0, 1.0, points), none, none, none, sums)
    begin = time.process_time()
    solver = WannierStates(model, request.need())
    mesh = uniform_mesh((divisions,) * 3, (0.0, 0.0, 0.0), (identity(),), solver.order)
    packing = Packing(request.shapes())
    total = ExactSum((packing.size,))
    for block in mesh.blocks(block_size(solver.size)):
        total.add(packing.pack(sum_block(solver, mesh.points[block], mesh.weights[block], request, slice(None))))
    raw = packing.unpack(total.value())
    curve = 2.0 * np.cumsum(raw["sea:velocity-velocity"][2, 0, :-1])
    if positions:
        curve = curve - np.cumsum(raw["curvature"][2, :-1])
    return time.process_time() - begin, curve * CONDUCTANCE_QUANTUM_HALF * 1e8 / model.crystal.volume


def eigh_alone() -> float:
    """CPU milliseconds per 18 × 18 matrix."""
    rng = np.random.default_rng(0)
    H = rng.normal(size=(2000, 18, 18)) + 1j * rng.normal(size=(2000, 18, 18))
    H = H + H.conj().transpose(0, 2, 1)
    begin = time.process_time()
    np.linalg.eigh(H)
    return 1e3 * (time.process_time() - begin) / len(H)


def theirs(divisions: int, points: int, *, positions: bool) -> tuple[float, np.ndarray]:
    """CPU seconds of WannierBerri, and its σ_xy."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "peer.npy"
        arguments = [SHARED / "data" / "fe" / "Fe_tb.dat", divisions, points, int(not positions), target]
        command = [peer_python(), Path(__file__).with_name("peer_wannierberri.py"), *arguments]
        text = subprocess.run(
            [str(c) for c in command], env=env, cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        return float(text.split()[-2]), np.load(target)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("divisions", type=int, nargs="?", default=48)
    parser.add_argument("--alone", action="store_true", help="without WannierBerri")
    options = parser.parse_args()
    divisions, points = options.divisions, 1001
    limit_threads()
    K = divisions**3
    print(f"bcc Fe, {divisions}^3 k-points, {points} Fermi energies, one core, medians of {REPEATS} runs in turn")
    for positions in (True, False):
        mine, other, eigh = [], [], []
        for _ in range(REPEATS):
            if not options.alone:
                seconds, reference = theirs(divisions, points, positions=positions)
                other.append(seconds)
            seconds, curve = ours(divisions, points, positions=positions)
            mine.append(seconds)
            eigh.append(eigh_alone())
        a, e = 1e3 * statistics.median(mine) / K, statistics.median(eigh)
        what = "with position matrix" if positions else "internal terms only "
        text = f"{what}: hpcalo {a:.4f} ms/k, {a / e:.2f} x eigh alone ({e:.4f} ms)"
        if not options.alone:
            b, gap = 1e3 * statistics.median(other) / K, np.abs(curve - reference).max() / np.abs(reference).max()
            text += f", WannierBerri {b:.4f} ms/k, ratio {b / a:.2f}; largest difference of the curves {gap:.1e}"
        print(text, flush=True)


if __name__ == "__main__":
    main()
