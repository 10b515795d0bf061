"""What checkpoints cost: the time of one against the default interval between two.

python tests/bench/bench_checkpoint.py      prints one line per size; the bound is 1 %
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hpcalo.config.common import Execution
from hpcalo.io import checkpoint

BOUND = 0.01


def measure(sums: int, blocks: int, folder: Path, repeats: int = 5) -> tuple[float, float]:
    """Seconds (median) and MiB of a checkpoint with so many sums."""
    rng = np.random.default_rng(1)
    arrays = {
        "limbs": rng.integers(-(2**60), 2**60, (3, sums)),
        "addends": np.array(blocks),
        "done": np.zeros(blocks, dtype=np.uint8),
    }
    times = []
    for number in range(1, repeats + 1):
        begin = time.perf_counter()
        path = checkpoint.write(
            folder / "bench.h5", checkpoint.Checkpoint(arrays, {"resolved_input": "x" * 5000}, number)
        )
        times.append(time.perf_counter() - begin)
    return float(np.median(times)), path.stat().st_size / 2**20


def main() -> int:
    interval = Execution().checkpoint_interval
    worst = 0.0
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for label, sums, blocks in (
            ("rashba", 10**5, 10**3),
            ("film, 24 quantities", 10**6, 10**5),
            ("large", 10**7, 10**6),
        ):
            seconds, size = measure(sums, blocks, Path(folder))
            worst = max(worst, seconds / interval)
            sys.stdout.write(
                f"{label}: {size:.1f} MiB in {seconds:.3f} s, {seconds / interval:.4%} of the {interval:g} s between\n"
            )
    sys.stdout.write(f"worst {worst:.4%}, bound {BOUND:.0%}: {'holds' if worst <= BOUND else 'BROKEN'}\n")
    return int(worst > BOUND)


if __name__ == "__main__":
    sys.exit(main())
