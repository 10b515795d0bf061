"""kill -9 of runs of a domain wall, again and again: continued on as many ranks to the same bits.

HPCALO_KILLS=50 tries 48 moments.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from inputs import WIRE
from killing import KILLS, LIVES, MOMENTS, THOROUGH, VICTIMS, continued, killed, strike_at, uninterrupted
from program import differences

INPUT = WIRE.format(mode="quasi-static", points=20, gradient=6, end=0.004, every=0.0002, integrator="rk", refresh=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):
    return uninterrupted(start, tmp_path_factory.mktemp("whole"), INPUT)


def no_wrong_result(folder: Path, whole: Path) -> None:
    if (folder / "a.h5").exists():
        assert differences(whole, folder / "a.h5") == []


@pytest.mark.parametrize("number", range(KILLS // LIVES if THOROUGH else 1))
def test_killed(whole, start, tmp_path, number):
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    moments = [takes * chance.uniform(0.0, 0.5) for _ in range(LIVES)]
    killed(start, tmp_path, moments, lambda _: 2, number, lambda: no_wrong_result(tmp_path, result))
    continued(start, tmp_path, result)


@pytest.mark.parametrize("number", range(KILLS // 2 if THOROUGH else 2))
def test_killed_while_writing(whole, start, tmp_path, number):
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    # The first fsync and link of a run are of the file for the frames, the first replace is of its room.
    count = 2 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    no_wrong_result(tmp_path, result)
    continued(start, tmp_path, result)
