"""The result that a run goes on from is seen from the input file's folder, wherever the program is started."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inputs import PULLED
from mpi4py import MPI

from hpcalo import app
from hpcalo.coupling.engine import WallEngine
from hpcalo.errors import InputError, Interrupted
from hpcalo.io.hdf5 import read_dataset
from hpcalo.io.keeper import Keeper, StopRequested

START, ONWARD = (PULLED.format(mode="quasi-static", end=end, integrator="rk") for end in ("1e-5", "3e-5"))
SCAN = '[scan]\nkey = "wall.continue_from"\nvalues = ["first.h5", "below/second.h5"]\n'


def computed(source, *overrides, output=None):
    app.run(MPI.COMM_SELF, source, output=output, quiet=True, overrides=overrides)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The input's folder with two results at 1e-5 ns, and the folder where the program is started, with a decoy."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "below", elsewhere):
        folder.mkdir(parents=True)
    source = home / "start.toml"
    source.write_text(START)
    for name, angle in ((home / "first.h5", 0), (home / "below/second.h5", 10), (elsewhere / "first.h5", 20)):
        computed(source, f"texture.angle={angle}", output=name)
    monkeypatch.chdir(elsewhere)
    return home, elsewhere


def last(path):
    return read_dataset(path)["magnetization"][-1]


def test_seen_from_the_input(folders):
    """Not from where the program is started, where another result has the name; with `--set` as in the file."""
    home, elsewhere = folders
    (home / "on.toml").write_text(ONWARD.replace("[wall]", '[wall]\ncontinue_from = "first.h5"'))
    computed(home / "on.toml")
    assert np.array_equal(read_dataset(elsewhere / "on.h5")["magnetization"][0], last(home / "first.h5"))
    assert not np.array_equal(last(home / "first.h5"), last(elsewhere / "first.h5"))
    computed(home / "on.toml", "wall.continue_from='below/second.h5'", output=elsewhere / "b.h5")
    assert np.array_equal(read_dataset(elsewhere / "b.h5")["magnetization"][0], last(home / "below/second.h5"))


def test_a_result_that_is_not_there(folders):
    """Refused before anything is built, with the path that was tried; `check` only warns: it may be still to come."""
    home, elsewhere = folders
    (home / "on.toml").write_text(ONWARD.replace("[wall]", '[wall]\ncontinue_from = "frist.h5"'))
    tried = f"wall.continue_from: {home}/frist.h5: cannot be read: No such file or directory"
    with pytest.raises(InputError) as e:
        computed(home / "on.toml")
    line = str(e.value)
    assert line.startswith(f"{home}/on.toml: {tried}")
    assert line.endswith("; the path is relative to the input's folder")
    assert "\n" not in line
    assert f"warning: {tried}" in app.check(home / "on.toml")
    (home / "scan.toml").write_text(ONWARD + SCAN.replace("below", "above"))
    with pytest.raises(InputError, match=r"scan\.key: wall\.continue_from = above/second\.h5: wall\.continue_from: /"):
        computed(home / "scan.toml")
    assert [p.name for p in elsewhere.iterdir()] == ["first.h5"]


def test_it_is_not_replaced(folders):
    """With `--force`, too, by a run that reads it under another folder's name; nor is one that a scan reads."""
    home, _ = folders
    single = ONWARD.replace("[wall]", '[wall]\ncontinue_from = "first.h5"')
    for text, name in ((single, "first.h5"), (ONWARD + SCAN, "below/second.h5")):
        (home / "on.toml").write_text(text)
        with pytest.raises(InputError, match="is read by this run; choose another output"):
            app.run(MPI.COMM_SELF, home / "on.toml", output=home / name, force=True, quiet=True)


def test_scan_and_its_restart_from_anywhere(folders, monkeypatch):
    """Stopped before its second point, and gone on with from the other folder: the points begin where the files end."""
    home, elsewhere = folders
    monkeypatch.chdir(home)
    (home / "on.toml").write_text(ONWARD + SCAN)
    begun, compute = [], WallEngine.scan_point

    def one(*arguments):
        begun.append(1)
        if len(begun) == 2:
            raise StopRequested("stopped by SIGTERM")
        return compute(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(WallEngine, "scan_point", one)
        with pytest.raises(Interrupted, match="1 of 2 points finished"):
            app.run(MPI.COMM_SELF, Path("on.toml"), quiet=True)
    monkeypatch.chdir(elsewhere)
    app.restart(MPI.COMM_SELF, home / "on.h5", quiet=True)
    result = read_dataset(home / "on.h5")
    assert result["wall_continue_from"].tolist() == ["first.h5", "below/second.h5"]
    for index, name in enumerate(result["wall_continue_from"]):
        assert np.array_equal(result["magnetization"][index, 0], last(home / name))


def test_restart_from_anywhere(folders, monkeypatch):
    """A run that has begun needs its checkpoint alone, not the result that it went on from."""
    home, elsewhere = folders
    monkeypatch.chdir(home)
    (home / "on.toml").write_text(ONWARD.replace("[wall]", '[wall]\ncontinue_from = "first.h5"'))
    computed(home / "on.toml", output=home / "whole.h5")
    asked, ask = [], Keeper.check

    def stop(self):
        asked.append(1)
        if len(asked) == 2:
            raise StopRequested("stopped by SIGTERM")
        ask(self)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "check", stop)
        with pytest.raises(Interrupted):
            app.run(MPI.COMM_SELF, Path("on.toml"), quiet=True)
    (home / "first.h5").unlink()
    monkeypatch.chdir(elsewhere)
    app.restart(MPI.COMM_SELF, home / "on.h5", quiet=True)
    assert np.array_equal(
        read_dataset(home / "on.h5")["magnetization"], read_dataset(home / "whole.h5")["magnetization"]
    )
