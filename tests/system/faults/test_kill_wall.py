"""kill -9 of runs of a domain wall: continued on as many ranks to the same bits. (HPCALO_KILLS=50 tries 50 moments.)"""

from __future__ import annotations

import random
import time

import pytest
from inputs import WIRE
from killing import KILLS, MOMENTS, VICTIMS, continued, strike, strike_at, uninterrupted, wait_for
from program import differences

INPUT = WIRE.format(mode="quasi-static", points=20, gradient=6, end=0.008, every=0.0002, integrator="rk", refresh=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):
    return uninterrupted(start, tmp_path_factory.mktemp("whole"), INPUT)


@pytest.mark.parametrize("number", range(KILLS if KILLS > 12 else 4))
def test_killed(whole, start, tmp_path, number):
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    process = start(tmp_path, "run", "a.toml", "-q")
    wait_for(tmp_path / "a.h5.lock")
    time.sleep(takes * chance.uniform(0.0, 1.0))
    strike(process, VICTIMS[number % 3], chance)
    if (tmp_path / "a.h5").exists():
        assert differences(result, tmp_path / "a.h5") == []
    continued(start, tmp_path, result)


@pytest.mark.parametrize("number", range(2 if KILLS <= 12 else KILLS // 2))
def test_killed_while_writing(whole, start, tmp_path, number):
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    # The first fsync and link of a run are of the file for the frames, the first replace is of its room.
    count = 2 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    if (tmp_path / "a.h5").exists():
        assert differences(result, tmp_path / "a.h5") == []
    continued(start, tmp_path, result)
