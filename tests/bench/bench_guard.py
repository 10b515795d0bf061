"""What looking at a file before HDF5 reads it costs, in seconds of processor time, beside reading its arrays.

    python tests/bench/bench_guard.py --megabytes 512

Smallest of three: checksum and counting of a sealed file; the copy of the process, and the new process of a run on
several ranks, that read one without seal.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from hpcalo.io import examination
from hpcalo.io.seal import seal, verify
from hpcalo.io.survey import survey

ARRAYS = 4


def cost(work: Callable[[], object]) -> float:
    """Smallest processor time of three calls, processes that they start included."""

    def used() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in both)

    times = []
    for _ in range(3):
        begin = used()
        work()
        times.append(used() - begin)
    return min(times)


def read(path: Path) -> None:
    with h5py.File(path) as file:
        for item in file.values():
            item[()]


def count(path: Path) -> None:
    with h5py.File(path) as file:
        survey(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512)
    size = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        with h5py.File(path, "w") as file:
            for n in range(ARRAYS):
                file[f"x{n}"] = np.random.default_rng(n).random(size * 10**6 // (8 * ARRAYS))
        works = {
            "read its arrays": lambda: read(path),
            "a copy reads it": lambda: examination._in_copy(path),
            "a new process reads it": lambda: examination._in_new_process(path),
            "checksum": lambda: verify(path),
            "open and count": lambda: count(path),
        }
        for name, work in works.items():
            if name == "checksum":
                seal(path)
            sys.stdout.write(f"{name:24s} {cost(work):8.4f} s of {size} MB\n")


if __name__ == "__main__":
    main()
