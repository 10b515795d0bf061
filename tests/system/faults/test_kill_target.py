"""kill -9 of a run to a target, between two levels or within one: it goes on to the bits of the uninterrupted run."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from inputs import BULK
from killing import continued, strike, uninterrupted
from limits import HANG
from places import SLOWLY

from hpcalo.errors import CheckpointError
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

PAUSE = "0.05"  # seconds after every round of blocks
SAVING = "[execution]\ncheckpoint_interval = 0.001\n"
MESHES = f"""
[model]
builtin = "rashba"
fermi_energy = -2.0
[kubo]
quantities = ["torkance"]
gamma = [0.3]
[kubo.energies]
points = 5
[kubo.k]
target = {{ torkance_even = "1 %", torkance_odd = "1 %" }}
{SAVING}"""
CELLS = BULK + SAVING
PASSES = {MESHES: 2, CELLS: 5}
"""That are complete when the run is killed: of the meshes one of each strategy, of the cells some were cut."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start) -> Callable[[str], Path]:
    """The result of a run that nothing happens to."""
    return cache(lambda text: uninterrupted(partial(start, ranks=1), tmp_path_factory.mktemp("whole"), text)[0])


def wait_for_checkpoint(process: subprocess.Popen, output: Path, fits: Callable[[int, np.ndarray], bool]) -> None:
    """Until there is a checkpoint with so many complete passes and such blocks of the next one."""
    deadline = time.monotonic() + HANG
    while True:
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < deadline
        try:
            arrays = checkpoint.read(output).arrays
        except CheckpointError:  # none yet
            time.sleep(0.01)
            continue
        if fits(sum(name.startswith("finished_") for name in arrays), arrays["done"]):
            return
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("text", "moment", "ranks", "later"),
    [(MESHES, "between", 1, 2), (MESHES, "within", 2, 1), (CELLS, "within", 2, 1)],
    ids=["meshes, between", "meshes, within", "cells, within"],
)
def test_killed_on_the_way_to_a_target(whole, start, tmp_path, text, moment, ranks, later):
    (tmp_path / "a.toml").write_text(text)
    process = start(tmp_path, PAUSE, "run", "a.toml", "-q", ranks=ranks, code=SLOWLY.read_text())
    complete = moment == "between"  # all blocks of a level are saved, and none of the next one
    wait_for_checkpoint(
        process, tmp_path / "a.h5", lambda passes, done: passes >= PASSES[text] and bool(done.all()) == complete
    )
    strike(process, "all ranks", random.Random(0))
    result = whole(text)
    continued(start, tmp_path, result, ranks=later)
    a, b = (read_dataset(path) for path in (result, tmp_path / "a.h5"))
    assert a.texts["levels"] == b.texts["levels"]
    for name, variable in a.variables.items():
        assert (variable.error is None) == (b.variables[name].error is None)
        assert variable.error is None or np.asarray(variable.error).tobytes() == b[f"{name}_error"].tobytes()
