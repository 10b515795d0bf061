"""A wall that is driven towards a reservoir: what a run says of it, and the window that follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from hpcalo import app
from hpcalo.errors import Interrupted
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.keeper import Keeper, StopRequested

PUSHED = """
[wall]
[electrons]
spin_torque = false
[magnet]
hard_anisotropy = "1e6 J/m^3"
damping = 1.0
[wire]
length = "90 nm"
cells = 91
follow = {follow}
[drive]
zeeman = [{{ field = [0.0, 0.0, 6e5] }}]
[time]
end = "0.12 ns"
output_every = "0.06 ns"
tolerance = 1e-5
[output]
monitors = [{{ name = "wall" }}]
"""


def run(folder: Path, name: str, *, follow: bool = False, comm=MPI.COMM_SELF) -> Path:
    source, output = folder / f"{name}.toml", folder / f"{name}.h5"
    source.write_text(PUSHED.format(follow=str(follow).lower()))
    app.run(comm, source, output=output, quiet=True)
    return output


def test_a_wall_that_leaves_is_told(tmp_path, capsys):
    """Each of the two lines once, on the terminal and in the result; then there is no velocity."""
    path = run(tmp_path, "leaves")
    said = [line for line in capsys.readouterr().err.splitlines() if "warning: wire.length" in line]
    kept = read_dataset(path).texts["warnings"].splitlines()
    assert [line.removeprefix("hpcalo: warning: ") for line in said] == kept
    near, gone = kept
    assert "less than 8 D from a reservoir" in near
    assert "has left the wire" in gone
    r = read_dataset(path)
    assert np.isfinite(r["wall_velocity"][0])
    assert np.isnan(r["wall_velocity"][-1])
    assert np.isnan(r["wall_position"][-1])


def test_window_follows_between_outputs(tmp_path):
    """The wall would be gone before the first output; the window keeps it, 600 m/s long, and nothing is told."""
    r = read_dataset(run(tmp_path, "follows", follow=True))
    assert r.texts["warnings"] == ""
    assert np.all(np.abs(r["wall_position"] - r["window_origin"] - 45.0) <= 0.5 + 1e-9)
    steps = np.diff(r["wall_position"])
    assert steps[1] > 25.0
    assert r["wall_velocity"][-1] == pytest.approx(steps[1] / 0.06, rel=2e-2)


def test_what_was_told_survives_a_stop(tmp_path, monkeypatch):
    """Stopped after the wall came near and before it left: the continued run's result is that of one run."""
    whole = read_dataset(run(tmp_path, "leaves"))
    stop, left = Keeper.check, [250]

    def ask(self):
        stop(self)
        left[0] -= 1
        if left[0] == 0:
            raise StopRequested("stopped by a test")

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "check", ask)
        with pytest.raises(Interrupted, match=r"at 0\.0[1-6]"):
            run(tmp_path, "stopped")
    app.restart(MPI.COMM_SELF, tmp_path / "stopped.h5", quiet=True)
    continued = read_dataset(tmp_path / "stopped.h5")
    assert continued.texts["warnings"] == whole.texts["warnings"]
    for name in ("wall_position", "wall_velocity"):
        np.testing.assert_array_equal(continued[name], whole[name])
