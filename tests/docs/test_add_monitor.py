"""docs/develop/add-monitor.md, followed literally: one class and one test add a monitor."""

from __future__ import annotations

import numpy as np
from followed_page import follow

from hpcalo.io.hdf5 import read_dataset

INPUT = """
[wall]
[electrons]
spin_torque = false
[wire]
length = "80 nm"
cells = 81
[texture]
angle = "90 degree"
[time]
end = "2 ps"
output_every = "1 ps"
[output]
monitors = [{ name = "wall" }, { name = "chirality", every = 2 }]
"""


def test_a_monitor_is_one_class_and_one_test(tmp_path):
    """The page's own test passes; a run schedules the monitor, and starts from a wall that lies in a plane."""
    page = follow("add-monitor.md", "hpcalo.wall.monitors", tmp_path)
    assert page.files == ("hpcalo/wall/monitors/chirality.py", "tests/wall/test_chirality.py")
    page.test()
    (tmp_path / "wall.toml").write_text(INPUT)
    keys, _, _ = page.in_turn(
        ["keys", "output.monitors"],
        ["run", "wall.toml", "--quiet", "--output", "wall.h5"],
        ["plot", "wall.h5", "--quantity", "total_chirality"],
    )
    assert "chirality" in keys
    result = read_dataset(tmp_path / "wall.h5")
    assert result.variables["chirality"].dims == ("time_2", "x")
    assert result.variables["chirality"].unit == "1/nm"
    assert result["total_chirality"].shape == (2,)
    np.testing.assert_allclose(result["chirality"][0], 0.0, atol=1e-12)
