"""kill -9 of one rank, of all ranks, of the launcher, at any moment, again and again: continued to the same bits.

9 moments by default, three in one run; HPCALO_KILLS=50 tries 50.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from inputs import SAVED
from killing import KILLS, LIVES, MOMENTS, THOROUGH, VICTIMS, continued, killed, strike_at, uninterrupted
from program import differences

from hpcalo.errors import HpcaloError
from hpcalo.io import checkpoint
from hpcalo.io.hdf5 import read_dataset

INPUT = SAVED.format(side=40, interval=0.01)


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


@pytest.mark.parametrize("number", range(KILLS // 2 if THOROUGH else 2))
def test_killed_while_writing(whole, start, tmp_path, number):
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    count = 1 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_file(tmp_path, result)
    continued(start, tmp_path, result, ranks=1 + number % 3)


@pytest.mark.parametrize("number", range(KILLS // LIVES))
def test_killed(whole, start, tmp_path, number):
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    # The last of them near the end: the last checkpoints, the result, the tidying up.
    moments = [takes * chance.uniform(0.0, 0.4) for _ in range(LIVES - 1)] + [takes * chance.uniform(0.1, 0.6)]
    ranks = (2, 1 + (number + 1) % 2, 1 + number % 2)
    killed(start, tmp_path, moments, ranks.__getitem__, number, lambda: no_wrong_file(tmp_path, result))
    continued(start, tmp_path, result, ranks=1 + number % 2)
