"""Memory of a rank: flat in the number of k-points, of ranks, of time steps and of stored frames.

Peaks are the system's own count of resident memory, in processes that do nothing else; a smaller run comes first.
"""

from __future__ import annotations

import re

import pytest

KUBO = """
[model]
builtin = "rashba"
fermi_energy = 0.0
[kubo]
quantities = ["torkance", "spiralization"]
[kubo.energies]
minimum = -4.0
maximum = 4.0
points = 101
[kubo.k]
grid = [{side}, {side}, 1]
symmetry = "off"
"""
WALL = """
[wall]
mode = "{mode}"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "80 nm"
cells = 41
[momentum]
points = 9
[drive]
gradient = "2 K/nm"
[time]
end = "{end} ns"
output_every = "1e-5 ns"
integrator = "{integrator}"
"""
PROGRAM = """
import sys
from pathlib import Path
from hpcalo.__main__ import main
if sys.argv[1] == "leak":
    import numpy as np
    from hpcalo.kubo.sums import passes as kubo_pass
    real, kept = kubo_pass.sum_block, []
    def hoard(*arguments, **options):
        kept.append(np.ones(20_000))
        return real(*arguments, **options)
    kubo_pass.sum_block = hoard
for source in sys.argv[2:]:
    try:
        main(["run", source, "-q", "--force"])
    except SystemExit as end:
        assert not end.code, end.code
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(f"PEAK {source} {peak.split()[1]}\\n")
"""
MIB = 1024  # kB


@pytest.fixture
def peaks(launch, tmp_path):
    """Peak of each run, kB, of the largest rank, by the input's name."""

    def measure(ranks: int, inputs: dict[str, str], how: str = "") -> dict[str, int]:
        for name, text in inputs.items():
            (tmp_path / name).write_text(text)
        done = launch(ranks, "-c", PROGRAM, how or "plain", *inputs)
        assert done.returncode == 0, done.stderr
        found = [(name, int(value)) for name, value in re.findall(r"PEAK (\S+) (\d+)", done.stdout)]
        assert len(found) == max(ranks, 1) * len(inputs)
        return {name: max(value for other, value in found if other == name) for name in inputs}

    return measure


def test_k_points_and_ranks_cost_no_memory(peaks):
    """Beside the list of points (32 bytes each, three times as much on its way from rank 0): 35,840 more."""
    inputs = {f"k{side}.toml": KUBO.format(side=side) for side in (32, 192)}
    alone, shared = peaks(0, inputs), peaks(2, inputs)
    for found in (alone, shared):
        assert found["k192.toml"] - found["k32.toml"] < 192**2 * 32 * 4 / 1024
    assert shared["k192.toml"] - alone["k192.toml"] < 8 * MIB
    hoarded = peaks(0, inputs, "leak")  # 280 blocks more of 160 kB
    assert hoarded["k192.toml"] - hoarded["k32.toml"] > 35 * MIB


@pytest.mark.parametrize(("mode", "integrator"), [("quasi-static", "rk"), ("time-dependent", "arkimex")])
def test_frames_and_steps_cost_no_memory(peaks, mode, integrator):
    inputs = {
        f"t{frames}.toml": WALL.format(mode=mode, integrator=integrator, end=frames * 1e-5) for frames in (10, 100)
    }
    found = peaks(0, inputs)
    assert found["t100.toml"] - found["t10.toml"] < 6 * MIB
