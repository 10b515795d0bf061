"""Limits that a user runs into besides a full disk: a quota, the size a file may have, and the number of files.

One line says so, the last good checkpoint stands, and where the limit is gone the run goes on to the same bits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from inputs import SHORT_WALLS, saving
from killing import THOROUGH, wait_until_dead
from limits import HANG
from program import differences, one_complaint

from hpcalo import app
from hpcalo.io import checkpoint
from hpcalo.io.keeper import Keeper
from hpcalo.parallel.world import alone

# The limit comes with checkpoint number COUNT, on rank 0 alone; or where the result is to get its name.
PROGRAM = """
import ctypes, os, resource, sys
from pathlib import Path
import hpcalo.kubo.run as kubo, hpcalo.wall.run as wall
from hpcalo.io import checkpoint
from hpcalo.parallel.rounds import Rounds
from hpcalo.io.keeper import Keeper
what, count = sys.argv[1:]

def exhaust():
    if what == "quota":
        return ctypes.CDLL(None).quota_is_used_up()
    if what == "files":
        try:
            for number in range(10**6):
                Path(f"filler-{number}").touch()
        except OSError:
            return
    size = os.path.getsize("a.h5.frames") if what == "as it is" else int(what)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

real, commit, dataset = checkpoint.write, wall.commit, kubo.write_dataset
def write(result, state):
    if count == str(state.sequence):
        exhaust()
    return real(result, state)
def last(function):
    def call(*arguments, **options):
        if count == "end":
            exhaust()
        return function(*arguments, **options)
    return call
checkpoint.write, wall.commit, kubo.write_dataset = write, last(commit), last(dataset)
Rounds.meeting = lambda self: (True, False)
Keeper.is_due = lambda self, *, frame: frame
from hpcalo.__main__ import main
main(["run", "a.toml", "-q"])
"""
WALL = SHORT_WALLS["quasi-static"]
KUBO = saving(side=20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = {}
    for name, body in (("kubo", KUBO), ("wall", WALL)):
        source = tmp_path_factory.mktemp(name) / "a.toml"
        source.write_text(body)
        out[name] = source.with_suffix(".h5")
        app.run(alone(), source, output=out[name], quiet=True)
    return out


CASES = [
    ("kubo", 2, "2000", "3", "a.h5.checkpoint-b: the checkpoint cannot be written: File too large; 'hpcalo restart"),
    ("wall", 2, "60000", "2", "a.h5.frames: cannot be written: File too large"),  # only on rank 0
    ("wall", 0, "as it is", "end", "a.h5: cannot be written: File too large"),  # no room for the seal
]
MORE = [
    ("kubo", 0, "2000", "end", "a.h5: cannot be written: File too large"),
    ("wall", 0, "2000", "3", "a.h5.checkpoint-b: the checkpoint cannot be written: File too large; 'hpcalo restart"),
]
if THOROUGH:
    CASES += MORE


@pytest.mark.parametrize(("engine", "ranks", "size", "count", "words"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_file_size(launch, whole, tmp_path, engine, ranks, size, count, words):
    (tmp_path / "a.toml").write_text({"kubo": KUBO, "wall": WALL}[engine])
    result = launch(ranks, "-c", PROGRAM, size, count)
    assert result.returncode == 5, result.stderr
    goes_on(result, whole[engine], tmp_path, words)


@pytest.fixture(scope="module")
def quota(tmp_path_factory):
    """A library whose writes find the quota used up, once it is told so."""
    if (compiler := shutil.which("g++")) is None:
        pytest.skip("no g++ here")
    library = tmp_path_factory.mktemp("quota") / "quota.so"
    source = Path(__file__).with_name("quota.cpp")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True, timeout=HANG)
    return library


@pytest.mark.parametrize(
    ("engine", "ranks", "count", "file"),
    [
        ("kubo", 2, "3", "a.h5.checkpoint-b: the checkpoint"),
        ("kubo", 0, "end", "a.h5:"),
        ("wall", 2, "2", "a.h5.checkpoint-a: the checkpoint"),
        ("wall", 0, "end", "a.h5:"),
    ],
)
def test_quota(launch, whole, quota, tmp_path, engine, ranks, count, file):
    (tmp_path / "a.toml").write_text({"kubo": KUBO, "wall": WALL}[engine])
    result = launch(ranks, "-c", PROGRAM, "quota", count, env={"LD_PRELOAD": str(quota)})
    assert result.returncode == 5, result.stderr
    goes_on(result, whole[engine], tmp_path, f"{file} cannot be written: Disk quota exceeded")


@pytest.mark.parametrize(("engine", "ranks"), [("kubo", 0), ("wall", 2)])
def test_no_more_files(launch, whole, small_disk, engine, ranks):
    disk, remount = small_disk
    assert remount("nr_inodes=12,size=16m")
    (disk / "a.toml").write_text({"kubo": KUBO, "wall": WALL}[engine])
    result = launch(ranks, "-c", PROGRAM, "files", "3", cwd=disk)
    fillers = list(disk.glob("filler-*"))
    assert fillers, result.stderr
    for path in fillers:
        path.unlink()
    goes_on(result, whole[engine], disk, "a.h5.checkpoint-b: the checkpoint cannot be written: No space left on device")


def goes_on(result, whole: Path, folder: Path, words: str) -> None:
    one_complaint(result, 5, words, warned=True)
    output = folder / "a.h5"
    assert not output.exists()
    assert not list(folder.glob("*.part-*"))
    assert checkpoint.read(output).remarks == ()
    wait_until_dead(folder / "a.h5.lock")
    app.restart(alone(), output, quiet=True)
    assert differences(whole, output) == []
    assert {path.name for path in folder.iterdir()} == {"a.h5", "a.toml"}


def test_frames_are_on_disk_before_a_checkpoint_counts_on_them(monkeypatch, tmp_path):
    """After the last write into the file of the frames and before a checkpoint gets its name, that file is synced."""
    (tmp_path / "a.toml").write_text(WALL)
    output, events = tmp_path / "a.h5", []
    frames = Path(f"{output}.frames")

    def is_frames(handle: int) -> bool:
        return frames.exists() and os.path.samestat(os.fstat(handle), frames.stat())

    def recorded(name, meaning):
        real = getattr(os, name)

        def call(*arguments, **options):
            event = meaning(*arguments)
            answer = real(*arguments, **options)
            events.extend([event] if event else [])
            return answer

        monkeypatch.setattr(os, name, call)

    recorded("pwrite", lambda handle, *_: "write" if is_frames(handle) else "")
    recorded("fsync", lambda handle: "sync" if is_frames(handle) else "")
    recorded("replace", lambda _, to: "checkpoint" if ".checkpoint-" in str(to) else "")
    monkeypatch.setattr(Keeper, "is_due", lambda self, *, frame: frame)
    app.run(alone(), tmp_path / "a.toml", output=output, quiet=True)
    kinds = [event for event, before in zip(events, ["", *events], strict=False) if event != before]
    assert events.count("checkpoint") == 5
    order = " ".join(kinds)
    assert order.count("write sync checkpoint") == 5, order
