"""kill -9 of one rank, of all ranks, of the launcher, at any moment: the run is continued to the same bits.

12 moments by default; HPCALO_KILLS=50 tries 50.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from inputs import SAVED
from killing import KILLS, MOMENTS, VICTIMS, continued, strike, strike_at, uninterrupted, wait_for
from program import differences

from hpcalo.errors import HpcaloError
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

INPUT = SAVED.format(side=64, interval=0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):
    return uninterrupted(start, tmp_path_factory.mktemp("whole"), INPUT)


def no_wrong_file(folder: Path, whole: Path) -> None:
    """What bears the result's name is the whole result; what looks like a checkpoint is whole."""
    if (folder / "a.h5").exists():
        assert differences(whole, folder / "a.h5") == []
    for path in checkpoint.generations(folder / "a.h5"):
        if path.exists():
            checkpoint.read_file(path)
    for path in folder.glob("*.h5.*"):  # no other file can be taken for a result, but one that only lacks its name
        try:
            read_dataset(path)
        except HpcaloError:
            continue
        assert differences(whole, path) == []


@pytest.mark.parametrize("number", range(2 if KILLS <= 12 else KILLS // 2))
def test_killed_while_writing(whole, start, tmp_path, number):
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    count = 1 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_file(tmp_path, result)
    continued(start, tmp_path, result, ranks=1 + number % 3)


@pytest.mark.parametrize("number", range(KILLS))
def test_killed(whole, start, tmp_path, number):
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    process = start(tmp_path, "run", "a.toml", "-q")
    wait_for(tmp_path / "a.h5.lock")
    # Every third near the end: the last checkpoints, the result, the tidying up.
    time.sleep(takes * (chance.uniform(0.7, 1.05) if number % 3 == 2 else chance.uniform(0.0, 0.9)))
    strike(process, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_file(tmp_path, result)
    continued(start, tmp_path, result, ranks=1 + number % 3)
