"""kill -9 of runs of a domain wall: continued on as many ranks to the same bits. (HPCALO_KILLS=50 tries 50 moments.)"""

from __future__ import annotations

import random
import time

import pytest
from program import differences
from test_kill import KILLS, MOMENTS, VICTIMS, start, strike, strike_at, wait_for  # noqa: F401  (start is a fixture)

from hpcalo.output import checkpoint

INPUT = """
[wall]
mode = "quasi-static"
[magnet]
hard_anisotropy = "2e5 J/m^3"
[wire]
length = "80 nm"
cells = 81
[momentum]
points = 20
[drive]
gradient = "6 K/nm"
[time]
end = "0.02 ns"
output_every = "0.0002 ns"
integrator = "rk"
refresh_interval = "300 fs"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):  # noqa: F811
    folder = tmp_path_factory.mktemp("whole")
    (folder / "a.toml").write_text(INPUT)
    process = start(folder, "run", "a.toml", "-q")
    begin = wait_for(folder / "a.h5.lock")
    assert process.wait(120) == 0
    return folder / "a.h5", time.monotonic() - begin


@pytest.mark.parametrize("number", range(KILLS if KILLS > 12 else 4))
def test_killed(whole, start, tmp_path, number):  # noqa: F811
    result, takes = whole
    chance = random.Random(20261121 + number)
    (tmp_path / "a.toml").write_text(INPUT)
    process = start(tmp_path, "run", "a.toml", "-q")
    wait_for(tmp_path / "a.h5.lock")
    time.sleep(takes * chance.uniform(0.0, 1.0))
    strike(process, VICTIMS[number % 3], chance)
    if (tmp_path / "a.h5").exists():
        assert differences(result, tmp_path / "a.h5") == []
    again = ["restart", "a.h5"] if checkpoint.exists(tmp_path / "a.h5") else ["run", "a.toml", "--force"]
    assert start(tmp_path, *again, "-q").wait(120) == 0
    assert differences(result, tmp_path / "a.h5") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.toml"}


@pytest.mark.parametrize("number", range(2 if KILLS <= 12 else KILLS // 2))
def test_killed_while_writing(whole, start, tmp_path, number):  # noqa: F811
    result, _ = whole
    chance = random.Random(number)
    (tmp_path / "a.toml").write_text(INPUT)
    moment = MOMENTS[number % len(MOMENTS)]
    # The first fsync and link of a run are of the file for the frames, the first replace is of its room.
    count = 2 if "link" in moment else chance.randint(1, 6)
    strike_at(start, tmp_path, moment, count, VICTIMS[(number + number // 3) % 3], chance)
    if (tmp_path / "a.h5").exists():
        assert differences(result, tmp_path / "a.h5") == []
    again = ["restart", "a.h5"] if checkpoint.exists(tmp_path / "a.h5") else ["run", "a.toml", "--force"]
    assert start(tmp_path, *again, "-q").wait(120) == 0
    assert differences(result, tmp_path / "a.h5") == []
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.toml"}
