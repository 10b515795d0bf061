"""kill -9 of a run to a target, between two levels or within one: it goes on to the bits of the uninterrupted run."""

from __future__ import annotations

import random
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


# Rank 0 stands still when it has saved so many complete passes, and of the next one all blocks or not all of them.
STANDS_STILL = f"""
import os, sys, time
from pathlib import Path
sys.path.insert(0, {str(SLOWLY.parent)!r})
from slowly import after
from hpcalo.__main__ import main
from hpcalo.errors import CheckpointError
from hpcalo.io import checkpoint
from hpcalo.io.keeper import Keeper
from hpcalo.parallel.rounds import Rounds
passes, complete, real = int(sys.argv[1]), sys.argv[2] == "between", os.replace
def replace(*names):
    real(*names)
    try:
        arrays = checkpoint.read(Path("a.h5")).arrays
    except CheckpointError:  # another file than a checkpoint
        return
    finished = sum(name.startswith("finished_") for name in arrays)
    if finished >= passes and bool(arrays["done"].all()) == complete:
        Path("here").touch()
        time.sleep({HANG})
os.replace = replace
Keeper.check, Rounds.meeting = after({PAUSE}, Keeper.check), after({PAUSE}, Rounds.meeting)
main(["run", "a.toml", "-q"])
"""


@pytest.mark.parametrize(
    ("text", "moment", "ranks", "later"),
    [(MESHES, "between", 1, 2), (MESHES, "within", 2, 1), (CELLS, "within", 2, 1)],
    ids=["meshes, between", "meshes, within", "cells, within"],
)
def test_killed_on_the_way_to_a_target(whole, start, tmp_path, text, moment, ranks, later):
    (tmp_path / "a.toml").write_text(text)
    process = start(tmp_path, str(PASSES[text]), moment, ranks=ranks, code=STANDS_STILL)
    deadline = time.monotonic() + HANG
    while not (tmp_path / "here").exists():
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    strike(process, "all ranks", random.Random(0))
    (tmp_path / "here").unlink()
    result = whole(text)
    continued(start, tmp_path, result, ranks=later)
    a, b = (read_dataset(path) for path in (result, tmp_path / "a.h5"))
    assert a.texts["levels"] == b.texts["levels"]
    for name, variable in a.variables.items():
        assert (variable.error is None) == (b.variables[name].error is None)
        assert variable.error is None or np.asarray(variable.error).tobytes() == b[f"{name}_error"].tobytes()
